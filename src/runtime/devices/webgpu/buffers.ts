/**
 * The GPU buffers of a program. Buffers whose lives do not meet share one, whole: a tensor always begins where a GPU
 * buffer does, as bindings have to be aligned far more coarsely than tensors are.
 */
import { HeddleError } from '../../errors.ts';
import { USAGE, type GpuBuffer, type GpuDevice } from './api.ts';

/** A tensor's place: the first `bytes` of a GPU buffer. */
export interface Place {
  readonly buffer: GpuBuffer;
  readonly bytes: number;
}

/** What a buffer must hold, and the first and last step during which nothing may share its place. */
export interface Life {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Slots {
  /** The slot of each buffer. */
  readonly slotOf: readonly number[];
  /** Bytes of each slot. */
  readonly bytes: readonly number[];
}

/** In order of birth, each buffer takes the free slot that has to grow least, or else wastes least. */
export function assignSlots(lives: readonly Life[]): Slots {
  const slots: { bytes: number; last: number }[] = [];
  const slotOf = lives.map(() => 0);
  const order = lives.map((_, at) => at).sort((a, b) => lives[a]!.first - lives[b]!.first || a - b);
  for (const at of order) {
    const { bytes, first, last } = lives[at]!;
    const growth = (slot: number): number => Math.max(0, bytes - slots[slot]!.bytes);
    const waste = (slot: number): number => Math.max(0, slots[slot]!.bytes - bytes);
    const [free] = slots
      .flatMap((slot, number) => (slot.last < first ? [number] : []))
      .sort((a, b) => growth(a) - growth(b) || waste(a) - waste(b));
    const slot = free ?? slots.push({ bytes: 0, last: -1 }) - 1;
    slots[slot] = { bytes: Math.max(slots[slot]!.bytes, bytes), last };
    slotOf[at] = slot;
  }
  return { slotOf, bytes: slots.map((slot) => slot.bytes) };
}

/** Bindings must not be empty. */
const LEAST_BYTES = 4;

/** A buffer for tensors. Throws HeddleError 'memory' where the device has none as large. */
export function createTensorBuffer(device: GpuDevice, bytes: number): GpuBuffer {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  if (bytes > most) {
    const [needed, limit] = [bytes, most].map((size) => Math.ceil(size / 2 ** 20));
    throw new HeddleError('memory', `a tensor needs ${needed} MiB; the GPU binds at most ${limit} MiB at once`);
  }
  const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
  return device.createBuffer({ size: bindingBytes(bytes), usage });
}

/** What a binding of so many bytes takes. */
export function bindingBytes(bytes: number): number {
  return Math.max(LEAST_BYTES, bytes);
}
