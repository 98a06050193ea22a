/**
 * Where the program's buffers lie: [the device's own][persistent buffers][arena]. While loading, the arena's place
 * holds the staging buffers.
 */
import { alignUp, layoutArena, type Placement } from './layout.ts';
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

/** Adds the buffers of one other kind above the persistent ones. Throws RangeError for an unbound dimension. */
export function placeArena(
  program: TargetProgram,
  kind: 'staging' | 'arena',
  persistent: Addresses,
  dims: Dims,
): Addresses {
  const numbers: number[] = [];
  const placements: Placement[] = [];
  program.buffers.forEach((buffer, number) => {
    if (buffer.kind !== kind) return;
    numbers.push(number);
    const size = evaluateSize(buffer.size, dims);
    if (size < 0) throw new RangeError(`these dimensions give a buffer of ${size} elements`);
    placements.push({ bytes: 4 * size, first: buffer.first, last: buffer.last });
  });
  const layout = layoutArena(placements);
  const byBuffer = [...persistent.byBuffer];
  numbers.forEach((number, at) => {
    byBuffer[number] = persistent.end + layout.offsets[at]!;
  });
  return { byBuffer, end: persistent.end + layout.bytes };
}

/** Bytes that the program's buffers take, the larger of loading and running. Throws RangeError as `placeArena` does. */
export function memoryFor(program: TargetProgram, dims: Dims): number {
  const persistent = placePersistent(program, 0);
  const loading = placeArena(program, 'staging', persistent, new Map());
  return Math.max(loading.end, placeArena(program, 'arena', persistent, dims).end);
}
