/** What the JavaScript backend can do. */
import type { Target } from '../../kernel/target.ts';

export const jsTarget: Target = {
  name: 'js',
  lanes: 1,
  // Measured: larger tiles spill, smaller ones load too often.
  tiles: [{ rows: 2, columns: 4, unroll: 1 }],
  nativeUnary: new Set([
    'neg',
    'abs',
    'sqrt',
    'floor',
    'ceil',
    'round',
    'trunc',
    'not',
    'exp',
    'expm1',
    'log',
    'log1p',
    'sin',
    'cos',
    'tanh',
  ]),
  nativePow: true,
  nativeMod: true,
  strictArithmetic: true,
};
