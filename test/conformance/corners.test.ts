/** The corners of ops that order, search and index: ties, NaN, infinities, repeated and impossible positions. */
import { describe, expect, test } from 'vitest';
import { constant } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { runnerOf, TARGETS } from '../support/specs.ts';
import { expectClose, tensorOf } from '../support/tensors.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

interface Case {
  readonly what: string;
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly attributes?: Attributes;
  readonly wanted: readonly (readonly number[])[];
}

const f32 = (shape: readonly number[], ...data: readonly number[]): Tensor => tensorOf('f32', shape, data);
const i32 = (shape: readonly number[], ...data: readonly number[]): Tensor => tensorOf('i32', shape, data);
const line = (...data: readonly number[]): Tensor => f32([data.length], ...data);
const ids = (...data: readonly number[]): Tensor => i32([data.length], ...data);

const cases: readonly Case[] = [
  {
    what: 'the first of equal elements is the largest',
    op: 'argmax',
    inputs: [f32([2, 4], 1, 3, 3, 2, 0, 0, 0, 0)],
    attributes: { axis: -1 },
    wanted: [[1, 0]],
  },
  { what: 'NaN is larger than all', op: 'argmax', inputs: [line(1, inf, nan, nan)], wanted: [[2]] },
  { what: 'NaN is found before the smallest', op: 'argmin', inputs: [line(1, -inf, 3, nan)], wanted: [[3]] },
  { what: 'all elements are equal', op: 'argmin', inputs: [line(-inf, -inf)], wanted: [[0]] },
  {
    what: 'elements in row-major order are counted',
    op: 'argmax',
    inputs: [f32([2, 2], 1, 2, 4, 3)],
    attributes: { axis: null, keepdim: true },
    wanted: [[2]],
  },
  { what: 'NaN passes through', op: 'max', inputs: [line(1, nan, inf, 2, 3)], wanted: [[nan]] },
  { what: 'NaN passes through', op: 'min', inputs: [line(1, 2, 3, 4, nan)], wanted: [[nan]] },
  {
    what: 'order is stable and NaN comes last',
    op: 'sort',
    inputs: [line(2, nan, 1, 2, -0, 0, -inf, nan, inf)],
    wanted: [
      [-inf, -0, 0, 1, 2, 2, inf, nan, nan],
      [6, 4, 5, 2, 0, 3, 8, 1, 7],
    ],
  },
  {
    what: 'order is stable and NaN comes first',
    op: 'sort',
    inputs: [line(2, nan, 1, 2, 0, -0, -inf, nan, inf)],
    attributes: { descending: true },
    wanted: [
      [nan, nan, inf, 2, 2, 1, 0, -0, -inf],
      [1, 7, 8, 0, 3, 2, 4, 5, 6],
    ],
  },
  {
    what: 'ties go to the lower index and NaN is the largest',
    op: 'top_k',
    inputs: [line(2, 3, nan, 3, 3, 1)],
    attributes: { k: 4 },
    wanted: [
      [nan, 3, 3, 3],
      [2, 1, 3, 4],
    ],
  },
  {
    what: 'of the smallest, ties go to the lower index and NaN is last',
    op: 'top_k',
    inputs: [line(2, nan, 1, 2, 1)],
    attributes: { k: 5, largest: false },
    wanted: [
      [1, 1, 2, 2, nan],
      [2, 4, 0, 3, 1],
    ],
  },
  {
    what: 'negative positions count from the end, others out of range are NaN',
    op: 'gather',
    inputs: [line(10, 11, 12), ids(-1, -3, -4, 3, 2147483647, -2147483648, 0)],
    attributes: { axis: 0 },
    wanted: [[12, 10, nan, nan, nan, nan, 10]],
  },
  {
    what: 'integers out of range are 0',
    op: 'gather',
    inputs: [ids(7, 8), ids(1, 2, -2, -3)],
    attributes: { axis: 0 },
    wanted: [[8, 0, 7, 0]],
  },
  {
    what: 'infinities are read as they are',
    op: 'embedding',
    inputs: [ids(1, 0, 5), f32([2, 2], -0, 1, inf, -inf)],
    wanted: [[inf, -inf, -0, 1, nan, nan]],
  },
  {
    what: 'the last write stays and writes out of range are dropped',
    op: 'scatter',
    inputs: [line(1, 2, 3), ids(0, -1, 0, 3, -4), line(4, 5, 6, 7, 8)],
    attributes: { axis: 0 },
    wanted: [[6, 2, 5]],
  },
  {
    what: 'repeated positions accumulate',
    op: 'scatter_add',
    inputs: [line(1, 2, 3), ids(0, -1, 0, 3, 0), line(4, 5, 6, 7, 8)],
    attributes: { axis: 0 },
    wanted: [[19, 2, 8]],
  },
  {
    what: 'an empty axis takes nothing',
    op: 'scatter_add',
    inputs: [line(), ids(0, -1), line(4, 5)],
    attributes: { axis: 0 },
    wanted: [[]],
  },
  {
    what: 'rows out of range are dropped',
    op: 'index_add',
    inputs: [f32([2, 2], 1, 2, 3, 4), ids(1, 2, -2, 1), f32([4, 2], 10, 20, 30, 40, 50, 60, 70, 80)],
    wanted: [[51, 62, 83, 104]],
  },
  {
    what: 'ids that are no class have no one',
    op: 'one_hot',
    inputs: [ids(-1, 1, 2)],
    attributes: { classes: 2 },
    wanted: [[0, 0, 0, 1, 0, 0]],
  },
  {
    what: 'sums wrap around',
    op: 'cumsum',
    inputs: [ids(2147483647, 1, 1)],
    attributes: { axis: 0 },
    wanted: [[2147483647, -2147483648, -2147483647]],
  },
  {
    what: 'nothing but -inf has no softmax',
    op: 'softmax',
    inputs: [f32([2, 2], -inf, -inf, -inf, 0)],
    wanted: [[nan, nan, 0, 1]],
  },
  {
    what: 'an infinite logit wins, and a target of -inf is lost',
    op: 'cross_entropy',
    inputs: [f32([2, 2], -inf, 0, 3, -inf), ids(1, 1)],
    attributes: { reduction: 'none' },
    wanted: [[0, inf]],
  },
  {
    what: 'a target that is no class has the loss NaN, an ignored one 0',
    op: 'cross_entropy',
    inputs: [f32([3, 2], 0, 0, 0, 0, 0, 0), ids(2, -100, 0)],
    attributes: { reduction: 'none' },
    wanted: [[nan, 0, Math.LN2]],
  },
  {
    what: 'a mean over ignored examples alone is NaN',
    op: 'nll',
    inputs: [f32([1, 2], -1, -2), ids(-100)],
    wanted: [[nan]],
  },
  {
    what: 'a target of 0 adds nothing, whatever the logarithm',
    op: 'kl_div',
    inputs: [line(-inf, -1), line(0, 1)],
    attributes: { reduction: 'sum' },
    wanted: [[1]],
  },
];

function graphOf({ op, inputs, attributes = {} }: Case): Graph {
  const builder = new Builder(ops, new Map());
  const values = inputs.map(({ dtype, shape }) => builder.value({ dtype, shape: shape.map(constant) }));
  const results = builder.apply(op, values, attributes);
  return {
    name: 'corner',
    dims: [],
    inputs: values.map((value, at) => ({ name: `x${at}`, value })),
    parameters: [],
    nodes: builder.nodes,
    outputs: results.map((value, at) => ({ name: `y${at}`, value })),
  };
}

describe.each(TARGETS)('%s', (target) => {
  test.each(cases)('$op: $what', async (item) => {
    const run = await runnerOf(graphOf(item), target);
    const outputs = await run(Object.fromEntries(item.inputs.map((input, at) => [`x${at}`, input])));
    const tolerance = { absolute: 1e-6, relative: 1e-6 };
    item.wanted.forEach((data, at) => expectClose(outputs.get(`y${at}`)!.data, data, tolerance, `result ${at}`));
    expect(outputs.size).toBe(item.wanted.length);
  });
});
