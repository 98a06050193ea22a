/** Formulas as nodes: pointwise ops on operands that broadcast, with numbers among them. */
import { sameShape } from '../dims/shape.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { broadcastShapes } from '../ir/types.ts';
import { broadcast, scalar } from './reduce/composite.ts';

/** A pointwise op by name on f32 tensors, bools and numbers, which are broadcast. */
export type Apply = (op: string, ...operands: readonly (Value | number)[]) => Value;

export function formula(builder: Builder): Apply {
  return (op, ...operands) => {
    const values = operands.map((operand) => (typeof operand === 'number' ? scalar(builder, operand) : operand));
    const common = broadcastShapes(values.map((value) => value.type.shape));
    if ('notes' in common) throw new Error(`internal: ${common.notes.join()}`);
    const { shape } = common;
    const alike = values.map((value) =>
      sameShape(value.type.shape, shape) ? value : broadcast(builder, value, shape),
    );
    return builder.one(op, alike);
  };
}
