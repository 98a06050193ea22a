/** Gradients of what is more than a formula: products, windows, attention, and reading and writing by index. */
import { describe, expect, test } from 'vitest';
import { constant, constantValue } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph, Node, TensorType } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { multiplyAdds } from '../../src/compiler/ir/work.ts';
import { definitionsOf } from '../../src/compiler/ir/walk.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { checkGradients, gradientGraph } from '../support/gradients.ts';
import { runnerOf, runOf, TARGETS } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { modelOnRanks } from '../support/threads.ts';
import { f32, type } from './dsl.ts';

/** One call with inputs `x0`, `x1` … and outputs `y0` …, or those of its results that are `wanted`. */
function callOf(
  op: string,
  types: readonly TensorType[],
  attributes: Attributes = {},
  wanted: (result: number) => boolean = () => true,
): Graph {
  const builder = new Builder(ops, new Map());
  const inputs = types.map((each, at) => ({ name: `x${at}`, value: builder.value(each) }));
  const results = builder.apply(
    op,
    inputs.map(({ value }) => value),
    attributes,
  );
  const outputs = results.map((value, at) => ({ name: `y${at}`, value })).filter((_, at) => wanted(at));
  return { name: op, dims: [], inputs, parameters: [], nodes: builder.nodes, outputs };
}

/** Gradients of a call on tensors, for cotangents that are `given` or 1, on each target. */
async function expectGradients(
  op: string,
  tensors: readonly Tensor[],
  attributes: Attributes,
  wanted: { readonly [operand: string]: readonly number[] },
  given: readonly number[] = [],
): Promise<void> {
  const types = tensors.map(({ dtype, shape }): TensorType => ({ dtype, shape: shape.map(constant) }));
  const whole = gradientGraph(callOf(op, types, attributes, (at) => at === 0));
  const cotangent = whole.inputs.find(({ name }) => name === 'cot.y0')!;
  const shape = cotangent.value.type.shape.map((dim) => constantValue(dim)!);
  const count = shape.reduce((product, size) => product * size, 1);
  const inputs = {
    ...Object.fromEntries(tensors.map((tensor, at) => [`x${at}`, tensor])),
    'cot.y0': tensorOf('f32', shape, given.length > 0 ? given : Array.from({ length: count }, () => 1)),
  };
  for (const target of TARGETS) {
    const found = await (await runnerOf(whole, target))(inputs);
    for (const [name, data] of Object.entries(wanted))
      expectClose(found.get(`grad.${name}`)!.data, data, { absolute: 1e-5, relative: 1e-5 }, `${name} on ${target}`);
  }
}

const matrix = (...rows: readonly (readonly number[])[]): Tensor =>
  tensorOf('f32', [rows.length, rows[0]!.length], rows.flat());
const line = (...data: readonly number[]): Tensor => tensorOf('f32', [1, 1, data.length], data);
const list = (...data: readonly number[]): Tensor => tensorOf('i32', [data.length], data);

/** The nodes that the gradients of a graph are computed with, its own included where they are needed. */
function backwardOf(graph: Graph): readonly Node[] {
  const whole = gradientGraph(graph);
  const definitions = definitionsOf(whole.nodes);
  const needed = new Set<Node>();
  const pending = whole.outputs.slice(1).map(({ value }) => value);
  while (pending.length > 0) {
    const node = definitions.get(pending.pop()!);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    pending.push(...node.inputs);
  }
  return [...needed];
}

function work(nodes: readonly Node[]): number {
  return constantValue(multiplyAdds(nodes, ops, new Map())!)!;
}

