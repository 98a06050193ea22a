import { describe, expect, it } from 'vitest';
import { expr, mistakesIn, statementsOf, textOf, value } from './support.ts';

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
    ['frozen B(3)', '(frozen (call B 3))'],
    ['frozen B(3)(x) / 2', '(/ (frozen (call (call B 3) x)) 2)'],
    ['-frozen a ** 2 + b', '(+ (- (frozen (** a 2))) b)'],
    ['frozen B()(x) |> f', '(|> (frozen (call (call B) x)) f)'],
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

describe('mixtures', () => {
  it('are operands, with and without a path', () => {
    expect(expr('mixture(x, g, i, n, capacity_factor: 1.5) as experts { t => t |> Linear(3) as up |> relu }')).toBe(
      '(mixture x g i n capacity_factor: 1.5 as experts t => (|> (|> t (call Linear 3) as up) relu))',
    );
    expect(expr('f(mixture(x) { t => if a then t else -t })[0] + mixture(y) as a.b { u => u } |> g')).toBe(
      '(|> (+ (at (call f (mixture x t => (if a t (- t)))) 0) (mixture y as a.b u => u)) g)',
    );
  });

  it('may lie in each other, and in conditions', () => {
    expect(expr('mixture(mixture(x) as p { t => t }) as q { t => mixture(t) { u => u } }')).toBe(
      '(mixture (mixture x as p t => t) as q t => (mixture t u => u))',
    );
    expect(expr('if a then mixture(x) { t => t } else if mixture(b) { t => t } then c else d')).toBe(
      '(if a (mixture x t => t) (if (mixture b t => t) c d))',
    );
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

  it.each(['net.0', 'net.0.1', 'layer1.0.conv1', 'a.0.1.2.b.3.4', '0', '0.1'])('takes the path %s', (path) => {
    expect(expr(`x |> f as ${path} |> g`)).toBe(`(|> (|> x f as ${path}) g)`);
    expect(expr(`[for w in ws as ${path} => f]`)).toBe(`(for w in ws as ${path} => f)`);
  });

  it('gives every segment of a path its place', () => {
    const [statement] = statementsOf('y = x |> f as net.0.12');
    const pipe = statement?.kind === 'assign' ? statement.value : undefined;
    expect(pipe?.kind === 'pipe' && pipe.path?.map(({ span }) => textOf(span))).toEqual(['net', '0', '12']);
  });

  it('reads the members of a numbered part', () => {
    expect(expr('net.0.1.weight * 0.5')).toBe('(* (. (. (. net 0) 1) weight) 0.5)');
  });

  it.each(['net.1e5', 'net.3x', 'net.0.1x', 'net.-1', 'net.0.'])('does not take the path %s', (path) => {
    expect(mistakesIn(`y = x |> f as ${path}`)).toHaveLength(1);
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
