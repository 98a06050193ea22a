/**
 * Where the program's buffers lie: [the device's own][persistent buffers][arena]. While loading, the arena's place
 * holds the staging buffers.
 */
import { alignUp, layoutArena, type Placement } from './layout.ts';
import { scheduleLoad, type LoadSchedule } from './loading.ts';
import type { Routine, TargetProgram } from './program.ts';
import { evaluateSize, type Dims } from './size.ts';

/** Byte addresses by buffer number; 0 for buffers of other kinds. */
export interface Addresses {
  readonly byBuffer: readonly number[];
  /** End of the last buffer. */
  readonly end: number;
}

/** Persistent buffers one after another, from `base` on. */
export function placePersistent(program: TargetProgram, base: number): Addresses {
  let end = base;
  const byBuffer = program.buffers.map((buffer) => {
    if (buffer.kind !== 'persistent') return 0;
    const address = end;
    end = alignUp(end + 4 * (buffer.size as number));
    return address;
  });
  return { byBuffer, end };
}

/** Numbers of the arena buffers of a routine, in increasing order. */
export function arenaOf({ buffers, steps }: TargetProgram, { inputs, outputs, first, last }: Routine): number[] {
  const used = new Set([...inputs, ...outputs].map(({ buffer }) => buffer));
  for (const step of steps.slice(first, last)) {
    for (const buffer of step.buffers) if (buffers[buffer]!.kind === 'arena') used.add(buffer);
  }
  return [...used].sort((a, b) => a - b);
}

/** Adds the buffers of a routine above the persistent ones. Throws RangeError for an unbound dimension. */
export function placeArena(program: TargetProgram, routine: Routine, persistent: Addresses, dims: Dims): Addresses {
  const placements = new Map<number, Placement>();
  for (const number of arenaOf(program, routine)) {
    const { size, first, last } = program.buffers[number]!;
    const elements = evaluateSize(size, dims);
    if (elements < 0) throw new RangeError(`these dimensions give a buffer of ${elements} elements`);
    placements.set(number, { bytes: 4 * elements, first, last });
  }
  return placeAbove(persistent, placements);
}

/** Adds the buffers that only loading needs above the persistent ones. */
export function placeStaging(program: TargetProgram, persistent: Addresses, { lives }: LoadSchedule): Addresses {
  const placements = new Map<number, Placement>();
  for (const [number, life] of lives)
    placements.set(number, { bytes: 4 * (program.buffers[number]!.size as number), ...life });
  return placeAbove(persistent, placements);
}

function placeAbove({ byBuffer, end }: Addresses, placements: ReadonlyMap<number, Placement>): Addresses {
  const layout = layoutArena([...placements.values()]);
  const addresses = [...byBuffer];
  [...placements.keys()].forEach((number, at) => {
    addresses[number] = end + layout.offsets[at]!;
  });
  return { byBuffer: addresses, end: end + layout.bytes };
}

/**
 * Bytes that the program's buffers take, the most of loading and of running any routine; weights come in the program's
 * order. Throws RangeError as `placeArena` does.
 */
export function memoryFor(program: TargetProgram, dims: Dims): number {
  const persistent = placePersistent(program, 0);
  const schedule = scheduleLoad(
    program,
    program.weights.map(({ name }) => name),
  );
  const loading = placeStaging(program, persistent, schedule);
  const running = program.routines.map((routine) => placeArena(program, routine, persistent, dims).end);
  return Math.max(loading.end, ...running);
}
