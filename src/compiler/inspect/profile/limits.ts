/** Which inputs are positions, and in axes of what size: so that values drawn for them are in range. */
import { minimum, symbol, ZERO, type Bounds, type Dim } from '../../dims/dim.ts';
import { fusionOf } from '../../ir/fusion.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { elementContext } from '../../ir/movement.ts';
import { literal } from '../../kernel/build.ts';
import type { LoweredProgram } from '../../plan/lowered.ts';

/** The smallest axis that each i32 input is used to index, by its name; inputs that index nothing have no entry. */
export function indexLimits({ routines, buffers, calls }: LoweredProgram, bounds: Bounds): ReadonlyMap<string, Dim> {
  const limits = new Map<string, Dim>();
  /** The inputs that each value is made from by integer arithmetic and movements. */
  const sources = new Map<Value, ReadonlySet<string>>();
  for (const { name, type, buffer } of routines.flatMap(({ inputs }) => inputs)) {
    const { value } = buffers[buffer]!;
    if (type === 'i32' && value) sources.set(value, new Set([name]));
  }
  const visit = (node: Node): void => {
    const names = new Set(node.inputs.flatMap((input) => [...(sources.get(input) ?? [])]));
    if (names.size === 0) return;
    for (const size of axesIndexed(node, bounds)) {
      for (const name of names) limits.set(name, minimum(limits.get(name) ?? size, size, bounds));
    }
    for (const result of node.results) if (result.type.dtype === 'i32') sources.set(result, names);
  };
  for (const node of new Set(calls.flatMap((call) => call.node ?? []))) {
    const region = fusionOf(node)?.body;
    if (!region) continue;
    copySources(sources, node.inputs, region.parameters);
    region.nodes.forEach(visit);
    copySources(sources, region.results, node.results);
  }
  return limits;
}

function copySources(sources: Map<Value, ReadonlySet<string>>, from: readonly Value[], to: readonly Value[]): void {
  from.forEach((value, at) => {
    const names = sources.get(value);
    if (names) sources.set(to[at]!, names);
  });
}

/** Sizes of the axes that an op takes positions in from its i32 operands. */
function axesIndexed(node: Node, bounds: Bounds): Dim[] {
  const { body } = node.op;
  // An op's own nest does not say which axis: the smallest is in range of all.
  if (body.kind === 'structured') {
    return node.inputs.flatMap(({ type }) => (type.dtype === 'i32' ? [] : type.shape));
  }
  if (body.kind !== 'movement' || !body.indirect) return [];
  const sizes: Dim[] = [];
  const position = (_: unknown, size: Dim): Dim => {
    sizes.push(size);
    return ZERO;
  };
  const readers = node.inputs.map(
    ({ type }) =>
      () =>
        literal(0, type.dtype),
  );
  const index = node.results[0]!.type.shape.map((_, axis) => symbol(`$i${axis}`));
  body.element(readers, index, node.attributes, elementContext(node, bounds, position));
  return sizes;
}
