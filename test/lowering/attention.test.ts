/** The streaming nest of attention: at the edges of its tiles and blocks, with scores of any size, and in its memory. */
import { constantFrom, integer, record, sample } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { evaluate } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, TensorType } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { f32, type } from '../ops/dsl.ts';
import { graphOf, graphOfText, runnerOf, specFile } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { execute } from './execute.ts';

const INPUTS = ['q', 'k', 'v', 'mask'];

/** `attend` on symbolic queries `i` and keys `j`, both results as outputs `y` and `lse`. */
function attendGraph(types: readonly TensorType[], attributes: { causal: boolean; scale: number | null }): Graph {
  const builder = new Builder(ops, new Map());
  const inputs = types.map((one, at) => ({ name: INPUTS[at]!, value: builder.value(one) }));
  const values = inputs.map(({ value }) => value);
  const [y, lse] = builder.apply('attend', values, attributes);
  const outputs = [
    { name: 'y', value: y! },
    { name: 'lse', value: lse! },
  ];
  const dims = [{ name: 'i' }, { name: 'j' }];
  return { name: 'attend', dims, inputs, parameters: [], nodes: builder.nodes, outputs };
}

function lower(graph: Graph, target: typeof wasmTarget): LoweredProgram {
  return lowerGraph(runPasses(graph, passes, ops, { verify: true }).graph, target);
}

function drawInputs(
  graph: Graph,
  symbols: ReadonlyMap<string, number>,
  seed: number,
  range: readonly [number, number],
): Map<string, Tensor> {
  const random = randomNumbers(seed);
  return new Map(
    graph.inputs.map(({ name, value }) => [
      name,
      randomTensor(value.type.dtype, concreteShape(value.type.shape, symbols), random, range),
    ]),
  );
}

describe.each([
  ['wasm', wasmTarget],
  ['js', jsTarget],
  ['webgpu', webgpuTarget],
] as const)('for %s', (_, target) => {
  const types = [f32(4, 'i', 3), f32(2, 'j', 3), f32(2, 'j', 5)];
  const forms = [
    ['plain', attendGraph(types, { causal: false, scale: null })],
    ['causal', attendGraph(types, { causal: true, scale: 0.5 })],
    ['masked', attendGraph([...types, type('bool', 4, 'i', 'j')], { causal: false, scale: null })],
    ['causal and masked', attendGraph([...types, type('bool', 1, 'j')], { causal: true, scale: null })],
    ['biased', attendGraph([...types, f32('i', 'j')], { causal: false, scale: 1 })],
  ] as const;

  // Memory that is not yet written is NaN, so a lane that should not count would show.
  test.each(forms)('%s attention stays in its buffers and is right at every edge', (_form, graph) => {
    const program = lower(graph, target);
    for (const { kernel } of program.calls) expect(kernelFaults(kernel)).toEqual([]);
    const edges = [
      [1, 1],
      [7, 31],
      [8, 32],
      [9, 33],
      [31, 5],
      [33, 65],
      [9, 97],
      [2, 193],
      [3, 0],
    ] as const;
    for (const [i, j] of edges) {
      const symbols = new Map(Object.entries({ i, j }));
      const inputs = drawInputs(graph, symbols, i + 100 * j, [-4, 4]);
      const outputs = execute(program, symbols, new Map([...inputs].map(([name, { data }]) => [name, data])));
      const truth = interpret(graph, { inputs, parameters: new Map(), symbols });
      for (const [name, { data }] of truth)
        expectClose(outputs.get(name)!, data, { absolute: 2e-5, relative: 2e-5 }, `${name} at ${i} by ${j}`);
    }
  });
});

