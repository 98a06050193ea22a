/**
 * What the runtime has to know of a training program beside its steps: the numbers that change from update to update,
 * which it computes in f64, and how parameters get their first values. A leaf, as `program.ts` is.
 */

/** A schedule of the learning rate: the name and all settings of a record in the language's list of schedules. */
export interface ScheduleSpec {
  readonly name: string;
  readonly settings: { readonly [name: string]: number | boolean | string | null | readonly number[] };
}

/**
 * A number of the host: a literal; `'update'`, the number of the update from 1 on; a schedule at that update; or an
 * operator with its operands. `sqrt` takes one operand, the others two.
 */
export type HostExpr =
  | number
  | 'update'
  | { readonly schedule: ScheduleSpec }
  | readonly ['sqrt', HostExpr]
  | readonly ['+' | '-' | '*' | '/' | '**', HostExpr, HostExpr];

/** An f32[] input of the routine that updates, which the trainer fills. */
export interface ScalarSpec {
  readonly input: string;
  readonly value: HostExpr;
}

/** One parameter group of the optimizer, for reports; what it computes is in the steps. */
export interface GroupSpec {
  readonly lr: HostExpr;
  /** Names of weights. */
  readonly parameters: readonly string[];
}

/** Beside the program of a `train` entry. */
export interface TrainingSpec {
  /** Names of scalar outputs of `step` (or `accumulate`) and `evaluate`, beside `loss`. */
  readonly metrics: readonly string[];
  /** Batches averaged into one update. More than 1: `accumulate` runs for each of them, then `update`. */
  readonly accumulate: number;
  readonly scalars: readonly ScalarSpec[];
  /** Absent where the entry has no optimizer: there is no `step` then. */
  readonly optimizer?: { readonly name: string; readonly groups: readonly GroupSpec[] };
}

/** Names of the routines of a training program. */
export type TrainingRoutine = 'step' | 'accumulate' | 'update' | 'evaluate' | 'gradients';

/** u32[2] input of a routine that draws random numbers: the seed, and the number of the batch from 0 on. */
export const RANDOM_KEY = 'random.key';

/** The inputs that a caller gives: the key is made of a seed. */
export function givenInputs<T extends { readonly name: string }>(inputs: readonly T[]): readonly T[] {
  return inputs.filter(({ name }) => name !== RANDOM_KEY);
}

/**
 * How the first value of a parameter is drawn, element by element; numbers are f64. `truncated_normal` is the normal
 * distribution limited to [low, high].
 */
export type Distribution =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | {
      readonly kind: 'truncated_normal';
      readonly mean: number;
      readonly std: number;
      readonly low: number;
      readonly high: number;
    };
