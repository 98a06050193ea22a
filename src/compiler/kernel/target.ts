/** What a backend can do, as plain data. Lowering and legalisation read it; nothing else knows backends apart. */
import type { Lanes, UnaryOp } from './ir.ts';

/** A register tile of a contraction: `rows * columns` accumulators. */
export interface Tile {
  readonly rows: number;
  /** A multiple of the target's lanes; the width of a packed panel. */
  readonly columns: number;
}

/** A device that runs the points of a grid at once, as invocations in workgroups. */
export interface Workgroups {
  /** Invocations of a workgroup. */
  readonly size: number;
  /** Storage buffers that one kernel may be bound to. */
  readonly storageBuffers: number;
}

export interface Target {
  readonly name: 'js' | 'wasm' | 'webgpu';
  readonly lanes: Lanes;
  /** Register tiles worth trying, best first. */
  readonly tiles: readonly Tile[];
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
