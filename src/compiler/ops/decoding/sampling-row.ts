/** What the loop nests of `sample_token` have in common: a row of logits, and how its tokens are measured. */
import type { Dim } from '../../dims/dim.ts';
import type { BodyWriter, Storage, Variable } from '../../ir/structured.ts';
import { literal } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';

export const MOST_I32 = 2 ** 31 - 1;
export const LEAST_I32 = -(2 ** 31);
/** A bisection of all i32. */
export const ROUNDS = 32;

export const i32 = (value: number): Expr => literal(value, 'i32');

/** One row, as the kernel sees it. */
export interface Row {
  readonly b: Dim;
  readonly vocabulary: Dim;
  /** What the tokens weigh: the logits at first, then their powers, 0 for those that are out. */
  readonly weights: Storage;
  /** Integers in the order of the logits; the least of all for tokens that are out. */
  readonly keys: Storage;
}

/** What one token counts for. */
export type Measure = (step: BodyWriter, at: Dim) => Expr;

/** How tokens are put out and one of those left is drawn. */
export interface Choosing {
  /** How much all tokens measure. */
  total(body: BodyWriter, row: Row, measure: Measure): Expr;
  /** Puts out all tokens but those before which, from the most likely on, less than `goal` lies. */
  keepUpTo(body: BodyWriter, row: Row, goal: Expr, measure: Measure): void;
  /** The first token whose weight, with those before it, is above `goal`; else the last with a weight. */
  draw(body: BodyWriter, row: Row, goal: Expr, token: Variable): void;
}
