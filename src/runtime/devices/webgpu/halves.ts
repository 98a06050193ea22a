/** Tensors that a device stores as f16: how many bytes they take, and how weights get there. */
import { writeHalves } from '../../../program/half.ts';
import { bytesOf } from '../../../program/memory.ts';
import type { BufferSpec } from '../../../program/program.ts';
import type { Dims } from '../../../program/size.ts';
import type { GpuDevice } from './api.ts';

/** Whether the kernels that `device` compiles have buffers in halves. */
export function storesHalves({ features }: GpuDevice): boolean {
  return features.has('shader-f16');
}

/** Bytes of a buffer of the program on `device`. Throws RangeError as `bytesOf` does. */
export function deviceBytes(device: GpuDevice, spec: BufferSpec, dims: Dims): number {
  const bytes = bytesOf(spec, dims);
  return spec.half && storesHalves(device) ? bytes / 2 : bytes;
}

/** Singles of one buffer that arrive piece by piece, in any order. */
export class Halves {
  readonly #halves: Uint16Array<ArrayBuffer>;
  #missing: number;

  constructor(elements: number) {
    // The queue takes whole words.
    this.#halves = new Uint16Array(2 * Math.ceil(elements / 2));
    this.#missing = elements;
  }

  /** Takes singles whose first is `offset` bytes from the buffer's start; answers all halves when none is missing. */
  add(offset: number, bytes: Uint8Array<ArrayBuffer>): Uint16Array<ArrayBuffer> | undefined {
    const values = new Float32Array(bytes.slice().buffer);
    writeHalves(this.#halves, offset / 4, values);
    this.#missing -= values.length;
    return this.#missing === 0 ? this.#halves : undefined;
  }
}
