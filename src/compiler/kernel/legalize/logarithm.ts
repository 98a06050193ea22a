/**
 * log and log1p. x = 2ᵉ m with m in [√½, √2), log x = e ln 2 + log m, and log(1 + f) = f - f²/2 + f³ l(f) with a
 * minimax polynomial l by scripts/fit/functions.py; summed from the smallest part to the largest.
 */
import { binary, bitcast, compare, convert, literal, select } from '../build.ts';
import type { Expr } from '../ir.ts';
import { LN2_HIGH, LN2_LOW, minus, over, plus, polynomial, times, type Bind } from './expansion.ts';

/** Relative error 7.7e-10. */
const LOG = [
  0.3333331346511841, -0.25000008940696716, 0.2000207155942917, -0.16667988896369934, 0.14220358431339264,
  -0.12406233698129654, 0.11883549392223358, -0.11670100688934326, 0.06749270111322403,
];
/** The bits of √½. */
const ROOT_HALF = 0x3f3504f3;
const SMALLEST_NORMAL = 2 ** -126;

/** A positive normal number as 2ᵉ m; e as an i32. */
function splitBinary(x: Expr, bind: Bind): { readonly e: Expr; readonly m: Expr } {
  const bits = bind(bitcast(x, 'i32'), 'bits');
  const e = bind(binary('shr', minus(bits, literal(ROOT_HALF, 'i32')), literal(23, 'i32')), 'power');
  return { e, m: bitcast(minus(bits, binary('shl', e, literal(23, 'i32'))), 'f32') };
}

/** A positive number as 2ᵉ m, denormal ones too; e as f32. */
export function splitAny(x: Expr, bind: Bind): { readonly e: Expr; readonly m: Expr } {
  const isDenormal = bind(compare('lt', x, literal(SMALLEST_NORMAL)), 'small');
  const normal = bind(select(isDenormal, times(x, literal(2 ** 23)), x), 'normal');
  const { e, m } = splitBinary(normal, bind);
  return { e: minus(convert(e, 'f32'), select(isDenormal, literal(23), literal(0))), m };
}

function logOfParts(e: Expr, m: Expr, bind: Bind): Expr {
  return logOfFraction(e, minus(m, literal(1)), bind);
}

/** log(2ᵉ (1 + f)) */
function logOfFraction(e: Expr, fraction: Expr, bind: Bind): Expr {
  const [power, f] = [bind(e, 'power'), bind(fraction, 'f')];
  const square = bind(times(f, f), 'square');
  const cubic = times(times(square, f), polynomial(LOG, f));
  const low = minus(plus(cubic, times(power, literal(LN2_LOW))), times(square, literal(0.5)));
  return plus(plus(low, f), times(power, literal(LN2_HIGH)));
}

/** `value`, the logarithm of x where x is positive and finite, with what it is elsewhere. */
function atEdges(x: Expr, value: Expr): Expr {
  const edge = select(
    compare('eq', x, literal(0)),
    literal(-Infinity),
    select(compare('gt', x, literal(0)), x, literal(NaN)),
  );
  const inside = binary('and', compare('gt', x, literal(0)), compare('lt', x, literal(Infinity)));
  return select(inside, value, edge);
}

/** Measured: at most 0.8 ulp. */
export function expandLog(x: Expr, bind: Bind): Expr {
  const { e, m } = splitAny(x, bind);
  return atEdges(x, logOfParts(e, m, bind));
}

/**
 * log(u) + (x - (u - 1)) / u with u the rounded 1 + x: the second part restores what the rounding lost.
 * Measured: at most 1.5 ulp. Where a compiler might find that nothing was lost, x itself is the fraction near 1, and
 * elsewhere the loss is small against the logarithm. Measured: at most 2.3 ulp.
 */
export function expandLog1p(x: Expr, bind: Bind): Expr {
  const u = bind(plus(x, literal(1)), 'successor');
  const { e, m } = splitBinary(u, bind);
  if (!bind.strict) {
    const fraction = select(compare('eq', e, literal(0, 'i32')), x, minus(m, literal(1)));
    return atEdges(u, logOfFraction(convert(e, 'f32'), fraction, bind));
  }
  const lost = minus(x, minus(u, literal(1)));
  return atEdges(u, plus(logOfParts(convert(e, 'f32'), m, bind), over(lost, u)));
}
