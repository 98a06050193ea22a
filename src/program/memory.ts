/**
 * Where the program's buffers lie: [the device's own][persistent buffers][kept buffers][arena]. While loading, the staging
 * buffers lie above the persistent ones. Kept buffers have a place once a routine that touches them is bound.
 */
import { alignUp, layoutArena, type Placement } from './layout.ts';
import { scheduleLoad, type LoadSchedule } from './loading.ts';
import type { BufferSpec, Routine, TargetProgram } from './program.ts';
import { evaluateSize, type Dims } from './size.ts';

/** Byte addresses by buffer number; 0 for buffers of other kinds. */
export interface Addresses {
  readonly byBuffer: readonly number[];
  /** End of the last buffer. */
  readonly end: number;
}

/** Persistent buffers one after another, from `base` on. */
export function placePersistent(program: TargetProgram, base: number): Addresses {
  return placeInRow(program, 'persistent', { byBuffer: program.buffers.map(() => 0), end: base }, NO_DIMS);
}

/** Adds the kept buffers above the persistent ones. Throws RangeError as `placeArena` does. */
export function placeKept(program: TargetProgram, persistent: Addresses, dims: Dims): Addresses {
  return placeInRow(program, 'kept', persistent, dims);
}

const NO_DIMS: Dims = new Map();

/** Adds all buffers of a kind, one after another. */
function placeInRow(
  { buffers }: TargetProgram,
  kind: BufferSpec['kind'],
  { byBuffer, end: begin }: Addresses,
  dims: Dims,
): Addresses {
  let end = begin;
  const addresses = buffers.map((buffer, number) => {
    if (buffer.kind !== kind) return byBuffer[number]!;
    const address = end;
    end = alignUp(end + bytesOf(buffer, dims));
    return address;
  });
  return { byBuffer: addresses, end };
}

/** Throws RangeError for an unbound dimension, and for a negative size. */
export function bytesOf({ size }: BufferSpec, dims: Dims): number {
  const elements = evaluateSize(size, dims);
  if (elements < 0) throw new RangeError(`these dimensions give a buffer of ${elements} elements`);
  return 4 * elements;
}

/** Numbers of the arena buffers of a routine, in increasing order; in place of those within another, that one. */
export function arenaOf({ buffers, steps }: TargetProgram, { inputs, outputs, first, last }: Routine): number[] {
  const used = new Set([...inputs, ...outputs].map(({ buffer }) => buffer));
  for (const step of steps.slice(first, last)) {
    for (const buffer of step.buffers) if (buffers[buffer]!.kind === 'arena') used.add(buffer);
  }
  return [...new Set([...used].map((number) => buffers[number]!.within?.buffer ?? number))].sort((a, b) => a - b);
}

/** Whether a routine uses what is kept between runs. */
export function touchesKept({ buffers }: TargetProgram, { table }: Routine): boolean {
  return table.buffers.some((buffer) => buffers[buffer]!.kind === 'kept');
}

/** Adds the buffers of a routine above those `below`. Throws RangeError for an unbound dimension. */
export function placeArena(program: TargetProgram, routine: Routine, below: Addresses, dims: Dims): Addresses {
  const placements = new Map<number, Placement>();
  for (const number of arenaOf(program, routine)) {
    const buffer = program.buffers[number]!;
    placements.set(number, { bytes: bytesOf(buffer, dims), first: buffer.first, last: buffer.last });
  }
  return placeAbove(below, placements);
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
  const kept = placeKept(program, persistent, dims);
  const running = program.routines.map((routine) => placeArena(program, routine, kept, dims).end);
  return Math.max(loading.end, ...running);
}
