/**
 * Decides which kernel calls run once, when the program is loaded: those that depend on weights alone. Packed panels
 * and folded constants are found this way; nothing marks them.
 */
import { constantValue } from '../dims/dim.ts';
import { readsOf, writesOf, type BufferId, type KernelCall, type LoweredProgram } from './lowered.ts';

/**
 * Indices of the calls to run at load, in their order. A call qualifies when all its sizes are numbers, all it reads
 * are weights that never change or results of such calls, and what it writes is neither a weight, nor kept, an input or an
 * output.
 */
export function loadTimeCalls(lowered: LoweredProgram): ReadonlySet<number> {
  const { calls } = lowered;
  const outside = new Set([...lowered.weights, ...(lowered.kept ?? [])].map(({ buffer }) => buffer));
  const lasting = lowered.weights.filter(({ frozen }) => frozen || !lowered.isTraining);
  const given = new Set(lasting.map(({ buffer }) => buffer));
  for (const { inputs, outputs } of lowered.routines)
    for (const { buffer } of [...inputs, ...outputs]) outside.add(buffer);
  // What a dispatch or the host reads of a run is made in the run.
  for (const { indirect, executed } of calls)
    for (const buffer of [indirect, executed?.buffer]) if (buffer !== undefined) outside.add(buffer);
  const hoisted = new Set<number>();
  calls.forEach((call, at) => {
    const isStatic =
      call.sizes.every((size) => constantValue(size) !== undefined) &&
      call.buffers.every((buffer) => constantValue(lowered.buffers[buffer]!.size) !== undefined);
    if (isStatic && writesOf(call).every((buffer) => !outside.has(buffer))) hoisted.add(at);
  });
  // Removing a call can disqualify others, earlier ones too: repeat until nothing changes.
  for (let before = -1; before !== hoisted.size;) {
    before = hoisted.size;
    const fixed = buffersFixedAtLoad(calls, hoisted, given);
    for (const at of hoisted) {
      const call = calls[at]!;
      if (![...readsOf(call), ...writesOf(call)].every((buffer) => fixed.has(buffer))) hoisted.delete(at);
    }
  }
  return hoisted;
}

/**
 * Buffers whose contents are final after load: weights that no step writes, and results all of whose writers run at
 * load, before the first step that reads them.
 */
function buffersFixedAtLoad(
  calls: readonly KernelCall[],
  hoisted: ReadonlySet<number>,
  weights: ReadonlySet<BufferId>,
): ReadonlySet<BufferId> {
  const fixed = new Set(weights);
  const touchedByStep = new Set<BufferId>();
  calls.forEach((call, at) => {
    const writes = writesOf(call);
    if (hoisted.has(at)) {
      for (const buffer of writes) {
        if (touchedByStep.has(buffer)) fixed.delete(buffer);
        else fixed.add(buffer);
      }
    } else {
      for (const buffer of call.buffers) touchedByStep.add(buffer);
      for (const buffer of writes) fixed.delete(buffer);
    }
  });
  return fixed;
}
