/** What lowering one fused region gives: kernels in order, with the values and scratch buffers they are called with. */
import type { Dim } from '../dims/dim.ts';
import type { DType, Value } from '../ir/graph.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { GuardedKernel } from '../plan/lowered.ts';

export interface LoweredKernel {
  readonly kernel: Kernel;
  /** In the kernel's order. */
  readonly buffers: readonly BufferUse[];
  /**
   * Kernels that do the same with the same buffers, in the same order: the first whose guard holds is called. Where the
   * points of a grid run at once, the kernel itself always is.
   */
  readonly alternatives?: readonly GuardedKernel[];
}

/** A buffer between the kernels of one region; known by identity. */
export interface Scratch {
  /** Absent: f32. */
  readonly type?: DType;
  /** Elements. */
  readonly size: Dim;
}

export type BufferUse =
  { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'scratch'; readonly scratch: Scratch };
