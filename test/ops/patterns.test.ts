/** Patterns: what they give, and errors that point into them. */
import { describe, expect, test } from 'vitest';
import { constant, symbol } from '../../src/compiler/dims/dim.ts';
import type { TensorType } from '../../src/compiler/ir/graph.ts';
import { f32, infer, inferred } from './dsl.ts';

const x = f32('b', 3, 4, 6);

function rearranged(pattern: string, sizes: { readonly [name: string]: number } = {}, type: TensorType = x): string {
  return inferred('rearrange', [type], { pattern, sizes });
}

describe('rearrange', () => {
  test('splits, reorders and merges symbolic axes', () => {
    expect(rearranged('b c (h p) (w q) -> b (h w) (p q c)', { p: 2, q: 3 })).toBe('f32[b, 4, 18]');
    expect(rearranged('b ... -> (b ...)')).toBe('f32[72*b]');
    expect(rearranged('b c ... -> ... c b 1')).toBe('f32[4, 6, 3, b, 1]');
    expect(inferred('rearrange', [f32('n')], { pattern: '(a k) -> k a', sizes: { a: symbol('n') } })).toBe('f32[1, n]');
  });

  test.each<[string, { readonly [name: string]: number }, string]>([
    ['b c h -> b', {}, 'the pattern takes a tensor of 3 axes, but this is f32[b, 3, 4, 6]\nb c h -> b\n^'],
    [
      'b c h w h2 ... -> b',
      {},
      'the pattern takes a tensor of at least 5 axes, but this is f32[b, 3, 4, 6]\nb c h w h2 ... -> b\n^',
    ],
    [
      'b c h w -> b c h v',
      {},
      'axis `v` is not on the left\nb c h w -> b c h v\n                 ^\n= the axes on the left are: b c h w',
    ],
    [
      'b c h w -> b c h',
      {},
      'axis `w` is missing on the right\nb c h w -> b c h\n      ^\n= hint: `reduce` combines the elements along an axis',
    ],
    ['b c h h -> b c h', {}, 'axis `h` is twice on this side\nb c h h -> b c h\n      ^'],
    ['b c h w -> b c h w w', {}, 'axis `w` is twice on this side\nb c h w -> b c h w w\n                   ^'],
    [
      'b c (h p) w -> b c h p w',
      { p: 3 },
      'axis 2 of f32[b, 3, 4, 6] is not a multiple of 3, so `h` has no size\nb c (h p) w -> b c h p w\n     ^',
    ],
    [
      '(a p) c h w -> a p c h w',
      { p: 2 },
      'axis 0 of f32[b, 3, 4, 6] is not known to be a multiple of 2, so `a` has no size\n(a p) c h w -> a p c h w\n ^',
    ],
    [
      'b c (h p) w -> b c h p w',
      {},
      'all sizes but one of `h`, `p` are needed to split axis 2 of f32[b, 3, 4, 6]\nb c (h p) w -> b c h p w\n       ^\n= hint: give one: `p: …`',
    ],
    ['b c h w -> b c h w', { h: 5 }, 'axis 2 of f32[b, 3, 4, 6] is 4, not 5\nb c h w -> b c h w\n    ^'],
    ['b c h w -> b c h w', { k: 5 }, 'the pattern has no axis `k`\n= hint: its axes are b, c, h, w'],
    ['b c h w', {}, 'the pattern has no `->`\nb c h w\n       ^'],
    ['b (c h w -> b c h w', {}, 'this parenthesis is not closed\nb (c h w -> b c h w\n  ^'],
    ['b c h) w -> b c h w', {}, 'this parenthesis was not opened\nb c h) w -> b c h w\n     ^'],
    ['b (c (h)) w -> b c h w', {}, 'parentheses do not nest\nb (c (h)) w -> b c h w\n     ^'],
    ['b c h w -> b, c h w', {}, '`,` names no axis\nb c h w -> b, c h w\n            ^'],
    ['b c h 2w -> b c h', {}, '`2w` names no axis\nb c h 2w -> b c h\n      ^'],
    ['b c h w -> b ... c h w', {}, 'the ellipsis is not on the left\nb c h w -> b ... c h w\n             ^'],
    ['b (... w) -> b ... w', {}, 'an ellipsis on the left stands alone\nb (... w) -> b ... w\n  ^'],
    [
      'b c h w -> b c h w r',
      { r: 2 },
      'axis `r` is not on the left\nb c h w -> b c h w r\n                   ^\n= the axes on the left are: b c h w\n= hint: `repeat` makes new axes',
    ],
  ])('%s: %j', (pattern, sizes, message) => {
    expect(rearranged(pattern, sizes)).toBe(message);
  });
});

