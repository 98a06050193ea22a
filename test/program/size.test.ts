import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affineIn, evaluateSize, namesIn, printShape, printSize, type SizeExpr } from '../../src/program/size.ts';

const leaf = fc.oneof(fc.integer({ min: -5, max: 9 }), fc.constantFrom('batch', 'time'));
const { expr } = fc.letrec<{ expr: SizeExpr }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc
      .tuple(
        fc.constantFrom('+' as const, '*' as const, 'min' as const, 'max' as const),
        fc.array(tie('expr'), { minLength: 1, maxLength: 3 }),
      )
      .map(([operator, operands]): SizeExpr => [operator, ...operands]),
    tie('expr').chain((left) => fc.integer({ min: 1, max: 4 }).map((right): SizeExpr => ['//', left, right])),
  ),
}));

describe('a size expression', () => {
  test('has a value when its dimensions are bound', () => {
    const dims = new Map([['n', 7]]);
    expect(evaluateSize(['+', ['*', 2, 'n'], ['//', 'n', 2], ['min', 'n', 3], ['max', 'n', 9], -1], dims)).toBe(28);
    expect(evaluateSize(['//', ['*', -1, 'n'], 2], dims)).toBe(-4);
    expect(() => evaluateSize('m', dims)).toThrow(new RangeError('dimension m is not bound'));
    expect(() => evaluateSize(['//', 'n', 0], dims)).toThrow(RangeError);
  });

  test('is written as one would write it', () => {
    const hidden: SizeExpr = ['*', 3, ['+', 'batch', -1]];
    expect(printShape(['batch', 3, hidden, ['//', 'n', 2], ['min', 'n', 4]])).toBe(
      '[batch, 3, 3*(batch - 1), floordiv(n, 2), min(n, 4)]',
    );
    expect(printSize(['+', 'a', ['*', 2, 'b'], 1])).toBe('a + 2*b + 1');
  });

  test('is split exactly where it is affine in a name', () => {
    const at = (batch: number) =>
      new Map([
        ['batch', batch],
        ['time', 3],
      ]);
    fc.assert(
      fc.property(expr, (size) => {
        const form = affineIn(size, 'batch', new Map([['time', 3]]));
        if (!form) return;
        for (const batch of [0, 1, 5])
          expect(form.slope * batch + form.rest).toBeCloseTo(evaluateSize(size, at(batch)), 9);
      }),
    );
    expect(affineIn(['*', 'batch', 'batch'], 'batch', new Map())).toBeUndefined();
    expect(affineIn(['//', 'batch', 2], 'batch', new Map())).toBeUndefined();
    expect(affineIn(['*', 65, ['+', 'batch', 1]], 'batch', new Map())).toEqual({ slope: 65, rest: 65 });
  });

  test('knows its names', () => {
    expect([...namesIn(['+', ['*', 'b', 't'], 'b', 3])]).toEqual(['b', 't']);
  });
});
