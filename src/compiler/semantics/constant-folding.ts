/** Pointwise ops on compile-time numbers: `sqrt(5)` is a number, not a tensor. */
import type { Op } from '../ir/op.ts';
import { numberOf, type StaticValue } from './values.ts';

/** The f64 value of `op` on numbers; undefined when an operand is symbolic or the operand count is wrong. */
export function constantOf(op: Op, values: readonly StaticValue[]): StaticValue | undefined {
  const numbers = values.map(numberOf);
  if (numbers.includes(undefined) || values.length !== op.operands.length) return undefined;
  const inputs = (numbers as number[]).map((number) => ({
    dtype: 'f32' as const,
    shape: [],
    data: Float64Array.of(number),
  }));
  const attributes = Object.fromEntries(op.attributes.map((spec) => [spec.name, spec.default ?? null]));
  const inferred = op.infer(
    inputs.map(() => ({ dtype: 'f32', shape: [] })),
    attributes,
    { bounds: new Map() },
  );
  if ('error' in inferred) return undefined;
  const [type] = inferred.types;
  const [result] = op.evaluate(inputs, attributes, [{ dtype: type!.dtype, shape: [] }], new Map());
  return type!.dtype === 'bool' ? { kind: 'bool', value: result![0] !== 0 } : { kind: 'float', value: result![0]! };
}
