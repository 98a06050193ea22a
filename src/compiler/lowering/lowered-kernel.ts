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
   * Kernels that do the same with the same buffers, in the same order: the first whose guard holds is called.
   */
  readonly alternatives?: readonly GuardedKernel[];
  /** Of a product whose rows are in groups, on a target with workgroups. */
  readonly map?: TileMap;
}

/**
 * What tells which tiles there are where rows are in groups, and how many: made by a kernel that products with the same
 * groups share.
 */
export interface TileMap {
  readonly scratch: Scratch;
  /** What it is made from: the first buffers of the kernel that makes it. */
  readonly operands: readonly Value[];
  /**
   * That kernel, whose further buffers are the map, and for each of `shares`, so many workgroups for a tile, one with the
   * numbers of workgroups along x, y and z as u32.
   */
  write(this: void, shares: readonly Dim[]): Pick<LoweredKernel, 'kernel' | 'alternatives'>;
  /** Workgroups of the product for each tile; absent where the map does not tell how many to dispatch. */
  readonly share?: Dim;
  /** The multiply-adds of the product: the word `at` of the map, times a size. */
  readonly executed: { readonly at: number; readonly times: Dim };
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
