/**
 * pow with C's meaning. |x|ʸ = 2^(y log2 |x|): the exponent may be 128, so log2 is computed as the sum of two singles,
 * about 2⁻³¹ accurate, with exact products of halved significands (T. J. Dekker, A floating-point technique for
 * extending the available precision, 1971). Minimax polynomials by scripts/fit/functions.py.
 */
import { binary, bitcast, compare, literal, select, splat, unary } from '../build.ts';
import type { Expr } from '../ir.ts';
import { clamp, minus, nearestInteger, over, plus, polynomial, scaleByPower, times, type Bind } from './expansion.ts';
import { splitAny } from './logarithm.ts';

/** 2 / ln 2 */
const K_HIGH = 2.885390043258667;
const K_LOW = 3.851926067000022e-8;
/** (artanh(s) - s) / s³ in s², |s| <= 0.0885; error 3.9e-12 relative to s. */
const ARTANH = [0.3333333432674408, 0.1999923139810562, 0.14454442262649536];
/** Centres near which m is taken, and their binary logarithms, the first part of which has 12 fraction bits. */
const BELOW = { centre: 0.84375, high: -0.2451171875, low: 4.68966345579247e-6 };
const ABOVE = { centre: 1.1875, high: 0.247802734375, low: 0.00012477906420826912 };
/** (2ᶠ - 1) / f, |f| <= 1/2; relative error 3.0e-9. */
const EXP2 = [
  0.6931471824645996, 0.24022647738456726, 0.05550359934568405, 0.009618505835533142, 0.0013390806270763278,
  0.00015326461289077997,
];
/** No x but ±1 has a power with a larger exponent that is not 0 or infinite. */
const LARGEST_EXPONENT = 2 ** 40;

/** An unevaluated sum; `low` is small against `high`. */
export interface Pair {
  readonly high: Expr;
  readonly low: Expr;
}

/** The upper twelve bits of the significand, and the rest: products of such halves are exact. */
export function halves(x: Expr, bind: Bind): Pair {
  const high = bind(bitcast(binary('and', bitcast(x, 'i32'), literal(-4096, 'i32')), 'f32'), 'upper');
  return { high, low: bind(minus(x, high), 'lower') };
}

export function exactProduct(x: Expr, y: Expr, bind: Bind): Pair {
  const high = bind(times(x, y), 'product');
  const [a, b] = [halves(x, bind), halves(y, bind)];
  const outer = minus(times(a.high, b.high), high);
  const inner = plus(plus(outer, times(a.high, b.low)), times(a.low, b.high));
  return { high, low: bind(plus(inner, times(a.low, b.low)), 'error') };
}

function exactSum(x: Expr, y: Expr, bind: Bind): Pair {
  const high = bind(plus(x, y), 'sum');
  const part = bind(minus(high, x), 'part');
  return { high, low: plus(minus(x, minus(high, part)), minus(y, part)) };
}

/**
 * log2 x = e + log2 c + log2 (m / c), the last K (s + s³ t(s²)) with s = (m - c) / (m + c). Of three centres c, the one
 * near m keeps s so small that only its first power is needed to more than single precision.
 */
function log2Pair(x: Expr, bind: Bind): Pair {
  const parts = splitAny(x, bind);
  const m = bind(parts.m, 'm');
  const [isBelow, isAbove] = [
    bind(compare('lt', m, literal(0.92)), 'below'),
    bind(compare('gt', m, literal(1.09)), 'above'),
  ];
  const near = (low: number, middle: number, high: number): Expr =>
    select(isBelow, literal(low), select(isAbove, literal(high), literal(middle)));
  const c = bind(near(BELOW.centre, 1, ABOVE.centre), 'centre');
  const [f, g] = [bind(minus(m, c), 'f'), bind(plus(m, c), 'g')];
  const gLow = minus(m, minus(g, c));
  const s = bind(over(f, g), 's');
  const back = exactProduct(s, g, bind);
  // What s misses of f / (g + gLow).
  const residue = minus(minus(minus(f, back.high), back.low), times(s, gLow));
  const sLow = over(residue, g);
  const square = bind(times(s, s), 'square');
  const cubic = times(times(s, square), polynomial(ARTANH, square));
  const main = exactProduct(s, literal(K_HIGH), bind);
  const small = plus(times(plus(sLow, cubic), literal(K_HIGH)), times(s, literal(K_LOW)));
  const whole = bind(plus(parts.e, near(BELOW.high, 0, ABOVE.high)), 'whole');
  const sum = exactSum(whole, main.high, bind);
  const low = bind(plus(plus(plus(sum.low, main.low), near(BELOW.low, 0, ABOVE.low)), small), 'low');
  const high = bind(plus(sum.high, low), 'log2');
  return { high, low: bind(minus(low, minus(high, sum.high)), 'log2_low') };
}

