/** What a planned program needs of memory, as expressions over its dimensions: for reports. */
import { add, exactly, isAtLeast, scale, subtract, ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import type { BufferSpec } from '../../program/program.ts';
import type { SizeExpr } from '../../program/size.ts';
import { toSizeExpr } from './size-expr.ts';

/** Every element takes this many bytes, bool included. */
export const ELEMENT_BYTES = 4;

/** A buffer of the program, with its size in elements. */
export interface SizedBuffer extends Omit<BufferSpec, 'size'> {
  readonly size: Dim;
}

/** The bytes of all buffers that are alive at a step. */
export interface Peak {
  readonly step: number;
  readonly bytes: Dim;
}

/**
 * Bytes that are needed at the worst moment: the weights and what was made of them, with what is kept between runs, and
 * the intermediate results that are alive in one step, of loading or of a routine. `arenas` holds the numbers of each routine's arena buffers. The
 * runtime's layout may add padding and gaps. Undefined when a sum is beyond 2^53.
 */
export function peakMemory(
  buffers: readonly SizedBuffer[],
  arenas: readonly (readonly number[])[],
  bounds: Bounds,
): SizeExpr | undefined {
  return exactly(() => {
    const persistent = add(ZERO, ...ofKind(buffers, 'persistent').map(bytesOf));
    const kept = add(ZERO, ...ofKind(buffers, 'kept').map(bytesOf));
    const running = arenas.flatMap((arena) => bytesAlive(arena.map((number) => buffers[number]!)));
    const alive = [
      ...bytesAlive(ofKind(buffers, 'staging')),
      ...running.map(({ step, bytes }) => ({ step, bytes: add(kept, bytes) })),
    ];
    const peaks = highest(alive, bounds).map(({ bytes }) => toSizeExpr(add(persistent, bytes)));
    return peaks.length > 1 ? ['max', ...peaks] : (peaks[0] ?? toSizeExpr(persistent));
  });
}

/**
 * The steps of a routine at which no other is known to need more of its arena, whatever the dimensions; of equal ones the
 * first. Inputs are alive one step before the first. Undefined when a sum is beyond 2^53.
 */
export function arenaPeaks(arena: readonly SizedBuffer[], bounds: Bounds): readonly Peak[] | undefined {
  return exactly(() => highest(bytesAlive(arena), bounds));
}

function ofKind(buffers: readonly SizedBuffer[], kind: BufferSpec['kind']): SizedBuffer[] {
  return buffers.filter((buffer) => buffer.kind === kind && !buffer.within);
}

function bytesOf({ size }: SizedBuffer): Dim {
  return scale(size, ELEMENT_BYTES);
}

/** What is alive wherever a life begins, and so wherever it may be most; each sum once. */
function bytesAlive(buffers: readonly SizedBuffer[]): Peak[] {
  const byStart = buffers.toSorted((a, b) => a.first - b.first);
  const byEnd = buffers.toSorted((a, b) => a.last - b.last);
  const sums = new Map<string, Peak>();
  let bytes = ZERO;
  let ended = 0;
  byStart.forEach((buffer, at) => {
    const step = buffer.first;
    for (; byEnd[ended]!.last < step; ended++) bytes = subtract(bytes, bytesOf(byEnd[ended]!));
    bytes = add(bytes, bytesOf(buffer));
    if (byStart[at + 1]?.first !== step && !sums.has(bytes.key)) sums.set(bytes.key, { step, bytes });
  });
  return [...sums.values()];
}

/** Those that no other is provably as large as. */
function highest(all: readonly Peak[], bounds: Bounds): Peak[] {
  return all.reduce<Peak[]>((kept, peak) => {
    if (kept.some((other) => isAtLeast(other.bytes, peak.bytes, bounds))) return kept;
    return [...kept.filter((other) => !isAtLeast(peak.bytes, other.bytes, bounds)), peak];
  }, []);
}
