/** What the expansions of functions into arithmetic share. All of it is blind to lanes. */
import { binary, bitcast, literal } from '../build.ts';
import type { Expr } from '../ir.ts';

/** Gives a value that is used more than once a name, so that it is computed once. */
export type Bind = (value: Expr, name: string) => Expr;

/** Rewrites a function of one f32 argument; the argument is cheap to repeat. */
export type Expansion = (x: Expr, bind: Bind) => Expr;

export const plus = (left: Expr, right: Expr): Expr => binary('add', left, right);
export const minus = (left: Expr, right: Expr): Expr => binary('sub', left, right);
export const times = (left: Expr, right: Expr): Expr => binary('mul', left, right);
export const over = (left: Expr, right: Expr): Expr => binary('div', left, right);

/** ln 2 in two parts; the first has nine bits, so that its product with |k| < 2¹⁵ is exact. */
export const LN2_HIGH = 0.693359375;
export const LN2_LOW: number = Math.LN2 - LN2_HIGH;

/** `low <= x <= high`; NaN stays NaN. */
export function clamp(x: Expr, low: number, high: number): Expr {
  return binary('min', binary('max', x, literal(low)), literal(high));
}

/** The polynomial with `coefficients`, lowest order first, by Horner's rule. `x` is cheap to repeat. */
export function polynomial(coefficients: readonly number[], x: Expr): Expr {
  return coefficients
    .slice(0, -1)
    .reduceRight((sum, coefficient) => plus(times(sum, x), literal(coefficient)), literal(coefficients.at(-1)!));
}

/** 1.5 · 2²³: added to |x| < 2²², it pushes the fraction out of the significand, rounding to nearest, ties to even. */
const SHIFTER = 12582912;
const SHIFTER_BITS = 0x4b400000;

/** `x` rounded to the nearest integer, as f32 and as i32, for |x| < 2²². */
export function nearestInteger(x: Expr, bind: Bind): { readonly float: Expr; readonly integer: Expr } {
  const shifted = bind(plus(x, literal(SHIFTER)), 'shifted');
  return {
    float: bind(minus(shifted, literal(SHIFTER)), 'whole'),
    integer: bind(minus(bitcast(shifted, 'i32'), literal(SHIFTER_BITS, 'i32')), 'exponent'),
  };
}

/** 2ᵏ for an i32 k in -126 … 127. */
export function powerOfTwo(k: Expr): Expr {
  return bitcast(binary('shl', plus(k, literal(127, 'i32')), literal(23, 'i32')), 'f32');
}

/**
 * x · 2ᵏ, in two factors of which the second rounds: results below the smallest normal are denormal and turn to 0 below
 * half the smallest, results above the largest turn to infinity. For |k| <= 252.
 */
export function scaleByPower(x: Expr, k: Expr, bind: Bind): Expr {
  const half = bind(binary('shr', k, literal(1, 'i32')), 'half');
  return times(times(x, powerOfTwo(half)), powerOfTwo(minus(k, half)));
}
