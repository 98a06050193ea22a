/** Whether what a target has computed is the reference's, given what the reference becomes when it is disturbed. */
import type { Tensor } from '../../ir/op.ts';
import { LEAST_NORMAL } from './evaluate.ts';

/** How far a tensor is from the reference, where it is farthest. */
export interface Deviation {
  /** The difference by what is allowed: beyond 1 it is wrong. Infinity where no difference is allowed, or a number is none. */
  readonly ratio: number;
  readonly difference: number;
  /** The element, in the tensor as a list. */
  readonly at: number;
  readonly found: number;
  readonly wanted: number;
}

/** How often the distance of a disturbed reference is allowed. */
const MARGIN = 4;

/** Two neighbouring numbers of f32 are apart by this at most, relatively; two of them are nobody's mistake. */
const ROUNDING = 2 ** -22;

/** How far to each side of an element its neighbours are. */
const NEIGHBOURS = 4;

/**
 * Elements of f32 may differ by `MARGIN` times what the disturbed references differ by: at this element and its neighbours,
 * or at the median one, in numbers or relatively, since a disturbance may happen to be small. Others must be the same, but
 * where the disturbed references differ too.
 */
export function deviation(found: ArrayLike<number>, wanted: Tensor, disturbed: readonly Tensor[]): Deviation {
  const { data, dtype } = wanted;
  const spreads = spreadOf(wanted, disturbed);
  const isFloat = dtype === 'f32';
  const typical = isFloat ? typicalSpread(spreads, data) : { absolute: 0, relative: 0 };
  let worst: Deviation = { ratio: 0, difference: 0, at: 0, found: found[0] ?? 0, wanted: data[0] ?? 0 };
  for (let at = 0; at < data.length; at++) {
    const truth = isFloat ? Math.fround(data[at]!) : data[at]!;
    const got = found[at]!;
    if (Object.is(got, truth) || got === truth) continue;
    const difference = Math.abs(got - truth);
    const size = Math.abs(truth);
    const spread = Math.max(localSpread(spreads, at), typical.absolute, typical.relative * size);
    const isOpen = spreads[at] === Infinity || (!isFloat && spreads[at]! > 0);
    const allowed = isFloat ? MARGIN * spread + ROUNDING * size + LEAST_NORMAL : 0;
    const ratio = isOpen ? 0 : Number.isFinite(difference) && allowed > 0 ? difference / allowed : Infinity;
    if (ratio > worst.ratio || (ratio === worst.ratio && difference > worst.difference))
      worst = { ratio, difference, at, found: got, wanted: truth };
  }
  return worst;
}

/** Of each element; Infinity where one of them is a number and another is none. */
function spreadOf({ data }: Tensor, disturbed: readonly Tensor[]): Float64Array {
  return data.map((value, at) =>
    disturbed.reduce((most, { data: other }) => {
      if (Object.is(value, other[at]) || value === other[at]) return most;
      const difference = Math.abs(other[at]! - value);
      return Number.isNaN(difference) ? Infinity : Math.max(most, difference);
    }, 0),
  );
}

/** The largest of an element and its neighbours that is finite. */
function localSpread(spreads: Float64Array, at: number): number {
  const around = spreads.subarray(Math.max(0, at - NEIGHBOURS), at + NEIGHBOURS + 1);
  return around.reduce((most, spread) => (Number.isFinite(spread) ? Math.max(most, spread) : most), 0);
}

/** The median spread of the elements that have any, by itself and by the size of the element. */
function typicalSpread(spreads: Float64Array, data: Float64Array): { absolute: number; relative: number } {
  const absolute: number[] = [];
  const relative: number[] = [];
  spreads.forEach((spread, at) => {
    if (spread === 0 || !Number.isFinite(spread)) return;
    absolute.push(spread);
    if (data[at] !== 0) relative.push(spread / Math.abs(data[at]!));
  });
  return { absolute: median(absolute), relative: median(relative) };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
