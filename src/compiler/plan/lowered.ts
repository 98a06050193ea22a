/** What lowering hands to planning: kernel calls over numbered buffers, with symbolic sizes. */
import type { Dim } from '../dims/dim.ts';
import type { Condition, DimDeclaration, DType, GraphParameter, Node, Origin, Value } from '../ir/graph.ts';
import type { Shape } from '../dims/shape.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { Tile, TileOrder } from '../kernel/target.ts';

export type BufferId = number;

export interface LoweredBuffer {
  readonly type: DType;
  /** Elements. */
  readonly size: Dim;
  /** The value of the graph that it holds; absent between the kernels of one node. */
  readonly value?: Value;
  /** As `half` of the Program's buffers. */
  readonly half?: true;
}

export interface NamedTensor {
  readonly name: string;
  readonly type: DType;
  readonly shape: Shape;
  readonly buffer: BufferId;
}

/** A kernel that may be called in place of another; what is absent of its guard does not matter. */
export interface GuardedKernel {
  readonly kernel: Kernel;
  /** Where products use this one of the target's tiles. */
  readonly tile?: number;
  /** Where this is at least 0. */
  readonly atLeastZero?: Dim;
}

/** One kernel call: buffers in the kernel's order (its declared `access` says which are read and written), then sizes. */
export interface KernelCall {
  readonly kernel: Kernel;
  /** Kernels with the same interface: the first whose guard holds is called. */
  readonly alternatives?: readonly GuardedKernel[];
  readonly buffers: readonly BufferId[];
  readonly sizes: readonly Dim[];
  /** Holds how many workgroups to dispatch, as `indirect` of the Program's steps. */
  readonly indirect?: BufferId;
  readonly executed?: ExecutedWork;
  readonly origin: Origin;
  /** The fused node of which it is one of the kernels; absent where kernels are made without a graph. */
  readonly node?: Node;
}

/** Multiply-adds that only a run can tell: the u32 at `at` of a buffer, times a size. */
export interface ExecutedWork {
  readonly buffer: BufferId;
  readonly at: number;
  readonly times: Dim;
}

/** All kernels that a call may run. */
export function kernelsOf({ kernel, alternatives = [] }: KernelCall): Kernel[] {
  return [kernel, ...alternatives.map((one) => one.kernel)];
}

/** Buffers that a call reads, `readwrite` included. */
export function readsOf(call: KernelCall): BufferId[] {
  return call.buffers.filter((_, at) => kernelsOf(call).some(({ buffers }) => buffers[at]!.access !== 'write'));
}

/** Buffers that it writes. */
export function writesOf(call: KernelCall): BufferId[] {
  return call.buffers.filter((_, at) => kernelsOf(call).some(({ buffers }) => buffers[at]!.access !== 'read'));
}

export interface LoweredTiles {
  readonly order: TileOrder;
  /** Each with a kernel that does nothing but fill such tiles, and how many multiply-adds one call of it takes. */
  readonly candidates: readonly (Tile & { readonly kernel: Kernel; readonly multiplyAdds: number })[];
  /** Elements of the two buffers of these kernels. */
  readonly buffers: readonly [operands: number, tiles: number];
}

/** Calls that are run by themselves, as `Routine` of the Program. */
export interface LoweredRoutine {
  readonly name: string;
  readonly conditions?: readonly Condition[];
  /** Buffers the caller fills before a run. */
  readonly inputs: readonly NamedTensor[];
  /** Every output has a buffer of its own, written by a call. */
  readonly outputs: readonly NamedTensor[];
  /** The calls from `first` up to but not including `last`. */
  readonly first: number;
  readonly last: number;
  /** Before this call, the output `loss` is final and no weight has been written. */
  readonly lossReady?: number;
  /** As `dense` and `executed` of the Program's routines. */
  readonly dense?: Dim;
  readonly executed?: readonly ExecutedWork[];
}

/** A parameter, whole; `state`, `frozen` and `initial` are of a training. */
export interface LoweredWeight extends NamedTensor, Pick<GraphParameter, 'members' | 'state' | 'frozen' | 'initial'> {}

export interface LoweredProgram {
  readonly name: string;
  readonly dims: readonly DimDeclaration[];
  readonly buffers: readonly LoweredBuffer[];
  /** One after the other, they are all of `calls`. */
  readonly routines: readonly LoweredRoutine[];
  /** Buffers filled from the weights when the program is loaded; their shapes are static. Calls may write them. */
  readonly weights: readonly LoweredWeight[];
  /** Buffers whose contents stay from run to run, of all routines; absent where there are none. */
  readonly kept?: readonly NamedTensor[];
  /** Weights may change between runs, and not by calls alone, but for frozen ones. */
  readonly isTraining?: boolean;
  /** The tiles that alternatives are for; absent where there is nothing to choose. */
  readonly tiles?: LoweredTiles;
  /**
   * In execution order. A call that reads only weights that never change, and what such calls wrote, can run once, at
   * load.
   */
  readonly calls: readonly KernelCall[];
}

/** What a model's one routine is called. */
export const RUN = 'run';

/** The routine of a program that has no other. */
export function onlyRoutine(parts: Pick<LoweredRoutine, 'inputs' | 'outputs'>, calls: number): LoweredRoutine {
  return { name: RUN, ...parts, first: 0, last: calls };
}
