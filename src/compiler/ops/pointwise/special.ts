/** Scalar functions in f64 that JavaScript's Math lacks or defines otherwise than C and NumPy do. */

/** Ties to the even neighbour, as IEEE 754 `roundToIntegralTiesToEven`; keeps the sign of zero. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const fraction = x - below;
  if (fraction < 0.5 || !Number.isFinite(x)) return Object.is(x, -0) ? x : below;
  if (fraction > 0.5) return Math.ceil(x);
  return below % 2 === 0 ? below : Math.ceil(x);
}

/** C's `pow`: 1 to any power and anything to the power 0 are 1, NaN or not; -1 to an infinite power is 1. */
export function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent))) return 1;
  return base ** exponent;
}

/** The remainder with the divisor's sign, as Python's `%`. A remainder of zero keeps the dividend's sign. */
export function floorModulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function polynomial(x: number, coefficients: readonly number[]): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/*
 * Rational minimax approximations of erf on [0, 0.5], and of erfc on (0.5, 4] and (4, inf):
 * W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969) 631-637, tables I-III.
 * Highest power first, rounded to doubles.
 */
const NEAR_P = [0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694];
const NEAR_Q = [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const MIDDLE_P = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769,
  1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
];
const MIDDLE_Q = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];
const FAR_P = [
  0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275,
  0.0006587491615298378,
];
const FAR_Q = [
  1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918,
];

/** `erfc(x)` for `x > 0.5`. */
function tail(x: number): number {
  // exp(-x²) loses digits as x² is rounded; x is split so that the larger square is exact.
  const head = Math.trunc(x * 16) / 16;
  const gauss = Math.exp(-head * head) * Math.exp(-(x - head) * (x + head));
  if (x <= 4) return (gauss * polynomial(x, MIDDLE_P)) / polynomial(x, MIDDLE_Q);
  const z = 1 / (x * x);
  const correction = (z * polynomial(z, FAR_P)) / polynomial(z, FAR_Q);
  return (gauss / x) * (1 / Math.sqrt(Math.PI) - correction);
}

/** The error function. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size <= 0.5) return (x * polynomial(x * x, NEAR_P)) / polynomial(x * x, NEAR_Q);
  const result = size > 6 ? 1 : 1 - tail(size);
  return x < 0 ? -result : result;
}

/** `1 - erf(x)` without the cancellation for positive x. */
export function erfc(x: number): number {
  if (!(x > 0.5)) return 1 - erf(x);
  return x > 27 ? 0 : tail(x);
}
