/** Random ops: the same bits everywhere, the distributions they promise, and dropout with its gradient. */
import { describe, expect, test } from 'vitest';
import { constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { threefry } from '../../src/program/threefry.ts';
import { runnerOf, type TargetUnderTest } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';

const KEY = [0x13198a2e, 0x03707344] as const;
const key = tensorOf('u32', [2], KEY);

/** A graph of what `write` makes with a key, and with `x: f32[n]`. */
function graphOf(write: (builder: Builder, key: Value, x: Value) => readonly Value[]): Graph {
  const builder = new Builder(ops, new Map());
  const x = builder.value({ dtype: 'f32', shape: [symbol('n')] });
  const words = builder.value({ dtype: 'u32', shape: [constant(2)] });
  const outputs = write(builder, words, x).map((value, at) => ({ name: `y${at}`, value }));
  const inputs = [
    { name: 'key', value: words },
    { name: 'x', value: x },
  ];
  return { name: 'Drawn', dims: [{ name: 'n' }], inputs, parameters: [], nodes: builder.nodes, outputs };
}

function ones(n: number): Tensor {
  return tensorOf('f32', [n], new Float64Array(n).fill(1));
}

function drawn(name: string, shape: readonly Dim[], attributes: Attributes = {}, n = 1): Float64Array {
  const graph = graphOf((builder, words) => [builder.one(name, [words], { shape, call: 3, ...attributes })]);
  return interpret(graph, {
    inputs: new Map([
      ['key', key],
      ['x', ones(n)],
    ]),
    parameters: new Map(),
  }).get('y0')!.data;
}

describe('random bits', () => {
  test('are the first words of the element and the call', () => {
    const bits = drawn('random_bits', [constant(2), constant(5)]);
    expect([...bits]).toEqual(Array.from({ length: 10 }, (_, at) => threefry(KEY, [at, 3])[0]));
  });

  test('differ from call to call and from key to key', () => {
    const shape = [constant(64)];
    const other = graphOf((builder, words) => [builder.one('random_bits', [words], { shape, call: 3 })]);
    const inputs = new Map([
      ['key', tensorOf('u32', [2], [KEY[0], KEY[1] + 1])],
      ['x', ones(1)],
    ]);
    const bits = [
      drawn('random_bits', shape),
      drawn('random_bits', shape, { call: 4 }),
      interpret(other, { inputs, parameters: new Map() }).get('y0')!.data,
    ].flatMap((data) => [...data]);
    expect(new Set(bits).size).toBe(3 * 64);
  });

  test('of more elements than counters are refused', () => {
    const key32 = { dtype: 'u32', shape: [constant(2)] } as const;
    const infer = (shape: readonly Dim[]) =>
      ops.get('random_bits')!.infer([key32], { shape, call: 0 }, { bounds: new Map() });
    expect(infer([constant(2 ** 32)])).not.toHaveProperty('error');
    expect(infer([constant(2 ** 32 + 1)])).toEqual({
      error: { message: '`random_bits` draws more than 2^32 elements' },
    });
    expect(infer([symbol('n'), constant(8)])).toMatchObject({
      conditions: [{ message: '`random_bits` draws more than 2^32 elements' }],
    });
  });
});

const COUNT = 20_000;
const many = [constant(COUNT)];
const moment = (data: Float64Array, order: number): number =>
  data.reduce((sum, value) => sum + value ** order, 0) / data.length;

describe('distributions', () => {
  test('uniform numbers are spread evenly over [0, 1)', () => {
    const data = drawn('random_uniform', many);
    expect(data.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24))).toBe(true);
    const counts = Array.from({ length: 16 }, () => 0);
    for (const value of data) counts[Math.floor(value * 16)]!++;
    // Chi squared of 15 degrees of freedom is beyond 37.7 once in a thousand times.
    const expected = COUNT / 16;
    expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(37.7);
  });

  test('normal numbers have the moments of the standard normal', () => {
    const data = drawn('random_normal', many);
    // Four standard errors of each.
    expect(Math.abs(moment(data, 1))).toBeLessThan(4 / Math.sqrt(COUNT));
    expect(Math.abs(moment(data, 2) - 1)).toBeLessThan(4 * Math.sqrt(2 / COUNT));
    expect(Math.abs(moment(data, 3))).toBeLessThan(4 * Math.sqrt(15 / COUNT));
    expect(Math.abs(moment(data, 4) - 3)).toBeLessThan(4 * Math.sqrt(96 / COUNT));
    expect(data.filter((value) => Math.abs(value) > 1.959964).length / COUNT).toBeCloseTo(0.05, 2);
  });
});

