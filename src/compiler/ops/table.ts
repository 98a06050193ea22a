/** All ops in one table. A new folder is added here; a new op is not: it is an entry of its folder's list. */
import type { Op, OpTable } from '../ir/op.ts';
import { contract } from './contract/contract.ts';
import { einsum } from './contract/einsum.ts';
import { matmul } from './contract/matmul.ts';
import { fusion } from './fusion.ts';
import { generators } from './generate/generators.ts';
import { movements } from './movement/movements.ts';
import { activations } from './pointwise/activations.ts';
import { arithmetic } from './pointwise/arithmetic.ts';
import { choice } from './pointwise/choice.ts';
import { comparison } from './pointwise/comparison.ts';
import { logical } from './pointwise/logical.ts';
import { math } from './pointwise/math.ts';
import { patterns } from './rearrange/rearrange.ts';
import { primitives } from './reduce/primitive.ts';
import { reductions } from './reduce/reductions.ts';
import { softmaxes } from './softmax.ts';

/** Throws Error when two records have one name. */
export function tableOf(...lists: readonly (readonly Op[])[]): OpTable {
  const table = new Map<string, Op>();
  for (const op of lists.flat()) {
    if (table.has(op.name)) throw new Error(`internal: two ops are called ${op.name}`);
    table.set(op.name, op);
  }
  return table;
}

export const ops: OpTable = tableOf(
  arithmetic,
  math,
  activations,
  comparison,
  logical,
  choice,
  movements,
  generators,
  primitives,
  reductions,
  [contract, einsum, matmul],
  patterns,
  softmaxes,
  [fusion],
);
