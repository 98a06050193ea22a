/**
 * Positions held in i32 tensors. A negative one counts from the end of its axis, as in NumPy. One that is still out of
 * range cannot be reported from inside a kernel: what is read there is NaN (0, false), what is written is dropped.
 */
import { constant, isAtLeast, minimum, ONE, print, subtract, ZERO, type Bounds, type Dim } from '../../dims/dim.ts';
import type { DType, TensorType } from '../../ir/graph.ts';
import type { ElementContext, SizeCondition } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { binary, compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import type { Mismatch } from '../rules.ts';

export const OUT_OF_RANGE =
  'Negative indices count from the end; where an index is out of range, the result is NaN, or 0 or false.';

/** A position that is in range of every axis but an empty one, and whether it is the one that was meant. */
export interface Place {
  readonly at: Dim;
  readonly inside: Expr;
}

/** The place of an i32 `index` in an axis of `size`. */
export function placeOf(index: Expr, size: Dim, context: Pick<ElementContext, 'position'>): Place {
  const wrapped = fromEnd(index, size);
  const isBefore = compare('lt', wrapped, position(size));
  const inside = binary('and', compare('ge', wrapped, literal(0, 'i32')), isBefore);
  return { at: context.position(wrapped, size), inside };
}

function fromEnd(index: Expr, size: Dim): Expr {
  return select(compare('lt', index, literal(0, 'i32')), binary('add', index, position(size)), index);
}

/** `element` where `inside` holds, else NaN, 0 or false. By arithmetic: a select would guard what is safe to load. */
export function elementIf(inside: Expr, element: Expr): Expr {
  switch (element.type) {
    case 'f32':
      return binary('mul', element, select(inside, literal(1), literal(NaN)));
    case 'bool':
      return binary('and', element, inside);
    case 'i32':
      return binary('and', element, select(inside, literal(-1, 'i32'), literal(0, 'i32')));
    case 'u32':
      return binary('and', element, select(inside, literal(2 ** 32 - 1, 'u32'), literal(0, 'u32')));
  }
}

/** `placeOf` for evaluations: the position, or undefined where it is out of range. */
export function concretePlace(index: number, size: number): number | undefined {
  const at = index < 0 ? index + size : index;
  return at >= 0 && at < size ? at : undefined;
}

/** What `elementIf` gives out of range. */
export function missing(dtype: DType): number {
  return dtype === 'f32' ? NaN : 0;
}

/** The operand of positions is not i32. */
export function indexFault(called: string, index: TensorType, operand: number): Mismatch | undefined {
  if (index.dtype === 'i32') return undefined;
  return {
    message: `\`${called}\` takes i32 indices, not ${printType(index)}`,
    operand,
    hint: 'convert them: `cast(…, i32)`',
  };
}

/** Why nothing can be read from an axis without elements, unless nothing is to be read; or when a run can tell only. */
export function emptyAxis(
  called: string,
  x: TensorType,
  axis: number,
  reads: Dim,
  bounds: Bounds,
): { readonly error?: Mismatch; readonly conditions: readonly SizeCondition[] } {
  const size = x.shape[axis]!;
  if (isAtLeast(size, ONE, bounds) || isAtLeast(ZERO, reads, bounds)) return { conditions: [] };
  const message = `\`${called}\` reads from axis ${axis} of ${printType(x)}, which has ${print(size)} elements`;
  const atLeastZero = subtract(size, minimum(ONE, reads, bounds));
  if (isAtLeast(constant(-1), atLeastZero, bounds)) return { error: { message, operand: 0 }, conditions: [] };
  return { conditions: [{ atLeastZero, message }] };
}
