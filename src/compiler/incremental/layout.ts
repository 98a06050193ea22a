/**
 * Where a tensor has its sequences: which digit of which axis counts positions, and which the sequences of the batch. An
 * axis "(b t)" has both.
 */
import { multiply, ONE, symbol, type Dim } from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import type { Node } from '../ir/graph.ts';
import { isOne } from '../ir/types.ts';
import { quotient } from '../ops/movement/reshape.ts';
import { mentionsTime, type Sequence } from './sequence.ts';

/** A digit of an axis's index in mixed radix: index = (above * size + digit) * inner + below, with below < inner. */
export interface Digit {
  readonly axis: number;
  readonly inner: Dim;
}

export interface Layout {
  readonly time?: Digit;
  readonly batch?: Digit;
  /** An axis of rows that a `grouping` has put into an order of its own. */
  readonly rows?: Rows;
}

export interface Rows {
  /** The axis of the rows; -1 where a value is about all of them, such as the offsets of the groups. */
  readonly axis: number;
  readonly grouping: Node;
  /** The layout of the tokens that were grouped: their axis is axis 0. */
  readonly tokens: Layout;
}

export const NOWHERE: Layout = {};

const digitKey = (digit: Digit | undefined): string => (digit ? `${digit.axis}/${digit.inner.key}` : '');

export function layoutKey({ time, batch, rows }: Layout): string {
  const grouped = rows ? `${rows.axis}@${rows.grouping.results[0]!.id}(${layoutKey(rows.tokens)})` : '';
  return `${digitKey(time)};${digitKey(batch)};${grouped}`;
}

/** Whether each element belongs to one position. */
export function hasPositions({ time, rows }: Layout): boolean {
  return time !== undefined || rows !== undefined;
}

export function hasBatch({ batch, rows }: Layout): boolean {
  return batch !== undefined || rows?.tokens.batch !== undefined;
}

/** One factor of an axis, outermost first; together the parts of an axis make its index. */
export interface Part {
  readonly kind: 'time' | 'batch' | 'rows' | 'other';
  readonly axis: number;
  readonly size: Dim;
  /** The step of the axis's index from one value of this part to the next. */
  readonly inner: Dim;
}

/** All axes in parts; those of size 1 have none. Undefined where the digits do not fit, or the sequence is elsewhere too. */
export function partsOf(shape: Shape, layout: Layout, sequence: Sequence): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (const [axis, size] of shape.entries()) {
    const own = layout.rows?.axis === axis ? rowsPart(axis, size) : partsOfAxis(axis, size, layout, sequence);
    if (!own || own.some((part) => part.kind === 'other' && mentionsTime(sequence, part.size))) return undefined;
    parts.push(...own);
  }
  return parts;
}

function rowsPart(axis: number, size: Dim): Part[] {
  return [{ kind: 'rows', axis, size, inner: ONE }];
}

interface SizedDigit extends Digit {
  readonly kind: 'time' | 'batch';
  readonly size: Dim;
}

function partsOfAxis(axis: number, size: Dim, { time, batch }: Layout, sequence: Sequence): Part[] | undefined {
  const digits: SizedDigit[] = [];
  if (time?.axis === axis) digits.push({ ...time, kind: 'time', size: symbol(sequence.time) });
  if (batch?.axis === axis) digits.push({ ...batch, kind: 'batch', size: sequence.batch });
  return splitAxis(axis, size, digits) ?? splitAxis(axis, size, digits.toReversed());
}

/** `digits` from the innermost on. */
function splitAxis(axis: number, size: Dim, digits: readonly SizedDigit[]): Part[] | undefined {
  const parts: Part[] = [];
  let inner = ONE;
  for (const digit of digits) {
    const gap = quotient(digit.inner, inner);
    if (!gap) return undefined;
    if (!isOne(gap)) parts.push({ kind: 'other', axis, size: gap, inner });
    parts.push({ kind: digit.kind, axis, size: digit.size, inner: digit.inner });
    inner = multiply(digit.inner, digit.size);
  }
  const above = quotient(size, inner);
  if (!above) return undefined;
  if (!isOne(above)) parts.push({ kind: 'other', axis, size: above, inner });
  return parts.reverse();
}

export function sameLayout(a: Layout, b: Layout): boolean {
  return layoutKey(a) === layoutKey(b);
}
