import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  constant,
  evaluate,
  multiply,
  ONE,
  print,
  subtract,
  symbol,
  type Bounds,
} from '../../src/compiler/dims/dim.ts';
import {
  delinearize,
  elementCount,
  linearize,
  printShape,
  sameShape,
  stridesOf,
  type Shape,
} from '../../src/compiler/dims/shape.ts';

const [batch, seq] = [symbol('batch'), symbol('seq')];
const shape: Shape = [batch, seq, constant(64)];

test('shapes are row-major', () => {
  expect(stridesOf(shape).map(print)).toEqual(['64*seq', '64', '1']);
  expect(print(elementCount(shape))).toBe('64*batch*seq');
  expect(printShape(shape)).toBe('[batch, seq, 64]');
});

test('shapes are the same if their dimensions are', () => {
  expect(sameShape(shape, [batch, seq, constant(64)])).toBe(true);
  expect(sameShape(shape, [seq, batch, constant(64)])).toBe(false);
  expect(sameShape(shape, [batch, seq])).toBe(false);
});

describe('positions and indices', () => {
  const names = ['i', 'j', 'k'];
  const index = names.map(symbol);
  const boundsOf = (of: Shape): Bounds => new Map(names.map((name, axis) => [name, subtract(of[axis]!, ONE)]));

  test('of a shape cancel', () => {
    expect(delinearize(linearize(index, shape), shape, boundsOf(shape)).map(print)).toEqual(names);
  });

  test('of a merged shape name what was merged', () => {
    const merged: Shape = [multiply(batch, seq), constant(64)];
    const position = linearize(index, shape);
    expect(delinearize(position, merged, boundsOf(shape)).map(print)).toEqual(['i*seq + j', 'k']);
  });

  test('skip axes of size 1', () => {
    const of: Shape = [ONE, batch, ONE, constant(4)];
    expect(delinearize(symbol('p'), of, new Map()).map(print)).toEqual([
      '0',
      'floordiv(p, 4)',
      '0',
      '-4*floordiv(p, 4) + p',
    ]);
  });

  test('agree with counting', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.nat(), (sizes, seed) => {
        const of = sizes.map(constant);
        const total = sizes.reduce((product, size) => product * size, 1);
        const at = new Map([['p', seed % total]]);
        const found = delinearize(symbol('p'), of, new Map([['p', constant(total - 1)]])).map((dim) =>
          evaluate(dim, at),
        );
        const expected: number[] = [];
        for (let axis = sizes.length - 1, rest = seed % total; axis >= 0; axis--) {
          expected.unshift(rest % sizes[axis]!);
          rest = Math.floor(rest / sizes[axis]!);
        }
        expect(found).toEqual(expected);
      }),
    );
  });
});
