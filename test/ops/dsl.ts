/** Short forms for calling ops in tests. */
import { constant, symbol } from '../../src/compiler/dims/dim.ts';
import { withDefaults } from '../../src/compiler/ir/attributes.ts';
import type { Attributes, DType, TensorType } from '../../src/compiler/ir/graph.ts';
import type { Inference, Tensor } from '../../src/compiler/ir/op.ts';
import { concreteType, printType } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { tensorOf } from '../support/tensors.ts';

/** `type('f32', 'n', 3)`; words are symbols. */
export function type(dtype: DType, ...shape: readonly (number | string)[]): TensorType {
  return { dtype, shape: shape.map((size) => (typeof size === 'number' ? constant(size) : symbol(size))) };
}

export function f32(...shape: readonly (number | string)[]): TensorType {
  return type('f32', ...shape);
}

export function infer(name: string, inputs: readonly TensorType[], attributes: Attributes = {}): Inference {
  const op = ops.get(name);
  if (!op) throw new Error(`no op ${name}`);
  return op.infer(inputs, withDefaults(op, attributes), { bounds: new Map() });
}

/** The result types, or the error with its notes and hint, a line each; a place in a pattern as `^` under it. */
export function inferred(name: string, inputs: readonly TensorType[], attributes: Attributes = {}): string {
  const found = infer(name, inputs, attributes);
  if ('types' in found) return found.types.map(printType).join(' ');
  const { message, notes = [], hint, at } = found.error;
  const place = at === undefined ? [] : [String(attributes['pattern']), `${' '.repeat(at)}^`];
  return [
    message,
    ...place,
    ...notes.map((note) => `= ${note}`),
    ...(hint === undefined ? [] : [`= hint: ${hint}`]),
  ].join('\n');
}

/** Evaluates an op on concrete tensors; the data of each result. */
export function evaluated(name: string, inputs: readonly Tensor[], attributes: Attributes = {}): number[][] {
  const op = ops.get(name)!;
  const types = inputs.map((input): TensorType => ({ dtype: input.dtype, shape: input.shape.map(constant) }));
  const found = infer(name, types, attributes);
  if ('error' in found) throw new Error(found.error.message);
  const outputs = found.types.map((result) => concreteType(result, new Map()));
  return op.evaluate(inputs, withDefaults(op, attributes), outputs, new Map()).map((data) => [...data]);
}

/** A vector. */
export function vector(dtype: DType, ...data: readonly number[]): Tensor {
  return tensorOf(dtype, [data.length], data);
}
