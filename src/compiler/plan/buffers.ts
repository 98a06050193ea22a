/** Which kind of memory each buffer lives in, and for how long. */
import type { BufferId, KernelCall, LoweredProgram, LoweredRoutine } from './lowered.ts';
import type { SizedBuffer } from './memory.ts';

export interface NumberedCall {
  readonly call: KernelCall;
  readonly kernel: number;
}

export interface ClassifiedBuffers {
  readonly sized: readonly SizedBuffer[];
  /** Whether anything uses the buffer; others have no number. */
  readonly isKept: (buffer: BufferId) => boolean;
  readonly number: (buffer: BufferId) => number;
}

/** The routines with indices of steps in place of calls, of which some are none. */
export function routinesOfSteps({ routines }: LoweredProgram, hoisted: ReadonlySet<number>): readonly LoweredRoutine[] {
  const stepAt = (call: number): number => call - [...hoisted].filter((at) => at < call).length;
  return routines.map((routine) => ({
    ...routine,
    first: stepAt(routine.first),
    last: stepAt(routine.last),
    ...(routine.lossReady !== undefined && { lossReady: stepAt(routine.lossReady) }),
  }));
}

/** First and last index of the calls that touch each buffer. */
function touchRanges(calls: readonly NumberedCall[]): Map<BufferId, { first: number; last: number }> {
  const ranges = new Map<BufferId, { first: number; last: number }>();
  calls.forEach(({ call }, at) => {
    const { buffers, indirect } = call;
    for (const buffer of indirect === undefined ? buffers : [...buffers, indirect])
      ranges.set(buffer, { first: ranges.get(buffer)?.first ?? at, last: at });
  });
  return ranges;
}

/** The routine of each input or output. */
function routineOf(
  routines: readonly LoweredRoutine[],
  role: 'inputs' | 'outputs',
): ReadonlyMap<BufferId, LoweredRoutine> {
  return new Map(routines.flatMap((routine) => routine[role].map(({ buffer }) => [buffer, routine] as const)));
}

export function classifyBuffers(
  lowered: LoweredProgram,
  routines: readonly LoweredRoutine[],
  load: readonly NumberedCall[],
  run: readonly NumberedCall[],
): ClassifiedBuffers {
  const loadRanges = touchRanges(load);
  const runRanges = touchRanges(run);
  const inputOf = routineOf(routines, 'inputs');
  const outputOf = routineOf(routines, 'outputs');
  const read = new Map(
    routines.flatMap(({ executed = [], last }) => executed.map(({ buffer }) => [buffer, last] as const)),
  );
  const weights = new Set(lowered.weights.map(({ buffer }) => buffer));
  const kept = new Set(lowered.kept?.map(({ buffer }) => buffer));
  const numbers = new Map<BufferId, number>();
  const sized: SizedBuffer[] = [];
  lowered.buffers.forEach((buffer, id) => {
    const { size } = buffer;
    const inLoad = loadRanges.get(id);
    const inRun = runRanges.get(id);
    const input = inputOf.get(id);
    const output = outputOf.get(id);
    let spec: SizedBuffer;
    if (input || output) {
      const first = input ? input.first - 1 : (inRun?.first ?? output!.first);
      const last = output ? output.last : (inRun?.last ?? input!.first - 1);
      spec = { kind: 'arena', size, first, last };
    } else if (inRun && kept.has(id)) {
      spec = { kind: 'kept', size, first: 0, last: 0 };
    } else if (inRun) {
      const isPersistent = weights.has(id) || inLoad !== undefined;
      spec = isPersistent
        ? { kind: 'persistent', size, first: 0, last: 0 }
        : { kind: 'arena', size, first: inRun.first, last: read.get(id) ?? inRun.last };
    } else if (inLoad) {
      spec = { kind: 'staging', size, ...inLoad };
    } else {
      return;
    }
    numbers.set(id, sized.length);
    sized.push(buffer.half ? { ...spec, half: true } : spec);
  });
  return { sized, isKept: (buffer) => numbers.has(buffer), number: (buffer) => numbers.get(buffer)! };
}
