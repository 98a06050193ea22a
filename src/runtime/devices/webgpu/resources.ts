/** What a routine with given dimensions has on a GPU. */
import type { BufferSpec, Routine, Step } from '../../../program/program.ts';
import type { Dims } from '../../../program/size.ts';
import { HeddleError } from '../../errors.ts';
import { USAGE, type GpuBuffer } from './api.ts';
import {
  assignSlots,
  createTensorBuffer,
  placeWithin,
  type BufferPool,
  type Lease,
  type Life,
  type Place,
} from './buffers.ts';
import type { LoadedProgram } from './loaded-program.ts';
import { BoundSteps } from './steps.ts';

/** A buffer of a routine. */
export interface Tenant extends Life {
  readonly number: number;
}

export interface Resources {
  /** By buffer. */
  readonly places: readonly (Place | undefined)[];
  readonly steps: BoundSteps;
  /** Of the buffers that other bindings use, too. */
  readonly lease: Lease;
  /** Of this binding alone. */
  readonly buffers: readonly GpuBuffer[];
  /** Holds the outputs for this side to read. */
  readonly readBack: GpuBuffer;
  /** Copies of outputs that were left on the device, by their buffer. */
  readonly left: Map<number, GpuBuffer>;
}

/** A routine that is to be bound. */
export interface Bindable {
  readonly routine: Routine;
  /** All buffers of the program. */
  readonly specs: readonly BufferSpec[];
  readonly steps: readonly Step[];
  readonly dims: Dims;
  readonly arena: readonly Tenant[];
  /** Buffers that tell how many workgroups are dispatched. */
  readonly indirect: ReadonlySet<number>;
  /** What stays from run to run. */
  readonly kept: ReadonlyMap<number, Place>;
}

/** Throws HeddleError 'memory'; then nothing is left. */
export function makeResources(
  loaded: LoadedProgram,
  pool: BufferPool,
  { routine, specs, steps, dims, arena, indirect, kept }: Bindable,
): Resources {
  const { device, places: persistent } = loaded;
  const places = persistent.slice();
  const buffers: GpuBuffer[] = [];
  const own = (buffer: GpuBuffer): GpuBuffer => {
    buffers.push(buffer);
    return buffer;
  };
  let lease: Lease | undefined;
  let bound: BoundSteps | undefined;
  try {
    for (const [number, place] of kept) places[number] = place;
    const shared = arena.filter(({ number }) => !indirect.has(number));
    const slots = assignSlots(shared);
    const { buffers: taken } = (lease = pool.take(slots.bytes));
    shared.forEach(({ number, bytes }, at) => {
      places[number] = { buffer: taken[slots.slotOf[at]!]!, offset: 0, bytes };
    });
    for (const { number, bytes } of arena)
      places[number] ??= { buffer: own(createTensorBuffer(device, bytes, true)), offset: 0, bytes };
    specs.forEach((spec, number) => {
      const outer = spec.within && places[spec.within.buffer];
      if (outer) places[number] = placeWithin(outer, spec);
    });
    bound = BoundSteps.bind(loaded, {
      steps,
      places,
      dims,
      makeShared: (bytes) => own(createTensorBuffer(device, bytes)),
    });
    const size = routine.outputs.reduce(
      (sum, { buffer }) => sum + places[buffer]!.bytes,
      4 * (routine.executed?.length ?? 0),
    );
    const usage = USAGE.mapRead | USAGE.copyTarget;
    const readBack = device.createBuffer({ size: Math.max(4, size), usage });
    return { places, steps: bound, lease, buffers, readBack, left: new Map() };
  } catch (error) {
    bound?.destroy();
    lease?.release();
    for (const buffer of buffers) buffer.destroy();
    throw error;
  }
}

export function freeResources({ steps, lease, ...own }: Resources): void {
  steps.destroy();
  lease.release();
  for (const buffer of ownBuffers(own)) buffer.destroy();
}

function ownBuffers({ buffers, readBack, left }: Pick<Resources, 'buffers' | 'readBack' | 'left'>): GpuBuffer[] {
  return [...buffers, readBack, ...left.values()];
}

/** Bytes of the device, together with what other bindings use too. */
export function bytesIn({ lease, ...own }: Resources): number {
  return ownBuffers(own).reduce((sum, { size }) => sum + size, lease.bytes);
}

/** What the device says of its memory, with the bytes that it did not have. */
export function withSize(error: unknown, bytes: number): unknown {
  if (!(error instanceof HeddleError) || error.code !== 'memory') return error;
  const mebibytes = Math.ceil(bytes / 2 ** 20);
  return new HeddleError('memory', `these dimensions need ${mebibytes} MiB on the GPU; ${error.message}`, {
    cause: error,
  });
}