test.each(['wasm', 'relaxed', 'js'] as const)(
  'on %s, large scores and masks keep the softmax exact',
  async (target) => {
    const types = [f32(1, 'i', 1), f32(1, 'j', 1), f32(1, 'j', 2), f32('i', 'j')];
    const graph = attendGraph(types, { causal: false, scale: 1 });
    const run = await runnerOf(graph, target);
    const draws = record({
      seed: integer(),
      i: integer({ min: 1, max: 10 }),
      j: integer({ min: 1, max: 220 }),
      size: constantFrom(1, 80, 3000),
      masked: constantFrom(0, 0.5, 0.95, 1),
    });
    const attempt = async ({ seed, i, j, size, masked }: { [name: string]: number }): Promise<void> => {
      const symbols = new Map(Object.entries({ i: i!, j: j! }));
      const inputs = drawInputs(graph, symbols, seed!, [-1, 1]);
      const random = randomNumbers(seed! + 1);
      // Whole blocks of keys are masked for all queries, single ones for each.
      const isOut = Array.from({ length: 4 }, () => random() < masked!);
      const scores = Float64Array.from({ length: i! * j! }, (_, at) =>
        isOut[Math.floor((at % j!) / 96)] || random() < masked! / 2
          ? -Infinity
          : Math.fround(size! * (2 * random() - 1)),
      );
      inputs.set('mask', tensorOf('f32', [i!, j!], scores));
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
      const got = await run(Object.fromEntries(inputs), { i: i!, j: j! });
      expectClose(got.get('y')!.data, wanted.get('y')!.data, { absolute: 2e-4, relative: 2e-4 }, 'y');
      expectClose(got.get('lse')!.data, wanted.get('lse')!.data, { absolute: 1e-5, relative: 1e-6 }, 'lse');
    };
    for (const drawn of sample(draws, { numRuns: 60, seed: 1 })) await attempt(drawn);
  },
);

describe.each(['wasm', 'relaxed', 'js'] as const)('on %s, a known number of keys', (target) => {
  test.each([
    [5, false],
    [65, false],
    [65, true],
    [197, false],
    [300, true],
  ])('%i of them, causal: %s', async (keys, causal) => {
    const types = [f32(2, 'i', 6), f32(2, keys, 6), f32(2, keys, 9)];
    const graph = { ...attendGraph(types, { causal, scale: null }), dims: [{ name: 'i' }] };
    const run = await runnerOf(graph, target);
    for (const i of [1, 8, 65]) {
      const symbols = new Map([['i', i]]);
      const inputs = drawInputs(graph, symbols, i + keys, [-4, 4]);
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
      const got = await run(Object.fromEntries(inputs), { i });
      for (const [name, { data }] of wanted)
        expectClose(got.get(name)!.data, data, { absolute: 2e-5, relative: 2e-5 }, `${name} of ${i} queries`);
    }
  });
});

describe('the edges of the definition', () => {
  const text = `model M() { dims i, j
    input q: f32[1, i, 2]
    input k: f32[1, j, 2]
    input v: f32[1, j, 1]
    input keep: bool[i, j]
    output y = attention(q, k, v, mask: keep) }`;
  const q = tensorOf('f32', [1, 2, 2], [1, 2, 3, 4]);

  test.each(['reference', 'js', 'wasm'] as const)('a query that sees no key is NaN on %s', async (target) => {
    const run = await runnerOf(graphOfText(text), target);
    const k = tensorOf('f32', [1, 2, 2], [1, 0, 0, 1]);
    const keep = tensorOf('bool', [2, 2], [0, 0, 0, 1]);
    const got = await run({ q, k, v: tensorOf('f32', [1, 2, 1], [5, 6]), keep });
    expect([...got.get('y')!.data]).toEqual([NaN, 6]);
  });

  test.each(['reference', 'js', 'wasm'] as const)('without keys the result is 0 on %s', async (target) => {
    const run = await runnerOf(graphOfText(text), target);
    const none = { k: tensorOf('f32', [1, 0, 2], []), v: tensorOf('f32', [1, 0, 1], []) };
    const got = await run({ q, ...none, keep: tensorOf('bool', [2, 0], []) });
    expect([...got.get('y')!.data]).toEqual([0, 0]);
  });
});

