/** `softmax`, `log_softmax` and `logsumexp`, with the largest element subtracted so that nothing overflows. */
import type { Builder } from '../ir/builder.ts';
import { normalizeAxis } from '../ir/attributes.ts';
import type { Value } from '../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type Tensor } from '../ir/op.ts';
import { countOf } from '../ir/types.ts';
import {
  ALONG,
  alongCorners,
  broadcast,
  finish,
  reducedAxes,
  reducedType,
  scalar,
  SUM_TOLERANCE,
  type Along,
  unfinished,
} from './reduce/composite.ts';
import { formula } from './formula.ts';
import { forEachLine } from './lines.ts';
import { axisOf, dtypeFault, gives } from './rules.ts';
import { f32, n } from './samples.ts';
import { forEachRow, rowMajor } from './strided.ts';

type Axis = { readonly axis: number };

function largestOf(data: Float64Array, first: number, count: number, step: number): number {
  let largest = -Infinity;
  for (let i = 0; i < count; i++) largest = Math.max(largest, data[first + i * step]!);
  return largest;
}

/** The elements of each line less its largest; PyTorch's NaN for a line of -inf comes from -inf - -inf. */
function shifted(builder: Builder, x: Value, axis: number): { exponent: Value; powers: Value; sum: Value } {
  const largest = builder.one('reduce_max', [x], { axes: [axis] });
  const exponent = builder.one('sub', [x, broadcast(builder, largest, x.type.shape)]);
  const powers = builder.one('exp', [exponent]);
  return { exponent, powers, sum: builder.one('reduce_sum', [powers], { axes: [axis] }) };
}

function softmaxTensor(x: Tensor, axis: number): Float64Array {
  const target = new Float64Array(x.data.length);
  forEachLine(x.shape, axis, (first, count, step) => {
    const largest = largestOf(x.data, first, count, step);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const at = first + i * step;
      const power = Math.exp(x.data[at]! - largest);
      target[at] = power;
      sum += power;
    }
    for (let i = 0; i < count; i++) target[first + i * step]! /= sum;
  });
  return target;
}

function logSoftmaxTensor(x: Tensor, axis: number): Float64Array {
  const target = new Float64Array(x.data.length);
  forEachLine(x.shape, axis, (first, count, step) => {
    const largest = largestOf(x.data, first, count, step);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.exp(x.data[first + i * step]! - largest);
    const rest = Math.log(sum);
    for (let i = 0; i < count; i++) target[first + i * step] = x.data[first + i * step]! - largest - rest;
  });
  return target;
}

function inferLine(called: string, inputs: Parameters<Op['infer']>[0], { axis }: Axis): Inference {
  const [x] = inputs;
  const error = dtypeFault(called, inputs, ['f32']);
  if (error) return { error };
  const at = axisOf(called, axis, x!);
  return 'error' in at ? at : gives(x!);
}

const AXIS = [{ name: 'axis', kind: 'axis', default: -1, doc: 'The axis along which elements are compared.' }] as const;

const lineSamples: readonly Sample[] = [
  { inputs: [f32(3, n)], attributes: { axis: -1 } },
  { inputs: [f32(n, 4)], attributes: { axis: 0 }, range: [-9, 9] },
  { inputs: [f32(2, n, 3)], attributes: { axis: 1 }, range: [80, 120] },
];

const softmax: Op = defineOp<Axis>({
  name: 'softmax',
  doc: 'exp(x) / sum(exp(x)) along an axis (f32). A line that is -inf throughout, or has a NaN, is NaN, as in PyTorch.',
  operands: [{ name: 'x' }],
  attributes: AXIS,
  infer: (inputs, attributes) => inferLine('softmax', inputs, attributes),
  evaluate: ([x], { axis }) => [softmaxTensor(x!, normalizeAxis(axis, x!.shape.length)!)],
  body: {
    kind: 'composite',
    expand(builder, [x], { axis }) {
      const { powers, sum } = shifted(builder, x!, normalizeAxis(axis, x!.type.shape.length)!);
      return [builder.one('div', [powers, broadcast(builder, sum, x!.type.shape)])];
    },
  },
  vjp(builder, { results: [y], attributes }, [cotangent]) {
    const f = formula(builder);
    const axes = [normalizeAxis((attributes as Axis).axis, y!.type.shape.length)!];
    const mean = builder.one('reduce_sum', [f('mul', cotangent!, y!)], { axes });
    return [f('mul', y!, f('sub', cotangent!, mean))];
  },
  tolerance: { absolute: 1e-6, relative: 2e-5 },
  samples: lineSamples,
});

