/** The layout of the argument table in the memory of a wasm program. */
import type { ArgumentTable } from './program.ts';

/** 32-bit words of the table, from address 0 on. */
export function tableSlots({ buffers, sizes, choices = [] }: ArgumentTable): number {
  return buffers.length + sizes.length + choices.length;
}
