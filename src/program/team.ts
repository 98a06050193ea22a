/**
 * The words by which the threads of a WebAssembly program agree. They lie behind the argument table, in two cache lines:
 * one that changes with every arrival, and one at which those look who wait.
 */
import { ALIGNMENT, alignUp } from './layout.ts';

/** Byte addresses of i32 words. */
export interface TeamWords {
  /** Counts the meetings of the ranks. Whoever stops the team counts on as well. */
  readonly generation: number;
  /** Not 0 once the team must not go on: set before the generation is changed. */
  readonly stopped: number;
  /**
   * The steps of the next round: two words, from the first up to but not including the second. They are at the first of
   * these addresses in an even generation, at the other in an odd one.
   */
  readonly rounds: readonly [number, number];
  /** How many ranks have arrived at the current meeting. */
  readonly arrived: number;
  /** How many ranks sleep until the generation changes. */
  readonly sleeping: number;
}

/** The words behind a table of `slots` words. */
export function teamWords(slots: number): TeamWords {
  const at = alignUp(4 * slots);
  const next = at + ALIGNMENT;
  return { generation: at, stopped: at + 4, rounds: [at + 8, at + 16], arrived: next, sleeping: next + 4 };
}

/** The first address behind the words. */
export function endOfTeamWords(slots: number): number {
  return alignUp(4 * slots) + 2 * ALIGNMENT;
}

/** Ranks that a team has at most. */
export const MOST_RANKS = 64;

/** Byte addresses of what programs have that count their multiply-adds: an f64 for each rank, behind the words. */
export interface CounterWords {
  readonly first: number;
  /** From one rank's to the next's: ranks do not write to a common cache line. */
  readonly stride: number;
  /** Behind the last one. */
  readonly end: number;
}

export function counterWords(slots: number): CounterWords {
  const first = endOfTeamWords(slots);
  return { first, stride: ALIGNMENT, end: first + MOST_RANKS * ALIGNMENT };
}
