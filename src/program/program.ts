/**
 * The artifact's data: what the compiler writes into `program.json` and the runtime runs. A leaf: it imports nothing
 * but its neighbours and knows neither the compiler nor the runtime.
 */
import type { SizeExpr } from './size.ts';

export const PROGRAM_VERSION = 1;

export type ElementType = 'f32' | 'i32' | 'u32' | 'bool';

/** A declared symbolic dimension; its value is bound from the inputs' shapes. */
export interface ProgramDim {
  readonly name: string;
  readonly max?: number;
}

/** What the dimensions must satisfy beyond their limits: `size` is at least 0, or the run fails with `message`. */
export interface ProgramCondition {
  readonly size: SizeExpr;
  readonly message: string;
}

export interface TensorSpec {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly SizeExpr[];
  /** Index into the target's `buffers`. */
  readonly buffer: number;
}

/** A parameter: read from the safetensors file under `name` when the program is loaded. */
export interface WeightSpec {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly buffer: number;
}

/**
 * Where a buffer lives. `persistent`: filled at load, kept (weights read by steps, packed panels, folded constants).
 * `staging`: only used while loading. `arena`: planned anew whenever the dimensions change. Elements take 4 bytes,
 * bool included.
 */
export interface BufferSpec {
  readonly kind: 'persistent' | 'staging' | 'arena';
  /** Elements. */
  readonly size: SizeExpr;
  /**
   * First and last index of the steps that touch it: of `loadSteps` for staging, of `steps` for arena buffers. An
   * input begins at -1; an output ends at `steps.length`. Both are 0 for persistent buffers.
   */
  readonly first: number;
  readonly last: number;
}

/** One kernel call: buffers in the kernel's order, then its sizes. */
export interface Step {
  readonly kernel: number;
  readonly buffers: readonly number[];
  readonly sizes: readonly SizeExpr[];
  /** Instance path in the spec, for profiles and errors. */
  readonly origin: string;
  /** For webgpu, the extents of the kernel's grid. */
  readonly grid?: readonly SizeExpr[];
}

/** The program of one target. */
export interface TargetProgram {
  readonly buffers: readonly BufferSpec[];
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly weights: readonly WeightSpec[];
  /** Run once, after the weights are in place. All their sizes are numbers. */
  readonly loadSteps: readonly Step[];
  readonly steps: readonly Step[];
  /** Kernel names by number, for profiles. */
  readonly kernels: readonly string[];
  readonly table: ArgumentTable;
  /** Present for webgpu. */
  readonly gpu?: GpuProgram;
}

/** How kernels are dispatched that run every point of their grid as an invocation. */
export interface GpuProgram {
  /** Invocations of a workgroup. */
  readonly workgroupSize: number;
  /** Bindings of the kernels, by number. */
  readonly kernels: readonly GpuKernel[];
}

/**
 * All bindings are in group 0: the first `own` buffers in order; then, if there are more, one that holds all others one
 * after the other; then, if there is anything to tell, an array of i32 with the sizes and the element at which each of
 * the others begins.
 */
export interface GpuKernel {
  /** What the kernel does with each buffer. */
  readonly access: readonly ('read' | 'write' | 'readwrite')[];
  readonly own: number;
  /** How many sizes it takes. */
  readonly sizes: number;
}

/**
 * What the run steps are called with, each value once. The wasm module reads it as 32-bit words from address 0 of its
 * memory: first the byte addresses of `buffers`, then the values of `sizes`.
 */
export interface ArgumentTable {
  readonly buffers: readonly number[];
  readonly sizes: readonly SizeExpr[];
}

export const TARGET_NAMES = ['wasm', 'js', 'webgpu'] as const;

export type TargetName = (typeof TARGET_NAMES)[number];

export interface Program {
  readonly version: number;
  /** The entry's name. */
  readonly name: string;
  readonly dims: readonly ProgramDim[];
  /** Checked in this order whenever dimensions are bound; absent where there are none. */
  readonly conditions?: readonly ProgramCondition[];
  readonly targets: { readonly [target in TargetName]?: TargetProgram };
}
