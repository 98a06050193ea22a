/** Reads what lies on a GPU. */
import { MAP_READ, USAGE, type GpuBuffer } from './api.ts';
import type { GpuSession } from './session.ts';

export interface Stretch {
  readonly buffer: GpuBuffer;
  /** Bytes, as is `bytes`. */
  readonly at: number;
  readonly bytes: number;
}

/** Bytes that are read at once: enough to be quick, and little beside what a GPU holds. */
const WINDOW_BYTES = 2 ** 26;

/** Copies of some stretches, for which device memory is used meanwhile. Rejects with HeddleError. */
export async function readStretches(session: GpuSession, stretches: readonly Stretch[]): Promise<Uint8Array[]> {
  const results = stretches.map(({ bytes }) => new Uint8Array(bytes));
  const total = stretches.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0) return results;
  const { device } = session;
  const size = Math.min(WINDOW_BYTES, total);
  const window = await session.checked(() => device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget }));
  try {
    for (const pieces of windowsOf(stretches, size)) {
      await session.checked(() => {
        const encoder = device.createCommandEncoder();
        for (const { of, from, bytes, at } of pieces)
          encoder.copyBufferToBuffer(stretches[of]!.buffer, stretches[of]!.at + from, window, at, bytes);
        device.queue.submit([encoder.finish()]);
        return window.mapAsync(MAP_READ);
      });
      const mapped = new Uint8Array(window.getMappedRange());
      for (const { of, from, bytes, at } of pieces) results[of]!.set(mapped.subarray(at, at + bytes), from);
      window.unmap();
    }
  } finally {
    window.destroy();
  }
  return results;
}

/** A part of a stretch that comes to lie at `at` of a window. */
interface Piece {
  readonly of: number;
  readonly from: number;
  readonly bytes: number;
  readonly at: number;
}

function windowsOf(stretches: readonly Stretch[], size: number): Piece[][] {
  const windows: Piece[][] = [];
  let end = size;
  stretches.forEach(({ bytes: length }, of) => {
    for (let from = 0; from < length;) {
      if (end === size) {
        windows.push([]);
        end = 0;
      }
      const bytes = Math.min(length - from, size - end);
      windows.at(-1)!.push({ of, from, bytes, at: end });
      from += bytes;
      end += bytes;
    }
  });
  return windows;
}
