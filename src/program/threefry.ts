/**
 * Threefry-2x32 with 20 rounds, a counter-based generator of random words: J. K. Salmon, M. A. Moraes, R. O. Dror,
 * D. E. Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
 */

/** Two words of 32 bits. */
export type Words = readonly [number, number];

/** How far words are turned in eight rounds, after which it begins anew: table 2 of the paper. Kernels use it too. */
export const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** The constant of the key schedule, which makes a key of zeros no weak one. Kernels use it too. */
export const PARITY = 0x1bd11bda;

/** Kernels have as many. */
export const ROUNDS = 20;

/** The two words of `counter` under `key`, each from 0 to 2^32 - 1. */
export function threefry([key0, key1]: Words, [counter0, counter1]: Words): Words {
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  let now = key0 | 0;
  let next = key1 | 0;
  let last = PARITY ^ key0 ^ key1;
  for (let round = 0; round < ROUNDS; round += 4) {
    const first = round & 4;
    for (let at = 0; at < 4; at++) {
      const turn = ROTATIONS[first + at]!;
      x = (x + y) | 0;
      y = ((y << turn) | (y >>> (32 - turn))) ^ x;
    }
    [now, next, last] = [next, last, now];
    x = (x + now) | 0;
    y = (y + next + round / 4 + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}
