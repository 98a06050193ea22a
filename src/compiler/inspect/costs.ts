/** What nodes cost: multiply-adds of their products, and bytes that the kernels made of them store. */
import { add, exactly, scale, ZERO, type Dim } from '../dims/dim.ts';
import type { Origin } from '../ir/graph.ts';
import { loadTimeCalls } from '../plan/hoist.ts';
import { writesOf, type BufferId, type LoweredProgram } from '../plan/lowered.ts';
import { ELEMENT_BYTES } from '../plan/memory.ts';

/** Sums are undefined where they are beyond 2^53. */
export interface Costs {
  /** Elements of parameters; those shared with an earlier application are counted there. */
  readonly parameters: number;
  /** Products that are summed up, by the definitions of the ops. */
  readonly multiplyAdds: Dim | undefined;
  /** Bytes of all values that kernels of a run leave in memory, before they share places in the arena. */
  readonly activations: Dim | undefined;
}

export function sumCosts(all: readonly Costs[]): Costs {
  return {
    parameters: all.reduce((sum, { parameters }) => sum + parameters, 0),
    multiplyAdds: sumSizes(all.map(({ multiplyAdds }) => multiplyAdds)),
    activations: sumSizes(all.map(({ activations }) => activations)),
  };
}

/** Undefined where a part is, or the sum is beyond 2^53. */
export function sumSizes(sizes: readonly (Dim | undefined)[]): Dim | undefined {
  return exactly(() => sizes.reduce((sum, size) => sum && size && add(sum, size), ZERO as Dim | undefined));
}

export function bytesOf(elements: Dim): Dim | undefined {
  return exactly(() => scale(elements, ELEMENT_BYTES));
}

/** Bytes of the arena's buffers by the node whose kernel is the first to write them; nodes are known by their origin. */
export function activationsByOrigin(lowered: LoweredProgram): ReadonlyMap<Origin, Dim | undefined> {
  const atLoad = loadTimeCalls(lowered);
  const written = new Set<BufferId>(lowered.weights.map(({ buffer }) => buffer));
  const bytes = new Map<Origin, Dim | undefined>();
  lowered.calls.forEach((call, at) => {
    for (const buffer of writesOf(call)) {
      if (written.has(buffer)) continue;
      written.add(buffer);
      if (atLoad.has(at)) continue;
      const before = bytes.has(call.origin) ? bytes.get(call.origin) : ZERO;
      bytes.set(call.origin, sumSizes([before, bytesOf(lowered.buffers[buffer]!.size)]));
    }
  });
  return bytes;
}
