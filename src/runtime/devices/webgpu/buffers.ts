/**
 * The GPU buffers of a program. Buffers whose lives do not meet share one, whole: a tensor begins where a GPU buffer does, as
 * bindings have to be aligned far more coarsely than tensors are, unless the program puts it within another.
 */
import type { BufferSpec } from '../../../program/program.ts';
import { HeddleError } from '../../errors.ts';
import { USAGE, type GpuBuffer, type GpuDevice } from './api.ts';

/** A tensor's place: so many bytes of a GPU buffer. */
export interface Place {
  readonly buffer: GpuBuffer;
  /** Where it begins, in bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/** The place of a tensor that lies within another buffer. */
export function placeWithin(outer: Place, { size, within }: BufferSpec): Place {
  return { buffer: outer.buffer, offset: outer.offset + 4 * within!.at, bytes: 4 * (size as number) };
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

/** Kernels may read four elements at once, the last ones too; and bindings must not be empty. */
const GRAIN = 16;

/** What a binding of so many bytes takes. */
export function bindingBytes(bytes: number): number {
  return Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
}

/** Others may be in parts: the compiler knew how large they are when it chose their bindings. */
export function isBoundWhole({ size }: BufferSpec): boolean {
  return typeof size !== 'number';
}

/**
 * Throws HeddleError 'memory' where the device has no buffer as large, or no binding for one that is bound whole, as those
 * are whose size only a run decides.
 */
export function checkBytes({ limits }: GpuDevice, bytes: number, isWhole: boolean): void {
  const most = isWhole ? Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize) : limits.maxBufferSize;
  if (bytes <= most) return;
  const [needed, limit] = [bytes, most].map((size) => Math.ceil(size / 2 ** 20));
  const what = isWhole ? 'binds at most' : 'has buffers of at most';
  throw new HeddleError(
    'memory',
    `a tensor needs ${needed} MiB; the GPU ${what} ${limit} MiB${isWhole ? ' at once' : ''}`,
  );
}

const TENSOR_USAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;

/** A buffer for tensors; `isIndirect`: whose first words are how many workgroups are dispatched. Throws HeddleError 'memory'. */
export function createTensorBuffer(device: GpuDevice, bytes: number, isIndirect = false): GpuBuffer {
  checkBytes(device, bytes, false);
  const usage = isIndirect ? TENSOR_USAGE | USAGE.indirect : TENSOR_USAGE;
  return device.createBuffer({ size: bindingBytes(bytes), usage });
}

interface Pooled {
  readonly buffer: GpuBuffer;
  readonly bytes: number;
  users: number;
}

/** GPU buffers that were taken together: none is there twice. */
export interface Lease {
  readonly buffers: readonly GpuBuffer[];
  /** What was asked for. */
  readonly bytes: number;
  release(): void;
}

/** GPU buffers for what is never in use at the same time: whoever comes next takes what others have, too. */
export class BufferPool {
  readonly #device: GpuDevice;
  /** From the smallest to the largest. */
  readonly #pooled: Pooled[] = [];

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Of all buffers. */
  get bytes(): number {
    return this.#pooled.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** A buffer for each of these sizes. Throws HeddleError 'memory'. */
  take(sizes: readonly number[]): Lease {
    for (const bytes of sizes) checkBytes(this.#device, bytes, false);
    const taken = new Map<number, Pooled>();
    const used = new Set<Pooled>();
    // The largest first, which fewest buffers can hold.
    const order = sizes.map((_, at) => at).sort((a, b) => sizes[b]! - sizes[a]!);
    for (const at of order) {
      const free = this.#pooled.find((one) => !used.has(one) && one.bytes >= sizes[at]!);
      const pooled = free ?? this.#create(sizes[at]!);
      used.add(pooled);
      taken.set(at, pooled);
    }
    for (const one of used) one.users++;
    return {
      buffers: sizes.map((_, at) => taken.get(at)!.buffer),
      bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
      release: () => used.forEach((one) => this.#release(one)),
    };
  }

  #create(bytes: number): Pooled {
    const size = Math.max(bindingBytes(bytes), Math.min(roundedUp(bytes), this.#device.limits.maxBufferSize));
    const made = { buffer: this.#device.createBuffer({ size, usage: TENSOR_USAGE }), bytes: size, users: 0 };
    this.#pooled.push(made);
    this.#pooled.sort((a, b) => a.bytes - b.bytes);
    return made;
  }

  #release(one: Pooled): void {
    if (--one.users > 0) return;
    one.buffer.destroy();
    this.#pooled.splice(this.#pooled.indexOf(one), 1);
  }
}

/** At most an eighth more, so that dimensions which grow slowly find room in what is there. */
function roundedUp(bytes: number): number {
  const grain = Math.max(GRAIN, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3));
  return Math.ceil(bytes / grain) * grain;
}
