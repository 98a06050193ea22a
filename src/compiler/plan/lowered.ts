/** What lowering hands to planning: kernel calls over numbered buffers, with symbolic sizes. */
import type { Dim } from '../dims/dim.ts';
import type { DimDeclaration, DType, Origin } from '../ir/graph.ts';
import type { Shape } from '../dims/shape.ts';
import type { Kernel } from '../kernel/ir.ts';

export type BufferId = number;

export interface LoweredBuffer {
  readonly type: DType;
  /** Elements. */
  readonly size: Dim;
}

export interface NamedTensor {
  readonly name: string;
  readonly type: DType;
  readonly shape: Shape;
  readonly buffer: BufferId;
}

/** One kernel call: buffers in the kernel's order (its declared `access` says which are read and written), then sizes. */
export interface KernelCall {
  readonly kernel: Kernel;
  readonly buffers: readonly BufferId[];
  readonly sizes: readonly Dim[];
  readonly origin: Origin;
}

export interface LoweredProgram {
  readonly name: string;
  readonly dims: readonly DimDeclaration[];
  readonly buffers: readonly LoweredBuffer[];
  /** Buffers the caller fills before a run. */
  readonly inputs: readonly NamedTensor[];
  /** Buffers filled from the weights when the program is loaded; their shapes are static. */
  readonly weights: readonly NamedTensor[];
  /** Every output has a buffer of its own, written by a call. */
  readonly outputs: readonly NamedTensor[];
  /** In execution order. A call that reads only weights and what such calls wrote can run once, at load. */
  readonly calls: readonly KernelCall[];
}
