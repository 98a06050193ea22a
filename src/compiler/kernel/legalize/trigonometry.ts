/**
 * sin and cos. x = n π/2 + r, |r| <= π/4, with π/2 in four parts (Cody and Waite, 1980): n in two halves of twelve bits
 * and the first three parts of twelve bits have exact products, so r is accurate for |x| <= 2·10⁶, also where x is close
 * to a multiple of π/2. Beyond, n is no longer the nearest integer and the error grows with |x|; from 10⁷ on nothing is
 * left of the result but that it is in -1 … 1. Minimax polynomials by scripts/fit/functions.py. Measured for
 * |x| <= 2·10⁶: at most 4 ulp and 1.3e-7 absolute.
 */
import { binary, bitcast, compare, literal, select } from '../build.ts';
import type { Expr } from '../ir.ts';
import { clamp, minus, nearestInteger, plus, polynomial, times, type Bind } from './expansion.ts';
import { halves } from './power.ts';

const HALF_PI = [1.57080078125, -4.453584551811218e-6, -8.706138032721356e-10];
const HALF_PI_REST = 6.223371969669989e-14;
/** (sin(r) - r) / r³ in r²; relative error 1.6e-10. */
const SIN = [-0.1666666716337204, 0.008333379402756691, -0.00019853068806696683, 2.832618747561355e-6];
/** (cos(r) - 1 + r²/2) / r⁴ in r²; relative error 1.2e-10. */
const COS = [0.04166664555668831, -0.0013887309469282627, 2.4432329155388288e-5];

/** sin(x + quarter π/2) */
function sinusoid(x: Expr, quarter: 0 | 1, bind: Bind): Expr {
  const { whole, bits } = nearestInteger(x, bind, 2 / Math.PI);
  const { high, low } = halves(whole, bind);
  const products = HALF_PI.flatMap((part) => [times(high, literal(part)), times(low, literal(part))]);
  const rest = [...products, times(whole, literal(HALF_PI_REST))].reduce(minus, x);
  // Out of its range, the reduction leaves anything.
  const r = bind(clamp(rest, -1, 1), 'reduced');
  const square = bind(times(r, r), 'square');
  const sine = plus(r, times(times(r, square), polynomial(SIN, square)));
  const flat = minus(literal(1), times(square, literal(0.5)));
  const cosine = plus(times(times(square, square), polynomial(COS, square)), flat);
  const turn = bind(quarter === 0 ? bits : plus(bits, literal(quarter, 'i32')), 'quarter');
  const isOdd = compare('eq', binary('and', turn, literal(1, 'i32')), literal(1, 'i32'));
  const value = select(isOdd, cosine, sine);
  // Turns 2 and 3 of four are negative: bit 1 becomes the sign.
  const sign = binary('shl', binary('and', turn, literal(2, 'i32')), literal(30, 'i32'));
  return bitcast(binary('xor', bitcast(value, 'i32'), sign), 'f32');
}

export function expandSin(x: Expr, bind: Bind): Expr {
  return sinusoid(x, 0, bind);
}

export function expandCos(x: Expr, bind: Bind): Expr {
  return sinusoid(x, 1, bind);
}
