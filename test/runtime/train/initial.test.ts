import { describe, expect, test } from 'vitest';
import { threefry } from '../../../src/program/threefry.ts';
import type { Distribution } from '../../../src/program/training.ts';
import { drawInitial } from '../../../src/runtime/train/initial.ts';
import { normalProbability, normalQuantile } from '../../../src/runtime/train/normal.ts';
import { uniformStream } from '../../../src/runtime/train/stream.ts';

const COUNT = 50_000;

function drawn(distribution: Distribution, seed = 7, name = 'fc.weight', first = 0, count = COUNT): Float32Array {
  const values = new Float32Array(count);
  drawInitial(distribution, seed, name, first, values);
  return values;
}

function moments(values: ArrayLike<number>): { mean: number; deviation: number; skew: number; kurtosis: number } {
  const list = Array.from(values);
  const average = (of: (value: number) => number): number => list.reduce((sum, one) => sum + of(one), 0) / list.length;
  const mean = average((value) => value);
  const deviation = Math.sqrt(average((value) => (value - mean) ** 2));
  const standard = (power: number): number => average((value) => ((value - mean) / deviation) ** power);
  return { mean, deviation, skew: standard(3), kurtosis: standard(4) };
}

/** The largest difference between the share of values up to x and its probability: Kolmogorov and Smirnov's. */
function distance(values: Float32Array, probability: (x: number) => number): number {
  const sorted = values.slice().sort();
  const distances = sorted.map((value, at) => Math.abs(probability(value) - (at + 0.5) / sorted.length));
  return distances.reduce((largest, one) => Math.max(largest, one));
}

// Exceeded by one sample of a thousand of the right distribution; the seeds are fixed.
const LIMIT = 1.95 / Math.sqrt(COUNT);

describe('the normal distribution', () => {
  // From tables of 20 digits.
  test.each([
    [0, 0.5],
    [-1, 0.15865525393145705],
    [-2.5, 0.006209665325776132],
    [-3.5, 2.3262907903552504e-4],
    [-10, 7.619853024160527e-24],
    [-30, 4.906713927148187e-198],
  ])('has at %f the probability %f', (x, p) => {
    expect(Math.abs(normalProbability(x) / p - 1)).toBeLessThan(1e-13);
    expect(normalProbability(-x)).toBeCloseTo(1 - p, 15);
  });

  test('has quantiles that are the inverse of probabilities', () => {
    for (const p of [1e-300, 1e-100, 1e-20, 1e-11, 1e-3, 0.07, 0.08, 0.3, 0.5]) {
      expect(Math.abs(normalProbability(normalQuantile(p)) / p - 1), String(p)).toBeLessThan(1e-12);
      if (p > 1e-10) expect(normalQuantile(1 - p)).toBeCloseTo(-normalQuantile(p), 6);
    }
    expect(normalQuantile(0)).toBe(-Infinity);
    expect(normalQuantile(1)).toBe(Infinity);
  });
});

describe('drawn values', () => {
  test('are uniform', () => {
    const values = drawn({ kind: 'uniform', low: -2, high: 6 });
    expect(distance(values, (x) => (x + 2) / 8)).toBeLessThan(LIMIT);
    const { mean, deviation } = moments(values);
    expect(mean).toBeCloseTo(2, 1);
    expect(deviation).toBeCloseTo(8 / Math.sqrt(12), 1);
  });

  test('are normal', () => {
    const values = drawn({ kind: 'normal', mean: 1, std: 0.5 });
    expect(distance(values, (x) => normalProbability((x - 1) / 0.5))).toBeLessThan(LIMIT);
    const { mean, deviation, skew, kurtosis } = moments(values);
    expect(mean).toBeCloseTo(1, 2);
    expect(deviation).toBeCloseTo(0.5, 2);
    expect(skew).toBeCloseTo(0, 1);
    expect(kurtosis).toBeCloseTo(3, 1);
  });

  test.each([
    ['around the mean', 0.5, 2, -1, 2],
    ['far wider than the deviation', 0, 0.02, -2, 2],
    ['beyond the mean', 0, 1, 2, 3],
    ['below the mean', 0, 1, -9, -8],
    ['in the far tail', 0, 1, 20, 21],
  ])('are normal within limits %s', (_, mean, std, low, high) => {
    const values = drawn({ kind: 'truncated_normal', mean, std, low, high });
    for (const value of values) if (value < low || value > high) expect.fail(`${value}`);
    // Tails have their digits on the lower side.
    const mirror = low > mean ? -1 : 1;
    const below = (x: number): number => normalProbability((mirror * (x - mean)) / std);
    const share = (x: number): number => (below(x) - below(low)) / (below(high) - below(low));
    expect(distance(values, share)).toBeLessThan(LIMIT);
  });

  test('are the nearer limit where no normal number is within', () => {
    expect([
      ...drawn({ kind: 'truncated_normal', mean: 0, std: 1, low: 50, high: 60 }, 7, 'w', 0, 2),
      ...drawn({ kind: 'truncated_normal', mean: 0, std: 0, low: -3, high: -2 }, 7, 'w', 0, 2),
      ...drawn({ kind: 'truncated_normal', mean: 1, std: 0, low: -3, high: 2 }, 7, 'w', 0, 2),
    ]).toEqual([50, 50, -2, -2, 1, 1]);
  });

  test('are constant', () => {
    expect([...drawn({ kind: 'constant', value: 0.1 }, 0, 'w', 0, 3)]).toEqual(Array(3).fill(Math.fround(0.1)));
  });

  test('depend on seed, name and index alone', () => {
    const normal: Distribution = { kind: 'normal', mean: 0, std: 1 };
    const whole = drawn(normal, 3, 'a.weight', 0, 64);
    expect(drawn(normal, 3, 'a.weight', 40, 24)).toEqual(whole.slice(40));
    for (const other of [drawn(normal, 4, 'a.weight', 0, 64), drawn(normal, 3, 'b.weight', 0, 64)])
      expect([...other].filter((value) => whole.includes(value))).toEqual([]);
  });

  test('of two parameters are uncorrelated', () => {
    const normal: Distribution = { kind: 'normal', mean: 0, std: 1 };
    const [a, b] = [drawn(normal, 0, 'layer.0.weight'), drawn(normal, 0, 'layer.1.weight')];
    const correlation = a.reduce((sum, value, at) => sum + value * b[at]!, 0) / COUNT;
    expect(Math.abs(correlation)).toBeLessThan(3.3 / Math.sqrt(COUNT));
  });
});

describe('the stream of a parameter', () => {
  test('has a key in which every byte of the name and its length count', () => {
    const names = ['', '\0', 'a', 'a\0', 'ab', 'ba', 'abcdefgh', 'abcdefgh\0', 'abcdefghi', 'ä'];
    const firsts = new Set(names.map((name) => uniformStream(0, name)(0)));
    expect(firsts.size).toBe(names.length);
  });

  test('is the generator in counter mode, its upper 52 bits in the middle of their interval', () => {
    // The hash of the empty name: only its length, 0, is eaten.
    const key = threefry([5, 0], [0, 0]);
    const [high, low] = threefry(key, [9, 0]);
    const bits = (BigInt(high) << 20n) | (BigInt(low) >> 12n);
    expect(uniformStream(5, '')(9)).toBe((Number(bits) + 0.5) / 2 ** 52);
  });
});
