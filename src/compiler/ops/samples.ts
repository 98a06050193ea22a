/** Short forms for the operand types of samples. The symbol `n` stands for the sizes that the suite tries. */
import { symbol, type Dim } from '../dims/dim.ts';
import { toDims } from '../ir/attributes.ts';
import type { DType, TensorType } from '../ir/graph.ts';

export const n: Dim = symbol('n');

export function tensor(dtype: DType, ...shape: readonly (number | Dim)[]): TensorType {
  return { dtype, shape: toDims(shape) };
}

export function f32(...shape: readonly (number | Dim)[]): TensorType {
  return tensor('f32', ...shape);
}
