/**
 * Random numbers for data. Each depends on the seed, what it is for, the epoch and the example alone, so that neither the
 * order of reading nor an interruption changes any.
 */
import { threefry, type Words } from '../program/threefry.ts';

/** What numbers are drawn for; each purpose has keys of its own. */
const PURPOSES = { order: 1, split: 2, augmentation: 3 } as const;

/** A key for one purpose in one epoch. `seed` is an integer from 0 to 2^53 - 1. */
export function keyOf(seed: number, purpose: keyof typeof PURPOSES, epoch: number): Words {
  const own = threefry([seed >>> 0, Math.floor(seed / 2 ** 32)], [PURPOSES[purpose], 0]);
  return threefry(own, [epoch, 0]);
}

/** The numbers of one stream under a key, in turn. */
export class Draws {
  readonly #key: Words;
  readonly #stream: number;
  #next = 0;

  constructor(key: Words, stream: number) {
    this.#key = key;
    this.#stream = stream;
  }

  /** In [0, 1), a multiple of 2^-32. */
  unit(): number {
    return threefry(this.#key, [this.#stream, this.#next++])[0] / 2 ** 32;
  }

  /** In [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** An integer in [0, below); each is as likely as any other but for 2^-32. */
  whole(below: number): number {
    return Math.floor(this.unit() * below);
  }
}

/** The numbers from 0 to size - 1 in random order (Durstenfeld 1964, algorithm 235). */
export function shuffled(size: number, key: Words): Int32Array {
  const order = Int32Array.from({ length: size }, (_, at) => at);
  const draws = new Draws(key, 0);
  for (let last = size - 1; last > 0; last--) {
    const other = draws.whole(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

export interface Split {
  readonly train: Int32Array;
  readonly held: Int32Array;
}

/**
 * Holds out a part of the numbers from 0 to size - 1, the nearest whole number to `fraction * size`; both parts ascend.
 */
export function split(size: number, fraction: number, seed: number): Split {
  const order = shuffled(size, keyOf(seed, 'split', 0));
  const held = Math.round(fraction * size);
  return { held: order.subarray(0, held).toSorted(), train: order.subarray(held).toSorted() };
}
