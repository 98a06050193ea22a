/**
 * Rows of numbers as bytes, four to an i32 word, in the order that `contract_words` multiplies and vectors like: byte j
 * of word w is element j · W + w of a row of W words, so that neighbouring words come from neighbouring elements. What
 * lies beyond the row is 0.
 */
import { add, constant, floorDiv, minimum, multiply, ONE, subtract, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import type { BodyWriter, Storage } from '../../ir/structured.ts';
import { binary, bitcast, compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';

/** Words of a row of `elements`. */
export function wordCount(elements: Dim): Dim {
  return floorDiv(add(elements, constant(3)), constant(4));
}

/** A shape of rows with one element, or one list of `last` elements, a row. */
export function perRow(shape: Shape, last: Dim = ONE): Shape {
  return [...shape.slice(0, -1), last];
}

/**
 * -x, and a single it is: what holds f32 in doubles, as JavaScript does, or may fuse its arithmetic, as a GPU may, has to
 * round it here, or would round some elements to other integers.
 */
export function negated(x: Expr): Expr {
  return bitcast(binary('xor', bitcast(x, 'i32'), literal(-(2 ** 31), 'i32')), 'f32');
}

/**
 * Numbers of which x is subtracted to round it to nearest, ties to even: the last bits of the difference are then -x, and
 * the first are `bits`. Those of `unsigned` hold nothing below the highest byte, so that shifts push them out.
 */
const ROUNDERS = {
  unsigned: { value: 2 ** 23, bits: 0x4b000000 },
  signed: { value: 1.5 * 2 ** 23, bits: 0x4b400000 },
} as const;

export type Signedness = keyof typeof ROUNDERS;

/** An i32 whose lowest byte is `-x`, rounded; |x| < 2²². */
export function roundedNegative(x: Expr, signedness: Signedness): Expr {
  return bitcast(binary('sub', literal(ROUNDERS[signedness].value), x), 'i32');
}

/** What `roundedNegative` makes of 0. */
export function roundedZero(signedness: Signedness): number {
  return ROUNDERS[signedness].bits;
}

/** A word of four i32, of which only the lowest bytes count. */
function packed(bytes: readonly Expr[], signedness: Signedness): Expr {
  const lowest = (byte: Expr): Expr => binary('and', byte, literal(255, 'i32'));
  return bytes
    .map((byte, at) => {
      // The highest byte pushes all else out.
      const isClean = at === 3 || (at > 0 && signedness === 'unsigned');
      const kept = isClean ? byte : lowest(byte);
      return at === 0 ? kept : binary('shl', kept, literal(8 * at, 'i32'));
    })
    .reduce((word, byte) => binary('or', word, byte));
}

/**
 * What depends on a row being finite, which `range` then is, too: numbers, otherwise NaN, and the bits that words keep,
 * otherwise none, since those made of NaN differ from engine to engine. `range` is judged by
 * its bits: a GPU need not compare a NaN right.
 */
export function whereFinite(body: BodyWriter, range: Expr): { readonly kept: Expr; orNaN(value: Expr): Expr } {
  const magnitude = binary('and', bitcast(range, 'i32'), literal(0x7fffffff, 'i32'));
  const isFinite = compare('lt', magnitude, literal(0x7f800000, 'i32'));
  return {
    kept: body.let(select(isFinite, literal(-1, 'i32'), literal(0, 'i32'))),
    orNaN: (value) => body.let(select(isFinite, value, literal(NaN))),
  };
}

/** How one row is made words. */
export interface RowOfWords {
  readonly signedness: Signedness;
  /** Its elements. */
  readonly size: Dim;
  /** What stands for an element, as `roundedNegative` makes it. */
  byte(body: BodyWriter, element: Dim): Expr;
  /** Sees what `byte` made for each word. */
  see?(body: BodyWriter, bytes: readonly Expr[]): void;
  readonly words: Storage;
  /** An i32 with the bits that words keep; without it, all. */
  readonly kept?: Expr;
  /** Where a word of the row lies. */
  at(word: Dim): readonly Dim[];
}

/** Writes the words of a row: those that are full in lanes, then the few that are not. */
export function writeWords(body: BodyWriter, row: RowOfWords): void {
  const words = wordCount(row.size);
  const missing = subtract(multiply(constant(4), words), row.size);
  const partial = minimum(missing, words);
  const full = subtract(words, partial);
  const word = (inner: BodyWriter, at: Dim, byte: (element: Dim) => Expr): void => {
    const bytes = [0, 1, 2, 3].map((part) => inner.let(byte(add(at, multiply(constant(part), words)))));
    row.see?.(inner, bytes);
    const all = packed(bytes, row.signedness);
    inner.store(row.words, row.at(at), row.kept ? binary('and', all, row.kept) : all);
  };
  body.loop(full, 'vector', (inner, at) => word(inner, at, (element) => row.byte(inner, element)));
  if (partial.key === '0') return;
  const last = subtract(row.size, ONE);
  body.loop(partial, 'serial', (inner, rest) =>
    word(inner, add(full, rest), (element) => {
      const inside = compare('lt', position(element), position(row.size));
      return select(inside, row.byte(inner, minimum(element, last)), literal(roundedZero(row.signedness), 'i32'));
    }),
  );
}
