/** What the WebAssembly backend can do. */
import type { Target } from '../../kernel/target.ts';

export const wasmTarget: Target = {
  name: 'wasm',
  lanes: 4,
  // More accumulators than 4x8 leave no registers for operands: engines then spill and fall to half the speed.
  tiles: [{ rows: 4, columns: 8 }],
  nativeUnary: new Set(['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'trunc', 'not']),
  nativePow: false,
  nativeMod: false,
  strictArithmetic: true,
};
