/** Batches by number, orders from a seed, and parts held out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batches, type BatchOptions } from '../../src/data/batches.ts';
import { type Dataset, subset, withField } from '../../src/data/dataset.ts';
import { Draws, keyOf, shuffled, split } from '../../src/data/draws.ts';

/** Example i is [i, epoch] and the label 10 i. */
function counting(size: number): Dataset {
  return {
    title: 'numbers',
    size,
    fields: [
      { name: 'x', aliases: [], dtype: 'f32', shape: [2] },
      { name: 'y', aliases: [], dtype: 'i32', shape: [] },
    ],
    write(index, epoch, slot, into) {
      into[0]!.set([index, epoch], 2 * slot);
      into[1]![slot] = 10 * index;
    },
  };
}

function read(batches: Batches, number: number): number[] {
  const { size, arrays } = batches.read(number);
  expect(arrays.map((array) => array.length)).toEqual([2 * size, size]);
  expect(Array.from(arrays[1]!)).toEqual(Array.from({ length: size }, (_, at) => 10 * arrays[0]![2 * at]!));
  return Array.from({ length: size }, (_, at) => arrays[0]![2 * at]!);
}

const ascending = (size: number): number[] => Array.from({ length: size }, (_, at) => at);

describe('batches', () => {
  it('come in order without a seed, the last one smaller or dropped', () => {
    const all = new Batches(counting(5), { batch: 2 });
    expect(all.perEpoch).toBe(3);
    expect([0, 1, 2, 3].map((number) => read(all, number))).toEqual([[0, 1], [2, 3], [4], [0, 1]]);
    const whole = new Batches(counting(5), { batch: 2, dropLast: true });
    expect([0, 1, 2].map((number) => read(whole, number))).toEqual([
      [0, 1],
      [2, 3],
      [0, 1],
    ]);
  });

  it('tell examples of their epoch, and write into the same memory', () => {
    const batches = new Batches(counting(2), { batch: 2 });
    const first = batches.read(0).arrays[0]!;
    const third = batches.read(2).arrays[0]!;
    expect(third.buffer).toBe(first.buffer);
    expect(Array.from(third)).toEqual([0, 2, 1, 2]);
  });

  it('hold every example once an epoch, in an order that seed and epoch decide', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 70 }), fc.nat(), (size, batch, seed) => {
        const batches = new Batches(counting(size), { batch, seed });
        for (const epoch of [0, 1, 5]) {
          const numbers = ascending(batches.perEpoch).flatMap((at) => read(batches, epoch * batches.perEpoch + at));
          expect(numbers.toSorted((a, b) => a - b)).toEqual(ascending(size));
        }
      }),
    );
  });

  it('need no earlier batch to be read', () => {
    const options: BatchOptions = { batch: 3, seed: 7 };
    const once = new Batches(counting(10), options);
    const inTurn = ascending(12).map((number) => read(once, number));
    for (const number of [11, 4, 7, 0, 5])
      expect(read(new Batches(counting(10), options), number)).toEqual(inTurn[number]);
    expect(inTurn.slice(0, 4)).not.toEqual(inTurn.slice(4, 8));
    const other = new Batches(counting(10), { batch: 3, seed: 8 });
    expect(ascending(4).map((number) => read(other, number))).not.toEqual(inTurn.slice(0, 4));
  });

  it('are refused where there would be none', () => {
    expect(() => new Batches(counting(3), { batch: 4, dropLast: true })).toThrow(
      'numbers has 3 examples, which make no batch of 4',
    );
    expect(() => new Batches(counting(0), { batch: 4 })).toThrow('0 examples');
  });
});

describe('random numbers of data', () => {
  it('are those of their seed, purpose, epoch and example', () => {
    const first = (seed: number, epoch: number, stream: number): number =>
      new Draws(keyOf(seed, 'augmentation', epoch), stream).unit();
    const different = [first(0, 0, 0), first(1, 0, 0), first(0, 1, 0), first(0, 0, 1), first(2 ** 32, 0, 0)];
    expect(new Set(different).size).toBe(5);
    expect(new Draws(keyOf(0, 'order', 0), 0).unit()).not.toBe(first(0, 0, 0));
    expect(first(3, 4, 5)).toBe(first(3, 4, 5));
  });

  it('put every number at every place about equally often', () => {
    const counts = ascending(4).map(() => [0, 0, 0, 0]);
    for (let seed = 0; seed < 4000; seed++)
      shuffled(4, keyOf(seed, 'order', 0)).forEach((number, place) => counts[place]![number]!++);
    // Three standard deviations of 1000 are 82.
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('hold out a part that no training example is in', () => {
    const { train, held } = split(100, 0.1, 0);
    expect([train.length, held.length]).toEqual([90, 10]);
    expect([...train, ...held].toSorted((a, b) => a - b)).toEqual(ascending(100));
    expect(Array.from(split(100, 0.1, 0).held)).toEqual(Array.from(held));
    expect(Array.from(split(100, 0.1, 1).held)).not.toEqual(Array.from(held));
  });
});

describe('parts and columns', () => {
  it('keep each example with what was computed for it', () => {
    const part = subset(counting(10), Int32Array.of(9, 2, 5));
    const field = { name: 'logits', aliases: [], dtype: 'f32', shape: [2] } as const;
    const whole = withField(part, field, Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(whole.fields.map(({ name }) => name)).toEqual(['x', 'y', 'logits']);
    const { arrays } = new Batches(whole, { batch: 3 }).read(0);
    expect(arrays.map((array) => Array.from(array))).toEqual([
      [9, 0, 2, 0, 5, 0],
      [90, 20, 50],
      [1, 2, 3, 4, 5, 6],
    ]);
  });
});