describe('reduce and repeat', () => {
  test('reduce combines what the right lacks', () => {
    const reduce = (pattern: string, reduction = 'mean'): string =>
      inferred('reduce', [x], { pattern, reduction, sizes: {} });
    expect(reduce('b c h w -> b c')).toBe('f32[b, 3]');
    expect(reduce('b c (h 2) (w 3) -> b c h w')).toBe('f32[b, 3, 2, 2]');
    expect(reduce('b ... -> b')).toBe('f32[b]');
    expect(reduce('b c h w -> b', 'median')).toContain(
      'knows the reductions "sum", "mean", "max", "min", "prod", "any" and "all", not "median"',
    );
    expect(reduce('b c h w -> b', 'toString')).toContain('not "toString"');
    expect(reduce('b c h w -> b', 'any')).toContain('takes bool, not f32[b, 3, 4, 6]');
  });

  test('repeat needs the sizes of new axes, and loses none', () => {
    const repeat = (pattern: string, sizes = {}): string => inferred('repeat', [x], { pattern, sizes });
    expect(repeat('b c h w -> b (c r) h w 2', { r: constant(5) })).toBe('f32[b, 15, 4, 6, 2]');
    expect(repeat('b c h w -> b c h w r')).toBe(
      'axis `r` is not on the left, so its size is needed\nb c h w -> b c h w r\n                   ^\n= hint: give it: `r: …`',
    );
    expect(repeat('b c h w -> b c h', {})).toContain('axis `w` is missing on the right');
  });
});

describe('einsum', () => {
  const einsum = (pattern: string, ...inputs: readonly TensorType[]): string => inferred('einsum', inputs, { pattern });

  test('has words with spaces and letters without', () => {
    expect(einsum('... i, o i -> ... o', f32('b', 'n', 3), f32(5, 3))).toBe('f32[b, n, 5]');
    expect(einsum('batch tokens, tokens -> batch', f32('b', 3), f32(3))).toBe('f32[b]');
    expect(einsum('...ij,...jk->...ik', f32('b', 2, 3), f32(1, 3, 4))).toBe('f32[b, 2, 4]');
    expect(einsum('ij, jk -> ik', f32(2, 3), f32(3, 4))).toBe('f32[2, 4]');
    expect(einsum('... ij', f32(5, 2, 3))).toBe('f32[5, 2, 3]');
  });

  test('has an implicit result as NumPy', () => {
    expect(einsum('ba', f32(2, 3))).toBe('f32[3, 2]');
    expect(einsum('ij,jk', f32(2, 3), f32(3, 4))).toBe('f32[2, 4]');
    expect(einsum('ii', f32(3, 3))).toBe('f32[]');
    expect(einsum('b...a,a...', f32(2, 5, 3), f32(3, 5))).toBe('f32[5, 2]');
  });

  test.each<[string, readonly TensorType[], string]>([
    [
      'ij,jk->ik',
      [f32(2, 3), f32(4, 5)],
      'axis `j` is 3 and 4\nij,jk->ik\n   ^\n= the operands are f32[2, 3] and f32[4, 5]',
    ],
    ['ij,jk->il', [f32(2, 3), f32(3, 5)], 'axis `l` of the result is in no operand\nij,jk->il\n        ^'],
    ['ij->ii', [f32(2, 3)], 'axis `i` is twice in the result\nij->ii\n     ^'],
    ['ij,jk->ik', [f32(2, 3)], 'the pattern has 2 terms for 1 operand\nij,jk->ik\n^'],
    ['ii->i', [f32(2, 3)], 'axis `i` is 2 and 3\nii->i\n ^\n= the operands are f32[2, 3]'],
    ['ii->i', [f32(1, 3)], 'axis `i` is 1 and 3\nii->i\n ^\n= the operands are f32[1, 3]'],
    ['i...j...->i', [f32(2, 3)], 'a term has one ellipsis at most\ni...j...->i\n     ^'],
    ['i,j;k->i', [f32(2), f32(3)], '`;` names no axis\ni,j;k->i\n   ^'],
    ['ij->i->j', [f32(2, 3)], '`-` names no axis\nij->i->j\n     ^'],
    [
      'batch,batch->batch',
      [f32(2), f32(2)],
      'the term names 5 axes, but the operand is f32[2]\nbatch,batch->batch\n^\n= hint: in a pattern without spaces each letter is an axis; words need a space between them',
    ],
    [
      '...i,...i->i',
      [f32('n', 3), f32('m', 3)],
      'an axis of the ellipsis is n and m\n...i,...i->i\n     ^\n= the operands are f32[n, 3] and f32[m, 3]',
    ],
  ])('%s', (pattern, inputs, message) => {
    expect(einsum(pattern, ...inputs)).toBe(message);
  });

  test('errors name the attribute and the operand', () => {
    const found = infer('einsum', [f32(2, 3), f32(4, 5)], { pattern: 'ij,jk->ik' });
    expect(found).toMatchObject({ error: { attribute: 'pattern', operand: 1 } });
  });
});
