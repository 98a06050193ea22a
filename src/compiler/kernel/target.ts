/** What a backend can do, as plain data. Lowering and legalisation read it; nothing else knows backends apart. */
import type { Lanes, UnaryOp } from './ir.ts';

/** A register tile of a contraction: `rows * columns` accumulators. */
export interface Tile {
  readonly rows: number;
  /** A multiple of the target's lanes; the width of a packed panel. */
  readonly columns: number;
  /** Steps of the summed axis in one iteration; they keep their order, so that no bit depends on it. */
  readonly unroll: number;
}

/** Places in a list of tiles: those worth trying, likely best first. */
export interface TileOrder {
  /** Where products are rounded before they are added. */
  readonly strict: readonly number[];
  /** Where they are fused with the addition. */
  readonly relaxed: readonly number[];
}

/** A device that runs the points of a grid at once, as invocations in workgroups. */
export interface Workgroups {
  /** Invocations of a workgroup, where a kernel does not say. */
  readonly size: number;
  /** Storage buffers that one kernel may be bound to. */
  readonly storageBuffers: number;
  /** The largest workgroup that a kernel may ask for … */
  readonly invocations: number;
  /** … and the bytes of memory that it may share. */
  readonly memory: number;
  /** Bytes that a kernel may reach through one binding. */
  readonly bindingBytes: number;
  /** Workgroups along one dimension of a dispatch. */
  readonly perDimension: number;
}

export interface Target {
  readonly name: 'js' | 'wasm' | 'webgpu';
  readonly lanes: Lanes;
  /** Register tiles of products, all of one width. Kernels have the first; where there are more, there is one for each. */
  readonly tiles: readonly Tile[];
  /** Of several tiles, those worth trying in each module of the target, by place, likely best first. */
  readonly tileOrder?: TileOrder;
  /** Functions the backend computes itself; the others are rewritten into arithmetic by legalisation. */
  readonly nativeUnary: ReadonlySet<UnaryOp>;
  /** Whether `pow` is computed by the backend. */
  readonly nativePow: boolean;
  /** Whether `mod` is. */
  readonly nativeMod: boolean;
  /** Whether f32 arithmetic is computed as written; elsewhere what runs the kernels may fuse and reorder it. */
  readonly strictArithmetic: boolean;
  /** Absent where the points of a grid run as calls, one after the other. */
  readonly workgroups?: Workgroups;
}
