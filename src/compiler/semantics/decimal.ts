/** Numbers of a spec as the decimals that they are written as, so that what depends on them is exact. */
import { constant, floorDiv, multiply, type Bounds, type Dim } from '../dims/dim.ts';

/** Decimals that are taken exactly. */
export const MAX_DECIMALS = 6;

export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** A number of at least 0 with at most `MAX_DECIMALS` decimals as a fraction in lowest terms. */
export function fractionOf(value: number): Fraction | undefined {
  const scale = 10 ** MAX_DECIMALS;
  const scaled = Math.round(value * scale);
  if (!(value >= 0) || !Number.isSafeInteger(scaled)) return undefined;
  if (Math.abs(scaled / scale - value) > Number.EPSILON * value) return undefined;
  const common = greatestCommonDivisor(scaled, scale);
  return { numerator: scaled / common, denominator: scale / common };
}

/** `floor(size fraction / parts)`, whatever of them a run tells. */
export function shareOf(size: Dim, { numerator, denominator }: Fraction, parts: number, bounds: Bounds): Dim {
  return floorDiv(multiply(size, constant(numerator)), constant(parts * denominator), bounds);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
