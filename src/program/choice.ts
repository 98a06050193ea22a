/** Which kernel a step calls, of those that do the same. Decided when dimensions are bound. */
import type { Alternative, Guard, Step } from './program.ts';
import { evaluateSize, type Dims } from './size.ts';

/** What a choice depends on. */
export interface Situation {
  readonly dims: Dims;
  /** The tile of the model's products, an index into the target's `tiles`. */
  readonly tile: number;
}

/** 0 where none of the guards holds, else the place of the first that does, counted from 1. */
export function firstThatHolds(guards: readonly Guard[], situation: Situation): number {
  return guards.findIndex((guard) => holds(guard, situation)) + 1;
}

function holds({ tile, atLeastZero }: Guard, situation: Situation): boolean {
  if (tile !== undefined && tile !== situation.tile) return false;
  return atLeastZero === undefined || evaluateSize(atLeastZero, situation.dims) >= 0;
}

/** What a step calls: its own kernel, or an alternative. */
export function chosenOf(step: Step, situation: Situation): Step | Alternative {
  const { alternatives } = step;
  const chosen = alternatives ? firstThatHolds(alternatives, situation) : 0;
  return chosen === 0 ? step : alternatives![chosen - 1]!;
}

/** The number of the kernel that a step calls. */
export function kernelOf(step: Step, situation: Situation): number {
  return chosenOf(step, situation).kernel;
}
