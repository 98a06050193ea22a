/** Attention by workgroups: at the edges of its blocks, for heads of any width, and in the memory that it may use. */
import { describe, expect, test } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { evaluate, symbolsOf } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, TensorType } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { limitFaults } from '../../src/compiler/kernel/workgroup.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { runWebgpu } from '../codegen/webgpu.ts';
import { f32, type } from '../ops/dsl.ts';
import { graphOfText } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { describeGpu } from '../support/webgpu.ts';
import { execute } from './execute.ts';

const INPUTS = ['q', 'k', 'v', 'mask'];

interface Attributes {
  readonly causal?: boolean;
  readonly scale?: number | null;
}

/** `attend` with both results as outputs `y` and `lse`; its dims are those of the types. */
function attendGraph(types: readonly TensorType[], { causal = false, scale = null }: Attributes = {}): Graph {
  const builder = new Builder(ops, new Map());
  const inputs = types.map((one, at) => ({ name: INPUTS[at]!, value: builder.value(one) }));
  const values = inputs.map(({ value }) => value);
  const [y, lse] = builder.apply('attend', values, { causal, scale });
  const outputs = [
    { name: 'y', value: y! },
    { name: 'lse', value: lse! },
  ];
  const dims = [...new Set(types.flatMap(({ shape }) => shape.flatMap(symbolsOf)))].map((name) => ({ name }));
  return { name: 'attend', dims, inputs, parameters: [], nodes: builder.nodes, outputs };
}

function lower(graph: Graph): LoweredProgram {
  return lowerGraph(runPasses(graph, passes, ops, { verify: true }).graph, webgpuTarget);
}

/** The one kernel of `graph`, well formed and within the limits of every device. */
function kernelOf(graph: Graph): Kernel {
  const { calls } = lower(graph);
  expect(calls).toHaveLength(1);
  const { kernel } = calls[0]!;
  expect([...kernelFaults(kernel), ...limitFaults(kernel, webgpuTarget.workgroups)]).toEqual([]);
  return kernel;
}

interface Case {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly symbols: ReadonlyMap<string, number>;
}

function drawCase(graph: Graph, sizes: { readonly [name: string]: number }): Case {
  const symbols = new Map(Object.entries(sizes));
  const random = randomNumbers(1 + Object.values(sizes).reduce((sum, size) => 31 * sum + size, 0));
  const draw = ({ dtype, shape }: TensorType): Tensor =>
    randomTensor(dtype, concreteShape(shape, symbols), random, [-4, 4]);
  return { symbols, inputs: new Map(graph.inputs.map(({ name, value }) => [name, draw(value.type)])) };
}

/** Compares results with the definition. */
function expectDefined(graph: Graph, { inputs, symbols }: Case, got: ReadonlyMap<string, ArrayLike<number>>): void {
  const truth = interpret(graph, { inputs, parameters: new Map(), symbols });
  const at = [...symbols].map(([name, size]) => `${name} = ${size}`).join(', ');
  for (const [name, { data }] of truth)
    expectClose(got.get(name)!, data, { absolute: 2e-5, relative: 2e-5 }, `${name} at ${at}`);
}

/** Runs `graph` in the interpreter of kernels, where memory that nothing has written is NaN. */
function expectRight(graph: Graph, sizes: { readonly [name: string]: number }): void {
  const drawn = drawCase(graph, sizes);
  const given = new Map([...drawn.inputs].map(([name, { data }]) => [name, data]));
  expectDefined(graph, drawn, execute(lower(graph), drawn.symbols, given));
}