const logSoftmax: Op = defineOp<Axis>({
  name: 'log_softmax',
  doc: 'x - log(sum(exp(x))) along an axis (f32). A line that is -inf throughout, or has a NaN, is NaN, as in PyTorch.',
  operands: [{ name: 'x' }],
  attributes: AXIS,
  infer: (inputs, attributes) => inferLine('log_softmax', inputs, attributes),
  evaluate: ([x], { axis }) => [logSoftmaxTensor(x!, normalizeAxis(axis, x!.shape.length)!)],
  body: {
    kind: 'composite',
    expand(builder, [x], { axis }) {
      const { exponent, sum } = shifted(builder, x!, normalizeAxis(axis, x!.type.shape.length)!);
      return [builder.one('sub', [exponent, broadcast(builder, builder.one('log', [sum]), x!.type.shape)])];
    },
  },
  vjp(builder, { results: [y], attributes }, [cotangent]) {
    const f = formula(builder);
    const axes = [normalizeAxis((attributes as Axis).axis, y!.type.shape.length)!];
    const total = builder.one('reduce_sum', [cotangent!], { axes });
    return [f('sub', cotangent!, f('mul', f('exp', y!), total))];
  },
  tolerance: { absolute: 2e-5, relative: 1e-5 },
  samples: lineSamples,
});

function logSumExpTensor(x: Tensor, axis: Along['axis'], size: number): Float64Array {
  const axes = reducedAxes(x.shape, axis);
  const kept = x.shape.map((length, at) => (axes.includes(at) ? 1 : length));
  const strides = rowMajor(kept).map((stride, at) => (axes.includes(at) ? 0 : stride));
  const [count, step] = [x.shape.at(-1) ?? 1, strides.at(-1) ?? 0];
  const largest = new Float64Array(size).fill(-Infinity);
  const sums = new Float64Array(size);
  const walk = (visit: (at: number, element: number) => void): void =>
    forEachRow(x.shape, rowMajor(x.shape), strides, (from, to) => {
      for (let i = 0; i < count; i++) visit(to + i * step, x.data[from + i]!);
    });
  walk((at, element) => (largest[at] = Math.max(largest[at]!, element)));
  const shift = largest.map((value) => (Math.abs(value) === Infinity ? 0 : value));
  walk((at, element) => (sums[at]! += Math.exp(element - shift[at]!)));
  return sums.map((sum, at) => Math.log(sum) + shift[at]!);
}

const logSumExp: Op = defineOp<Along>({
  name: 'logsumexp',
  doc: 'log(sum(exp(x))) along some axes (f32); -inf of none, and where all elements are -inf.',
  operands: [{ name: 'x' }],
  attributes: ALONG,
  infer(inputs, along) {
    const error = dtypeFault('logsumexp', inputs, ['f32']);
    if (error) return { error };
    const found = reducedType('logsumexp', inputs[0]!, along);
    return 'error' in found ? found : gives(found.type);
  },
  evaluate: ([x], { axis }, [output]) => [logSumExpTensor(x!, axis, countOf(output!.shape))],
  body: {
    kind: 'composite',
    expand(builder, [x], along) {
      const axes = reducedAxes(x!.type.shape, along.axis);
      const largest = builder.one('reduce_max', [x!], { axes });
      const fill = (value: number): Value => broadcast(builder, scalar(builder, value), largest.type.shape);
      // An infinite maximum is not subtracted: inf - inf would make NaN of a plain infinity.
      const isInfinite = builder.one('equal', [builder.one('abs', [largest]), fill(Infinity)]);
      const shift = builder.one('where', [isInfinite, fill(0), largest]);
      const powers = builder.one('exp', [builder.one('sub', [x!, broadcast(builder, shift, x!.type.shape)])]);
      const sum = builder.one('reduce_sum', [powers], { axes });
      const kept = builder.one('add', [builder.one('log', [sum]), shift]);
      return [finish(builder, x!.type, kept, along)];
    },
  },
  vjp(builder, { inputs: [x], results: [result], attributes }, [cotangent]) {
    const f = formula(builder);
    const along = attributes as Along;
    const y = unfinished(builder, x!.type, result!, along);
    // Of elements that are all -inf, none has a share.
    const shift = f('where', f('equal', y, -Infinity), 0, y);
    return [f('mul', f('exp', f('sub', x!, shift)), unfinished(builder, x!.type, cotangent!, along))];
  },
  tolerance: SUM_TOLERANCE,
  samples: [
    ...alongCorners({}).map((attributes): Sample => ({ inputs: [f32(2, n, 3)], attributes })),
    { inputs: [f32(n)], attributes: { axis: 0, keepdim: false }, range: [90, 130] },
  ],
});

export const softmaxes: readonly Op[] = [softmax, logSoftmax, logSumExp];
