/**
 * The artifact's data: what the compiler writes into `program.json` and the runtime runs. A leaf: it imports nothing
 * but its neighbours and knows neither the compiler nor the runtime.
 */
import type { GenerationSpec } from './generation.ts';
import type { SizeExpr } from './size.ts';
import type { Distribution, TrainingSpec } from './training.ts';

export const PROGRAM_VERSION = 5;

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

/**
 * A parameter: read from the safetensors file under `name` when the program is loaded. Several may lie in one buffer, one
 * after the other: they fill it.
 */
export interface WeightSpec {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly buffer: number;
  /** Where it begins in the buffer, in elements; absent for 0. */
  readonly at?: number;
  /** No gradient is taken for it: running statistics, moments of the optimizer, sums of gradients. */
  readonly state?: true;
  /** No step writes it, whatever is trained. */
  readonly frozen?: true;
  /** How the first value is drawn where none is given. */
  readonly initial?: Distribution;
}

/**
 * Where a buffer lives. `persistent`: filled at load, kept (weights read by steps, packed panels, folded constants).
 * `staging`: only used while loading. `arena`: planned anew whenever the dimensions change. `kept`: what it holds stays
 * from run to run of the routines that touch it, until one of them is bound to dimensions that give it another size.
 * Elements take 4 bytes, bool included.
 */
export interface BufferSpec {
  readonly kind: 'persistent' | 'staging' | 'arena' | 'kept';
  /** Elements. */
  readonly size: SizeExpr;
  /** Of f32 on webgpu: elements take 2 bytes on devices with `shader-f16`. No input or output is one. */
  readonly half?: true;
  /**
   * For webgpu, the buffer in which it lies with others, of its kind and static size as all of them, and the element at which it
   * begins there, a multiple of 64: a kernel that takes more buffers than every device binds reads them through one binding.
   */
  readonly within?: { readonly buffer: number; readonly at: number };
  /**
   * First and last index of the steps that touch it: of `loadSteps` for staging, of `steps` for arena buffers. An
   * input begins before its routine's first step, an output ends at its routine's `last`. Both are 0 for persistent and
   * kept buffers.
   */
  readonly first: number;
  readonly last: number;
}

/** When a kernel is called in place of a step's own; what is absent does not matter. */
export interface Guard {
  /** Where products use this one of the target's `tiles`. */
  readonly tile?: number;
  /** Where this is at least 0. */
  readonly atLeastZero?: SizeExpr;
}

/** A kernel that may be called in place of a step's own. */
export interface Alternative extends Guard {
  readonly kernel: number;
  /** For webgpu, the extents of this kernel's grid. */
  readonly grid?: readonly SizeExpr[];
}

/** One kernel call: buffers in the kernel's order, then its sizes. */
export interface Step {
  readonly kernel: number;
  /** Kernels that do the same with the same buffers and sizes: the first whose guard holds is called. */
  readonly alternatives?: readonly Alternative[];
  readonly buffers: readonly number[];
  readonly sizes: readonly SizeExpr[];
  /** Instance path in the spec, for profiles and errors. */
  readonly origin: string;
  /** For webgpu, the extents of the kernel's grid. */
  readonly grid?: readonly SizeExpr[];
  /**
   * For webgpu, an arena buffer that an earlier step of the routine fills: its first three u32 are the workgroups to
   * dispatch along x, y and z, a prefix of those of the grid. The points that are left out would do nothing.
   */
  readonly indirect?: number;
}

/**
 * Steps that are run by themselves. A model has one routine, `run`; a training program has several over the same weights.
 * Each has an arena and an argument table of its own; the arenas begin at the same address, as no two are in use at once.
 */
export interface Routine {
  readonly name: string;
  /** Checked in this order whenever dimensions are bound; absent where there are none. */
  readonly conditions?: readonly ProgramCondition[];
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The steps from `first` up to but not including `last`. */
  readonly first: number;
  readonly last: number;
  /** An index of `steps`: before that step runs, the output `loss` is final and no weight has been written. */
  readonly lossReady?: number;
  /**
   * Multiply-adds of its products with groups of rows, if every group took all tokens: a mixture in which every expert sees
   * every token. The kernels count those that they execute; those of webgpu do not, but `executed` tells. Absent where there
   * are no such products.
   */
  readonly dense?: SizeExpr;
  /** For webgpu, what its products with groups of rows execute: the sum of these. Their buffers live to its end. */
  readonly executed?: readonly ExecutedWork[];
  readonly table: ArgumentTable;
}

/** Multiply-adds that depend on what a run computes: the u32 at `at` of an arena buffer, times a size. */
export interface ExecutedWork {
  readonly buffer: number;
  readonly at: number;
  readonly times: SizeExpr;
}

