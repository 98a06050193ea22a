import { describe, expect, it } from 'vitest';
import { lexer, reservedTexts } from '../../grammar/tokens.ts';

function tokens(text: string): string {
  const { tokens: found, errors } = lexer.tokenize(text);
  expect(errors).toEqual([]);
  return found.map(({ tokenType, image }) => `${tokenType.name}:${image}`).join(' ');
}

describe('numbers', () => {
  it.each([
    ['0', 'Integer:0'],
    ['042', 'Integer:042'],
    ['0.5', 'Float:0.5'],
    ['3e-4', 'Float:3e-4'],
    ['1.5E+10', 'Float:1.5E+10'],
    ['0..depth', 'Integer:0 DotDot:.. Identifier:depth'],
    ['0.5..1', 'Float:0.5 DotDot:.. Integer:1'],
    ['1...2', 'Integer:1 Ellipsis:... Integer:2'],
    ['1.', 'Integer:1 Dot:.'],
    ['.5', 'Dot:. Integer:5'],
    ['x.0', 'Identifier:x Dot:. Integer:0'],
    ['3x', 'MalformedNumber:3x'],
    ['3e', 'MalformedNumber:3e'],
    ['3e4x', 'MalformedNumber:3e4x'],
    ['1.5x', 'MalformedNumber:1.5x'],
    ['1.2.3', 'MalformedNumber:1.2.3'],
    ['0x10', 'MalformedNumber:0x10'],
  ])('%s', (text, expected) => {
    expect(tokens(text)).toBe(expected);
  });
});

describe('words', () => {
  it('are reserved only as a whole', () => {
    expect(tokens('if iffy _if in input none nonempty')).toBe(
      'If:if Identifier:iffy Identifier:_if In:in Identifier:input None:none Identifier:nonempty',
    );
  });

  it('are the sixteen reserved ones of the language, and names', () => {
    const words = 'if then else for in return and or not true false none frozen training mixture import'.split(' ');
    expect([...reservedTexts].sort()).toEqual(words.sort());
    expect(tokens('block fn model param as from')).toMatch(/^(Identifier:\w+ ?)+$/);
  });
});

describe('signs', () => {
  it('are as long as possible', () => {
    expect(tokens('** * -> - => == = <= < >= > != |> | ... .. .')).toBe(
      'StarStar:** Star:* Arrow:-> Minus:- FatArrow:=> EqualEqual:== Equal:= LessEqual:<= Less:< GreaterEqual:>= ' +
        'Greater:> NotEqual:!= PipeArrow:|> Bar:| Ellipsis:... DotDot:.. Dot:.',
    );
  });
});

describe('strings', () => {
  it.each([
    ['"a"', 'Text:"a"'],
    ['"a\\"b"', 'Text:"a\\"b"'],
    ['"\\\\" x', 'Text:"\\\\" Identifier:x'],
    ['"a\nb', 'UnterminatedText:"a Identifier:b'],
    ['"a\\', 'UnterminatedText:"a\\'],
    ["'a' b", "SingleQuotedText:'a' Identifier:b"],
  ])('%j', (text, expected) => {
    expect(tokens(text)).toBe(expected);
  });
});

describe('comments and blanks', () => {
  it('are kept off the stream', () => {
    expect(tokens('a // b "\n/// c\n\t\r\n\uFEFF\u00A0d')).toBe('Identifier:a Identifier:d');
    expect(lexer.tokenize('a // b\n/// c').groups['comments']?.map(({ image }) => image)).toEqual(['// b', '/// c']);
  });
});
