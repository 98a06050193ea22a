/** What happens to a graph before it is differentiated: forward and backward both get what is found here. */
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { cse } from '../passes/cse.ts';
import { dce } from '../passes/dce.ts';
import { expandToRules } from '../passes/expand.ts';
import { fold } from '../passes/fold.ts';
import type { Pass } from '../passes/pass.ts';
import { joinProducts } from '../passes/join-products.ts';
import { pushSlices } from '../passes/push-slices.ts';
import { recognizeAttention } from '../passes/recognize-attention.ts';
import { runPasses } from '../passes/run.ts';

/**
 * Composites with a gradient rule stay. Attention has to be found before the backward pass looks into it, and what of a
 * value nobody reads, such as all but one token of the last layer, then has no gradient to compute either.
 */
export const preparingPasses: readonly Pass[] = [
  expandToRules,
  recognizeAttention,
  joinProducts,
  pushSlices,
  fold,
  cse,
  dce,
];

/** The graph, with the same inputs, parameters and outputs, in ops that `differentiate` has rules for as far as there are. */
export function prepare(graph: Graph, ops: OpTable): Graph {
  return runPasses(graph, preparingPasses, ops).graph;
}
