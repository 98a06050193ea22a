/** Rounding to integers with additions: |x| + 2²³ has no room for a fraction. Exact, signed zeros included. */
import { binary, bitcast, compare, literal, select, unary } from '../build.ts';
import type { Expr } from '../ir.ts';
import { minus, plus, type Bind } from './expansion.ts';

const SIGN_BIT = -(2 ** 31);
const NO_FRACTION = 2 ** 23;

/** The magnitude of one value, which is not negative, with the sign of another. */
function withSign(size: Expr, of: Expr): Expr {
  const sign = binary('and', bitcast(of, 'i32'), literal(SIGN_BIT, 'i32'));
  return bitcast(binary('or', sign, bitcast(size, 'i32')), 'f32');
}

export function expandRound(x: Expr, bind: Bind): Expr {
  const size = bind(unary('abs', x), 'size');
  const whole = minus(plus(size, literal(NO_FRACTION)), literal(NO_FRACTION));
  return select(compare('lt', size, literal(NO_FRACTION)), withSign(whole, x), x);
}

export function expandFloor(x: Expr, bind: Bind): Expr {
  const nearest = bind(expandRound(x, bind), 'nearest');
  return select(compare('gt', nearest, x), minus(nearest, literal(1)), nearest);
}

export function expandCeil(x: Expr, bind: Bind): Expr {
  return unary('neg', expandFloor(bind(unary('neg', x), 'negated'), bind));
}

export function expandTrunc(x: Expr, bind: Bind): Expr {
  const size = bind(unary('abs', x), 'size');
  return withSign(expandFloor(size, bind), x);
}
