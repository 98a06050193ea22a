/** What follows the node that a region is built around: its results on their way to those of the region. */
import type { Bounds, Dim } from '../dims/dim.ts';
import type { Node, Region, Value } from '../ir/graph.ts';
import { elementContext } from '../ir/movement.ts';

/** Parameters of the region that are read after `node`. */
export function parametersAfter({ region, node }: { readonly region: Region; readonly node: Node }): Value[] {
  const needed = new Set(region.results);
  for (const one of region.nodes.toReversed()) {
    if (one === node || !one.results.some((result) => needed.has(result))) continue;
    one.inputs.forEach((input) => needed.add(input));
  }
  return region.parameters.filter((parameter) => needed.has(parameter));
}

/** Where the element of `from` at `start` ends up in `to`: the ops in between keep it or move it one to one. */
export function followTo(
  region: Region,
  from: Value,
  to: Value,
  start: readonly Dim[],
  bounds: Bounds,
): readonly Dim[] {
  let [value, index] = [from, start];
  while (value !== to) {
    const next = region.nodes.find((node) => node.inputs.includes(value));
    if (!next) throw new Error('internal: a value does not reach the result of its region');
    const { body } = next.op;
    if (body.kind === 'movement' && body.destination) {
      index = body.destination(index, next.attributes, elementContext(next, bounds));
    }
    value = next.results[0]!;
  }
  return index;
}
