/**
 * The distribution function of the standard normal, from a tail alone: with t = |x|, it is q(t)⁸ at -t and 1 - q(t)⁸ at
 * t. The eighth root is so smooth that q(t) = (8 - t) p(t) with a short polynomial p, by scripts/fit/functions.py, whose
 * error relative to q⁸ is 6.7e-8 up to 1.5; from 8 on q is 0, where the tail is less than 10⁻¹⁵. Measured: at most 3.2e-7
 * absolute, and relative to the tail 2.1e-6 up to t = 3; of x normcdf(x), 2.1e-7 absolute for |x| < 3.
 */
import { binary, compare, literal, select, unary } from '../build.ts';
import type { Expr } from '../ir.ts';
import { minus, polynomial, times, type Bind } from './expansion.ts';

const P = [
  0.11462550610303879, 0.0028959596529603004, -0.003628862090408802, -0.0005377903580665588, 0.00012092404358554631,
  1.938709283422213e-5, -5.116188731335569e-6, 2.9853867999918293e-7,
];
const END = 8;

export function expandNormcdf(x: Expr, bind: Bind): Expr {
  const t = bind(binary('min', unary('abs', x), literal(END)), 'size');
  const root = bind(times(polynomial(P, t), minus(literal(END), t)), 'root');
  const power2 = bind(times(root, root), 'root2');
  const power4 = bind(times(power2, power2), 'root4');
  const whole = select(compare('gt', x, literal(0)), literal(1), literal(0));
  return unary('abs', minus(whole, times(power4, power4)));
}
