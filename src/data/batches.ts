/** Batches of a data set by number: the order of the examples depends on the seed and the epoch alone. */
import { allocate, type Dataset, elementsOf, type FieldArray } from './dataset.ts';
import { keyOf, shuffled } from './draws.ts';

export interface BatchOptions {
  /** Examples a batch. */
  readonly batch: number;
  /** Shuffles anew for each epoch; without it, examples come in their own order. */
  readonly seed?: number;
  /** Leaves out the examples at the end of an epoch that fill no batch; otherwise they are a smaller one. */
  readonly dropLast?: boolean;
}

/** `arrays` hold `size` examples of each field, and are overwritten by the next batch that is read. */
export interface Batch {
  readonly epoch: number;
  readonly size: number;
  readonly arrays: readonly FieldArray[];
}

export class Batches {
  readonly dataset: Dataset;
  /** Batches of an epoch; at least 1. */
  readonly perEpoch: number;
  readonly #options: BatchOptions;
  readonly #arrays: readonly FieldArray[];
  #epoch = -1;
  #order: Int32Array | undefined;

  /** Throws RangeError where there is no batch to read. */
  constructor(dataset: Dataset, options: BatchOptions) {
    const { batch, dropLast = false } = options;
    this.dataset = dataset;
    this.perEpoch = dropLast ? Math.floor(dataset.size / batch) : Math.ceil(dataset.size / batch);
    if (this.perEpoch === 0)
      throw new RangeError(`${dataset.title} has ${dataset.size} examples, which make no batch of ${batch}`);
    this.#options = options;
    this.#arrays = allocate(dataset.fields, Math.min(batch, dataset.size));
  }

  /** The batch of that number, counted from 0 on through all epochs. */
  read(number: number): Batch {
    const { batch } = this.#options;
    const epoch = Math.floor(number / this.perEpoch);
    const first = (number % this.perEpoch) * batch;
    const size = Math.min(batch, this.dataset.size - first);
    const order = this.#orderOf(epoch);
    for (let slot = 0; slot < size; slot++)
      this.dataset.write(order ? order[first + slot]! : first + slot, epoch, slot, this.#arrays);
    return { epoch, size, arrays: this.#cut(size) };
  }

  #orderOf(epoch: number): Int32Array | undefined {
    const { seed } = this.#options;
    if (seed === undefined) return undefined;
    if (epoch !== this.#epoch) this.#order = shuffled(this.dataset.size, keyOf(seed, 'order', epoch));
    this.#epoch = epoch;
    return this.#order;
  }

  #cut(size: number): readonly FieldArray[] {
    if (size === Math.min(this.#options.batch, this.dataset.size)) return this.#arrays;
    return this.#arrays.map((array, at) => array.subarray(0, size * elementsOf(this.dataset.fields[at]!)));
  }
}