/** Runs `graph` on a GPU. */
async function expectRightOnDevice(graph: Graph, sizes: { readonly [name: string]: number }): Promise<void> {
  const drawn = drawCase(graph, sizes);
  const { calls, buffers, routines } = lower(graph);
  const { kernel, buffers: bound } = calls[0]!;
  const { inputs, outputs } = routines[0]!;
  const contents = kernel.buffers.map(({ name }, at): [string, number[]] => {
    const input = inputs.find(({ buffer }) => buffer === bound[at]);
    const length = evaluate(buffers[bound[at]!]!.size, drawn.symbols);
    return [name, input ? Array.from(drawn.inputs.get(input.name)!.data) : Array.from({ length }, () => NaN)];
  });
  const results = await runWebgpu(kernel, Object.fromEntries(contents), Object.fromEntries(drawn.symbols));
  const resultOf = (buffer: number): number[] => results[kernel.buffers[bound.indexOf(buffer)]!.name]!;
  expectDefined(graph, drawn, new Map(outputs.map(({ name, buffer }) => [name, resultOf(buffer)])));
}

const EDGES = [0, 1, 7, 31, 32, 33, 65];

describe('queries and keys around the edges of blocks', () => {
  const [q, k, v] = [f32(2, 'i', 3), f32(1, 'j', 3), f32(1, 'j', 5)];
  const forms = [
    ['plain', attendGraph([q, k, v])],
    ['causal', attendGraph([q, k, v], { causal: true, scale: 0.5 })],
    ['masked', attendGraph([q, k, v, type('bool', 2, 'i', 'j')])],
    ['causal and masked', attendGraph([q, k, v, type('bool', 1, 'j')], { causal: true })],
    ['biased', attendGraph([q, k, v, f32('i', 'j')], { scale: 1 })],
  ] as const;

  describe.each(forms)('%s', (_form, graph) => {
    test.each(EDGES)('%i keys', (j) => {
      kernelOf(graph);
      for (const i of j === 32 ? [1, 32] : j === 65 ? [65] : [33]) expectRight(graph, { i, j });
    });
  });

  test('no queries', () => {
    expectRight(forms[0][1], { i: 0, j: 9 });
  });
});

describe('heads of a known width', () => {
  test.each([
    [0, 4],
    [4, 0],
    [1, 1],
    [16, 16],
    [17, 30],
    [48, 4],
    [64, 64],
    [80, 128],
    [4, 256],
    [4, 260],
    [128, 5],
  ])('queries of %i and values of %i', (e, f) => {
    const graph = attendGraph([f32(1, 'i', e), f32(1, 'j', e), f32(1, 'j', f)], { scale: 0.5 });
    kernelOf(graph);
    expectRight(graph, { i: 3, j: 34 });
  });
});

test.each([
  [0, 0],
  [3, 5],
  [33, 130],
])('heads of a width that only a run knows: queries of %i and values of %i', (e, f) => {
  const graph = attendGraph([f32(1, 'i', 'e'), f32(1, 'j', 'e'), f32(1, 'j', 'f')]);
  kernelOf(graph);
  expectRight(graph, { i: 2, j: 33, e, f });
});

test.each([1, 3, 4, 5, 9, 17, 40])('%i queries, as many as known, are no more than the rows they need', (i) => {
  const graph = attendGraph([f32(2, i, 8), f32(2, 'j', 8), f32(2, 'j', 8)], { causal: true });
  expect(kernelOf(graph).workgroup!.size).toBeLessThanOrEqual(Math.max(32, 16 * i));
  expectRight(graph, { j: 34 });
});

test.each([
  [0, 4],
  [5, 4],
  [17, 8],
  [32, 40],
  [40, 256],
])('%i keys, as many as known, with values of %i', (j, f) => {
  const graph = attendGraph([f32(1, 'i', 8), f32(1, j, 8), f32(1, j, f)]);
  kernelOf(graph);
  expectRight(graph, { i: 6 });
});

test('heads of queries share those of keys, in any number of them', () => {
  const graph = attendGraph([f32(2, 6, 'i', 4), f32(2, 3, 'j', 4), f32(2, 3, 'j', 4)]);
  expectRight(graph, { i: 5, j: 9 });
});

