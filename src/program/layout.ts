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

/**
 * Largest buffers first, each at the lowest place that is free during its whole life. Two buffers whose lives share a
 * step never overlap; one of zero bytes lies at 0.
 */
export function layoutArena(buffers: readonly Placement[]): Layout {
  const offsets = buffers.map(() => 0);
  const order = buffers
    .map((_, at) => at)
    .filter((at) => buffers[at]!.bytes > 0)
    .sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes || buffers[a]!.first - buffers[b]!.first || a - b);
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
