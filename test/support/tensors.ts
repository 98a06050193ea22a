/** Concrete tensors for tests: drawn from a seed, and compared with a stated tolerance. */
import { expect } from 'vitest';
import type { DType } from '../../src/compiler/ir/graph.ts';
import type { Tensor, Tolerance } from '../../src/compiler/ir/op.ts';
import { countOf } from '../../src/compiler/ir/types.ts';

/** A generator of numbers in [0, 1): mulberry32, small and good enough for test data. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** f32 values are rounded to single precision, so that backends are given what the interpreter is. */
export function randomTensor(
  dtype: DType,
  shape: readonly number[],
  random: () => number,
  [low, high]: readonly [number, number] = [-2, 2],
): Tensor {
  const draw = (): number => {
    const value = low + (high - low) * random();
    switch (dtype) {
      case 'f32':
        return Math.fround(value);
      case 'i32':
        return Math.round(value) + 0;
      case 'u32':
        return Math.abs(Math.round(value));
      case 'bool':
        return random() < 0.5 ? 0 : 1;
    }
  };
  return { dtype, shape, data: Float64Array.from({ length: countOf(shape) }, draw) };
}

export function tensorOf(dtype: DType, shape: readonly number[], data: Iterable<number>): Tensor {
  return { dtype, shape, data: Float64Array.from(data) };
}

/** Every element within `absolute + relative * |wanted|`; NaN and infinities must be where they are wanted. */
export function expectClose(
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  { absolute, relative }: Tolerance,
  what = '',
): void {
  expect(got.length, `${what}: number of elements`).toBe(wanted.length);
  for (let at = 0; at < wanted.length; at++) {
    const [a, b] = [got[at]!, wanted[at]!];
    if (Object.is(a, b) || a === b || Math.abs(a - b) <= absolute + relative * Math.abs(b)) continue;
    expect.fail(`${what}: element ${at} is ${a}, not ${b}`);
  }
}
