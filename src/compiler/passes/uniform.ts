/** What passes can tell of values that are the same everywhere. */
import type { Value } from '../ir/graph.ts';
import type { DefinitionOf } from './rewriter.ts';

/** The number that every element of a value is; undefined where it is no scalar constant, nor one repeated to a shape. */
export function uniformNumber(value: Value, definitionOf: DefinitionOf): number | undefined {
  const node = definitionOf(withoutExpand(value, definitionOf));
  if (node?.op.name !== 'constant' || node.results[0]!.type.shape.length > 0) return undefined;
  const { data } = node.attributes as { readonly data: readonly number[] };
  return data[0];
}

/** What a value repeats along axes, or the value itself. */
export function withoutExpand(value: Value, definitionOf: DefinitionOf): Value {
  const node = definitionOf(value);
  return node?.op.name === 'expand' ? node.inputs[0]! : value;
}
