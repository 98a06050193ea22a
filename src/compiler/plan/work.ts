/** How much a run of each routine asks for, whatever the target: what a load estimates times by. */
import { scale } from '../dims/dim.ts';
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { boundsOf } from '../ir/types.ts';
import { elementsMoved, multiplyAdds } from '../ir/work.ts';
import type { Program, RoutineWork } from '../../program/program.ts';
import { ELEMENT_BYTES } from './memory.ts';
import { toSizeExpr } from './size-expr.ts';

/** `graphs` are fused. */
export function programWork(
  graphs: readonly { readonly name: string; readonly graph: Graph }[],
  ops: OpTable,
): NonNullable<Program['work']> {
  return Object.fromEntries(graphs.map(({ name, graph }) => [name, routineWork(graph, ops)]));
}

function routineWork(graph: Graph, ops: OpTable): RoutineWork {
  const bounds = boundsOf(graph);
  const work = multiplyAdds(graph.nodes, ops, bounds);
  const moved = elementsMoved(graph.nodes, bounds);
  return {
    ...(work && { multiplyAdds: toSizeExpr(work) }),
    ...(moved && { bytes: toSizeExpr(scale(moved, ELEMENT_BYTES)) }),
  };
}
