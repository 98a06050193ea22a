/** What kernels are run on in tests: contents by buffer name, in memory with words around them that must stay. */
import type { ScalarType } from '../../src/compiler/kernel/ir.ts';

export type Contents = Readonly<Record<string, readonly number[]>>;
export type Sizes = Readonly<Record<string, number>>;

/** Words around each buffer, with a value that must stay. */
export const GUARD_ELEMENTS = 8;
export const GUARD = 0x5aa5c33c;

type View = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

export function viewOf(type: ScalarType, bytes: ArrayBuffer): View {
  if (type === 'f32') return new Float32Array(bytes);
  return type === 'u32' ? new Uint32Array(bytes) : new Int32Array(bytes);
}
