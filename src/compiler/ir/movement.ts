/** Movements seen as index maps. */
import type { Bounds, Dim } from '../dims/dim.ts';
import { literal } from '../kernel/build.ts';
import type { Expr } from '../kernel/ir.ts';
import type { Node } from './graph.ts';
import type { ElementContext } from './op.ts';

export interface MovedIndex {
  readonly operand: number;
  readonly index: readonly Dim[];
}

export function elementContext(
  node: Node,
  bounds: Bounds,
  position: ElementContext['position'] = noPosition,
): ElementContext {
  const inputs = node.inputs.map((input) => input.type);
  return { inputs, outputs: node.results.map((result) => result.type), bounds, position };
}

function noPosition(): never {
  throw new Error('internal: a movement asks for a position and is not indirect');
}

/**
 * Where a movement reads the element at `index` from, if it does nothing but read one element of one operand; undefined
 * if it computes, chooses between operands, or the node is no movement.
 */
export function moveIndex(node: Node, index: readonly Dim[], bounds: Bounds): MovedIndex | undefined {
  const { body } = node.op;
  if (body.kind !== 'movement' || body.indirect) return undefined;
  let found: (MovedIndex & { readonly marker: Expr }) | undefined;
  const readers = node.inputs.map((input, operand) => (at: readonly Dim[]) => {
    found = { operand, index: at, marker: literal(0, input.type.dtype) };
    return found.marker;
  });
  const result = body.element(readers, index, node.attributes, elementContext(node, bounds));
  return found && result === found.marker ? found : undefined;
}
