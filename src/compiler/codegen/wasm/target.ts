/** What the WebAssembly backend can do. */
import type { Target } from '../../kernel/target.ts';

export const wasmTarget: Target = {
  name: 'wasm',
  lanes: 4,
  // Of 16 vector registers, products that are rounded need one more, so that 4x8 is the largest that does not spill, to
  // half the speed. Fused ones leave room for 6x8, where the processor has them.
  tiles: [
    { rows: 4, columns: 8, unroll: 1 },
    { rows: 6, columns: 8, unroll: 4 },
  ],
  tileOrder: { strict: [0], relaxed: [1, 0] },
  nativeUnary: new Set(['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'trunc', 'not']),
  nativePow: false,
  nativeMod: false,
  strictArithmetic: true,
};
