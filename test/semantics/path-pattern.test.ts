import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pathPattern } from '../../src/compiler/semantics/path-pattern.ts';

describe('a pattern over paths', () => {
  test.each([
    ['a.b', ['a.b'], ['a', 'a.c', 'a.b.c', 'x.a.b']],
    ['layers.*.attn', ['layers.0.attn', 'layers.12.attn'], ['layers.attn', 'layers.0.1.attn', 'layers.0.attn.out']],
    ['*.b*d', ['a.bd', 'a.bcd', 'a.bdd'], ['a.b', 'b.bc', 'a.b.d']],
    ['**', ['a', 'a.b.c'], []],
    ['**.bias', ['bias', 'a.bias', 'a.b.bias'], ['a.bias.b', 'abias']],
    ['a.**', ['a.b', 'a.b.c'], ['a', 'b.a']],
    ['a.**.c', ['a.c', 'a.b.c', 'a.b.b.c'], ['a.b', 'a.cc']],
    ['**.norm*.*', ['norm1.weight', 'layers.0.norm.bias'], ['norm1', 'a.norm.b.c']],
    ['a+(b', ['a+(b'], ['aab']],
  ])('%s', (pattern, matching, others) => {
    const { test: matches } = pathPattern(pattern);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });

  test('matches what a regular expression would', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', '.', '*'), { minLength: 1, maxLength: 8 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, text, (pattern, dotted) => {
        const path = dotted.replaceAll('*', 'a');
        fc.pre([pattern, path].every((all) => all.split('.').every((part) => part !== '' && !part.includes('**'))));
        const expression = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]*');
        expect(pathPattern(pattern).test(path)).toBe(new RegExp(`^${expression}$`).test(path));
      }),
      { numRuns: 500 },
    );
  });

  test('takes time that grows with the lengths alone', () => {
    expect(pathPattern(`${'*a'.repeat(2000)}b`).test('a'.repeat(5000))).toBe(false);
    expect(pathPattern(`${'**.a.'.repeat(500)}b`).test('a.'.repeat(5000) + 'a')).toBe(false);
  });
});
