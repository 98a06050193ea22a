/** `matmul`, PyTorch's: the last two axes are matrices, all before are a batch that broadcasts, vectors stay vectors. */
import { equal, print, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Tensor } from '../../ir/op.ts';
import { broadcastShapes, isOne, printType } from '../../ir/types.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { labelled } from './contract.ts';
import { sumOfProducts } from './product.ts';

interface Labels {
  readonly left: readonly string[];
  readonly right: readonly string[];
  readonly result: readonly string[];
}

/** `b0`, `b1` … for the batch, counted from its last axis so that ranks may differ; rows `i`, summed `k`, columns `j`. */
function labelsOf(leftRank: number, rightRank: number): Labels {
  const batch = (rank: number): string[] =>
    Array.from({ length: Math.max(rank - 2, 0) }, (_, at) => `b${rank - 3 - at}`);
  const common = batch(Math.max(leftRank, rightRank));
  return {
    left: leftRank === 1 ? ['k'] : [...batch(leftRank), 'i', 'k'],
    right: rightRank === 1 ? ['k'] : [...batch(rightRank), 'k', 'j'],
    result: [...common, ...(leftRank === 1 ? [] : ['i']), ...(rightRank === 1 ? [] : ['j'])],
  };
}

function infer(inputs: readonly TensorType[]): Inference {
  const error = dtypeFault('matmul', inputs, ['f32']);
  if (error) return { error };
  const [left, right] = inputs;
  const [a, b] = [left!.shape, right!.shape];
  const pair = `${printType(left!)} and ${printType(right!)}`;
  const scalar = [a, b].findIndex((shape) => shape.length === 0);
  if (scalar !== -1)
    return fails(`\`matmul\` of ${pair} multiplies matrices, not scalars`, { operand: scalar, hint: 'use `*`' });
  const batch = broadcastShapes([a.slice(0, -2), b.slice(0, -2)]);
  if ('notes' in batch)
    return fails(`\`matmul\` of ${pair} needs batch axes that broadcast`, {
      notes: batch.notes.map((note) => `batch ${note}`),
    });
  const [inner, outer] = [a.at(-1)!, b.at(-2) ?? b.at(-1)!];
  if (!equal(inner, outer)) {
    const notes = [
      `the last axis of the first is ${print(inner)}, the ${b.length === 1 ? 'only' : 'second last'} axis of the second ${print(outer)}`,
    ];
    return fails(`\`matmul\` of ${pair} does not fit`, { notes });
  }
  const rows: Shape = a.length === 1 ? [] : [a.at(-2)!];
  const columns: Shape = b.length === 1 ? [] : [b.at(-1)!];
  return gives({ dtype: 'f32', shape: [...batch.shape, ...rows, ...columns] });
}

/** The operand without the axes of size 1 along which it is repeated: `contract` does not broadcast. */
function dropRepeated(
  builder: Builder,
  x: Value,
  labels: readonly string[],
  sizes: ReadonlyMap<string, Dim>,
): { value: Value; labels: readonly string[] } {
  const { shape } = x.type;
  const keeps = labels.map((label, axis) => !isOne(shape[axis]!) || isOne(sizes.get(label)!));
  if (keeps.every(Boolean)) return { value: x, labels };
  return {
    value: builder.one('reshape', [x], { shape: shape.filter((_, axis) => keeps[axis]) }),
    labels: labels.filter((_, axis) => keeps[axis]),
  };
}

function expand(builder: Builder, [a, b]: readonly Value[]): readonly Value[] {
  const { left, right, result } = labelsOf(a!.type.shape.length, b!.type.shape.length);
  const sizes = new Map<string, Dim>();
  for (const [labels, value] of [[left, a!] as const, [right, b!] as const]) {
    labels.forEach((label, axis) => {
      const size = value.type.shape[axis]!;
      if (!sizes.has(label) || !isOne(size)) sizes.set(label, size);
    });
  }
  const [first, second] = [dropRepeated(builder, a!, left, sizes), dropRepeated(builder, b!, right, sizes)];
  const attributes = { left: first.labels, right: second.labels, result };
  return [builder.one('contract', [first.value, second.value], attributes)];
}

function evaluate(a: Tensor, b: Tensor): Float64Array {
  const { left, right, result } = labelsOf(a.shape.length, b.shape.length);
  const sizes = new Map<string, number>();
  for (const [labels, x] of [[left, a] as const, [right, b] as const]) {
    labels.forEach((label, axis) => {
      const size = x.shape[axis]!;
      if (!sizes.has(label) || size !== 1) sizes.set(label, size);
    });
  }
  const repeating = (x: Tensor, labels: readonly string[]) => {
    const { data, strides } = labelled(x, labels);
    return {
      data,
      strides: new Map(
        [...strides].map(([label, stride]) => [label, x.shape[labels.indexOf(label)] === 1 ? 0 : stride] as const),
      ),
    };
  };
  return sumOfProducts([repeating(a, left), repeating(b, right)], sizes, result);
}

export const matmul: Op = defineOp({
  name: 'matmul',
  doc:
    'The matrix product of f32 tensors, as PyTorch: [..., i, k] and [..., k, j] give [..., i, j]; the axes before ' +
    'broadcast; a 1-d operand is a row or a column, and its axis is gone from the result.',
  operands: [{ name: 'left' }, { name: 'right' }],
  attributes: [],
  infer,
  evaluate: ([a, b]) => [evaluate(a!, b!)],
  body: { kind: 'composite', expand },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(3, n), f32(n, 5)], attributes: {} },
    { inputs: [f32(n, 4), f32(4, 3)], attributes: {} },
    { inputs: [f32(2, 1, 3, 4), f32(5, 4, n)], attributes: {} },
    { inputs: [f32(n, 3, 4), f32(1, 4, 2)], attributes: {} },
    { inputs: [f32(n), f32(n, 3)], attributes: {} },
    { inputs: [f32(2, 3, n), f32(n)], attributes: {} },
    { inputs: [f32(n), f32(n)], attributes: {} },
  ],
});
