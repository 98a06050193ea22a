/** The f64 interpreter: binding dims, memory, regions, and what it says of tensors that do not fit. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret, InterpreterError } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { tensorOf } from '../support/tensors.ts';

function graphOf(text: string): Graph {
  const result = parseGraph(`graph G {\n${text}\n}`, ops);
  if ('error' in result) throw new Error(`line ${result.line}: ${result.error}`);
  return result.graph;
}

function run(
  text: string,
  inputs: { readonly [name: string]: Tensor },
  symbols: { readonly [name: string]: number } = {},
  parameters: { readonly [name: string]: Tensor } = {},
): Map<string, Tensor> {
  return interpret(graphOf(text), {
    inputs: new Map(Object.entries(inputs)),
    parameters: new Map(Object.entries(parameters)),
    symbols: new Map(Object.entries(symbols)),
  });
}

const zeros = (...shape: number[]): Tensor => tensorOf('f32', shape, Array(shape.reduce((a, b) => a * b, 1)).fill(0));

test('a fused region gives what its nodes give', () => {
  const outputs = run(
    `dim n
     input x %0: f32[n]
     param w %1: f32[1]
     %2: f32[n] = expand(%1) {shape: [<n>], axis: null, size: null}
     %3: f32[n], %4: f32[n] = fusion(%0, %2) {body: region(%5: f32[n], %6: f32[n]) {
       %7: f32[n] = add(%5, %6)
       %8: f32[n] = square(%7)
       return %8, %7
     }, kind: "pointwise"}
     output y %3
     output z %4`,
    { x: tensorOf('f32', [3], [1, 2, 3]) },
    {},
    { w: tensorOf('f32', [1], [1]) },
  );
  expect([...outputs.get('y')!.data]).toEqual([4, 9, 16]);
  expect([...outputs.get('z')!.data]).toEqual([2, 3, 4]);
});

describe('dims', () => {
  test('are solved from sizes that are affine in one of them, whatever the order', () => {
    const text = `dim n
      dim m
      input x %0: f32[n*m + 1]
      input y %1: f32[2*n]
      %2: f32[] = size() {size: <m>, dtype: "f32"}
      output m %2`;
    expect([...run(text, { x: zeros(13), y: zeros(6) }).get('m')!.data]).toEqual([4]);
  });

  test('may be given where no input tells them', () => {
    const text = 'dim n\n%0: f32[n] = full() {shape: [<n>], value: 2, dtype: "f32"}\noutput y %0';
    expect(run(text, {}, { n: 2 }).get('y')!.shape).toEqual([2]);
    expect(() => run(text, {})).toThrow("no input's shape tells the dimension n");
  });
});

describe('conditions', () => {
  const far = (...more: string[]): string =>
    ['dim m', 'dim n', ...more, 'input x %0: f32[n, m]', 'output y %0'].join('\n');

  test('let values pass that meet them', () => {
    const text = far('require <n - 2> "too few"', 'require <5 - m*n> "too many"');
    expect(run(text, { x: zeros(2, 2) }).get('y')!.shape).toEqual([2, 2]);
  });

  test('fail with their message and the values that they depend on, the first one first', () => {
    const text = far('require <n - 2> "too few"', 'require <n - 3> "fewer"', 'require <5 - m*n> "too many"');
    const action =
      (...shape: number[]) =>
      () =>
        run(text, { x: zeros(...shape) });
    expect(action(1, 9)).toThrow(InterpreterError);
    expect(action(1, 9)).toThrow(/^too few \(n = 1\)$/);
    expect(action(3, 2)).toThrow(/^too many \(m = 2, n = 3\)$/);
  });

  test('fail where they have no value', () => {
    const text = far('require <floordiv(n, m)> "none"');
    expect(() => run(text, { x: zeros(2, 0) })).toThrow(InterpreterError);
    expect(() => run(text, { x: zeros(2, 0) })).toThrow('division by zero');
  });
});

describe('errors', () => {
  const pair = 'dim n <= 4\ninput x %0: f32[n]\ninput y %1: f32[n]\nparam w %2: f32[2]\noutput z %0';
  const w = { w: zeros(2) };

  test.each<[string, () => unknown]>([
    ['axis 0 of y is 3, but n is 2 here', () => run(pair, { x: zeros(2), y: zeros(3) }, {}, w)],
    ['dimension n is 5, more than its limit 4', () => run(pair, { x: zeros(5), y: zeros(5) }, {}, w)],
    ['x is f32[2, 1], not f32[n]', () => run(pair, { x: zeros(2, 1), y: zeros(2) }, {}, w)],
    ['y is i32[2], not f32[n]', () => run(pair, { x: zeros(2), y: tensorOf('i32', [2], [0, 0]) }, {}, w)],
    ['x is f32[2] but holds 1 elements', () => run(pair, { x: tensorOf('f32', [2], [0]), y: zeros(2) }, {}, w)],
    ['input y was not given', () => run(pair, { x: zeros(2) }, {}, w)],
    ['parameter w was not given', () => run(pair, { x: zeros(2), y: zeros(2) })],
    ['w is f32[3], not f32[2]', () => run(pair, { x: zeros(2), y: zeros(2) }, {}, { w: zeros(3) })],
    ['axis 0 of x is 3, but 2*n is 2 here', () => run('dim n\ninput x %0: f32[2*n]\noutput y %0', { x: zeros(3) })],
    ['axis 1 of x is 3, expected 4', () => run('input x %0: f32[2, 4]\noutput y %0', { x: zeros(2, 3) })],
    ['dimension n cannot be -1', () => run('dim n\ninput x %0: f32[n + 3]\noutput y %0', { x: zeros(2) })],
  ])('%s', (message, action) => {
    expect(action).toThrow(InterpreterError);
    expect(action).toThrow(message);
  });
});
