/**
 * The axes that windows slide along: their attributes, how many windows there are, and what a run's sizes have to offer
 * for there to be any. It must not know what is done with the elements of a window.
 */
import {
  add,
  constant,
  constantValue,
  equal,
  floorDiv,
  isAtLeast,
  minimum,
  multiply,
  ONE,
  print,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import type { AttributeSpec, SizeCondition } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { fails, type Mismatch } from '../rules.ts';

/** One int for all axes, or one for each. */
export type Ints = number | readonly number[];

/** How windows lie along one axis: `kernel` elements `dilation` apart, neighbours `stride` apart. */
export interface WindowAxis {
  readonly kernel: Dim;
  readonly stride: number;
  readonly dilation: number;
  /** Elements that the axis gets in front and behind. */
  readonly before: Dim;
  readonly after: Dim;
}

type Failure = { readonly error: Mismatch };

export const STRIDE: AttributeSpec = {
  name: 'stride',
  kind: 'ints',
  default: 1,
  doc: 'The distance of neighbouring windows, one int or one an axis.',
};
export const PADDING: AttributeSpec = {
  name: 'padding',
  kind: 'ints',
  default: 0,
  doc: 'How many elements both ends of an axis get, one int or one an axis.',
};
export const DILATION: AttributeSpec = {
  name: 'dilation',
  kind: 'ints',
  default: 1,
  doc: 'The distance of the elements of a window, one int or one an axis.',
};
export const KERNEL: AttributeSpec = {
  name: 'kernel_size',
  kind: 'ints',
  doc: 'How many elements a window has, one int or one an axis.',
};

/** The attribute's value for each of `count` axes, none of which may be less than `least`. */
export function intsOf(
  called: string,
  attribute: string,
  given: Ints,
  count: number,
  least: number,
): { readonly ints: readonly number[] } | Failure {
  const list = [given].flat();
  const ints = list.length === 1 ? Array.from({ length: count }, () => list[0]!) : list;
  if (ints.length !== count) {
    const wanted = count === 1 ? 'one int' : `one int or ${count}`;
    return fails(`\`${called}\` takes ${wanted} for \`${attribute}\`, not ${ints.length}`, { attribute });
  }
  const small = ints.find((value) => value < least);
  if (small === undefined) return { ints };
  return fails(`\`${attribute}\` of \`${called}\` must be at least ${least}, not ${small}`, { attribute });
}

/** How many elements of an axis a window reaches over, its gaps included. */
export function reachOf({ kernel, dilation }: WindowAxis): Dim {
  return add(multiply(constant(dilation), subtract(kernel, ONE)), ONE);
}

/** How many windows there are along an axis of `size`; it has to be as long as a window, its padding included. */
export function windowsAlong(size: Dim, axis: WindowAxis, bounds: Bounds): Dim {
  const room = subtract(add(size, axis.before, axis.after), reachOf(axis));
  return add(floorDiv(room, constant(axis.stride), bounds), ONE);
}

/**
 * The axis with as much padding behind as one window more needs, where elements are left behind the last one
 * (PyTorch's `ceil_mode`); that window has to begin inside the axis or its padding in front.
 */
export function roundedUp(size: Dim, axis: WindowAxis, bounds: Bounds): WindowAxis {
  const stride = constant(axis.stride);
  const up = constant(axis.stride - 1);
  const reach = reachOf(axis);
  const all = floorDiv(add(subtract(add(size, axis.before, axis.after), reach), up), stride, bounds);
  const begun = floorDiv(subtract(add(size, axis.before), ONE), stride, bounds);
  const last = minimum(all, begun, bounds);
  return { ...axis, after: subtract(add(multiply(last, stride), reach), add(size, axis.before)) };
}

/** What keeps `atLeastZero` from being negative: an error if it surely is, a condition if a run can tell. */
export function requireSize(
  atLeastZero: Dim,
  message: string,
  x: TensorType,
  bounds: Bounds,
): { readonly conditions: readonly SizeCondition[] } | Failure {
  if (isAtLeast(constant(-1), atLeastZero, bounds))
    return fails(message, { notes: [`x is ${printType(x)}`], operand: 0 });
  return { conditions: isAtLeast(atLeastZero, ZERO, bounds) ? [] : [{ atLeastZero, message }] };
}

function elements(count: Dim): string {
  return constantValue(count) === 1 ? '1 element' : `${print(count)} elements`;
}

export interface WindowedShape {
  /** The windowed sizes in place of the last axes of x. */
  readonly shape: readonly Dim[];
  readonly conditions: readonly SizeCondition[];
}

/** The shape of one result a window, over the last axes of `x`. */
export function windowedShape(
  called: string,
  x: TensorType,
  axes: readonly WindowAxis[],
  bounds: Bounds,
): WindowedShape | Failure {
  const first = x.shape.length - axes.length;
  const shape = [...x.shape];
  const conditions: SizeCondition[] = [];
  for (const [at, axis] of axes.entries()) {
    const size = x.shape[first + at]!;
    const padded = add(size, axis.before, axis.after);
    const room = subtract(padded, reachOf(axis));
    const there = equal(padded, size) ? print(size) : `${print(padded)} with the padding`;
    const message = `\`${called}\` needs ${elements(reachOf(axis))} of axis ${first + at} for one window, and there are ${there}`;
    const needed = requireSize(room, message, x, bounds);
    if ('error' in needed) return needed;
    conditions.push(...needed.conditions);
    shape[first + at] = windowsAlong(size, axis, bounds);
  }
  return { shape, conditions };
}

/** The last axes of `x` with their padding. */
export function padded(builder: Builder, x: Value, axes: readonly WindowAxis[], value: number): Value {
  const [before, after] = [axes.map((axis) => axis.before), axes.map((axis) => axis.after)];
  if ([...before, ...after].every((end) => constantValue(end) === 0)) return x;
  return builder.one('pad', [x], { before, after, mode: 'constant', value });
}

/** The elements of all windows over the last axes of `x`: one axis more for each of these, behind. */
export function windowed(builder: Builder, x: Value, axes: readonly WindowAxis[]): Value {
  return builder.one('windows', [x], {
    kernel: axes.map((axis) => axis.kernel),
    stride: axes.map((axis) => axis.stride),
    dilation: axes.map((axis) => axis.dilation),
  });
}

/** `windowed` with the axes inside windows before those of windows, so that neighbouring windows are side by side. */
export function windowsBehind(builder: Builder, view: Value, count: number): Value {
  const lead = view.type.shape.length - 2 * count;
  const places = (from: number): number[] => Array.from({ length: count }, (_, at) => from + at);
  const permutation = [...Array.from({ length: lead }, (_, at) => at), ...places(lead + count), ...places(lead)];
  return builder.one('transpose', [view], { permutation });
}

/** Numbers for one or two axes as those of a plane, whose first axis may be missing. */
export function planeOf(values: readonly number[], missing: number): readonly [number, number] {
  return values.length === 1 ? [missing, values[0]!] : [values[0]!, values[1]!];
}

/** The one or two windowed axes of a concrete tensor as those of a plane. */
export function planeAxes(axes: readonly WindowAxis[]): {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
} {
  const numbers = (dims: readonly Dim[], missing: number): readonly [number, number] =>
    planeOf(
      dims.map((dim) => constantValue(dim)!),
      missing,
    );
  return {
    kernel: numbers(
      axes.map((axis) => axis.kernel),
      1,
    ),
    stride: planeOf(
      axes.map((axis) => axis.stride),
      1,
    ),
    dilation: planeOf(
      axes.map((axis) => axis.dilation),
      1,
    ),
    before: numbers(
      axes.map((axis) => axis.before),
      0,
    ),
    after: numbers(
      axes.map((axis) => axis.after),
      0,
    ),
  };
}
