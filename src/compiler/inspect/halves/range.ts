/** Whether f16 can hold a tensor, given what is known of its magnitudes. */
import type { Interval } from './constants.ts';

/** The largest number of f16. */
export const MOST = 65504;

/** The least number of f16 above 0: 2⁻²⁴. */
export const LEAST = 2 ** -24;

/**
 * How much larger values may become for other inputs. Random inputs are between −1 and 1; what is normalised to the variance
 * 1 has outliers of a few times that, and what a model makes of them grows about as much.
 */
export const SAFETY = 8;

/** Magnitudes of what is finite; 0 where there is nothing. */
export interface Magnitudes {
  readonly largest: number;
  /** The largest of what constants do not explain: the distance to the nearest of their ends and 0. */
  readonly residual: number;
}

const NOTHING: Interval = { low: 0, high: 0 };

/** Of values that were computed. Without constants, both magnitudes are the same. */
export function magnitudesOf(data: ArrayLike<number>, constants: Interval = NOTHING): Magnitudes {
  let [largest, residual] = [0, 0];
  for (let at = 0; at < data.length; at++) {
    const value = data[at]!;
    if (!Number.isFinite(value)) continue;
    const size = Math.abs(value);
    const rest = Math.min(size, Math.abs(value - constants.low), Math.abs(value - constants.high));
    if (size > largest) largest = size;
    if (rest > residual) residual = rest;
  }
  return { largest, residual };
}

/** What is wrong with a tensor in f16. */
export type Fault = 'beyond' | 'near' | 'below';

export interface RangeFault {
  readonly kind: Fault;
  /** The largest magnitude that was found, or that a constant has. */
  readonly largest: number;
}

/** Of an intermediate tensor, whose values other inputs change. Undefined where f16 can hold it. */
export function faultOfValues(
  { largest, residual }: Magnitudes,
  constants: Interval = NOTHING,
): RangeFault | undefined {
  const constant = Math.max(Math.abs(constants.low), Math.abs(constants.high));
  const most = Math.max(largest, constant);
  if (most <= MOST && constant + SAFETY * residual > MOST) return { kind: 'near', largest: most };
  return faultOfWeights(most);
}

/** Of a tensor whose values are known. */
export function faultOfWeights(largest: number): RangeFault | undefined {
  if (largest > MOST) return { kind: 'beyond', largest };
  return largest > 0 && largest < LEAST ? { kind: 'below', largest } : undefined;
}
