/** Sorting and selecting along the last axis where the elements of a line are shared out: more comparisons, side by side. */
import { add, constant, constantValue, floorDiv, minimum, multiply, type Dim } from '../../dims/dim.ts';
import type { BodyWriter, NestWriter, Storage } from '../../ir/structured.ts';
import { binary, bitcast, compare, literal, position, select, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { precedes } from './order.ts';

const i32 = (value: number): Expr => literal(value, 'i32');
const MOST = 2 ** 31 - 1;
const LEAST = -(2 ** 31);

/** Steps of a bisection of a line of `size`, and rounds that double the length of sorted runs until they are all of it. */
function roundsOf(size: Dim): Dim {
  const known = constantValue(size);
  return constant(known === undefined ? 31 : Math.ceil(Math.log2(known + 1)));
}

/**
 * A merge sort whose rounds place each element by itself: behind those before it in its own run, and behind as many of the
 * run beside it as come before it, which a bisection counts.
 */
export function writeSortAtOnce(nest: NestWriter, descending: boolean): void {
  const { shape } = nest.inputs[0]!;
  const [values, indices] = nest.results as [Storage, Storage];
  const size = shape.at(-1)!;
  const sorted = nest.scratch(indices.type);
  nest.kernel(shape.slice(0, -1), (body, lead) => {
    const line = { lead, size, indices, sorted, descending };
    body.loop(size, 'vector', (start, at) => start.store(indices, [...lead, at], position(at)));
    const width = body.variable(i32(1));
    body.loop(roundsOf(size), 'serial', (round) =>
      round.when(compare('lt', width, position(size)), (merge) => {
        mergeRuns(merge, merge.integer(width), line);
        merge.assign(width, binary('add', width, width));
      }),
    );
    body.loop(size, 'vector', (end, at) => {
      const from = end.position(end.load(indices, [...lead, at]), size);
      end.store(values, [...lead, at], end.read(0, [...lead, from]));
    });
  });
}

interface Line {
  readonly lead: readonly Dim[];
  readonly size: Dim;
  readonly indices: Storage;
  readonly sorted: Storage;
  readonly descending: boolean;
}

function mergeRuns(body: BodyWriter, width: Dim, { lead, size, indices, sorted, descending }: Line): void {
  const pair = multiply(constant(2), width);
  const keyOf = (at: BodyWriter, index: Expr): Expr => at.let(at.read(0, [...lead, at.position(index, size)]));
  body.loop(size, 'vector', (each, slot) => {
    const start = multiply(floorDiv(slot, pair), pair);
    const middle = minimum(add(start, width), size);
    const own = each.let(each.load(indices, [...lead, slot]));
    const key = keyOf(each, own);
    const isLeft = each.let(compare('lt', position(slot), position(middle)));
    const first = each.let(select(isLeft, position(middle), position(start)));
    const low = each.variable(first);
    const high = each.variable(select(isLeft, position(minimum(add(start, pair), size)), position(middle)));
    each.loop(roundsOf(size), 'serial', (step) =>
      step.when(compare('lt', low, high), (half) => {
        const at = half.let(binary('shr', binary('add', low, high), i32(1)));
        const other = keyOf(half, half.load(indices, [...lead, half.position(at, size)]));
        // Of equal elements those of the left run come first.
        const isAfter = half.let(unary('not', precedes(key, other, descending)));
        const isBefore = half.let(precedes(other, key, descending));
        half.when(
          select(isLeft, isBefore, isAfter),
          (before) => before.assign(low, binary('add', at, i32(1))),
          (after) => after.assign(high, at),
        );
      }),
    );
    const ahead = binary('sub', low, first);
    const among = select(isLeft, position(slot), binary('sub', position(add(slot, start)), position(middle)));
    each.store(sorted, [...lead, each.position(binary('add', among, ahead), size)], own);
  });
  body.loop(size, 'vector', (copy, at) => copy.store(indices, [...lead, at], copy.load(sorted, [...lead, at])));
}

/** An i32 for each element, of which the larger comes first. */
function rankOf(element: Expr, isLargestFirst: boolean): Expr {
  const upwards = (): Expr => {
    if (element.type === 'i32') return element;
    if (element.type === 'u32') return binary('xor', bitcast(element, 'i32'), i32(LEAST));
    // Adding 0 makes 0 of -0. The bits of negative numbers count down; NaN, told by its bits, is above all.
    const bits = bitcast(binary('add', element, literal(0)), 'i32');
    const ordered = binary('xor', bits, binary('and', binary('shr', bits, i32(31)), i32(MOST)));
    const isNaN = compare('gt', binary('and', bits, i32(MOST)), i32(0x7f800000));
    return select(isNaN, i32(MOST), ordered);
  };
  return isLargestFirst ? upwards() : unary('not', upwards());
}

/** One element after the other: the largest of those that come after the last one found, and the first place it has. */
export function writeTopKAtOnce(nest: NestWriter, k: number, isLargestFirst: boolean): void {
  const { shape } = nest.inputs[0]!;
  const [values, indices] = nest.results as [Storage, Storage];
  const size = shape.at(-1)!;
  const ranks = nest.scratch({ dtype: 'i32', shape });
  nest.kernel(shape.slice(0, -1), (body, lead) => {
    body.loop(size, 'vector', (each, at) =>
      each.store(ranks, [...lead, at], rankOf(each.let(each.read(0, [...lead, at])), isLargestFirst)),
    );
    const [last, found] = [body.variable(i32(MOST)), body.variable(i32(-1))];
    body.loop(constant(k), 'serial', (round, slot) => {
      const rank = (step: BodyWriter, at: Dim): Expr => step.let(step.load(ranks, [...lead, at]));
      const isLeft = (own: Expr, at: Dim): Expr => {
        const isTied = binary('and', compare('eq', own, last), compare('gt', position(at), found));
        return binary('or', compare('lt', own, last), isTied);
      };
      const best = round.variable(i32(LEAST));
      round.loop(size, 'vector', (step, at) => {
        const own = rank(step, at);
        step.reduce(best, 'max', select(isLeft(own, at), own, i32(LEAST)));
      });
      const first = round.variable(i32(MOST));
      round.loop(size, 'vector', (step, at) => {
        const own = rank(step, at);
        const isBest = binary('and', isLeft(own, at), compare('eq', own, best));
        step.reduce(first, 'min', select(isBest, position(at), i32(MOST)));
      });
      round.assign(last, best);
      round.assign(found, first);
      const from = round.position(found, size);
      round.store(values, [...lead, slot], round.read(0, [...lead, from]));
      round.store(indices, [...lead, slot], position(from));
    });
  });
}
