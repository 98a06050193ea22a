/** The standard normal distribution in f64. */

/** The density at `x`. */
function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** How far from the middle the continued fraction takes over, and how many of its terms are enough there. */
const MIDDLE = 3;
const TERMS = 200;

/**
 * The probability of at most `x`, with a relative error below 1e-13 for x <= 0. Near the middle the series of
 * G. Marsaglia, Evaluating the normal distribution, J. Stat. Softw. 11 (2004); in the tail Laplace's continued fraction.
 */
export function normalProbability(x: number): number {
  if (x > MIDDLE) return 1 - normalProbability(-x);
  if (x < -MIDDLE) {
    let fraction = -x;
    for (let term = TERMS; term > 0; term--) fraction = -x + term / fraction;
    return density(x) / fraction;
  }
  let term = x;
  let sum = x;
  for (let odd = 3; Math.abs(term) > Math.abs(sum) * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + density(x) * sum;
}

/*
 * Rational approximations of the quantile near the middle, and in the tail by sqrt(-ln p) up to 5 and beyond: M. J. Wichura,
 * Algorithm AS 241: The Percentage Points of the Normal Distribution, Appl. Stat. 37 (1988) 477-484, PPND16. Highest
 * power first, rounded to doubles.
 */
const MIDDLE_P = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
  133.14166789178438, 3.3871328727963665,
];
const MIDDLE_Q = [
  5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
  42.31333070160091, 1,
];
const TAIL_P = [
  7.745450142783414e-4, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
  5.769497221460691, 4.630337846156546, 1.4234371107496835,
];
const TAIL_Q = [
  1.0507500716444169e-9, 5.475938084995345e-4, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
  1.6763848301838038, 2.053191626637759, 1,
];
const FAR_P = [
  2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
  1.7848265399172913, 5.463784911164114, 6.657904643501103,
];
const FAR_Q = [
  2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 7.868691311456133e-4, 0.014875361290850615,
  0.1369298809227358, 0.599832206555888, 1,
];

function ratio(x: number, p: readonly number[], q: readonly number[]): number {
  let above = 0;
  let below = 0;
  for (let at = 0; at < p.length; at++) {
    above = above * x + p[at]!;
    below = below * x + q[at]!;
  }
  return above / below;
}

/** The number that a normal one is at most with the probability `p` in [0, 1]; relative error about 1e-16. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(0.180625 - q * q, MIDDLE_P, MIDDLE_Q);
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  if (r === Infinity) return q < 0 ? -r : r;
  const size = r <= 5 ? ratio(r - 1.6, TAIL_P, TAIL_Q) : ratio(r - 5, FAR_P, FAR_Q);
  return q < 0 ? -size : size;
}
