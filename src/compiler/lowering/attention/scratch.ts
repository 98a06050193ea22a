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
  /** The largest score with those of the block, where its product finds it. */
  found(start: Dim): Dim;
  /** The sum of the exponentials so far. */
  denominator(start: Dim): Dim;
  /** What the sums so far have to be multiplied by, since a larger score was found. */
  correction(start: Dim): Dim;
  /** One by the denominator, in the end. */
  inverse(start: Dim): Dim;
}

export function layoutOf({ width, depth }: Attention, lanes: number, block: Dim): Layout {
  const step = constant(lanes);
  const scores = multiply(width, step);
  const sums = add(scores, multiply(block, step));
  const last = add(sums, multiply(depth, step));
  const slot = (at: number) => (start: Dim) => add(start, last, constant(at * lanes));
  return {
    size: add(last, constant(4 * lanes)),
    query: (start, column) => add(start, multiply(column, step)),
    score: (start, key) => add(start, scores, multiply(key, step)),
    sum: (start, column) => add(start, sums, multiply(column, step)),
    largest: slot(0),
    denominator: slot(1),
    correction: slot(2),
    found: slot(3),
    inverse: slot(3),
  };
}