test.each(['js', 'wasm'] as const)(
  'masks may be computed and gathered, and q, k and v be one value, on %s',
  async (target) => {
    const graph = graphOfText(`model M() { dims n
    input x: f32[2, n, 3]
    input table: f32[5, 2]
    input distance: i32[n, n]
    bias = transpose(embedding(distance, table), [2, 0, 1]) * 2
    h = tanh(x)
    output y = h + attention(h, h, h, mask: where(distance > 3, -1.0 / 0.0, bias)) }`);
    const run = await runnerOf(graph, target);
    for (const n of [1, 9, 34]) {
      const symbols = new Map([['n', n]]);
      const inputs = drawInputs(graph, symbols, n, [0, 4]);
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
      const got = await run(Object.fromEntries(inputs));
      expectClose(got.get('y')!.data, wanted.get('y')!.data, { absolute: 1e-5, relative: 1e-5 }, `y at ${n}`);
    }
  },
);

describe('memory', () => {
  const written = `softmax(einsum("b h i e, b h j e -> b h i j", q, k) * 0.125, axis: -1)`;
  const model = (expression: string): Graph =>
    graphOfText(`model M() { dims b, n
      input qkv: f32[b, n, 3 * 8 * 64]
      q, k, v = unstack(rearrange(qkv, "b n (s h e) -> s b h n e", s: 3, h: 8), axis: 0)
      output y = ${expression} |> rearrange("b h n e -> b n (h e)") }`);

  test.each([
    ['the op', 'attention(q, k, v)'],
    ['a causal one', 'attention(q, k, v, causal: true)'],
    ['attention that is written out', `einsum("b h i j, b h j e -> b h i e", ${written}, v)`],
  ])('of %s grows with the tokens, not with their square', (_, expression) => {
    const { buffers } = lower(model(expression), wasmTarget);
    const total = (n: number): number => {
      const symbols = new Map(Object.entries({ b: 1, n }));
      return buffers.reduce((sum, { size }) => sum + evaluate(size, symbols), 0);
    };
    expect(total(2048) / total(1024)).toBeLessThan(2.001);
  });

  test('what a grid point keeps is little beside the queries of all', () => {
    const { buffers } = lower(model('attention(q, k, v)'), wasmTarget);
    const sizes = buffers.map(({ size }) => evaluate(size, new Map(Object.entries({ b: 2, n: 1024 }))));
    const queries = 2 * 1024 * 8 * 64;
    expect(sizes.toSorted((a, b) => a - b)[0]).toBeLessThan(queries);
  });
});

describe('kernels', () => {
  const kernels = (text: string): string[] =>
    lower(graphOfText(text), wasmTarget).calls.map(({ kernel }) => kernel.name);

  test('dense keys and values are read where they lie, and what follows is part of the nest', () => {
    const text = `model M() { dims b, n
      input q: f32[b, 2, n, 8]
      input k: f32[b, 2, n, 8]
      input v: f32[b, 2, n, 8]
      input x: f32[b, n, 16]
      output y = x + gelu(attention(tanh(q), k, v) |> rearrange("b h n e -> b n (h e)")) }`;
    expect(kernels(text)).toEqual(['attention']);
  });

  test('keys and values that lie apart, or are computed, are made rows first', () => {
    const text = `model M() { dims b, n
      input q: f32[b, n, 2, 8]
      input k: f32[b, n, 2, 8]
      input v: f32[b, 2, n, 8]
      output y = attention(transpose(q, [0, 2, 1, 3]), transpose(k, [0, 2, 1, 3]), exp(v)) }`;
    expect(kernels(text)).toEqual(['attention_keys', 'attention_values', 'attention']);
  });

  test('the vision transformer streams in every layer', () => {
    const { calls } = lower(graphOf(specFile('vit.model'), { entry: 'ViT' }), wasmTarget);
    expect(calls.filter(({ kernel }) => kernel.name === 'attention')).toHaveLength(6);
  });
});
