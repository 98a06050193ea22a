/** What the composites over reductions share: their axes, the count of what is reduced, and dropping kept axes. */
import { constant, constantValue, isAtLeast, ONE, print, product, subtract, type Dim } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Axes } from '../../ir/attributes.ts';
import type { Attributes, ShapeContext, TensorType, Value } from '../../ir/graph.ts';
import type { AttributeSpec, SizeCondition } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { axesOf, known, type Mismatch } from '../rules.ts';

export type Along = { readonly axis: Axes; readonly keepdim: boolean };

export const ALONG: readonly AttributeSpec[] = [
  {
    name: 'axis',
    kind: 'axes',
    default: null,
    doc: 'One axis, several, or none for all; negative ones count from the end.',
  },
  { name: 'keepdim', kind: 'bool', default: false, doc: 'Whether the reduced axes stay with size 1.' },
];

/** Sorted axes of a tensor known to have them. */
export function reducedAxes(shape: readonly unknown[], axis: Axes): readonly number[] {
  const rank = shape.length;
  const list = axis === null ? Array.from({ length: rank }, (_, at) => at) : [axis].flat();
  return list.map((at) => (at < 0 ? at + rank : at)).sort((a, b) => a - b);
}

/** The type with some axes reduced to size 1. */
export function reducedShape(x: TensorType, axes: readonly number[]): TensorType {
  return { dtype: x.dtype, shape: x.shape.map((dim, axis) => (axes.includes(axis) ? ONE : dim)) };
}

/** The type of a reduction's result. */
export function reducedType(
  called: string,
  x: TensorType,
  { axis, keepdim }: Along,
): { readonly type: TensorType } | { readonly error: Mismatch } {
  const found = axesOf(called, axis, x);
  if ('error' in found) return found;
  if (keepdim) return { type: reducedShape(x, found.axes) };
  return { type: { dtype: x.dtype, shape: x.shape.filter((_, at) => !found.axes.includes(at)) } };
}

/** `kept`, whose reduced axes have size 1, in the form that `keepdim` asks for. */
export function finish(builder: Builder, x: TensorType, kept: Value, along: Along): Value {
  const { type } = known(reducedType('', x, along));
  return along.keepdim || type.shape.length === kept.type.shape.length
    ? kept
    : builder.one('reshape', [kept], { shape: type.shape });
}

/** A reduction's result, or its cotangent, with the reduced axes of x in place. */
export function unfinished(builder: Builder, x: TensorType, result: Value, { axis, keepdim }: Along): Value {
  const { shape } = reducedShape(x, reducedAxes(x.shape, axis));
  return keepdim ? result : builder.one('reshape', [result], { shape });
}

export function broadcast(builder: Builder, x: Value, shape: readonly Dim[]): Value {
  return builder.one('expand', [x], { shape });
}

/** A number as a scalar. */
export function scalar(builder: Builder, value: number): Value {
  return builder.one('constant', [], { dtype: 'f32', shape: [], data: [value] });
}

/** A dimension as an f32 scalar: a literal where it is static. */
export function scalarOf(builder: Builder, dim: Dim): Value {
  const value = constantValue(dim);
  return value === undefined ? builder.one('size', [], { size: dim, dtype: 'f32' }) : scalar(builder, value);
}

/** The number of elements that are combined into one. */
export function reducedCount(x: TensorType, axes: readonly number[]): Dim {
  return product(axes.map((axis) => x.shape[axis]!));
}

/** Nothing has no largest element: an error where that is known, else a condition of the run. */
export function emptinessOf(
  called: string,
  x: TensorType,
  count: Dim,
  { bounds }: ShapeContext,
): { readonly error?: Mismatch; readonly conditions: readonly SizeCondition[] } {
  if (isAtLeast(count, ONE, bounds)) return { conditions: [] };
  const message = `\`${called}\` of ${printType(x)} needs at least one element, but there are ${print(count)}`;
  const atLeastZero = subtract(count, ONE);
  if (isAtLeast(constant(-1), atLeastZero, bounds)) return { error: { message, operand: 0 }, conditions: [] };
  return { conditions: [{ atLeastZero, message }] };
}

export const SUM_TOLERANCE = { absolute: 1e-5, relative: 1e-5 };

/** The corners every reduction is tried on. */
export function alongCorners<A extends Attributes>(further: A): readonly (Along & A)[] {
  return [
    { axis: null, keepdim: false, ...further },
    { axis: -1, keepdim: true, ...further },
    { axis: [0, 2], keepdim: false, ...further },
    { axis: 1, keepdim: false, ...further },
  ];
}
