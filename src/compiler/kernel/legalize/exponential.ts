/**
 * exp, expm1 and tanh. Range reduction x = k ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts (W. J. Cody and
 * W. Waite, Software Manual for the Elementary Functions, 1980); minimax polynomials by scripts/fit/functions.py.
 */
import { binary, bitcast, literal, multiplyAdd } from '../build.ts';
import type { Expr } from '../ir.ts';
import {
  clamp,
  LN2_HIGH,
  LN2_LOW,
  minus,
  nearestInteger,
  over,
  plus,
  polynomial,
  raiseExponent,
  times,
  type Bind,
} from './expansion.ts';

const LOG2_E = Math.LOG2E;

/** (exp(r) - 1 - r) / r², fitted for the relative error of exp: 3.2e-9. */
const EXP = [0.4999999403953552, 0.1666652113199234, 0.04166829213500023, 0.008368715643882751, 0.0013818698935210705];
/** (exp(r) - 1 - r) / r², fitted for the relative error of expm1: 4.4e-10. */
const EXPM1 = [
  0.5, 0.1666666567325592, 0.04166649281978607, 0.008333543315529823, 0.0013932380825281143, 0.0001976441271835938,
];

interface Reduced {
  readonly bits: Expr;
  readonly r: Expr;
}

function reduce(x: Expr, bind: Bind, bias = 0): Reduced {
  const { whole, bits } = nearestInteger(x, bind, LOG2_E, bias);
  const high = multiplyAdd(whole, literal(-LN2_HIGH), x);
  return { bits, r: bind(multiplyAdd(whole, literal(-LN2_LOW), high), 'reduced') };
}

/** Below about the first the result is 0, from the second on infinite. */
const NOTHING = -87.25;
const OVERFLOW = 89;

/**
 * 2 (2ᵏ⁻¹ exp(r)). The bits of 2ᵏ⁻¹ are those of k + 126 moved to where the exponent stands: from k = -126 down they are
 * 0, and for k = 128 doubling overflows where the result does. So results below 2⁻¹²⁵·⁵ are 0, and hardly a step computes
 * a denormal, which processors do a hundred times slower: masked attention scores are exponentials of -1e9. NaN goes
 * through all of it. Measured: at most 1 ulp, and 1.5 below 2⁻¹²⁵.
 */
export function expandExp(x: Expr, bind: Bind): Expr {
  const { bits, r } = reduce(bind(clamp(x, NOTHING, OVERFLOW), 'clamped'), bind, 126);
  const p = plus(multiplyAdd(times(r, r), polynomial(EXP, r), r), literal(1));
  const scale = bitcast(binary('shl', bits, literal(23, 'i32')), 'f32');
  const half = bind(times(p, scale), 'half');
  return plus(half, half);
}

/** 2 (2ᵏ⁻¹ (exp(r) - 1) + (2ᵏ⁻¹ - 1/2)): exact where k = 0, and 2ᵏ⁻¹ is finite up to the overflow of the result. */
function expm1Within(x: Expr, bind: Bind): Expr {
  const { bits, r } = reduce(x, bind);
  const p = multiplyAdd(times(r, r), polynomial(EXPM1, r), r);
  const scale = bind(raiseExponent(literal(0.5), bits), 'scale');
  return times(plus(times(scale, p), minus(scale, literal(0.5))), literal(2));
}

/** Measured: at most 1.4 ulp. */
export function expandExpm1(x: Expr, bind: Bind): Expr {
  return expm1Within(bind(clamp(x, -18, 89), 'clamped'), bind);
}

/**
 * e / (e + 2) with e = expm1(2x), which keeps its relative accuracy near 0; beyond 9.2 the result rounds to ±1.
 * Measured: at most 2.5 ulp.
 */
export function expandTanh(x: Expr, bind: Bind): Expr {
  const e = bind(expm1Within(bind(times(clamp(x, -9.2, 9.2), literal(2)), 'doubled'), bind), 'grown');
  return over(e, plus(e, literal(2)));
}
