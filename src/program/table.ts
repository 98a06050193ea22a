/** The layout of the argument tables in the memory of a wasm program. */
import type { ArgumentTable, Routine } from './program.ts';

/** 32-bit words of a table. */
export function tableSlots({ buffers, sizes, choices = [] }: ArgumentTable): number {
  return buffers.length + sizes.length + choices.length;
}

/** The word at which the table of each routine begins, and then where the last one ends. */
export function tableStarts(routines: readonly Pick<Routine, 'table'>[]): readonly number[] {
  const starts = [0];
  for (const { table } of routines) starts.push(starts.at(-1)! + tableSlots(table));
  return starts;
}
