/** What the expansions of functions into arithmetic share. All of it is blind to lanes. */
import { binary, bitcast, convert, literal, multiplyAdd, unary } from '../build.ts';
import type { Expr } from '../ir.ts';

/** Gives a value that is used more than once a name, so that it is computed once. */
export interface Bind {
  (value: Expr, name: string): Expr;
  /** Whether the target computes arithmetic as written. */
  readonly strict: boolean;
}

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
    .reduceRight((sum, coefficient) => multiplyAdd(sum, x, literal(coefficient)), literal(coefficients.at(-1)!));
}

/** 1.5 · 2²³: added to |x| < 2²², it pushes the fraction out of the significand, rounding to nearest, ties to even. */
const SHIFTER = 12582912;
const SHIFTER_BITS = 0x4b400000;

export interface Nearest {
  /** The nearest integer, as f32. */
  readonly whole: Expr;
  /** An i32 whose lower 22 bits are those of the integer. */
  readonly bits: Expr;
}

/** Rounds |x · factor| < 2²¹; other x give anything. `bias` is added to the integer of the bits alone. */
export function nearestInteger(x: Expr, bind: Bind, factor = 1, bias = 0): Nearest {
  // A compiler that may reorder additions would find that shifting there and back changes nothing.
  if (!bind.strict) {
    const whole = bind(unary('round', factor === 1 ? x : times(x, literal(factor))), 'whole');
    return { whole, bits: plus(convert(whole, 'i32'), literal(SHIFTER_BITS + bias, 'i32')) };
  }
  const shifter = literal(SHIFTER + bias);
  const shifted = bind(factor === 1 ? plus(x, shifter) : multiplyAdd(x, literal(factor), shifter), 'shifted');
  return { whole: bind(minus(shifted, shifter), 'whole'), bits: bitcast(shifted, 'i32') };
}

/** `x` with its exponent raised by an integer of which `bits` are the lower ones; what is not normal comes out wrong. */
export function raiseExponent(x: Expr, bits: Expr): Expr {
  return bitcast(plus(bitcast(x, 'i32'), binary('shl', bits, literal(23, 'i32'))), 'f32');
}

/** 2ᵏ for an i32 k in -126 … 127. */
function powerOfTwo(k: Expr): Expr {
  return raiseExponent(literal(1), k);
}

/**
 * x · 2ᵏ, in two factors of which the second rounds: results below the smallest normal are denormal and turn to 0 below
 * half the smallest, results above the largest turn to infinity. For |k| <= 252.
 */
export function scaleByPower(x: Expr, { bits }: Nearest, bind: Bind): Expr {
  const k = bind(minus(bits, literal(SHIFTER_BITS, 'i32')), 'exponent');
  const half = bind(binary('shr', k, literal(1, 'i32')), 'half');
  return times(times(x, powerOfTwo(half)), powerOfTwo(minus(k, half)));
}
