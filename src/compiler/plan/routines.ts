/** The routines of a program and their argument tables, one after the other. */
import type { Condition } from '../ir/graph.ts';
import type {
  Alternative,
  ArgumentTable,
  Guard,
  ProgramCondition,
  Routine,
  Step,
  TensorSpec,
} from '../../program/program.ts';
import type { SizeExpr } from '../../program/size.ts';
import { tableSlots } from '../../program/table.ts';
import type { BufferId, LoweredRoutine, NamedTensor } from './lowered.ts';
import { toSizeExpr } from './size-expr.ts';

/** One call of the generated `run` function. */
export interface RunCall {
  /** Index into `kernels`. */
  readonly kernel: number;
  /** Slots of the argument table, in the kernel's order: its buffers, then its sizes. */
  readonly arguments: readonly number[];
  /** The slot of the word that says which kernel is called, and those that it counts from 1. */
  readonly choice?: { readonly slot: number; readonly kernels: readonly number[] };
}

export interface PlannedRoutines {
  readonly routines: readonly Routine[];
  /** The calls of all steps. */
  readonly runArguments: readonly RunCall[];
  /** 32-bit words of all tables. */
  readonly tableSlots: number;
}

/** What buffers are in the Program. */
export interface Numbering {
  readonly tensor: (named: NamedTensor) => TensorSpec;
  readonly buffer: (buffer: BufferId) => number;
}

/** `routines` count steps. */
export function planRoutines(
  routines: readonly LoweredRoutine[],
  steps: readonly Step[],
  { tensor, buffer }: Numbering,
): PlannedRoutines {
  const runArguments: RunCall[] = [];
  let slots = 0;
  const planned = routines.map(
    ({ name, conditions, inputs, outputs, first, last, lossReady, dense, executed }): Routine => {
      const table = new TableBuilder(slots);
      runArguments.push(...table.addSteps(steps.slice(first, last)));
      slots = table.end;
      return {
        name,
        ...(conditions && { conditions: conditions.map(conditionOf) }),
        inputs: inputs.map(tensor),
        outputs: outputs.map(tensor),
        first,
        last,
        ...(lossReady !== undefined && { lossReady }),
        ...(dense && { dense: toSizeExpr(dense) }),
        ...(executed && {
          executed: executed.map((work) => ({ ...work, buffer: buffer(work.buffer), times: toSizeExpr(work.times) })),
        }),
        table: table.table,
      };
    },
  );
  return { routines: planned, runArguments, tableSlots: slots };
}

function conditionOf({ atLeastZero, message }: Condition): ProgramCondition {
  return { size: toSizeExpr(atLeastZero), message };
}

/** Collects the distinct arguments of a routine's steps; their slots are known once all have been seen. */
class TableBuilder {
  readonly #start: number;
  readonly #buffers: number[] = [];
  readonly #sizes: SizeExpr[] = [];
  readonly #choices: (readonly Guard[])[] = [];

  /** For a table whose first slot is `start`. */
  constructor(start: number) {
    this.#start = start;
  }

  get table(): ArgumentTable {
    return {
      buffers: this.#buffers,
      sizes: this.#sizes,
      ...(this.#choices.length > 0 && { choices: this.#choices }),
    };
  }

  /** The slot behind the table. */
  get end(): number {
    return this.#start + tableSlots(this.table);
  }

  addSteps(steps: readonly Step[]): RunCall[] {
    const bufferSlots = new Map<number, number>();
    const sizeSlots = new Map<string, number>();
    const choiceSlots = new Map<string, number>();
    for (const step of steps) {
      for (const buffer of step.buffers) {
        if (!bufferSlots.has(buffer)) bufferSlots.set(buffer, this.#buffers.push(buffer) - 1);
      }
      for (const size of step.sizes) {
        const key = JSON.stringify(size);
        if (!sizeSlots.has(key)) sizeSlots.set(key, this.#sizes.push(size) - 1);
      }
      if (step.alternatives) {
        const guards = guardsOf(step.alternatives);
        const key = JSON.stringify(guards);
        if (!choiceSlots.has(key)) choiceSlots.set(key, this.#choices.push(guards) - 1);
      }
    }
    const sizesStart = this.#start + this.#buffers.length;
    const choicesStart = sizesStart + this.#sizes.length;
    return steps.map((step) => ({
      kernel: step.kernel,
      arguments: [
        ...step.buffers.map((buffer) => this.#start + bufferSlots.get(buffer)!),
        ...step.sizes.map((size) => sizesStart + sizeSlots.get(JSON.stringify(size))!),
      ],
      ...(step.alternatives && {
        choice: {
          slot: choicesStart + choiceSlots.get(JSON.stringify(guardsOf(step.alternatives)))!,
          kernels: step.alternatives.map((one) => one.kernel),
        },
      }),
    }));
  }
}

function guardsOf(alternatives: readonly Alternative[]): Guard[] {
  return alternatives.map(({ tile, atLeastZero }) => ({
    ...(tile !== undefined && { tile }),
    ...(atLeastZero !== undefined && { atLeastZero }),
  }));
}
