/** The figures of a model that go into the manifest and into reports. */
import { evaluate } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { boundsOf } from '../ir/types.ts';
import { parameterTensors } from '../ir/parameter-tensors.ts';
import { bodyOf, liveNodes } from '../ir/walk.ts';
import { multiplyAdds } from '../ir/work.ts';
import type { ModelFacts } from '../../program/manifest.ts';
import type { TargetName } from '../../program/program.ts';
import type { Plan } from './plan.ts';
import { toSizeExpr } from './size-expr.ts';

/**
 * `graphs` are those that were elaborated: passes remove work that the spec asks for. The work is that of the first; the
 * parameters are those of all.
 */
export function modelFacts(
  graphs: readonly Graph[],
  ops: OpTable,
  plans: { readonly [target in TargetName]?: Plan },
): ModelFacts {
  const [main] = graphs;
  const work = main && multiplyAdds(liveNodes(bodyOf(main)), ops, boundsOf(main));
  const shapes = new Map(
    graphs.flatMap(({ parameters }) => parameterTensors(parameters).map(({ name, type }) => [name, type.shape])),
  );
  const sizes = [...shapes.values()].map((shape) => evaluate(elementCount(shape), new Map()));
  return {
    parameters: { tensors: sizes.length, elements: sizes.reduce((sum, size) => sum + size, 0) },
    multiplyAdds: work && toSizeExpr(work),
    peakMemory: Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, plan.peakMemory])),
  };
}
