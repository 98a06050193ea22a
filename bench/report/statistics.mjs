/** What is told of a list of samples. */

/** `{ count, min, median }`; the median of an even number lies between the two middle ones. Throws RangeError for none. */
export function summarize(samples) {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
  return { count: sorted.length, min: sorted[0], median };
}

/** 10⁹ floating-point operations a second. */
export const gigaflops = (operations, milliseconds) => operations / milliseconds / 1e6;

/**
 * How far outputs may lie apart, as a part of the largest value. f32 sums in another order differ by some ulps of what was
 * added. Quantised weights and activations have steps of 1/127 of their largest value, and their errors add up over layers.
 * Where experts have places for as many tokens as the mean, what finds none is dropped, and losses differ by some percent.
 * Where experts are chosen, a difference in the last bit may send a token to another one, which later steps see.
 */
const TOLERANCES = { f32: 1e-4, int8: 0.1, routed: 2e-3, dropping: 0.05 };

/**
 * The largest absolute difference over outputs by name, the largest value wanted, and whether the difference is small enough
 * for the same function computed in `numbers`. Missing outputs, other lengths and NaN are infinite differences.
 */
export function compareOutputs(wanted, found, numbers) {
  let difference = 0;
  let scale = 0;
  for (const [name, values] of Object.entries(wanted)) {
    const others = found[name];
    if (others?.length !== values.length) return { difference: Infinity, scale, agrees: false };
    for (let at = 0; at < values.length; at++) {
      const apart = Math.abs(values[at] - others[at]);
      difference = Math.max(difference, Number.isNaN(apart) ? Infinity : apart);
      scale = Math.max(scale, Math.abs(values[at]));
    }
  }
  return { difference, scale, agrees: difference <= TOLERANCES[numbers] * scale };
}