/** xʸ for x > 0, which is not infinite. */
function positivePower(x: Expr, y: Expr, bind: Bind): Expr {
  const log = log2Pair(x, bind);
  const within = bind(clamp(y, -LARGEST_EXPONENT, LARGEST_EXPONENT), 'within');
  const product = exactProduct(within, log.high, bind);
  const low = plus(product.low, times(within, log.low));
  const high = bind(clamp(product.high, -160, 130), 'high');
  const nearest = nearestInteger(high, bind);
  const f = bind(clamp(plus(minus(high, nearest.whole), low), -1, 1), 'fraction');
  return scaleByPower(plus(literal(1), times(f, polynomial(EXP2, f))), nearest, bind);
}

/** Small whole exponents and the square root; undefined for the others. */
function simplePower(x: Expr, y: number, bind: Bind): Expr | undefined {
  const inverse = (value: Expr): Expr => over(literal(1), value);
  switch (y) {
    case 0:
      return splat(literal(1), x.lanes);
    case 1:
      return x;
    case 2:
      return times(x, x);
    case 3:
      return times(times(x, x), x);
    case 4: {
      const square = bind(times(x, x), 'square');
      return times(square, square);
    }
    case -1:
      return inverse(x);
    case -2:
      return inverse(times(x, x));
    case 0.5:
      // Adding 0 makes -0 positive; the power of -∞ is no NaN.
      return select(compare('eq', x, literal(-Infinity)), literal(Infinity), unary('sqrt', plus(x, literal(0))));
    default:
      return undefined;
  }
}

function literalValue(expr: Expr): number | undefined {
  if (expr.kind === 'splat') return literalValue(expr.operand);
  return expr.kind === 'literal' ? expr.value : undefined;
}

/** Measured: at most 1.2 ulp. */
export function expandPow(x: Expr, y: Expr, bind: Bind): Expr {
  const exponent = literalValue(y);
  const simple = exponent === undefined ? undefined : simplePower(x, exponent, bind);
  if (simple) return simple;
  const [zero, one, infinite] = [literal(0), literal(1), literal(Infinity)];
  const or = (a: Expr, b: Expr): Expr => binary('or', a, b);
  const and = (a: Expr, b: Expr): Expr => binary('and', a, b);
  const size = bind(unary('abs', x), 'size');
  const falls = bind(compare('lt', y, zero), 'falls');
  const isFinite = positivePower(size, y, bind);
  const ofZero = select(compare('eq', size, zero), select(falls, infinite, zero), isFinite);
  const magnitude = bind(select(compare('eq', size, infinite), select(falls, zero, infinite), ofZero), 'magnitude');
  const isWhole = bind(compare('eq', unary('floor', y), y), 'is_whole');
  const halved = bind(times(y, literal(0.5)), 'halved');
  const isOdd = and(isWhole, compare('ne', unary('floor', halved), halved));
  const isNegative = compare('lt', bitcast(x, 'i32'), literal(0, 'i32'));
  const signed = select(and(isNegative, isOdd), unary('neg', magnitude), magnitude);
  const isReal = or(compare('ge', x, zero), or(isWhole, compare('eq', size, infinite)));
  const known = and(compare('eq', x, x), compare('eq', y, y));
  const value = select(and(known, isReal), signed, literal(NaN));
  return select(or(compare('eq', y, zero), compare('eq', x, one)), one, value);
}
