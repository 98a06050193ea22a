/** Inputs and outputs as a caller is told of them, and as they lie in memory. */
import type { ElementType, TensorSpec } from '../program/program.ts';
import type { SizeExpr } from '../program/size.ts';

export interface TensorInfo {
  readonly name: string;
  readonly dtype: ElementType;
  /** Sizes may depend on the dimensions. */
  readonly shape: readonly SizeExpr[];
}

export function tensorInfo({ name, dtype, shape }: TensorSpec): TensorInfo {
  return { name, dtype, shape };
}

/** The view through which elements of each type are seen in memory; each takes 32 bits. */
export const VIEWS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Int32Array } as const;
