/** The digits as batches. In their file each has its label, then 28 × 28 pixels; the classes take turns. */
import { normalised, SIDE } from './pad.js';

const PIXELS = SIDE * SIDE;

export class Digits {
  #bytes;
  #first;
  #count;

  constructor(bytes, first, count) {
    this.#bytes = bytes;
    this.#first = first;
    this.#count = count;
  }

  static async fetch(path) {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return new Digits(bytes, 0, bytes.length / (1 + PIXELS));
  }

  /** The first `count`, and the others. */
  split(count) {
    const rest = new Digits(this.#bytes, this.#first + count, this.#count - count);
    return [new Digits(this.#bytes, this.#first, count), rest];
  }

  *inOrder(size) {
    for (let at = 0; at < this.#count; at += size) {
      const length = Math.min(size, this.#count - at);
      yield this.#batch(Array.from({ length }, (_, number) => at + number));
    }
  }

  /** Batches without end: each time through in another order. */
  *shuffled(size, seed) {
    const random = numbersFrom(seed);
    const order = Array.from({ length: this.#count }, (_, at) => at);
    for (let at = order.length; ;) {
      const chosen = [];
      while (chosen.length < size) {
        if (at === order.length) {
          shuffle(order, random);
          at = 0;
        }
        chosen.push(order[at++]);
      }
      yield this.#batch(chosen);
    }
  }

  #batch(numbers) {
    const img = new Float32Array(numbers.length * PIXELS);
    const target = new Int32Array(numbers.length);
    numbers.forEach((number, at) => {
      const start = (this.#first + number) * (1 + PIXELS);
      target[at] = this.#bytes[start];
      img.set(normalised(this.#bytes.subarray(start + 1, start + 1 + PIXELS)), at * PIXELS);
    });
    return { img, target };
  }
}

/** Fisher and Yates. */
function shuffle(order, random) {
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
}

/** Marsaglia's xorshift (2003, https://doi.org/10.18637/jss.v008.i14): good enough to shuffle with. */
function numbersFrom(seed) {
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