/** Whether the kernels of a program count their multiply-adds. */
export function isCounting({ routines }: Pick<TargetProgram, 'routines'>): boolean {
  return routines.some(({ dense }) => dense !== undefined);
}

/** The program of one target. */
export interface TargetProgram {
  readonly buffers: readonly BufferSpec[];
  /** One after the other, they are all of `steps`. */
  readonly routines: readonly Routine[];
  readonly weights: readonly WeightSpec[];
  /** Run once, after the weights are in place. All their sizes are numbers. */
  readonly loadSteps: readonly Step[];
  readonly steps: readonly Step[];
  /** Kernel names by number, for profiles. */
  readonly kernels: readonly string[];
  /** What steps may have as tiles of their products; absent where there is nothing to choose. */
  readonly tiles?: ProgramTiles;
  /** Present for webgpu. */
  readonly gpu?: GpuProgram;
}

/** A register tile of products: how many sums are kept in registers. Results do not depend on it. */
export interface ProgramTile {
  readonly rows: number;
  readonly columns: number;
  /** Does nothing but fill tiles of this kind, to tell how fast that is. */
  readonly kernel: number;
  /** Of one call of the kernel. */
  readonly multiplyAdds: number;
}

/** The tiles that the products of a program come in. */
export interface ProgramTiles {
  readonly candidates: readonly ProgramTile[];
  /** Elements of the two buffers of the candidates' kernels. */
  readonly buffers: readonly [operands: number, tiles: number];
  /** For each module, the candidates worth trying, likely best first. */
  readonly order: { readonly [variant in SimdVariant]: readonly number[] };
}

/** How kernels are dispatched: their points are numbered row by row, over the workgroups along x, then y. */
export interface GpuProgram {
  /** Invocations of a workgroup, where a kernel does not say otherwise. */
  readonly workgroupSize: number;
  /** What a binding of a buffer that is bound in parts holds; the last one holds what is left. A multiple of 256. */
  readonly partBytes: number;
  /** Bindings of the kernels, by number. */
  readonly kernels: readonly GpuKernel[];
}

/**
 * All bindings are in group 0: the first `own` buffers in order, each in its parts; then, if there are more, one that
 * holds all others, and is written only if one of them is; then, if there is anything to tell, an array of i32 with the sizes and the element
 * at which each of the others begins.
 */
export interface GpuKernel {
  /** What the kernel does with each buffer. */
  readonly access: readonly ('read' | 'write' | 'readwrite')[];
  readonly own: number;
  /** How many bindings each buffer has, of whom all but the own ones have 1; absent where all have. */
  readonly parts?: readonly number[];
  /** How many sizes it takes. */
  readonly sizes: number;
  /**
   * Invocations of a workgroup of a kernel whose points are workgroups, each dispatched as one. Without it, a point is an
   * invocation, and workgroups are of the program's size.
   */
  readonly workgroup?: number;
}

/**
 * What the steps of a routine are called with, each value once. The wasm module reads the tables of all routines, in
 * their order, as 32-bit words from address 0 of its memory: first the byte addresses of `buffers`, then the values of
 * `sizes`, then a word for each of the `choices`: 0 for a step's own kernel, else which alternative is called, counted
 * from 1.
 */
export interface ArgumentTable {
  readonly buffers: readonly number[];
  readonly sizes: readonly SizeExpr[];
  /** Absent where no step has alternatives. */
  readonly choices?: readonly (readonly Guard[])[];
}

export const TARGET_NAMES = ['wasm', 'js', 'webgpu'] as const;

/** The two modules of the wasm target: any engine runs the first, the second needs relaxed SIMD. */
export const SIMD_VARIANTS = ['strict', 'relaxed'] as const;

export type SimdVariant = (typeof SIMD_VARIANTS)[number];

export type TargetName = (typeof TARGET_NAMES)[number];

/** How much a run of a routine asks for on any target; what is beyond 2^53 is absent. */
export interface RoutineWork {
  /** Multiplications of products, each with its addition. */
  readonly multiplyAdds?: SizeExpr;
  /** What kernels read and write, everything once for each kernel. */
  readonly bytes?: SizeExpr;
}

export interface Program {
  readonly version: number;
  /** The entry's name. */
  readonly name: string;
  readonly dims: readonly ProgramDim[];
  /** Of a `train` entry. */
  readonly training?: TrainingSpec;
  /** Of a model with `generate`. */
  readonly generation?: GenerationSpec;
  /** By the names of routines. Estimates are made by it; nothing that runs depends on it. */
  readonly work?: { readonly [routine: string]: RoutineWork };
  readonly targets: { readonly [target in TargetName]?: TargetProgram };
}
