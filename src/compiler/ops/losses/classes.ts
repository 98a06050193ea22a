/** What losses over classes share: the class axis, targets that are class numbers, and weights of classes. */
import { equal, ONE, print, type Dim } from '../../dims/dim.ts';
import { sameShape, type Shape } from '../../dims/shape.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import type { AttributeSpec, Tensor } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { concretePlace } from '../indexed/place.ts';
import { forEachLine } from '../lines.ts';
import { broadcast } from '../reduce/composite.ts';
import { axisOf, dtypeFault, type Mismatch } from '../rules.ts';

export type ClassAxis = { readonly axis: number | null };

export const CLASS_AXIS: AttributeSpec = {
  name: 'axis',
  kind: 'axis',
  default: null,
  doc: 'The axis of classes; none for axis 1, or 0 of a single example.',
};

export const IGNORE_INDEX: AttributeSpec = {
  name: 'ignore_index',
  kind: 'int',
  default: -100,
  doc: 'Examples with this target count nothing.',
};

export const CLASSES_DOC =
  'The classes are along axis 1 unless `axis` names another, the targets i32 of the remaining axes. An example whose ' +
  'target is no class, and not `ignore_index`, has the loss NaN.';

/** The class axis of a tensor known to have it. */
export function classAxis(rank: number, { axis }: ClassAxis): number {
  return normalizeAxis(axis ?? Math.min(1, rank - 1), rank)!;
}

/** The shape without the class axis: one place for each example. */
export function exampleShape(shape: Shape, axis: ClassAxis): Shape {
  return shape.toSpliced(classAxis(shape.length, axis), 1);
}

/** Why `x` cannot have classes, or the weights do not fit them. */
export function classesFault(
  called: string,
  x: TensorType,
  weight: TensorType | undefined,
  { axis }: ClassAxis,
): Mismatch | undefined {
  const wrong = dtypeFault(called, weight ? [x, weight] : [x], ['f32']);
  if (wrong) return wrong.operand === 1 ? { ...wrong, operand: 2 } : wrong;
  const found = axisOf(called, axis ?? Math.min(1, x.shape.length - 1), x);
  if ('error' in found) return found.error;
  const classes = x.shape[found.axis]!;
  if (!weight || (weight.shape.length === 1 && equal(weight.shape[0]!, classes))) return undefined;
  const message = `\`${called}\` needs a weight for each of the ${print(classes)} classes, not ${printType(weight)}`;
  return { message, operand: 2 };
}

/** Why `target` does not name a class for each example of `x`, whose class axis is known to exist. */
export function targetFault(called: string, x: TensorType, target: TensorType, axis: ClassAxis): Mismatch | undefined {
  const wanted: TensorType = { dtype: 'i32', shape: exampleShape(x.shape, axis) };
  if (target.dtype === 'i32' && sameShape(target.shape, wanted.shape)) return undefined;
  const message = `\`${called}\` of ${printType(x)} needs targets ${printType(wanted)}, not ${printType(target)}`;
  return { message, operand: 1 };
}

/** Class numbers with those to be ignored replaced by 0, and whether each counts; both with the class axis of size 1. */
export function keptTargets(
  builder: Builder,
  target: Value,
  axis: number,
  ignored: number,
): { readonly index: Value; readonly isKept: Value } {
  const index = builder.one('unsqueeze', [target], { axis });
  const same = (value: number): Value => {
    const number = builder.one('constant', [], { dtype: 'i32', shape: [], data: [value] });
    return broadcast(builder, number, index.type.shape);
  };
  const isKept = builder.one('not_equal', [index, same(ignored)]);
  return { index: builder.one('where', [isKept, index, same(0)]), isKept };
}

/** The weights of classes along their axis of a tensor of `shape`. */
export function alongClasses(builder: Builder, weight: Value, axis: number, shape: readonly Dim[]): Value {
  const aligned = shape.map((size, at) => (at === axis ? size : ONE));
  return broadcast(builder, builder.one('reshape', [weight], { shape: aligned }), shape);
}

/** One example in f64: its scores by class. */
export interface Example {
  readonly scores: readonly number[];
  /** The positions of its elements in the whole tensor. */
  readonly places: readonly number[];
}

export function examplesOf(x: Tensor, axis: ClassAxis): Example[] {
  const examples: Example[] = [];
  forEachLine(x.shape, classAxis(x.shape.length, axis), (first, count, step) => {
    const places = Array.from({ length: count }, (_, at) => first + at * step);
    examples.push({ scores: places.map((place) => x.data[place]!), places });
  });
  return examples;
}

/** The value of class `target`, NaN where there is no such class. */
export function ofClass(values: ArrayLike<number>, target: number): number {
  const place = concretePlace(target, values.length);
  return place === undefined ? NaN : values[place]!;
}

/** log(softmax(scores)) */
export function logProbabilities(scores: readonly number[]): number[] {
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
  return scores.map((score) => score - largest - Math.log(sum));
}
