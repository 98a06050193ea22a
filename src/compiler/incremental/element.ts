/** One element of a value at one position, as its index in the whole sequence and in one of another length. */
import {
  add,
  affineIn,
  constant,
  dependsOn,
  equal,
  floorDiv,
  isAtLeast,
  modulo,
  multiply,
  ONE,
  subtract,
  symbol,
  ZERO,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import { quotient } from '../ops/movement/reshape.ts';
import type { Digit, Part } from './layout.ts';
import { atLength, type Sequence } from './sequence.ts';

/** Integers of an index, by names that no spec can give. */
export const POSITION = '$position';
export const ROW_OF_BATCH = '$sequence';
export const GROUPED_ROW = '$row';

/** Another sequence in which the position is looked for. */
export interface Target {
  readonly length: Dim;
  readonly position: Dim;
}

/** A sequence of one token: the one at the position. */
export const ONE_TOKEN: Target = { length: ONE, position: ZERO };

/** The longest sequence, at the same position. */
export function longestSequence({ max }: Sequence): Target {
  return { length: constant(max), position: symbol(POSITION) };
}

export interface Element {
  readonly whole: readonly Dim[];
  readonly target: readonly Dim[];
  /** Limits of all integers in both. */
  readonly bounds: Bounds;
}

/** Any element of a value of `shape` that is at the position. */
export function elementAt(shape: Shape, parts: readonly Part[], target: Target, sequence: Sequence): Element {
  const bounds = new Map(sequence.bounds);
  bounds.set(sequence.time, constant(sequence.max));
  bounds.set(POSITION, subtract(symbol(sequence.time), ONE));
  const whole = shape.map(() => ZERO);
  const other = shape.map(() => ZERO);
  for (const [at, part] of parts.entries()) {
    const { kind, axis, size, inner } = part;
    const name = nameOfPart(part, at);
    if (kind !== 'time') bounds.set(name, subtract(size, ONE));
    const digit = symbol(name);
    whole[axis] = add(whole[axis]!, multiply(digit, inner));
    const own = kind === 'time' ? target.position : digit;
    other[axis] = add(other[axis]!, multiply(own, atLength(sequence, inner, target.length)));
  }
  return { whole, target: other, bounds };
}

/** The integer that stands for a part of an index; `at` is its place among all parts. */
export function nameOfPart({ kind }: Part, at: number): string {
  switch (kind) {
    case 'time':
      return POSITION;
    case 'batch':
      return ROW_OF_BATCH;
    case 'rows':
      return GROUPED_ROW;
    case 'other':
      return `$part${at}`;
  }
}

/** An index along one axis, seen as a number with the digit `name`. */
export interface Placed {
  readonly digit: Digit;
  readonly above: Dim;
  readonly below: Dim;
}

/**
 * How `index`, along an axis of `axisSize`, has the integer `name` (0 … size - 1) as a digit: index = (above * size +
 * name) * inner + below. `absent` where it does not depend on it, `broken` where it is no digit of it.
 */
export function digitOf(
  index: Dim,
  axis: { readonly axis: number; readonly size: Dim },
  counted: { readonly name: string; readonly size: Dim },
  bounds: Bounds,
): Placed | 'absent' | 'broken' {
  const { name, size } = counted;
  if (!dependsOn(index, name)) return 'absent';
  const inner = affineIn(index, name)?.coefficient;
  if (!inner || !isAtLeast(inner, ZERO, bounds) || !quotient(axis.size, multiply(inner, size))) return 'broken';
  const digit = modulo(floorDiv(index, inner, bounds), size, bounds);
  if (!equal(digit, symbol(name))) return 'broken';
  const above = floorDiv(index, multiply(inner, size), bounds);
  const below = modulo(index, inner, bounds);
  if (dependsOn(above, name) || dependsOn(below, name)) return 'broken';
  return { digit: { axis: axis.axis, inner }, above, below };
}
