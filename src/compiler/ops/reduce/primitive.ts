/** The reductions that backends know. They keep the reduced axes with size 1. */
import type { Builder } from '../../ir/builder.ts';
import type { DType, Node, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type ReductionBody, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';
import { formula } from '../formula.ts';
import { axesOf, dtypeFault, fails, gives } from '../rules.ts';
import { n, tensor } from '../samples.ts';
import { coalesce, forEachRow, rowMajor } from '../strided.ts';
import { broadcast, reducedShape } from './composite.ts';

type Reduction = { readonly axes: readonly number[] };
type Combine = ReductionBody<Reduction>['combine'];

/** Folds `count` elements of `data`, `step` apart, into `start`. */
export type Fold = (start: number, data: Float64Array, from: number, count: number, step: number) => number;

/** Written out one by one: a call for every element would be most of the interpreter's time. */
export function foldOf(combine: Combine): Fold {
  switch (combine) {
    case 'add':
      return (start, data, from, count, step) => {
        let sum = start;
        for (let at = from, end = from + count * step; at !== end; at += step) sum += data[at]!;
        return sum;
      };
    case 'mul':
      return (start, data, from, count, step) => {
        let product = start;
        for (let at = from, end = from + count * step; at !== end; at += step) product *= data[at]!;
        return product;
      };
    case 'max':
    case 'or':
      return (start, data, from, count, step) => {
        let largest = start;
        for (let at = from, end = from + count * step; at !== end; at += step) largest = Math.max(largest, data[at]!);
        return largest;
      };
    case 'min':
    case 'and':
      return (start, data, from, count, step) => {
        let least = start;
        for (let at = from, end = from + count * step; at !== end; at += step) least = Math.min(least, data[at]!);
        return least;
      };
  }
}

/** What a reduction of nothing gives. */
export function identityOf(combine: Combine, dtype: DType): number {
  switch (combine) {
    case 'add':
    case 'or':
      return 0;
    case 'mul':
    case 'and':
      return 1;
    case 'max':
      return { f32: -Infinity, i32: -(2 ** 31), u32: 0, bool: 0 }[dtype];
    case 'min':
      return { f32: Infinity, i32: 2 ** 31 - 1, u32: 2 ** 32 - 1, bool: 1 }[dtype];
  }
}

/** Integers wrap around at 32 bits; sums of them stay exact in a double, products must be cut at every step. */
function wrap(combine: Combine, dtype: DType, data: Float64Array): Float64Array {
  if (combine !== 'add' || dtype === 'f32') return data;
  return data.map(dtype === 'u32' ? (x) => x >>> 0 : (x) => x | 0);
}

function integerProduct(dtype: DType): Fold {
  return (start, data, from, count, step) => {
    let product = start;
    for (let at = from, end = from + count * step; at !== end; at += step) product = Math.imul(product, data[at]!);
    return dtype === 'u32' ? product >>> 0 : product;
  };
}

/** `x` combined along `axes`, which stay with size 1. Runs along the last axis are folded whole where they can be. */
function reduceTensor(x: Tensor, combine: Combine, axes: readonly number[]): Float64Array {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const target = new Float64Array(countOf(kept)).fill(identityOf(combine, x.dtype));
  const strides = rowMajor(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const walk = coalesce(x.shape, rowMajor(x.shape), strides);
  const [count, step, move] = [walk.shape.at(-1) ?? 1, walk.stridesA.at(-1) ?? 1, walk.stridesB.at(-1) ?? 0];
  const fold = combine === 'mul' && x.dtype !== 'f32' ? integerProduct(x.dtype) : foldOf(combine);
  forEachRow(walk.shape, walk.stridesA, walk.stridesB, (from, to) => {
    if (move === 0) target[to] = fold(target[to]!, x.data, from, count, step);
    else
      for (let i = 0; i < count; i++)
        target[to + i * move] = fold(target[to + i * move]!, x.data, from + i * step, 1, 1);
  });
  return wrap(combine, x.dtype, target);
}

/** The cotangent of x; equal extremes share that of the result, as PyTorch's `amax` has it. */
function pulledBack(builder: Builder, combine: Combine, { inputs: [x], results, attributes }: Node, g: Value): Value {
  const f = formula(builder);
  const sum = (value: Value): Value => builder.one('reduce_sum', [value], attributes);
  switch (combine) {
    case 'add':
      return broadcast(builder, g, x!.type.shape);
    case 'mul': {
      // The product of the others: of all but zeros by x, unless there is another zero.
      const isZero = f('equal', x!, 0);
      const divisor = f('where', isZero, 1, x!);
      const product = builder.one('reduce_prod', [divisor], attributes);
      const zero = builder.one('cast', [isZero], { dtype: 'f32' });
      const hasOther = f('not_equal', f('sub', sum(zero), zero), 0);
      return f('where', hasOther, 0, f('div', f('mul', g, product), divisor));
    }
    case 'max':
    case 'min': {
      const isExtreme = f('equal', x!, results[0]!);
      const count = sum(builder.one('cast', [isExtreme], { dtype: 'f32' }));
      return f('where', isExtreme, f('div', g, count), 0);
    }
    case 'and':
    case 'or':
      throw new Error('internal: bools have no gradient');
  }
}

interface PrimitiveSpec {
  readonly name: string;
  readonly doc: string;
  readonly combine: Combine;
  readonly dtypes: readonly DType[];
}

function primitive({ name, doc, combine, dtypes }: PrimitiveSpec): Op {
  return defineOp<Reduction>({
    name,
    doc: `${doc} The axes are sorted and stay with size 1 (${dtypes.join(', ')}).`,
    internal: true,
    operands: [{ name: 'x' }],
    attributes: [{ name: 'axes', kind: 'axes', doc: 'The axes to combine, sorted, counted from the front.' }],
    infer([x], { axes }): Inference {
      const error = dtypeFault(name, [x!], dtypes);
      if (error) return { error };
      const found = axesOf(name, axes, x!, 'axes');
      if ('error' in found) return found;
      const sorted = axes.every((axis, at) => axis >= 0 && (at === 0 || axes[at - 1]! < axis));
      return sorted ? gives(reducedShape(x!, axes)) : fails(`\`${name}\` needs sorted axes`, { attribute: 'axes' });
    },
    evaluate: ([x], { axes }) => [reduceTensor(x!, combine, axes)],
    body: {
      kind: 'reduction',
      combine,
      identity: (dtype) => identityOf(combine, dtype),
      axes: ({ axes }) => axes,
    },
    vjp: (builder, node, [cotangent]) => [pulledBack(builder, combine, node, cotangent!)],
    tolerance:
      combine === 'add' || combine === 'mul' ? { absolute: 1e-5, relative: 1e-5 } : { absolute: 0, relative: 1e-6 },
    samples: dtypes.flatMap((dtype): Sample[] => [
      { inputs: [tensor(dtype, 3, n)], attributes: { axes: [1] } },
      { inputs: [tensor(dtype, n, 3)], attributes: { axes: [0] } },
      { inputs: [tensor(dtype, 2, n, 3, 2)], attributes: { axes: [1, 3] } },
      { inputs: [tensor(dtype, n, 2)], attributes: { axes: [0, 1] } },
      { inputs: [tensor(dtype, n)], attributes: { axes: [] } },
    ]),
  });
}

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

export const primitives: readonly Op[] = [
  primitive({ name: 'reduce_sum', doc: 'The sum along some axes, 0 of none.', combine: 'add', dtypes: NUMBERS }),
  primitive({ name: 'reduce_prod', doc: 'The product along some axes, 1 of none.', combine: 'mul', dtypes: NUMBERS }),
  primitive({
    name: 'reduce_max',
    doc: 'The maximum along some axes, the least value of none; NaN if any element is.',
    combine: 'max',
    dtypes: NUMBERS,
  }),
  primitive({
    name: 'reduce_min',
    doc: 'The minimum along some axes, the greatest value of none; NaN if any element is.',
    combine: 'min',
    dtypes: NUMBERS,
  }),
  primitive({
    name: 'reduce_any',
    doc: 'Whether any element along some axes is true.',
    combine: 'or',
    dtypes: ['bool'],
  }),
  primitive({
    name: 'reduce_all',
    doc: 'Whether all elements along some axes are true.',
    combine: 'and',
    dtypes: ['bool'],
  }),
];
