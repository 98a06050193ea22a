/** How the losses of single elements become one number. */
import type { Shape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import type { AttributeSpec } from '../../ir/op.ts';
import { SUM_TOLERANCE } from '../reduce/composite.ts';
import { unknownWord, type Mismatch } from '../rules.ts';

export type Reduction = { readonly reduction: string };

export const REDUCTIONS: readonly string[] = ['mean', 'sum', 'none'];

export const REDUCTION: AttributeSpec = {
  name: 'reduction',
  kind: 'string',
  default: 'mean',
  doc: '"mean" of all, "sum", or "none" for the loss of each.',
};

export const LOSS_TOLERANCE = { absolute: 4 * SUM_TOLERANCE.absolute, relative: 4 * SUM_TOLERANCE.relative };

export function reductionFault(
  called: string,
  { reduction }: Reduction,
  allowed: readonly string[] = REDUCTIONS,
): Mismatch | undefined {
  return allowed.includes(reduction) ? undefined : unknownWord(called, 'reductions', 'reduction', reduction, allowed);
}

/** The type of the result when the losses have `shape`. */
export function lossType(shape: Shape, { reduction }: Reduction): TensorType {
  return { dtype: 'f32', shape: reduction === 'none' ? shape : [] };
}

/** The losses combined, a mean being over all of them. */
export function combineLosses(builder: Builder, losses: Value, { reduction }: Reduction): Value {
  return reduction === 'none' ? losses : builder.one(reduction === 'mean' ? 'mean' : 'sum', [losses], { axis: null });
}

/** The same of numbers. A mean divides by `weight`, by default their count. */
export function combined(losses: Float64Array, { reduction }: Reduction, weight = losses.length): Float64Array {
  if (reduction === 'none') return losses;
  const sum = losses.reduce((total, loss) => total + loss, 0);
  return Float64Array.of(reduction === 'mean' ? sum / weight : sum);
}
