/** The figures of a model that go into the manifest and into reports. */
import { evaluate } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { boundsOf } from '../ir/types.ts';
import { bodyOf, liveNodes } from '../ir/walk.ts';
import { multiplyAdds } from '../ir/work.ts';
import type { ModelFacts } from '../../program/manifest.ts';
import type { TargetName } from '../../program/program.ts';
import type { Plan } from './plan.ts';
import { toSizeExpr } from './size-expr.ts';

/** `graph` is the one that was elaborated: passes remove work that the spec asks for. */
export function modelFacts(graph: Graph, ops: OpTable, plans: { readonly [target in TargetName]?: Plan }): ModelFacts {
  const work = multiplyAdds(liveNodes(bodyOf(graph)), ops, boundsOf(graph));
  const sizes = graph.parameters.map(({ value }) => evaluate(elementCount(value.type.shape), new Map()));
  return {
    parameters: { tensors: sizes.length, elements: sizes.reduce((sum, size) => sum + size, 0) },
    multiplyAdds: work && toSizeExpr(work),
    peakMemory: Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, plan.peakMemory])),
  };
}
