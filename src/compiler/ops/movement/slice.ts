/** `slice` and `flip`: parts of axes, and axes read backwards. */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  isAtLeast,
  multiply,
  ONE,
  print,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim, toDims, type Axes } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { axesOf, fails, known } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { viewOp } from './define.ts';

type Slice = {
  readonly starts: readonly (Dim | number)[];
  readonly stops: readonly (Dim | number)[];
  readonly steps: readonly (Dim | number)[];
};

/** `ceil((stop - start) / step)` */
function extent(start: Dim, stop: Dim, step: number, bounds: Bounds): Dim {
  return floorDiv(add(subtract(stop, start), constant(step - 1)), constant(step), bounds);
}

/** Why `start … stop` is surely no part of an axis of `size`, if it is not. What depends on a symbol gets the doubt. */
function rangeFault(start: Dim, stop: Dim, size: Dim, bounds: Bounds): string | undefined {
  const surelyLess = (a: Dim, b: Dim): boolean => isAtLeast(b, add(a, ONE), bounds);
  if (surelyLess(start, ZERO)) return `the start ${print(start)} is negative`;
  if (surelyLess(stop, start)) return `the stop ${print(stop)} is before the start ${print(start)}`;
  if (surelyLess(size, stop)) return `the stop ${print(stop)} is beyond the size ${print(size)}`;
  return undefined;
}

/** Each element followed by as many zeros as a step of its axis passes over. */
function dilate(builder: Builder, x: Value, steps: readonly Dim[]): Value {
  if (steps.every((step) => constantValue(step) === 1)) return x;
  const { shape } = x.type;
  const apart = builder.one('reshape', [x], { shape: shape.flatMap((size) => [size, ONE]) });
  const padded = builder.one('pad', [apart], {
    before: apart.type.shape.map(() => ZERO),
    after: steps.flatMap((step) => [ZERO, subtract(step, ONE)]),
  });
  return builder.one('reshape', [padded], { shape: shape.map((size, axis) => multiply(size, steps[axis]!)) });
}

export const slice: Op = viewOp<Slice>({
  name: 'slice',
  doc:
    'Every steps[i]-th index from starts[i] up to, not including, stops[i] of axis i (any dtype). For every axis ' +
    '0 <= start <= stop <= size and step > 0; what the language writes otherwise is brought to this form before.',
  internal: true,
  attributes: [
    { name: 'starts', kind: 'shape', doc: 'The first index of each axis.' },
    { name: 'stops', kind: 'shape', doc: 'The index behind the last of each axis.' },
    { name: 'steps', kind: 'shape', doc: 'The distance of indices of each axis, a number.' },
  ],
  shape(x, { starts, stops, steps }, { bounds }) {
    const rank = x.shape.length;
    if ([starts, stops, steps].some((list) => list.length !== rank))
      return fails(`\`slice\` of ${printType(x)} needs a start, stop and step for each axis`);
    const shape: Dim[] = [];
    for (const [axis, size] of x.shape.entries()) {
      const [start, stop, step] = [toDim(starts[axis]!), toDim(stops[axis]!), constantValue(toDim(steps[axis]!))];
      const badStep = step === undefined || step < 1 ? 'the step is not a positive number' : undefined;
      const fault = badStep ?? rangeFault(start, stop, size, bounds);
      if (fault !== undefined) {
        return fails(`a slice does not fit axis ${axis} of ${printType(x)}`, { notes: [fault], operand: 0 });
      }
      shape.push(extent(start, stop, step!, bounds));
    }
    return { shape };
  },
  view(shape, { starts, steps }, _, symbols) {
    const strides = rowMajor(shape);
    const offset = strides.reduce((sum, stride, axis) => sum + stride * sizeOf(starts[axis]!, symbols), 0);
    return { offset, strides: strides.map((stride, axis) => stride * sizeOf(steps[axis]!, symbols)) };
  },
  source: (index, { starts, steps }) =>
    index.map((at, axis) => add(multiply(at, toDim(steps[axis]!)), toDim(starts[axis]!))),
  vjp(builder, cotangent, x, { starts, steps }) {
    const strides = toDims(steps);
    const spread = dilate(builder, cotangent, strides);
    const after = x.shape.map((size, at) => subtract(size, add(toDim(starts[at]!), spread.type.shape[at]!)));
    return builder.one('pad', [spread], { before: starts, after });
  },
  samples: [
    { inputs: [f32(n, 5)], attributes: { starts: toDims([0, 1]), stops: toDims([n, 4]), steps: toDims([1, 2]) } },
    {
      inputs: [f32(2, n, 3)],
      attributes: { starts: toDims([1, 0, 0]), stops: toDims([2, n, 0]), steps: toDims([1, 1, 1]) },
    },
    { inputs: [f32(n)], attributes: { starts: [ONE], stops: [n], steps: [constant(3)] } },
    {
      inputs: [tensor('i32', n, 2)],
      attributes: { starts: [subtract(n, ONE), ZERO], stops: toDims([n, 2]), steps: toDims([1, 1]) },
    },
    { inputs: [f32()], attributes: { starts: [], stops: [], steps: [] } },
  ],
});

type Flip = { readonly axis: Axes };

/** The flipped axes of a tensor known to have them. */
function flipped(rank: number, axis: Axes): ReadonlySet<number> {
  const type = { dtype: 'f32', shape: Array.from({ length: rank }, () => ONE) } as const;
  return new Set(known(axesOf('flip', axis, type)).axes);
}

function mirrored(index: readonly Dim[], axis: Axes, shape: readonly Dim[]): Dim[] {
  const axes = flipped(shape.length, axis);
  return index.map((at, i) => (axes.has(i) ? subtract(subtract(shape[i]!, ONE), at) : at));
}

export const flip: Op = viewOp<Flip>({
  name: 'flip',
  doc: 'The tensor read backwards along the given axes, none for all (any dtype).',
  attributes: [{ name: 'axis', kind: 'axes', default: null, doc: 'One axis, several, or none for all.' }],
  shape(x, { axis }) {
    const axes = axesOf('flip', axis, x);
    return 'error' in axes ? axes : { shape: x.shape };
  },
  view(shape, { axis }) {
    const axes = flipped(shape.length, axis);
    let offset = 0;
    const strides = rowMajor(shape).map((stride, i) => {
      if (!axes.has(i)) return stride;
      offset += stride * (shape[i]! - 1);
      return -stride;
    });
    return { offset, strides };
  },
  source: (index, { axis }, { inputs }) => mirrored(index, axis, inputs[0]!.shape),
  destination: (index, { axis }, { inputs }) => mirrored(index, axis, inputs[0]!.shape),
  vjp: (builder, cotangent, _, attributes) => builder.one('flip', [cotangent], attributes),
  samples: [
    { inputs: [f32(2, n)], attributes: { axis: -1 } },
    { inputs: [f32(n, 2, 3)], attributes: { axis: [0, 2] } },
    { inputs: [tensor('bool', n)], attributes: { axis: null } },
  ],
});
