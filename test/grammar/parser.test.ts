import { describe, expect, it } from 'vitest';
import { parseTokens } from '../../grammar/parser.ts';
import { lexer } from '../../grammar/tokens.ts';

function failures(text: string): string[] {
  return parseTokens('value', lexer.tokenize(text).tokens).failures.map(
    ({ rule, wanted, found }) => `${rule}/${wanted}/${found.image}`,
  );
}

describe('the grammar of expressions', () => {
  it.each([
    'f(a, k: b,)[0, :, ..., 1:2:3,].m ** -x |> g |> h(1)',
    'if a then b else [for i in 0..3 => (i, i,)]',
    'a or not b and c == d + e * f @ g % -h',
    '1, 2, 3,',
  ])('accepts %s', (text) => {
    expect(failures(text)).toEqual([]);
  });

  it('says which rule wanted which token', () => {
    expect(failures('f(a b)')[0]).toBe('arguments/RightParen/b');
    expect(failures('[for i of x => i]')[0]).toBe('iteration/In/of');
    expect(failures('a +')).toEqual(['atom//']);
    expect(failures('a b c')).toEqual(['value//b']);
  });

  it('keeps nothing between two parses', () => {
    expect(failures('a b')).toHaveLength(1);
    expect(failures('a')).toEqual([]);
    const first = parseTokens('value', lexer.tokenize('a b').tokens);
    parseTokens('value', lexer.tokenize('c').tokens);
    expect(first.failures).toHaveLength(1);
  });
});
