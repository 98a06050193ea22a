/** Gradients of a loss by parameters and inputs. */
import type { Builder } from '../ir/builder.ts';
import type { GraphParameter, Value } from '../ir/graph.ts';
import { differentiate } from './differentiate.ts';

/** What an optimizer changes: parameters that are neither states nor frozen. */
export function trainableParameters(parameters: readonly GraphParameter[]): readonly GraphParameter[] {
  return parameters.filter(({ state, frozen, value }) => !state && !frozen && value.type.dtype === 'f32');
}

/** Appends the gradients of `loss` to a builder of all nodes that it depends on; zeros where it does not depend on a value. */
export function appendGradients(
  builder: Builder,
  loss: Value,
  wrt: readonly { readonly name: string; readonly value: Value }[],
): ReadonlyMap<string, Value> {
  const values = wrt.map(({ value }) => value);
  const found = differentiate(builder, [...builder.nodes], loss, values);
  return new Map(wrt.map(({ name, value }) => [name, found.get(value) ?? zeros(builder, value)]));
}

export function zeros(builder: Builder, { type: { shape } }: Value): Value {
  return builder.one('full', [], { shape, value: 0 });
}
