/**
 * Places buffers with lifetimes in one arena. Used by the runtime when dimensions are bound, and by the compiler for
 * its reports; it knows nothing of programs.
 */

/** Offsets are multiples of this: a cache line. */
export const ALIGNMENT = 64;

/** A buffer to place: `bytes`, and the first and last step (inclusive) during which nothing may share its place. */
export interface Placement {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Layout {
  /** Byte offset of each buffer, from the start of the arena. */
  readonly offsets: readonly number[];
  /** Size of the arena. */
  readonly bytes: number;
}

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** The most bytes that live at one step, each buffer aligned: no layout takes less. */
export function leastBytes(buffers: readonly Placement[]): number {
  return Math.max(0, ...pressures(buffers));
}

/** How much more than the least is left as it is. */
const GOOD_ENOUGH = 1.01;

/**
 * Places one buffer after another, each at the lowest place that is free during its whole life, and takes the best of a
 * few orders. Two buffers whose lives share a step never overlap; one of zero bytes lies at 0.
 */
export function layoutArena(buffers: readonly Placement[]): Layout {
  const pressure = pressures(buffers);
  const least = Math.max(0, ...pressure);
  const used = [...buffers.keys()].filter((at) => buffers[at]!.bytes > 0);
  let best: Layout | undefined;
  for (const priorities of ORDERS) {
    const keys = buffers.map((buffer, at) => priorities(buffer, pressure[at]!));
    const order = [...used].sort((a, b) => compare(keys[a]!, keys[b]!) || a - b);
    const layout = placeInOrder(buffers, order);
    if (!best || layout.bytes < best.bytes) best = layout;
    if (best.bytes <= GOOD_ENOUGH * least) break;
  }
  return best!;
}

/**
 * What is placed first has the larger numbers. Sizes alone are nearly always right; where they are not, it helps to place
 * what is alive at the busiest steps before the rest, and what lives long before what has to fit around it.
 */
const ORDERS: readonly ((buffer: Placement, pressure: number) => readonly number[])[] = [
  ({ bytes, first }) => [bytes, -first],
  ({ first, last }, pressure) => [pressure, last - first],
  ({ bytes, first, last }, pressure) => [pressure, bytes * (last - first + 1)],
  ({ bytes, first, last }) => [bytes * (last - first + 1)],
  ({ bytes, first }) => [-first, bytes],
];

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at === -1 ? 0 : b[at]! - a[at]!;
}

/** For each buffer, the most bytes that live at any step of its life. */
function pressures(buffers: readonly Placement[]): number[] {
  // Between the beginnings of lives nothing but ends happens, so the most is alive at one of them.
  const steps = [...new Set(buffers.map(({ first }) => first))].sort((a, b) => a - b);
  const indexOf = new Map(steps.map((step, at) => [step, at]));
  const alive = steps.map(() => 0);
  const eachStep = ({ first, last }: Placement, action: (at: number) => void): void => {
    for (let at = indexOf.get(first)!; at < steps.length && steps[at]! <= last; at++) action(at);
  };
  for (const buffer of buffers) eachStep(buffer, (at) => (alive[at]! += alignUp(buffer.bytes)));
  return buffers.map((buffer) => {
    let most = 0;
    eachStep(buffer, (at) => (most = Math.max(most, alive[at]!)));
    return most;
  });
}

function placeInOrder(buffers: readonly Placement[], order: readonly number[]): Layout {
  const offsets = buffers.map(() => 0);
  /** Placed buffers by offset. */
  const placed: number[] = [];
  let total = 0;
  for (const at of order) {
    const buffer = buffers[at]!;
    const size = alignUp(buffer.bytes);
    let offset = 0;
    for (const other of placed) {
      const { first, last, bytes } = buffers[other]!;
      if (last < buffer.first || first > buffer.last) continue;
      if (offsets[other]! >= offset + size) break;
      offset = Math.max(offset, offsets[other]! + alignUp(bytes));
    }
    offsets[at] = offset;
    total = Math.max(total, offset + size);
    const above = placed.findIndex((other) => offsets[other]! > offset);
    placed.splice(above === -1 ? placed.length : above, 0, at);
  }
  return { offsets, bytes: total };
}
