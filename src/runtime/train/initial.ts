/** Draws the first values of parameters. */
import type { Distribution } from '../../program/training.ts';
import { normalProbability, normalQuantile } from './normal.ts';
import { uniformStream } from './stream.ts';

/**
 * Fills `values` with the elements from `first` on of the parameter `name`, each computed in f64 by the inverse of the
 * distribution function. The same seed and name give the same values, whatever is drawn before.
 */
export function drawInitial(
  distribution: Distribution,
  seed: number,
  name: string,
  first: number,
  values: Float32Array | Int32Array | Uint32Array | Uint8Array,
): void {
  if (distribution.kind === 'constant') {
    values.fill(distribution.value);
    return;
  }
  const uniform = uniformStream(seed, name);
  const quantile = quantileOf(distribution);
  for (let at = 0; at < values.length; at++) values[at] = quantile(uniform(first + at));
}

/** What a number has with a given probability at most. */
function quantileOf(distribution: Exclude<Distribution, { kind: 'constant' }>): (p: number) => number {
  switch (distribution.kind) {
    case 'uniform': {
      const { low, high } = distribution;
      return (p) => low + (high - low) * p;
    }
    case 'normal': {
      const { mean, std } = distribution;
      return (p) => mean + std * normalQuantile(p);
    }
    case 'truncated_normal':
      return truncatedQuantile(distribution);
  }
}

function truncatedQuantile({
  mean,
  std,
  low,
  high,
}: Extract<Distribution, { kind: 'truncated_normal' }>): (p: number) => number {
  const limited = (value: number): number => Math.min(Math.max(value, low), high);
  // Probabilities near 1 have no digits left for what is above: the upper half is taken from its mirror image.
  const sign = low > mean ? -1 : 1;
  const [from, to] = sign === 1 ? [low, high] : [high, low];
  const least = normalProbability((sign * (from - mean)) / std);
  const most = normalProbability((sign * (to - mean)) / std);
  // So far from the mean, all that is left lies at the nearer end.
  if (!(most > least)) return () => limited(mean);
  return (p) => limited(mean + sign * std * normalQuantile(least + (most - least) * p));
}
