/** Digits of axes: where positions and sequences are in a tensor, and which indices keep them apart. */
import { describe, expect, test } from 'vitest';
import { digitOf, elementAt, ONE_TOKEN } from '../../src/compiler/incremental/element.ts';
import { partsOf, type Layout } from '../../src/compiler/incremental/layout.ts';
import type { Sequence } from '../../src/compiler/incremental/sequence.ts';
import { constant, evaluate, print, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { parseDim } from '../../src/compiler/dims/parse.ts';

const sequence: Sequence = { time: 'time', max: 8, batch: symbol('batch'), bounds: new Map([['time', constant(8)]]) };
const dim = (text: string): Dim => parseDim(text)!;
const digit = (axis: number, inner: string) => ({ axis, inner: dim(inner) });

function parts(shape: readonly string[], layout: Layout): string[] | undefined {
  return partsOf(shape.map(dim), layout, sequence)?.map(
    ({ kind, axis, size, inner }) => `${kind} ${print(size)} of axis ${axis}, step ${print(inner)}`,
  );
}

describe('the parts of axes', () => {
  test('are the axes, where each has one', () => {
    expect(parts(['batch', 'time', '4'], { time: digit(1, '1'), batch: digit(0, '1') })).toEqual([
      'batch batch of axis 0, step 1',
      'time time of axis 1, step 1',
      'other 4 of axis 2, step 1',
    ]);
  });

  test('share an axis in either order', () => {
    expect(parts(['batch*time'], { time: digit(0, '1'), batch: digit(0, 'time') })).toEqual([
      'batch batch of axis 0, step time',
      'time time of axis 0, step 1',
    ]);
    expect(parts(['batch*time'], { time: digit(0, 'batch'), batch: digit(0, '1') })).toEqual([
      'time time of axis 0, step batch',
      'batch batch of axis 0, step 1',
    ]);
  });

  test('have others between and around them', () => {
    expect(parts(['24*batch*time'], { time: digit(0, '2'), batch: digit(0, '6*time') })).toEqual([
      'other 4 of axis 0, step 6*batch*time',
      'batch batch of axis 0, step 6*time',
      'other 3 of axis 0, step 2*time',
      'time time of axis 0, step 2',
      'other 2 of axis 0, step 1',
    ]);
  });

  test('are none of an axis of size 1', () => {
    expect(parts(['1', 'time'], { time: digit(1, '1') })).toEqual(['time time of axis 1, step 1']);
  });

  test('are not known where digits do not fit, or the sequence is in another axis too', () => {
    expect(parts(['batch', 'time'], { time: digit(0, '1') })).toBeUndefined();
    expect(parts(['time', 'time'], { time: digit(0, '1') })).toBeUndefined();
  });
});

test('an element of one position has the same other digits in a sequence of one token', () => {
  const layout: Layout = { time: digit(0, '3'), batch: digit(0, '3*time') };
  const shape = [dim('3*batch*time'), dim('2')];
  const { whole, target } = elementAt(shape, partsOf(shape, layout, sequence)!, ONE_TOKEN, sequence);
  const values = new Map([
    ['$sequence', 2],
    ['$position', 4],
    ['$part2', 1],
    ['$part3', 1],
    ['time', 5],
  ]);
  const at = (index: readonly Dim[]): number[] => index.map((one) => evaluate(one, values));
  expect(at(whole)).toEqual([2 * 15 + 4 * 3 + 1, 1]);
  expect(at(target)).toEqual([2 * 3 + 1, 1]);
});

describe('an index has the position as a digit', () => {
  const bounds = new Map([
    ['time', constant(8)],
    ['p', dim('time - 1')],
    ['i', dim('3')],
  ]);
  const found = (index: string, size: string): string => {
    const placed = digitOf(dim(index), { axis: 0, size: dim(size) }, { name: 'p', size: symbol('time') }, bounds);
    if (typeof placed === 'string') return placed;
    return `(${print(placed.above)} * time + p) * ${print(placed.digit.inner)} + ${print(placed.below)}`;
  };

  test.each([
    ['p', 'time', '(0 * time + p) * 1 + 0'],
    ['4*p + i', '4*time', '(0 * time + p) * 4 + i'],
    ['i*time + p', '4*time', '(i * time + p) * 1 + 0'],
    ['i', 'time', 'absent'],
    ['time - 1 - p', 'time', 'broken'],
    ['p + 1', 'time', 'broken'],
    ['p + i', 'time', 'broken'],
    ['2*p', 'time', 'broken'],
    ['floordiv(p, 2)', 'time', 'broken'],
  ])('%s in an axis of %s: %s', (index, size, wanted) => {
    expect(found(index, size)).toBe(wanted);
  });
});
