/** `windows`, the view that convolutions and pools read through: the elements of every window, by index arithmetic. */
import { add, constant, isAtLeast, multiply, ZERO, type Dim } from '../../dims/dim.ts';
import { toDims } from '../../ir/attributes.ts';
import type { Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { viewOp } from '../movement/define.ts';
import { fails } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { windowsAlong, type WindowAxis } from './axes.ts';
import { sumOfWindows } from './window-sums.ts';

type Windows = {
  readonly kernel: readonly (Dim | number)[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
};

function axesOf({ kernel, stride, dilation }: Windows): WindowAxis[] {
  return toDims(kernel).map((dim, at) => ({
    kernel: dim,
    stride: stride[at]!,
    dilation: dilation[at]!,
    before: ZERO,
    after: ZERO,
  }));
}

export const windows: Op = viewOp<Windows>({
  name: 'windows',
  doc:
    'All windows over the last axes of x (any dtype): [..lead, size] becomes [..lead, windows, kernel], where element ' +
    'k of window i is element i * stride + k * dilation; with several axes all windows come before all kernels.',
  internal: true,
  overlaps: true,
  attributes: [
    { name: 'kernel', kind: 'shape', doc: 'How many elements a window has, for each of the last axes.' },
    { name: 'stride', kind: 'ints', doc: 'The distance of neighbouring windows, for each of them.' },
    { name: 'dilation', kind: 'ints', doc: 'The distance of the elements of a window, for each of them.' },
  ],
  shape(x, attributes, { bounds }) {
    const axes = axesOf(attributes);
    const lead = x.shape.length - axes.length;
    const sizes = axes.map((axis, at) => windowsAlong(x.shape[lead + at] ?? ZERO, axis, bounds));
    if (lead < 0 || sizes.some((size) => isAtLeast(ZERO, size, bounds)))
      return fails(`\`windows\` do not fit ${printType(x)}`);
    return { shape: [...x.shape.slice(0, lead), ...sizes, ...axes.map((axis) => axis.kernel)] };
  },
  view(shape, { stride, dilation }) {
    const strides = rowMajor(shape);
    const lead = shape.length - stride.length;
    const scaled = (by: readonly number[]): number[] => by.map((factor, at) => factor * strides[lead + at]!);
    return { offset: 0, strides: [...strides.slice(0, lead), ...scaled(stride), ...scaled(dilation)] };
  },
  source(index, { stride, dilation }) {
    const count = stride.length;
    const lead = index.length - 2 * count;
    const inside = stride.map((step, at) =>
      add(multiply(constant(step), index[lead + at]!), multiply(constant(dilation[at]!), index[lead + count + at]!)),
    );
    return [...index.slice(0, lead), ...inside];
  },
  vjp(builder, cotangent, { shape }, attributes) {
    const axes = axesOf(attributes);
    return sumOfWindows(builder, cotangent, shape.slice(shape.length - axes.length), axes);
  },
  samples: [
    { inputs: [f32(2, n)], attributes: { kernel: toDims([3]), stride: [1], dilation: [1] } },
    { inputs: [f32(n, 5, 7)], attributes: { kernel: toDims([2, 3]), stride: [2, 1], dilation: [1, 2] } },
    { inputs: [f32(3, n, n)], attributes: { kernel: toDims([2, 2]), stride: [2, 3], dilation: [1, 1] } },
    { inputs: [tensor('i32', n)], attributes: { kernel: toDims([1]), stride: [2], dilation: [1] } },
  ],
});
