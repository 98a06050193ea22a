/**
 * The remainder with the sign of the divisor. Subtracting the divisor times the rounded quotient leaves a single without
 * rounding, if the product is computed as two; what is left is 2⁻²⁴ of the dividend or less than the divisor. Two such
 * steps are exact where |x / y| < 2⁴⁷. Beyond, the result is exact or 0.
 */
import { binary, compare, literal, select, unary } from '../build.ts';
import type { Expr } from '../ir.ts';
import { minus, over, plus, times, type Bind } from './expansion.ts';
import { exactProduct } from './power.ts';

const STEPS = 2;
/** A normal single times this is the one next to it towards 0. */
const BELOW_ONE = 1 - 2 ** -24;

function reduceOnce(x: Expr, y: Expr, bind: Bind): Expr {
  const product = exactProduct(bind(unary('trunc', over(x, y)), 'quotient'), y, bind);
  return bind(minus(minus(x, product.high), product.low), 'rest');
}

export function expandMod(x: Expr, y: Expr, bind: Bind): Expr {
  const zero = literal(0);
  const size = bind(unary('abs', y), 'size');
  const isWithin = (value: Expr): Expr => compare('lt', unary('abs', value), size);
  let reduced = x;
  for (let step = 0; step < STEPS; step++) reduced = reduceOnce(reduced, y, bind);
  // A quotient too large for the steps leaves anything. An infinity or NaN times 0 is NaN, unless a compiler knows better.
  const isFinite = compare('lt', unary('abs', x), literal(Infinity));
  const nothing = bind.strict ? times(x, zero) : select(isFinite, zero, literal(NaN));
  const beyond = select(compare('gt', size, zero), nothing, literal(NaN));
  // The first test also keeps what an infinite divisor leaves as it is.
  const rest = bind(select(isWithin(x), x, select(isWithin(reduced), reduced, beyond)), 'rest');
  const opposed = binary('xor', compare('lt', rest, zero), compare('lt', y, zero));
  const sum = bind(plus(rest, y), 'sum');
  const moved = select(compare('eq', sum, y), times(y, literal(BELOW_ONE)), sum);
  return select(binary('and', compare('ne', rest, zero), opposed), moved, rest);
}
