/** The order that sorting and selecting share: NaN above all numbers, -0 equal to 0, equal elements by their index. */
import { binary, compare, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';

/** An element with its index along the axis. */
export interface Keyed {
  readonly key: Expr;
  readonly index: Expr;
}

function isAbove(a: Expr, b: Expr): Expr {
  if (a.type !== 'f32') return compare('gt', a, b);
  return binary('and', unary('not', compare('le', a, b)), compare('eq', b, b));
}

/** Whether key `a` comes before key `b`, whatever their indices. */
export function precedes(a: Expr, b: Expr, descending: boolean): Expr {
  return descending ? isAbove(a, b) : isAbove(b, a);
}

/** Whether `a` comes before `b`; of equal keys, the lower index does. */
export function comesFirst(a: Keyed, b: Keyed, descending: boolean): Expr {
  const isTied = unary('not', precedes(b.key, a.key, descending));
  const isEarlier = binary('and', isTied, compare('lt', a.index, b.index));
  return binary('or', precedes(a.key, b.key, descending), isEarlier);
}

/** The same order for evaluations: the indices of `keys`, sorted. */
export function sortedIndices(keys: readonly number[], descending: boolean): number[] {
  const rank = (key: number): number => (Number.isNaN(key) ? 1 : 0);
  const order = (a: number, b: number): number => rank(a) - rank(b) || (a > b ? 1 : a < b ? -1 : 0);
  const sign = descending ? -1 : 1;
  return keys.map((_, at) => at).sort((i, j) => sign * order(keys[i]!, keys[j]!) || i - j);
}