describe('gradients cost as many products as they have to', () => {
  test('a linear layer: one contraction of its size for each operand, and no transposition', () => {
    const graph = callOf('einsum', [f32(64, 48), f32(32, 48)], { pattern: 'n i, o i -> n o', sizes: {} });
    const backward = backwardOf(graph);
    expect(backward.filter(({ op }) => op.name === 'contract').length).toBe(2);
    expect(backward.map(({ op }) => op.name)).not.toContain('transpose');
    expect(work(backward)).toBe(2 * work(graph.nodes));
  });

  const image = f32(2, 16, 12, 12);
  test.each([
    ['3 x 3', [image, f32(24, 16, 3, 3)], { padding: 1 }, 2],
    ['dilated', [image, f32(24, 16, 3, 3)], { padding: 2, dilation: 2 }, 2],
    ['as patches', [image, f32(24, 16, 4, 4)], { stride: 4 }, 2],
    // Rows and columns of the result that the padding takes away are computed too.
    ['of stride 2', [image, f32(24, 16, 3, 3)], { padding: 1, stride: 2 }, 1 + (7 / 6) ** 2],
    ['1 x 1 of stride 2', [image, f32(24, 16, 1, 1)], { stride: 2 }, 2],
    ['depthwise', [image, f32(16, 1, 3, 3)], { padding: 1, groups: constant(16) }, 2],
    // Nothing slides along the rows; the two rows in front and behind see zeros only.
    ['of whole rows', [f32(2, 1, 12, 16), f32(24, 1, 3, 16)], {}, 1 + 12 / 10],
    ['of whole images', [image, f32(24, 16, 12, 12)], {}, 2],
    ['of whole images by groups', [image, f32(24, 8, 12, 12)], { groups: constant(2) }, 2],
  ] as const)('a convolution %s', (_, types, attributes, times) => {
    const graph = callOf('conv2d', types, attributes);
    expect(work(backwardOf(graph)) / work(graph.nodes)).toBeCloseTo(times, 10);
  });

  test('attention: five products of the scores and what makes them', () => {
    const graph = callOf('attend', [f32(2, 4, 9, 8), f32(2, 2, 7, 8), f32(2, 2, 7, 8)]);
    const scores = 2 * 4 * 9 * 7 * 8;
    expect(work(backwardOf(graph).filter(({ op }) => op.name === 'contract'))).toBe(5 * scores);
  });
});

describe('a maximum of windows hands its gradient to the first of equal elements', () => {
  test('of a pool, whose padding is never the first', async () => {
    const attributes = { kernel_size: 3, stride: 2, padding: 1 };
    const x = tensorOf(
      'f32',
      [1, 4, 4],
      Array.from({ length: 16 }, () => 1),
    );
    const wanted = [1, 2, 0, 0, 3, 4, ...Array.from({ length: 10 }, () => 0)];
    await expectGradients('max_pool2d', [x], attributes, { x0: wanted }, [1, 2, 3, 4]);
  });

  test('of windows that overlap, of some beyond the end, and of such with a NaN', async () => {
    const pool = { kernel_size: 2, stride: 1 };
    await expectGradients('max_pool1d', [line(1, 3, 3, 0)], pool, { x0: [0, 3, 4, 0] }, [1, 2, 4]);
    const ceil = { kernel_size: 2, ceil_mode: true };
    await expectGradients('max_pool1d', [line(2, 1, 4)], ceil, { x0: [1, 0, 2] }, [1, 2]);
    await expectGradients('max_pool1d', [line(5, NaN, 2, 2)], { kernel_size: 2 }, { x0: [0, 1, 2, 0] }, [1, 2]);
  });

  test('of adaptive pools, evenly and unevenly', async () => {
    const ones = tensorOf('f32', [4], [1, 1, 1, 1]);
    const sizes = (size: number): Attributes => ({ output_size: [constant(size)] });
    await expectGradients('adaptive_max_pool1d', [ones], sizes(2), { x0: [1, 0, 2, 0] }, [1, 2]);
    await expectGradients('adaptive_max_pool1d', [ones], sizes(3), { x0: [1, 2, 4, 0] }, [1, 2, 4]);
  });
});

describe('reading and writing by index', () => {
  test('a table gets the sums of its rows, and the padding row none', async () => {
    const table = matrix([1, 1], [1, 1], [1, 1]);
    const ids = list(2, 0, 2, -1, 9);
    const given = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    await expectGradients('embedding', [ids, table], {}, { x1: [3, 4, 0, 0, 13, 16] }, given);
    await expectGradients('embedding', [ids, table], { padding_idx: 2 }, { x1: [3, 4, 0, 0, 0, 0] }, given);
    await expectGradients('embedding', [ids, table], { padding_idx: -3 }, { x1: [0, 0, 0, 0, 13, 16] }, given);
  });

  test('gathered elements add up where they came from', async () => {
    const x = tensorOf('f32', [3], [1, 2, 3]);
    await expectGradients('gather', [x, list(1, -2, 0, 7)], { axis: 0 }, { x0: [4, 3, 0] }, [1, 2, 4, 8]);
  });

  test('of elements scattered to one place the last one counts, and none that is dropped', async () => {
    const [x, src] = [tensorOf('f32', [4], [1, 2, 3, 4]), tensorOf('f32', [4], [5, 6, 7, 8])];
    const wanted = { x0: [1, 0, 4, 0], x2: [0, 2, 8, 0] };
    await expectGradients('scatter', [x, list(1, 1, -1, 4), src], { axis: 0 }, wanted, [1, 2, 4, 8]);
  });

  test('of elements added to one place all count, but none that is dropped', async () => {
    const [x, src] = [tensorOf('f32', [3], [1, 2, 3]), tensorOf('f32', [4], [5, 6, 7, 8])];
    const wanted = { x0: [1, 2, 4], x2: [2, 2, 4, 0] };
    await expectGradients('scatter_add', [x, list(1, 1, -1, 3), src], { axis: 0 }, wanted, [1, 2, 4]);
    await expectGradients('index_add', [x, list(1, 1, -1, 3), src], { axis: 0 }, wanted, [1, 2, 4]);
  });

  test('of the largest elements each has its gradient where it was', async () => {
    const x = tensorOf('f32', [4], [3, 1, 3, 2]);
    await expectGradients('top_k', [x], { k: 2, axis: 0 }, { x0: [1, 0, 10, 0] }, [1, 10]);
    await expectGradients('sort', [x], { axis: 0 }, { x0: [3, 1, 4, 2] }, [1, 2, 3, 4]);
  });
});

