/** What depends on the dimensions of a run: found while compiling, kept at every level, checked by each target. */
import { describe, expect, test } from 'vitest';
import { compileGraph, elaborateSpec } from '../../src/compiler/driver.ts';
import { print } from '../../src/compiler/dims/dim.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { printGraph } from '../../src/compiler/ir/printer.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { graphOfText, runnerOf, specHost, TARGETS } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';

const modelOf = (result: string, dims = 'n'): string => `model X { dims ${dims}
  input x: f32[n, 2]
  output a = ${result} }`;

function conditionsOf(text: string): string[] {
  return (graphOfText(text).conditions ?? []).map(({ atLeastZero, message }) => `${print(atLeastZero)}: ${message}`);
}

const beyond = (index: string): string => `index ${index} is out of range: axis 0 has size n`;

describe('an index needs a condition', () => {
  test.each<[expression: string, conditions: string[]]>([
    ['x[0]', [`n - 1: ${beyond('0')}`]],
    ['x[3]', [`n - 4: ${beyond('3')}`]],
    ['x[-3]', [`n - 3: ${beyond('-3')}`]],
    ['x[n - 2]', [`n - 2: ${beyond('n - 2')}`]],
    ['x[2 * n - 3]', [`2*n - 3: ${beyond('2*n - 3')}`, `-n + 2: ${beyond('2*n - 3')}`]],
    ['x[floordiv(n, 2)]', [`-floordiv(n, 2) + n - 1: ${beyond('floordiv(n, 2)')}`]],
    ['x[3] + x[3, 1] + x[2]', [`n - 4: ${beyond('3')}`, `n - 3: ${beyond('2')}`]],
  ])('%s', (expression, conditions) => {
    expect(conditionsOf(modelOf(expression)).toSorted()).toEqual(conditions.toSorted());
  });

  test('once, however often its block is applied', () => {
    const text = `block First()(x: f32[k, m]) -> f32[m] { return x[1] }
      model X { dims n
        input x: f32[n, 2]
        for i in 0..3 as layers { x = x + (x |> First() as first) }
        output a = x }`;
    expect(conditionsOf(text)).toEqual([`n - 2: ${beyond('1')}`]);
    expect(graphOfText(text).conditions![0]!.origin).toMatchObject({ path: 'layers.0.first' });
  });
});

describe('an index needs none', () => {
  test.each(['x[:, 1]', 'x[:, -2]', 'x[3:7]', 'x[-3:]', 'concat([x, x[:, :]], axis: 0)[:5]', 'pad(x, [1], [0])[:, 0]'])(
    'in %s, which fits whatever n is',
    (expression) => {
      expect(graphOfText(modelOf(expression))).not.toHaveProperty('conditions');
    },
  );

  test.each([
    [modelOf('x[3]', 'n <= 3'), beyond('3')],
    [modelOf('x[n]'), beyond('n')],
    [modelOf('x[-n - 1]'), beyond('-n - 1')],
  ])('where it never fits, which is told while compiling', (text, message) => {
    const { result, diagnostics } = elaborateSpec('test.model', {}, specHost({ 'test.model': text }));
    expect(result).toBeUndefined();
    expect(diagnostics.map((item) => `${item.code} ${item.message}`)).toEqual([`HED2603 ${message}`]);
  });
});

test('conditions survive the text form and all passes', () => {
  const graph = graphOfText(modelOf('softmax(x[3] + x[n - 2], axis: 0)'));
  const text = printGraph(graph);
  expect(text).toContain(`  require <n - 4> "${beyond('3')}"\n  require <n - 2> "${beyond('n - 2')}"\n`);
  const again = parseGraph(text, ops);
  expect('graph' in again && printGraph(again.graph)).toBe(text);
  const wanted = [
    { size: ['+', 'n', -4], message: beyond('3') },
    { size: ['+', 'n', -2], message: beyond('n - 2') },
  ];
  const targets = ['js', 'wasm'] as const;
  const { program } = compileGraph(
    graph,
    { targets, verify: true },
    {
      onGraph: (_, { conditions }) => expect(conditions).toEqual(graph.conditions),
    },
  );
  for (const target of targets) expect(program.targets[target]!.routines[0]!.conditions).toEqual(wanted);
});

describe.each(TARGETS)('on %s', (target) => {
  const x = (n: number) => ({
    x: tensorOf(
      'f32',
      [n, 2],
      Array.from({ length: 2 * n }, (_, at) => at + 1),
    ),
  });

  test('an index beyond the axis fails the run, and the next one that fits succeeds', async () => {
    const run = await runnerOf(graphOfText(modelOf('x[3]')), target);
    const message = 'index 3 is out of range: axis 0 has size n (n = 2)';
    for (let round = 0; round < 2; round++) {
      await expect(run(x(2))).rejects.toThrow(message);
      await expect(run(x(0))).rejects.toThrow('(n = 0)');
      expect([...(await run(x(4))).get('a')!.data]).toEqual([7, 8]);
      await expect(run(x(2))).rejects.toThrow(message);
      expect([...(await run(x(5))).get('a')!.data]).toEqual([7, 8]);
    }
  });

  test('an index from the end fails where it lies before the first element', async () => {
    const run = await runnerOf(graphOfText(modelOf('x[-3]')), target);
    await expect(run(x(2))).rejects.toThrow('index -3 is out of range: axis 0 has size n (n = 2)');
    expect([...(await run(x(3))).get('a')!.data]).toEqual([1, 2]);
  });

  test('a dimension that divides must not be 0', async () => {
    const run = await runnerOf(graphOfText(modelOf('x + floordiv(7, n)')), target);
    await expect(run(x(0))).rejects.toThrow('the divisor n is 0 (n = 0)');
    expect([...(await run(x(2))).get('a')!.data]).toEqual([4, 5, 6, 7]);
  });

  test.each([
    ['reflect', 2, 3],
    ['replicate', 0, 1],
  ])('padding with mode %s needs elements to repeat', async (mode, tooFew, enough) => {
    const run = await runnerOf(graphOfText(modelOf(`pad(x, before: [2, 0], after: [0, 0], mode: "${mode}")`)), target);
    await expect(run(x(tooFew))).rejects.toThrow(`\`pad\` with mode "${mode}" needs`);
    const { data } = (await run(x(enough))).get('a')!;
    expect([...data.subarray(0, 2)]).toEqual(mode === 'reflect' ? [5, 6] : [1, 2]);
  });

  test.each([
    ['sum(zeros([n - 3])) + x', '`zeros` is negative: n - 3'],
    ['sum(split(x, [n - 3, 3])[0]) + x', '`split` is negative: n - 3'],
    ['sum(expand(ones([1, 2]), axis: 0, size: n - 3)) + x', '`expand` is negative: n - 3'],
  ])('a negative size in %s fails the run', async (expression, message) => {
    const run = await runnerOf(graphOfText(modelOf(expression)), target);
    await expect(run(x(2))).rejects.toThrow(message);
    expect((await run(x(5))).get('a')!.data.every(Number.isFinite)).toBe(true);
  });
});
