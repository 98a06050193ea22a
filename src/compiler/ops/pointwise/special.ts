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
 * Highest power first.
 */
const NEAR_P = [
  1.85777706184603153e-1, 3.1611237438705656, 1.1386415415105016e2, 3.77485237685302021e2, 3.20937758913846947e3,
];
const NEAR_Q = [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3];
const MIDDLE_P = [
  2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
  8.8195222124176909e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
];
const MIDDLE_Q = [
  1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
  4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
];
const FAR_P = [
  1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
  1.60837851487422766e-2, 6.58749161529837803e-4,
];
const FAR_Q = [
  1, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3,
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
