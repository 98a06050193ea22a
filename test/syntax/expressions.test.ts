import { describe, expect, it } from 'vitest';
import { expr, mistakesIn, value } from './support.ts';

describe('precedence', () => {
  it.each([
    ['a + b * c', '(+ a (* b c))'],
    ['a * b + c', '(+ (* a b) c)'],
    ['a - b - c', '(- (- a b) c)'],
    ['a / b @ c % d', '(% (@ (/ a b) c) d)'],
    ['a ** b ** c', '(** a (** b c))'],
    ['-a ** 2', '(- (** a 2))'],
    ['2 ** -b', '(** 2 (- b))'],
    ['2 ** -b ** c * d', '(* (** 2 (- (** b c))) d)'],
    ['-a * b', '(* (- a) b)'],
    ['- - +a', '(- (- (+ a)))'],
    ['a * -b', '(* a (- b))'],
    ['a + b == c - d', '(== (+ a b) (- c d))'],
    ['a < b and c >= d or e', '(or (and (< a b) (>= c d)) e)'],
    ['a or b and c', '(or a (and b c))'],
    ['not a and b', '(and (not a) b)'],
    ['a == not b', '(== a (not b))'],
    ['0..n + 1', '(.. 0 (+ n 1))'],
    ['a or b |> f', '(|> (or a b) f)'],
    ['a + b |> f |> g(1)', '(|> (|> (+ a b) f) (call g 1))'],
    ['if a then b |> f else c |> g', '(if a (|> b f) (|> c g))'],
    ['if a then b else if c then d else e', '(if a b (if c d e))'],
    ['if if a then b else c then d else e', '(if (if a b c) d e)'],
    ['-a[0]', '(- (at a 0))'],
    ['a.b ** c(1)', '(** (. a b) (call c 1))'],
    ['(a + b) * c', '(* (+ a b) c)'],
  ])('reads %s', (text, tree) => {
    expect(expr(text)).toBe(tree);
  });

  it('lets not negate a whole comparison, as in Python', () => {
    expect(expr('not a == b')).toBe('(not (== a b))');
    expect(expr('not not a < b and c')).toBe('(and (not (not (< a b))) c)');
  });
});

describe('literals', () => {
  it.each([
    ['3', '3'],
    ['0.5', '0.5'],
    ['1.0', '1.0'],
    ['3e-4', '0.0003'],
    ['1.5E+2', '150.0'],
    ['true', 'true'],
    ['false', 'false'],
    ['none', 'none'],
    ['training', 'training'],
    [String.raw`"a\n\t\"\\"`, JSON.stringify('a\n\t"\\')],
    ['"// no comment"', '"// no comment"'],
    ['""', '""'],
  ])('reads %s', (text, tree) => {
    expect(expr(text)).toBe(tree);
  });

  it('takes two dots behind a digit for a range', () => {
    expect(expr('0..depth')).toBe('(.. 0 depth)');
    expect(expr('1.5..2')).toBe('(.. 1.5 2)');
  });

  it('refuses integers that are not exact and floats that are not finite', () => {
    expect(mistakesIn('x = 9007199254740992')).toEqual([
      'HED1016 line 2: `9007199254740992` is too large for an integer',
    ]);
    expect(expr('9007199254740991')).toBe('9007199254740991');
    expect(mistakesIn('x = 1e400')).toEqual(['HED1016 line 2: `1e400` is too large for a float']);
  });
});

describe('brackets', () => {
  it('tells grouping from tuples', () => {
    expect(expr('(a)')).toBe('a');
    expect(expr('((a))')).toBe('a');
    expect(expr('(a,)')).toBe('(tuple a)');
    expect(expr('(a, b)')).toBe('(tuple a b)');
    expect(expr('(a, b,)')).toBe('(tuple a b)');
    expect(expr('()')).toBe('(tuple)');
  });

  it('allows a comma behind the last element', () => {
    expect(expr('[a, b,]')).toBe('[a b]');
    expect(expr('f(a, k: b,)')).toBe('(call f a k: b)');
    expect(expr('a[0, 1,]')).toBe('(at a 0 1)');
    expect(expr('[]')).toBe('[]');
    expect(expr('f()')).toBe('(call f)');
  });

  it('reads comprehensions with and without a path', () => {
    expect(expr('[for w in widths => w + 1]')).toBe('(for w in widths => (+ w 1))');
    expect(expr('[for w in 0..3 as convs.inner => x |> Conv(w) |> relu]')).toBe(
      '(for w in (.. 0 3) as convs.inner => (|> (|> x (call Conv w)) relu))',
    );
  });

  it('reads every kind of subscript', () => {
    expect(expr('x[:, 0]')).toBe('(at x :: 0)');
    expect(expr('x[..., none, 1:, :2, ::3, a:b:c, -1]')).toBe('(at x ... none 1:: :2: ::3 a:b:c (- 1))');
  });

  it('wants at least one subscript', () => {
    expect(mistakesIn('y = x[]')).toEqual(['HED1002 line 2: expected an index or a slice between the brackets']);
  });
});

describe('calls and pipes', () => {
  it('chains calls, subscripts and members', () => {
    expect(expr('a.b(1)[2].c')).toBe('(. (at (call (. a b) 1) 2) c)');
    expect(expr('f(1)(2)')).toBe('(call (call f 1) 2)');
  });

  it('puts a path behind the stage it names', () => {
    expect(expr('x |> f as a |> m.g(1) as b.c')).toBe('(|> (|> x f as a) (call (. m g) 1) as b.c)');
  });

  it('accepts only names and calls as stages', () => {
    expect(mistakesIn('y = x |> 3')).toEqual(['HED1015 line 2: a stage of `|>` is a name or a call']);
    expect(mistakesIn('y = x |> f[0]')).toEqual(['HED1015 line 2: a stage of `|>` is a name or a call']);
  });

  it('reports a comparison chain once for each link and still reads it', () => {
    expect(mistakesIn('y = a < b < c')).toEqual(['HED1011 line 2: comparisons cannot be chained']);
    expect(mistakesIn('y = (a < b) == c')).toEqual([]);
  });
});

describe('a value on the command line', () => {
  it.each([
    ['28', '28'],
    ['24,40', '(tuple 24 40)'],
    ['24, 40,', '(tuple 24 40)'],
    ['cls', 'cls'],
    ['-1', '(- 1)'],
    ['3e-4', '0.0003'],
    ['[3, 4, 5]', '[3 4 5]'],
    ['(1, 2)', '(tuple 1 2)'],
    ['none', 'none'],
    ['"a b"', '"a b"'],
    ['input', 'input'],
  ])('reads %s', (text, tree) => {
    expect(value(text)).toEqual({ value: tree, mistakes: [] });
  });

  it('reports what is wrong with it', () => {
    expect(value('').mistakes).toEqual(['HED1002 line 1: expected an expression, found the end']);
    expect(value('1 2').mistakes).toEqual(['HED1002 line 1: expected `,` or the end of the value, found `2`']);
    expect(value('a = 3').mistakes).toEqual(['HED1002 line 1: expected `,` or the end of the value, found `=`']);
    expect(value('[1, 2').mistakes).toEqual(['HED1003 line 1: expected `]` to close the list, found the end']);
    expect(value('3 +').mistakes).toEqual(['HED1006 line 1: `+` has no right operand']);
    expect(value('{').mistakes).toHaveLength(1);
  });
});
