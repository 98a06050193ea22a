/** What a backend can do, as plain data. Lowering and legalisation read it; nothing else knows backends apart. */
import type { Lanes, UnaryOp } from './ir.ts';

/** A register tile of a contraction: `rows * columns` accumulators. */
export interface Tile {
  readonly rows: number;
  /** A multiple of the target's lanes; the width of a packed panel. */
  readonly columns: number;
}

export interface Target {
  readonly name: 'js' | 'wasm';
  readonly lanes: Lanes;
  /** Register tiles worth trying, best first. */
  readonly tiles: readonly Tile[];
  /** Functions the backend computes itself; the others are rewritten into arithmetic by legalisation. */
  readonly nativeUnary: ReadonlySet<UnaryOp>;
  /** Whether `pow` is computed by the backend. */
  readonly nativePow: boolean;
  /** Whether `mod` is. */
  readonly nativeMod: boolean;
}
