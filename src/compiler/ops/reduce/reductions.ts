/** The language's reductions: PyTorch's names, `axis` and `keepdim`. All are written with the primitives. */
import { constant, maximum, subtract, ZERO } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { DType, Node, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type ConcreteType, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';
import { formula } from '../formula.ts';
import { wrapTo } from '../integers.ts';
import { dtypeFault, gives } from '../rules.ts';
import { n, tensor } from '../samples.ts';
import { forEachRow, rowMajor } from '../strided.ts';
import {
  ALONG,
  alongCorners,
  broadcast,
  emptinessOf,
  finish,
  reducedAxes,
  reducedCount,
  reducedType,
  scalarOf,
  SUM_TOLERANCE,
  type Along,
  unfinished,
} from './composite.ts';

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

function inferAlong(called: string, x: TensorType, along: Along, dtypes: readonly DType[], result?: DType): Inference {
  const error = dtypeFault(called, [x], dtypes);
  if (error) return { error };
  const found = reducedType(called, x, along);
  return 'error' in found ? found : gives({ dtype: result ?? x.dtype, shape: found.type.shape });
}

/** Calls `visit` for every element with the position of its result: the plain definition of reducing. */
export function forEachReduced(x: Tensor, axis: Along['axis'], visit: (result: number, element: number) => void): void {
  const axes = reducedAxes(x.shape, axis);
  const kept = x.shape.map((size, at) => (axes.includes(at) ? 1 : size));
  const strides = rowMajor(kept).map((stride, at) => (axes.includes(at) ? 0 : stride));
  const [count, step] = [x.shape.at(-1) ?? 1, strides.at(-1) ?? 0];
  forEachRow(x.shape, rowMajor(x.shape), strides, (from, to) => {
    for (let i = 0; i < count; i++) visit(to + i * step, x.data[from + i]!);
  });
}

interface FoldSpec {
  readonly name: string;
  readonly doc: string;
  readonly primitive: string;
  readonly dtypes: readonly DType[];
  readonly combine: (a: number, b: number, dtype: DType) => number;
  readonly identity: (dtype: DType) => number;
  readonly exact?: boolean;
  /** There is no result of nothing. */
  readonly needsElements?: boolean;
  /** Bool operands are counted as i32. */
  readonly countsBools?: boolean;
}

/** A reduction that is one primitive, apart from `keepdim`. */
function fold({ name, doc, primitive, dtypes, combine, identity, exact, needsElements, countsBools }: FoldSpec): Op {
  const resultOf = (dtype: DType): DType => (countsBools && dtype === 'bool' ? 'i32' : dtype);
  return defineOp<Along>({
    name,
    doc,
    operands: [{ name: 'x' }],
    attributes: ALONG,
    infer([x], along, context) {
      const inferred = inferAlong(name, x!, along, dtypes, resultOf(x!.dtype));
      if ('error' in inferred || !needsElements) return inferred;
      const empty = emptinessOf(name, x!, reducedCount(x!, reducedAxes(x!.shape, along.axis)), context);
      return empty.error ? { error: empty.error } : { ...inferred, conditions: empty.conditions };
    },
    evaluate([x], { axis }, [output]) {
      const dtype = output!.dtype;
      const target = new Float64Array(countOf(output!.shape)).fill(identity(dtype));
      forEachReduced(x!, axis, (at, element) => (target[at] = combine(target[at]!, element, dtype)));
      return [target];
    },
    body: {
      kind: 'composite',
      expand(builder, [x], along) {
        const dtype = resultOf(x!.type.dtype);
        const numbers = dtype === x!.type.dtype ? x! : builder.one('cast', [x!], { dtype });
        const kept = builder.one(primitive, [numbers], { axes: reducedAxes(x!.type.shape, along.axis) });
        return [finish(builder, numbers.type, kept, along)];
      },
    },
    tolerance: exact ? { absolute: 0, relative: 1e-6 } : SUM_TOLERANCE,
    samples: dtypes.flatMap((dtype) =>
      alongCorners({}).map((attributes): Sample => ({ inputs: [tensor(dtype, 2, n, 3)], attributes })),
    ),
  });
}

const folds: readonly Op[] = [
  fold({
    name: 'sum',
    doc: 'The sum along some axes, 0 of none (f32, i32, u32). True bools are counted, as i32. Integers wrap around.',
    primitive: 'reduce_sum',
    dtypes: [...NUMBERS, 'bool'],
    combine: (a, b, dtype) => wrapTo(a + b, dtype),
    identity: () => 0,
    countsBools: true,
  }),
  fold({
    name: 'prod',
    doc: 'The product along some axes, 1 of none (f32, i32, u32). Integers wrap around.',
    primitive: 'reduce_prod',
    dtypes: NUMBERS,
    combine: (a, b, dtype) => (dtype === 'f32' ? a * b : wrapTo(Math.imul(a, b), dtype)),
    identity: () => 1,
  }),
  fold({
    name: 'max',
    doc: 'The maximum along some axes (f32, i32, u32); NaN if any element is NaN. There must be an element.',
    primitive: 'reduce_max',
    dtypes: NUMBERS,
    combine: (a, b) => Math.max(a, b),
    identity: (dtype) => (dtype === 'f32' ? -Infinity : dtype === 'i32' ? -(2 ** 31) : 0),
    exact: true,
    needsElements: true,
  }),
  fold({
    name: 'min',
    doc: 'The minimum along some axes (f32, i32, u32); NaN if any element is NaN. There must be an element.',
    primitive: 'reduce_min',
    dtypes: NUMBERS,
    combine: (a, b) => Math.min(a, b),
    identity: (dtype) => (dtype === 'f32' ? Infinity : dtype === 'i32' ? 2 ** 31 - 1 : 2 ** 32 - 1),
    exact: true,
    needsElements: true,
  }),
  fold({
    name: 'any',
    doc: 'Whether any bool element along some axes is true; false of none.',
    primitive: 'reduce_any',
    dtypes: ['bool'],
    combine: (a, b) => (a + b > 0 ? 1 : 0),
    identity: () => 0,
    exact: true,
  }),
  fold({
    name: 'all',
    doc: 'Whether all bool elements along some axes are true; true of none.',
    primitive: 'reduce_all',
    dtypes: ['bool'],
    combine: (a, b) => a * b,
    identity: () => 1,
    exact: true,
  }),
];

/** The mean with the axes kept. */
function meanKept(builder: Builder, x: Value, axes: readonly number[]): Value {
  const sum = builder.one('reduce_sum', [x], { axes });
  const count = scalarOf(builder, reducedCount(x.type, axes));
  return builder.one('div', [sum, broadcast(builder, count, sum.type.shape)]);
}

function asF32(builder: Builder, x: Value): Value {
  return x.type.dtype === 'f32' ? x : builder.one('cast', [x], { dtype: 'f32' });
}

/** Sums and how many elements each is of. */
function means(x: Tensor, axis: Along['axis'], output: ConcreteType): { means: Float64Array; count: number } {
  const sums = new Float64Array(countOf(output.shape));
  forEachReduced(x, axis, (at, element) => (sums[at]! += element));
  const count = reducedAxes(x.shape, axis).reduce((product, at) => product * x.shape[at]!, 1);
  return { means: sums.map((sum) => sum / count), count };
}

const mean: Op = defineOp<Along>({
  name: 'mean',
  doc: 'The arithmetic mean along some axes, NaN of none (f32). Of bool it is the fraction that is true, as f32.',
  operands: [{ name: 'x' }],
  attributes: ALONG,
  infer: ([x], along) => inferAlong('mean', x!, along, ['f32', 'bool'], 'f32'),
  evaluate: ([x], { axis }, [output]) => [means(x!, axis, output!).means],
  body: {
    kind: 'composite',
    expand(builder, [x], along) {
      const numbers = asF32(builder, x!);
      const kept = meanKept(builder, numbers, reducedAxes(x!.type.shape, along.axis));
      return [finish(builder, numbers.type, kept, along)];
    },
  },
  tolerance: SUM_TOLERANCE,
  samples: [
    ...alongCorners({}).map((attributes): Sample => ({ inputs: [tensor('f32', 2, n, 3)], attributes })),
    { inputs: [tensor('bool', n)], attributes: { axis: null, keepdim: false } },
  ],
});

type Variance = Along & { readonly unbiased: boolean };

/** Bessel's correction, never below zero so that one element has the variance NaN, as in PyTorch. */
function degreesOf(builder: Builder, x: Value, { axis, unbiased }: Variance): Value {
  const count = reducedCount(x.type, reducedAxes(x.type.shape, axis));
  return scalarOf(builder, unbiased ? maximum(ZERO, subtract(count, constant(1)), builder.bounds) : count);
}

/** x less its mean. */
function centred(builder: Builder, x: Value, axes: readonly number[]): Value {
  return builder.one('sub', [x, broadcast(builder, meanKept(builder, x, axes), x.type.shape)]);
}

function varianceKept(builder: Builder, x: Value, attributes: Variance): Value {
  const axes = reducedAxes(x.type.shape, attributes.axis);
  const squares = builder.one('square', [centred(builder, x, axes)]);
  const sum = builder.one('reduce_sum', [squares], { axes });
  return builder.one('div', [sum, broadcast(builder, degreesOf(builder, x, attributes), sum.type.shape)]);
}

/** The variance does not change with the mean, so that no gradient flows through that. */
function spreadGradient(
  builder: Builder,
  { inputs: [x], results, attributes }: Node,
  cotangent: Value,
  root: boolean,
): Value {
  const f = formula(builder);
  const variance = attributes as Variance;
  const [g, y] = [cotangent, results[0]!].map((value) => unfinished(builder, x!.type, value, variance)) as [
    Value,
    Value,
  ];
  // Of a root of 0 the slope is infinite; as in PyTorch, equal elements get 0.
  const twice = root ? f('where', f('equal', y, 0), 0, f('div', g, y)) : f('mul', g, 2);
  const centre = centred(builder, x!, reducedAxes(x!.type.shape, variance.axis));
  return f('mul', f('div', twice, degreesOf(builder, x!, variance)), centre);
}

function variances(x: Tensor, { axis, unbiased }: Variance, output: ConcreteType): Float64Array {
  const { means: centres, count } = means(x, axis, output);
  const sums = new Float64Array(centres.length);
  forEachReduced(x, axis, (at, element) => (sums[at]! += (element - centres[at]!) ** 2));
  return sums.map((sum) => sum / Math.max(0, count - (unbiased ? 1 : 0)));
}

interface SpreadSpec {
  readonly name: string;
  readonly doc: string;
  readonly root: boolean;
}

/** `var` and `std`. */
function spread({ name, doc, root }: SpreadSpec): Op {
  return defineOp<Variance>({
    name,
    doc,
    operands: [{ name: 'x' }],
    attributes: [
      ...ALONG,
      {
        name: 'unbiased',
        kind: 'bool',
        default: false,
        doc: "Whether to divide by N - 1 (Bessel's correction) instead of N.",
      },
    ],
    infer: ([x], along) => inferAlong(name, x!, along, ['f32']),
    evaluate([x], attributes, [output]) {
      const found = variances(x!, attributes, output!);
      return [root ? found.map(Math.sqrt) : found];
    },
    body: {
      kind: 'composite',
      expand(builder, [x], attributes) {
        const kept = varianceKept(builder, x!, attributes);
        return [finish(builder, x!.type, root ? builder.one('sqrt', [kept]) : kept, attributes)];
      },
    },
    vjp: (builder, node, [cotangent]) => [spreadGradient(builder, node, cotangent!, root)],
    tolerance: SUM_TOLERANCE,
    samples: [false, true].flatMap((unbiased) =>
      alongCorners({ unbiased }).map((attributes): Sample => ({ inputs: [tensor('f32', 2, n, 3)], attributes })),
    ),
  });
}

export const reductions: readonly Op[] = [
  ...folds,
  mean,
  spread({
    name: 'var',
    doc:
      'The variance along some axes (f32): the mean of the squared deviations from the mean. NaN of no elements, and of ' +
      'one where it is unbiased.',
    root: false,
  }),
  spread({ name: 'std', doc: 'The standard deviation along some axes (f32): the square root of `var`.', root: true }),
];
