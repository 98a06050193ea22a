/**
 * Where the program's buffers lie: [the device's own][persistent buffers][arena]. While loading, the arena's place
 * holds the staging buffers.
 */
import { alignUp, layoutArena, type Placement } from './layout.ts';
import { scheduleLoad, type LoadSchedule } from './loading.ts';
import type { TargetProgram } from './program.ts';
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

/** Adds the buffers of a run above the persistent ones. Throws RangeError for an unbound dimension. */
export function placeArena(program: TargetProgram, persistent: Addresses, dims: Dims): Addresses {
  const placements = new Map<number, Placement>();
  program.buffers.forEach(({ kind, size, first, last }, number) => {
    if (kind !== 'arena') return;
    const elements = evaluateSize(size, dims);
    if (elements < 0) throw new RangeError(`these dimensions give a buffer of ${elements} elements`);
    placements.set(number, { bytes: 4 * elements, first, last });
  });
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
 * Bytes that the program's buffers take, the larger of loading and running; weights come in the program's order. Throws
 * RangeError as `placeArena` does.
 */
export function memoryFor(program: TargetProgram, dims: Dims): number {
  const persistent = placePersistent(program, 0);
  const schedule = scheduleLoad(
    program,
    program.weights.map(({ name }) => name),
  );
  const loading = placeStaging(program, persistent, schedule);
  return Math.max(loading.end, placeArena(program, persistent, dims).end);
}
