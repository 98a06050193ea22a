/**
 * Uniform numbers of a parameter, each by its index alone: whatever order parameters and their elements are drawn in,
 * they get the same.
 */
import { threefry, type Words } from '../../program/threefry.ts';

/** The number of an index, a multiple of 2^-53 within (0, 1). */
export type UniformStream = (index: number) => number;

/** Independent of the streams of other seeds and names. `seed` is a u32. */
export function uniformStream(seed: number, name: string): UniformStream {
  const key = keyOf(seed, name);
  return (index) => {
    const [high, low] = threefry(key, [index >>> 0, Math.floor(index / 2 ** 32)]);
    // 52 bits, in the middle of their interval so that neither 0 nor 1 is among them.
    return (high * 2 ** 20 + (low >>> 12) + 0.5) * 2 ** -52;
  };
}

/** The hash of a name under a seed: the generator eats it eight bytes at a time, and its length last. */
function keyOf(seed: number, name: string): Words {
  const bytes = new TextEncoder().encode(name);
  const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 8) * 8));
  new Uint8Array(padded.buffer).set(bytes);
  let key: Words = [seed, 0];
  for (let at = 0; at < padded.byteLength; at += 8)
    key = threefry(key, [padded.getUint32(at, true), padded.getUint32(at + 4, true)]);
  return threefry(key, [bytes.length, 0]);
}