describe('what stands around an attention', () => {
  const expectOneRightKernel = (text: string, sizes: { readonly [name: string]: number }): void => {
    const graph = graphOfText(text);
    kernelOf(graph);
    expectRight(graph, sizes);
  };

  test('heads that lie apart are read in place, and what follows is in the kernel', () => {
    const text = `model M() { dims b, n
      input qkv: f32[b, n, 3 * 2 * 8]
      input x: f32[b, n, 16]
      q, k, v = unstack(rearrange(qkv, "b n (s h e) -> s b h n e", s: 3, h: 2), axis: 0)
      output y = x + gelu(attention(q, k, v) |> rearrange("b h n e -> b n (h e)")) }`;
    expectOneRightKernel(text, { b: 2, n: 9 });
  });

  test('operands may be computed, and be one value', () => {
    const text = `model M() { dims n
      input x: f32[2, n, 3]
      h = tanh(x)
      output y = attention(h, h, h) * 2 }`;
    expectOneRightKernel(text, { n: 34 });
  });

  test('masks may be computed and gathered', () => {
    const text = `model M() { dims n
      input x: f32[2, n, 4]
      input table: f32[5, 2]
      input distance: i32[n, n]
      bias = transpose(embedding(distance, table), [2, 0, 1]) * 2
      output y = attention(x, x, x, mask: where(distance > 3, -1.0 / 0.0, bias)) }`;
    expectOneRightKernel(text, { n: 9 });
  });

  test('a result that is moved elsewhere is stored element by element', () => {
    const text = `model M() { dims n
      input x: f32[1, n, 8]
      output y = attention(x, x, x) |> transpose([0, 2, 1]) }`;
    expectOneRightKernel(text, { n: 5 });
  });

  test('logarithms alone are wanted', () => {
    const graph = attendGraph([f32(2, 'i', 3), f32(1, 'j', 3), f32(1, 'j', 5)]);
    const logarithms = { ...graph, outputs: graph.outputs.filter(({ name }) => name === 'lse') };
    kernelOf(logarithms);
    expectRight(logarithms, { i: 9, j: 33 });
    // Of scores without products there is no chunk to wait for, either.
    const ofAnyWidth = attendGraph([f32(2, 'i', 'e'), f32(1, 'j', 'e'), f32(1, 'j', 5)], { scale: 1 });
    const outputs = ofAnyWidth.outputs.filter(({ name }) => name === 'lse');
    expectRight({ ...ofAnyWidth, outputs }, { i: 9, j: 65, e: 0 });
  });

  test('queries that see no key are NaN, and those that see one have its value', () => {
    const graph = attendGraph([f32(1, 2, 4), f32(1, 3, 4), f32(1, 3, 1), type('bool', 2, 3)]);
    const inputs = { q: 8, k: 12, v: 3 };
    const given = new Map<string, number[]>(
      Object.entries(inputs).map(([name, count]) => [name, Array.from({ length: count }, (_, at) => at)]),
    );
    const got = execute(lower(graph), new Map(), given.set('mask', [0, 0, 0, 0, 1, 0]));
    expect([...got.get('y')!]).toEqual([NaN, 1]);
    expect(got.get('lse')![0]).toBe(-Infinity);
  });
});

describeGpu('on a device', () => {
  test('rows of quads, causal, over several blocks', async () => {
    await expectRightOnDevice(attendGraph([f32(2, 'i', 64), f32(1, 'j', 64), f32(1, 'j', 64)], { causal: true }), {
      i: 37,
      j: 70,
    });
  });

  test('rows of odd widths, with a mask', async () => {
    const graph = attendGraph([f32(2, 'i', 5), f32(2, 'j', 5), f32(2, 'j', 7), type('bool', 2, 1, 'j')]);
    await expectRightOnDevice(graph, { i: 9, j: 33 });
    await expectRightOnDevice(graph, { i: 3, j: 0 });
  });
});