/** `dropout(x)`, and the cotangent of x for cotangents of 1, by the op's own rule. */
function dropoutGraph(p: number): Graph {
  return graphOf((builder, words, x) => {
    const y = builder.one('dropout', [x, words], { p, call: 5 });
    const seed = builder.one('ones', [], { shape: x.type.shape, dtype: 'f32' });
    const node = builder.nodes.find(({ op }) => op.name === 'dropout')!;
    const [gradient, ofKey] = node.op.vjp!(builder, node, [seed]);
    expect(ofKey).toBeUndefined();
    return [y, gradient!];
  });
}

describe('dropout', () => {
  test('keeps an element where the uniform number is not below p, and scales it', () => {
    const p = 0.3;
    const uniform = drawn('random_uniform', many, { call: 5 });
    const inputs = new Map([
      ['key', key],
      ['x', ones(COUNT)],
    ]);
    const y = interpret(dropoutGraph(p), { inputs, parameters: new Map() }).get('y0')!.data;
    expect([...y]).toEqual([...uniform].map((value) => (value >= p ? 1 / (1 - p) : 0)));
    const kept = y.filter((value) => value > 0).length / COUNT;
    expect(Math.abs(kept - (1 - p))).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / COUNT));
  });

  test.each(['reference', 'js', 'wasm', 'relaxed'] as const)(
    'gives its gradient the same mask on %s',
    async (target) => {
      for (const p of [0, 0.1, 0.5, 1]) {
        const x = tensorOf(
          'f32',
          [101],
          Float64Array.from({ length: 101 }, (_, at) => at + 1),
        );
        const results = await (await runnerOf(dropoutGraph(p), target))({ key, x });
        const [y, gradient] = [results.get('y0')!.data, results.get('y1')!.data];
        expect([...y].map(Boolean)).toEqual([...gradient].map(Boolean));
        expect(gradient.some((value) => value !== 0)).toBe(p < 1);
        expect(gradient.some((value) => value === 0)).toBe(p > 0);
      }
    },
  );

  test('refuses what is no probability', () => {
    const [x, words] = [
      { dtype: 'f32', shape: [symbol('n')] },
      { dtype: 'u32', shape: [constant(2)] },
    ] as const;
    for (const p of [-0.1, 1.1, NaN]) {
      const inferred = ops.get('dropout')!.infer([x, words], { p, call: 0 }, { bounds: new Map() });
      expect(inferred).toMatchObject({ error: { attribute: 'p' } });
    }
  });
});

const COMPILED: readonly TargetUnderTest[] = ['js', 'wasm', 'relaxed'];

test.each(COMPILED)('on %s, bits and masks are those of the definition, wherever they are read', async (target) => {
  const shape = [symbol('n'), constant(7)];
  const graph = graphOf((builder, words, x) => {
    const call = (number: number): Attributes => ({ shape, call: number });
    const bits = builder.one('random_bits', [words], call(0));
    const mask = builder.one('dropout_factor', [words], { shape, p: 0.4, call: 1 });
    const column = builder.one('transpose', [builder.one('random_uniform', [words], call(2))], { permutation: [1, 0] });
    const sums = builder.one('sum', [mask], { axis: 1, keepdim: false });
    return [bits, mask, column, builder.one('mul', [sums, x])];
  });
  const run = await runnerOf(graph, target);
  for (const n of [1, 3, 40]) {
    const inputs = { key, x: ones(n) };
    const wanted = interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters: new Map() });
    const got = await run(inputs);
    for (const name of ['y0', 'y2']) expect([...got.get(name)!.data]).toEqual([...wanted.get(name)!.data]);
    expect([...got.get('y1')!.data].map(Boolean)).toEqual([...wanted.get('y1')!.data].map(Boolean));
    expect([...got.get('y3')!.data].map((sum) => sum.toFixed(3))).toEqual(
      [...wanted.get('y3')!.data].map((sum) => sum.toFixed(3)),
    );
  }
});
