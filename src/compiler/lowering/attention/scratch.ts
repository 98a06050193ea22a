/**
 * What one grid point keeps while it goes over the keys, for as many queries as a tile has columns: neighbouring queries
 * lie side by side, so that they are lanes of vectors. Every part is an index of the element of query 0.
 */
import { add, constant, multiply, type Dim } from '../../dims/dim.ts';
import type { Attention } from './analyse.ts';

export interface Layout {
  /** Elements of one grid point. */
  readonly size: Dim;
  /** The queries, transposed. */
  query(start: Dim, column: Dim): Dim;
  /** Scores of a block of keys, then their exponentials. */
  score(start: Dim, key: Dim): Dim;
  /** The sum so far of values by exponentials, in the order [depth][query]. */
  sum(start: Dim, column: Dim): Dim;
  /** The largest score so far. */
  largest(start: Dim): Dim;
  /** The sum of the exponentials so far. */
  denominator(start: Dim): Dim;
  /** What the sums so far have to be multiplied by, since a larger score was found. */
  correction(start: Dim): Dim;
}

export function layoutOf({ width, depth }: Attention, lanes: number, block: Dim): Layout {
  const step = constant(lanes);
  const scores = multiply(width, step);
  const sums = add(scores, multiply(block, step));
  const last = add(sums, multiply(depth, step));
  return {
    size: add(last, constant(3 * lanes)),
    query: (start, column) => add(start, multiply(column, step)),
    score: (start, key) => add(start, scores, multiply(key, step)),
    sum: (start, column) => add(start, sums, multiply(column, step)),
    largest: (start) => add(start, last),
    denominator: (start) => add(start, last, step),
    correction: (start) => add(start, last, constant(2 * lanes)),
  };
}
