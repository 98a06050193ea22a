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
  /** The steps of the next round: from `first` up to but not including `last`. */
  readonly first: number;
  readonly last: number;
  /** How many ranks have arrived at the current meeting. */
  readonly arrived: number;
  /** How many ranks sleep until the generation changes. */
  readonly sleeping: number;
}

/** The words behind a table of `slots` words. */
export function teamWords(slots: number): TeamWords {
  const at = alignUp(4 * slots);
  const next = at + ALIGNMENT;
  return { generation: at, stopped: at + 4, first: at + 8, last: at + 12, arrived: next, sleeping: next + 4 };
}

/** The first address behind the words, for buffers. */
export function endOfTeamWords(slots: number): number {
  return alignUp(4 * slots) + 2 * ALIGNMENT;
}
