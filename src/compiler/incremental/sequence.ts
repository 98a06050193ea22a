/** The sequence that generation goes along, and sizes at one length of it. */
import { constant, substitute, symbolsOf, type Bounds, type Dim } from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import { isDim, isList, isRecord } from '../ir/attributes.ts';
import type { Attribute, Attributes, TensorType } from '../ir/graph.ts';
import { isOne } from '../ir/types.ts';

export interface Sequence {
  /** The symbol of the dimension that grows. */
  readonly time: string;
  /** Its limit. */
  readonly max: number;
  /** How many sequences there are at once. */
  readonly batch: Dim;
  /** Limits of the graph's dims. */
  readonly bounds: Bounds;
}

export function mentionsTime({ time }: Sequence, dim: Dim): boolean {
  return symbolsOf(dim).includes(time);
}

export function isAlongTime(sequence: Sequence, shape: Shape): boolean {
  return shape.some((size) => mentionsTime(sequence, size));
}

/** `dim` where the sequence is `length` long. */
export function atLength({ time, bounds }: Sequence, dim: Dim, length: Dim): Dim {
  return substitute(dim, (name) => (name === time ? length : undefined), bounds);
}

export function shapeAtLength(sequence: Sequence, shape: Shape, length: Dim): Shape {
  return shape.map((size) => atLength(sequence, size, length));
}

export function typeAtLength(sequence: Sequence, { dtype, shape }: TensorType, length: Dim): TensorType {
  return { dtype, shape: shapeAtLength(sequence, shape, length) };
}

export function attributesAtLength(sequence: Sequence, attributes: Attributes, length: Dim): Attributes {
  return mapRecord(attributes, (dim) => atLength(sequence, dim, length));
}

/** Whether an attribute says something of the length. */
export function attributesMentionTime(sequence: Sequence, attributes: Attributes): boolean {
  let found = false;
  mapRecord(attributes, (dim) => {
    found ||= mentionsTime(sequence, dim);
    return dim;
  });
  return found;
}

function mapRecord(attributes: Attributes, change: (dim: Dim) => Dim): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, mapDims(value, change)]));
}

function mapDims(value: Attribute, change: (dim: Dim) => Dim): Attribute {
  if (isDim(value)) return change(value);
  if (isList(value)) return value.map((item) => mapDims(item, change));
  return isRecord(value) ? mapRecord(value, change) : value;
}

/** The longest sequence as a size. */
export function longest({ max }: Sequence): Dim {
  return constant(max);
}

/** A single sequence is the same whoever reads it. */
export function hasSeveral({ batch }: Sequence): boolean {
  return !isOne(batch);
}
