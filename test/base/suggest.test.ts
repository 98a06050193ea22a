import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closest, editDistance } from '../../src/compiler/base/suggest.ts';

describe('the nearest word', () => {
  it.each([
    ['modle', 'model'],
    ['blokc', 'block'],
    ['parm', 'param'],
    ['LayerNrom', 'LayerNorm'],
    ['layernorm', 'LayerNorm'],
    ['pathces', 'patches'],
  ])('to %s is %s', (word, expected) => {
    expect(closest(word, ['input', 'model', 'block', 'param', 'LayerNorm', 'patches'])).toBe(expected);
  });

  it('must be near enough for the length of the word', () => {
    expect(closest('q', ['k', 'v'])).toBeUndefined();
    expect(closest('xs', ['ys', 'x'])).toBeUndefined();
    expect(closest('dim', ['heads', 'depth'])).toBeUndefined();
    expect(closest('input', ['output'])).toBeUndefined();
    expect(closest('', ['a'])).toBeUndefined();
  });

  it('differs from the word', () => {
    expect(closest('model', ['model'])).toBeUndefined();
    expect(closest('model', ['model', 'models'])).toBe('models');
  });

  it('is the first of several that are equally near', () => {
    expect(closest('heat', ['head', 'heap'])).toBe('head');
    expect(closest('heat', [])).toBeUndefined();
  });
});

describe('the edit distance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['abc', 'abxc', 1],
    ['abc', 'axc', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('from %j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

  it('is never above its bound, and exact below it', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 });
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 5 }), (a, b, bound) => {
        expect(editDistance(a, b, bound)).toBe(Math.min(editDistance(a, b), bound));
      }),
    );
  });
});