describe('attention', () => {
  const random = randomNumbers(5);
  const drawn = (graph: Graph): Map<string, Tensor> =>
    new Map(
      graph.inputs.map(({ name, value: { type: of } }) => [
        name,
        randomTensor(
          of.dtype,
          of.shape.map((dim) => constantValue(dim)!),
          random,
        ),
      ]),
    );
  const operands = [f32(2, 4, 5, 3), f32(2, 2, 6, 3), f32(2, 2, 6, 2)];

  test.each([
    ['of the output', [], {}, 0],
    ['of the log-sum-exp', [], { causal: true, scale: -0.5 }, 1],
    ['of a mask for all heads', [f32(2, 1, 1, 6)], {}, 0],
    ['of a mask of few axes, by the log-sum-exp', [f32(5, 1)], {}, 1],
    ['of a mask for each score', [f32(2, 4, 5, 6)], { causal: true }, 0],
  ] as const)('has gradients %s', (_, masks, attributes, result) => {
    const graph = callOf('attend', [...operands, ...masks], attributes, (at) => at === result);
    checkGradients({ graph, inputs: drawn(graph) });
  });

  test.each(['bool', 'f32'] as const)('rows without keys, by a mask of %s, give nothing to anybody', async (dtype) => {
    const graph = callOf('attention', [f32(1, 3, 2), f32(1, 4, 2), f32(1, 4, 2), type(dtype, 3, 4)]);
    const whole = gradientGraph(graph);
    const [away, kept] = dtype === 'bool' ? [0, 1] : [-Infinity, 0];
    const rows = [kept, away, away, kept, away, away, away, away, kept, kept, kept, kept];
    const inputs = {
      ...Object.fromEntries(drawn(graph)),
      x3: tensorOf(dtype, [3, 4], rows),
      'cot.y0': tensorOf('f32', [1, 3, 2], [1, -1, 1, 1, 2, 0.5]),
    };
    for (const target of TARGETS) {
      const found = await (await runnerOf(whole, target))(inputs);
      const gradients = ['x0', 'x1', 'x2'].map((name) => [...found.get(`grad.${name}`)!.data]);
      expect(gradients.flat().every(Number.isFinite), target).toBe(true);
      expect(gradients[0]!.slice(2, 4), target).toEqual([0, 0]);
      expect(gradients[2]!.some((value) => value !== 0)).toBe(true);
    }
  });
});

test.each([
  ['conv2d', [f32(2, 6, 9, 9), f32(8, 3, 3, 3), f32(8)], { stride: 2, padding: 1, groups: constant(2) }],
  ['conv_transpose2d', [f32(2, 4, 5, 5), f32(4, 3, 3, 3)], { stride: 2 }],
  ['max_pool2d', [f32(3, 9, 9)], { kernel_size: 3, stride: 2, padding: 1 }],
  ['adaptive_avg_pool2d', [f32(3, 9, 7)], { output_size: [constant(4)] }],
  ['interpolate', [f32(2, 3, 5, 5)], { scale_factor: 2, mode: 'bilinear' }],
  ['embedding', [type('i32', 40), f32(5, 130)], {}],
  ['attention', [f32(2, 4, 9, 8), f32(2, 2, 9, 8), f32(2, 2, 9, 8)], { causal: true }],
  ['cumsum', [f32(7, 9)], { axis: 0 }],
] as const)('the gradient of %s has the same bits on two threads', async (op, types, attributes) => {
  const graph = gradientGraph(callOf(op, types, attributes));
  const random = randomNumbers(3);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, value }) => {
      const shape = value.type.shape.map((dim) => constantValue(dim)!);
      return [name, randomTensor(value.type.dtype, shape, random)];
    }),
  );
  const results = [];
  for (const ranks of [1, 2]) {
    const model = await modelOnRanks(graph, ranks);
    const found = await runOf(graph, model)(inputs);
    results.push([...found].map(([name, { data }]) => [name, [...data]]));
    model.dispose();
  }
  expect(results[1]).toEqual(results[0]);
});
