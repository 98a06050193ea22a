/**
 * Finds calls at load that compute what an earlier one computes: layers that have their weights in common, and routines
 * over the same frozen weights, need them packed once.
 */
import type { Kernel } from '../kernel/ir.ts';
import { writesOf, type BufferId, type KernelCall } from './lowered.ts';

export interface SharedLoads {
  /** Calls that need not run. */
  readonly dropped: ReadonlySet<number>;
  /** The buffers that they would write, and what stands for them. */
  readonly replaced: ReadonlyMap<BufferId, BufferId>;
}

/** `numberOf` is the same for equal kernels. */
export function shareLoads(
  calls: readonly KernelCall[],
  hoisted: ReadonlySet<number>,
  numberOf: (kernel: Kernel) => number,
): SharedLoads {
  const writers = new Map<BufferId, number>();
  for (const buffer of calls.flatMap(writesOf)) writers.set(buffer, (writers.get(buffer) ?? 0) + 1);
  const known = new Map<string, readonly BufferId[]>();
  const replaced = new Map<BufferId, BufferId>();
  const dropped = new Set<number>();
  for (const at of [...hoisted].sort((a, b) => a - b)) {
    const { kernel, alternatives, buffers, sizes } = calls[at]!;
    const given = buffers.map((buffer) => replaced.get(buffer) ?? buffer);
    const isWritten = (place: number): boolean => kernel.buffers[place]!.access !== 'read';
    const isSimple = kernel.buffers.every(
      ({ access }, place) => access !== 'readwrite' && !(isWritten(place) && writers.get(buffers[place]!)! > 1),
    );
    if (alternatives || !isSimple) continue;
    const read = given.map((buffer, place) => (isWritten(place) ? 'result' : buffer));
    const key = [numberOf(kernel), ...read, ...sizes.map((size) => size.key)].join();
    const first = known.get(key);
    if (!first) {
      known.set(key, given);
      continue;
    }
    dropped.add(at);
    buffers.forEach((buffer, place) => {
      if (isWritten(place)) replaced.set(buffer, first[place]!);
    });
  }
  return { dropped, replaced };
}
