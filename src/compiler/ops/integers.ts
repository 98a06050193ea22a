/** Integers of evaluations, which hold them in doubles. */
import type { DType } from '../ir/graph.ts';

/** An exact sum or difference brought to the dtype's 32 bits. */
export function wrapTo(value: number, dtype: DType): number {
  switch (dtype) {
    case 'f32':
    case 'bool':
      return value;
    case 'i32':
      return value | 0;
    case 'u32':
      return value >>> 0;
  }
}
