import { describe, expect, it } from 'vitest';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { lex } from '../../src/compiler/syntax/lex.ts';
import { vit } from './specs.ts';
import { mistakesIn, parse, show, summary } from './support.ts';

describe('several mistakes', () => {
  it('are each reported once', () => {
    const text = `model M(n: int = 3) {
  x = relu(
  y = n *
  output logits f32[n] = y
}`;
    expect(parse(text).diagnostics.map(summary)).toEqual([
      'HED1003 line 2: expected `)` to close the call, found `y`',
      'HED1006 line 3: `*` has no right operand',
      'HED1002 line 4: expected `=` and the value of the output, found `f32`',
    ]);
  });

  it('are reported from the top of the file to its end', () => {
    const text = 'model A(a: in) {\n  b = "open\n  c = a <\n  d += 1\n  e = 1 < 2 < 3\n  f = 4x\n}\n}';
    const lines = parse(text).diagnostics.map((item) => Number(/line (\d+)/.exec(summary(item))?.[1]));
    expect(lines).toEqual([1, 2, 3, 4, 5, 6, 8]);
  });

  it('in different parameters of a header are each reported', () => {
    expect(parse('model M(a: in, b int, c: int = , d: int) {}').diagnostics).toHaveLength(3);
  });

  it('do not hide the declarations around them', () => {
    const { file } = parse('model A( {\n  x = (\n}\nblokc B()(x: f32[n]) -> f32[n] { return x }\nmodel C() {}');
    expect(file.declarations.map((declaration) => declaration.name.text)).toEqual(['A', 'B', 'C']);
  });
});

describe('one mistake', () => {
  it.each([
    [
      'a missing operand at the end of a line is reported there',
      'x = a +\ny = b',
      ['HED1006 line 2: `+` has no right operand'],
    ],
    [
      'also before a statement with a keyword',
      'x = a +\nparam w: f32[n]',
      ['HED1006 line 2: `+` has no right operand'],
    ],
    ['also before several targets', 'x = a +\nq, k = f(x)', ['HED1006 line 2: `+` has no right operand']],
    ['also before an if', 'x = a +\nif b { y = 1 }', ['HED1006 line 2: `+` has no right operand']],
    ['a missing value', 'x =\ny = b', ['HED1002 line 2: expected a value after `=`, found `y`']],
    ['an unclosed call', 'x = f(a, g(b)\ny = b', ['HED1003 line 2: expected `)` to close the call, found `y`']],
    [
      'an unclosed call behind a comma',
      'x = f(a,\ny = b',
      ['HED1003 line 2: expected `)` to close the call, found `y`'],
    ],
    ['an unclosed list', 'x = [a, b\nreturn x', ['HED1003 line 2: expected `]` to close the list, found `return`']],
    [
      'a closed bracket too many',
      'x = f(a))\ny = 1',
      ['HED1002 line 2: expected an operator or the next statement after `)`, found `)`'],
    ],
    [
      'a named argument in Python’s form',
      'x = f(\n  a = 1,\n  b: 2)',
      ['HED1014 line 3: a named argument is written with `:`'],
    ],
    [
      'a forgotten brace of an if',
      'if a\n  y = 1\n}\nz = 2',
      ['HED1002 line 2: expected `{` to open the body, found `y`'],
    ],
    [
      'an assignment for a comparison',
      'if a = 3 { y = 1 }',
      ['HED1002 line 2: expected `{` to open the body, found `=`'],
    ],
    ['a forgotten in', 'for i 0..3 { y = i }', ['HED1002 line 2: expected `in` and what to go through, found `0`']],
    [
      'an else without an if',
      'for i in a { x = i } else { y = 1 }',
      ['HED1002 line 2: `else` without an `if` before it'],
    ],
    ['a dictionary', 'x = { a: 1, b: 2 }', ['HED1002 line 2: unexpected `{`: no body can begin here']],
    ['a strange character', 'x = a $ b\ny = 1', ['HED1001 line 2: unexpected character `$`']],
    ['an open string that swallows a bracket', 'x = f("a, b)\ny = 1', ['HED1008 line 2: the string is not closed']],
    [
      'a nested declaration',
      '  block B()(x: f32[n]) -> f32[n] {\n return x\n  }',
      ['HED1012 line 2: a `block` cannot be declared inside of a body'],
    ],
    [
      'a path on a value',
      'x = f(a) as p',
      ['HED1002 line 2: `as` can only stand behind a stage of `|>`, or in a `for`'],
    ],
    ['a bare expression', 'f(x)\ny = 1', ['HED1005 line 2: an expression alone is not a statement']],
  ])('%s', (_, body, mistakes) => {
    expect(mistakesIn(body)).toEqual(mistakes);
  });

  it('in a header leaves the body to be read', () => {
    const { file, diagnostics } = parse('block B(a int)(x: f32[n]) f32[n] {\n  y = x\n  return y\n}');
    expect(diagnostics).toHaveLength(2);
    expect(file.declarations).toMatchObject([
      { name: { text: 'B' }, incomplete: true, body: { statements: [{}, {}] } },
    ]);
  });
});

describe('a missing brace', () => {
  it('at the end of the file names the one that was opened', () => {
    const { diagnostics, file } = parse('model M() {\n  x = 1\n');
    expect(diagnostics).toMatchObject([
      { code: 'HED1003', message: 'expected `}` to close the body, found the end of the file' },
    ]);
    expect(diagnostics[0]?.secondary[0]).toMatchObject({ span: { start: 10, end: 11 }, text: 'opened here' });
    expect(file.declarations).toMatchObject([{ body: { statements: [{ kind: 'assign' }] } }]);
  });

  it('before the next declaration does not disturb that one', () => {
    const { diagnostics, file } = parse('model A() {\n  if b {\n    x = 1\n\nmodel C() {\n  y = 2\n}');
    expect(diagnostics.map(({ code }) => code)).toEqual(['HED1003']);
    expect(file.declarations).toMatchObject([
      { name: { text: 'A' } },
      { name: { text: 'C' }, body: { statements: [{}] } },
    ]);
  });

  it('is looked for where the columns of the braces differ', () => {
    const { diagnostics } = parse('model A() {\n  if b {\n    x = 1\n  for i in c {\n    y = 2\n  }\n}\n');
    expect(diagnostics[0]?.secondary[0]?.span.start).toBe('model A() {\n  if b '.length);
  });
});

describe('a misspelt word', () => {
  it.each([
    ['parm w: f32[n] = ones()', 'param'],
    ['ouput y = x', 'output'],
    ['inptu x: f32[n]', 'input'],
    ['cosnt a = 1', 'const'],
    ['dim batch', 'dims'],
    ['requires a == b', 'require'],
    ['retrun x', 'return'],
    ['fro i in a { x = i }', 'for'],
  ])('%s is taken for %s', (body, meant) => {
    const { diagnostics, file } = parse(`model M() {\n${body}\n}`);
    expect(diagnostics.map(({ hint }) => hint)).toEqual([`did you mean \`${meant}\`?`]);
    const [model] = file.declarations;
    expect(model?.kind === 'model' && model.body.statements.map(({ kind }) => kind)).toEqual([meant]);
  });

  it.each([
    ['modle M() {}', 'model'],
    ['Model M() {}', 'model'],
    ['blok B()(x: f32[n]) -> f32[n] { return x }', 'block'],
    ['def f(x: f32[n]) -> f32[n] { return x }', 'fn'],
  ])('%s is taken for %s', (text, meant) => {
    const { diagnostics, file } = parse(text);
    expect(diagnostics.map(({ hint }) => hint)).toEqual([`did you mean \`${meant}\`?`]);
    expect(file.declarations).toHaveLength(1);
  });
});

describe('what is not supported yet', () => {
  it.each([
    ['state s: f32[n] = zeros()', 'state'],
    ['next s = x', 'next'],
    ['aux balance = mean(x)', 'aux'],
    ['loss 0.1 * hard +\n  soft', 'loss'],
    ['metric accuracy = mean(x)', 'metric'],
    ['generate idx along time from logits', 'generate'],
    ['optimizer adamw(lr: 1) {\n  group "**" (weight_decay: 0)\n}', 'optimizer'],
    ['y = mixture(x, g, i, n) as p.q {\n  t => t |> Linear(3) as up\n}', 'mixture'],
    ['y = frozen B(3)', 'frozen'],
  ])('%s gives one report that names it', (body, word) => {
    const [only, ...more] = parse(`model M() {\na = 1\n${body}\nb = 2\n}`).diagnostics;
    expect(more).toEqual([]);
    expect(only?.code).toBe('HED1010');
    expect(only?.message).toContain(`\`${word}\``);
  });

  it('a train declaration is left out as a whole', () => {
    const { diagnostics, file } = parse('train T(a: int) {\n  loss x\n  if a {\n  }\n}\nmodel M() {}');
    expect(diagnostics.map(summary)).toEqual(['HED1010 line 1: `train` declarations are not supported yet']);
    expect(file.declarations.map(({ name }) => name.text)).toEqual(['M']);
  });
});

describe('recovered trees', () => {
  it('keep the names of statements that could not be read', () => {
    const { file } = parse('model M() {\n  param w: \n  state s: f32[n]\n  x = (a\n  y = 1\n  foo bar baz\n}');
    const [model] = file.declarations;
    expect(model?.kind === 'model' && model.body.statements).toMatchObject([
      { kind: 'error', names: [{ text: 'w' }] },
      { kind: 'error', names: [{ text: 's' }] },
      { kind: 'assign', targets: [{ text: 'x' }] },
      { kind: 'assign', targets: [{ text: 'y' }] },
      { kind: 'error', names: [{ text: 'bar' }] },
    ]);
  });

  it('have an error for a whole expression that could not be read', () => {
    const { file } = parse('model M() {\n  x = f(a, b\n  y = c + $ d\n  z = a ? b : c\n  w = c;\n}');
    const [model] = file.declarations;
    const values = model?.kind === 'model' ? model.body.statements : [];
    expect(values.map((statement) => statement.kind === 'assign' && show(statement.value))).toEqual([
      '<error>',
      '<error>',
      '<error>',
      'c',
    ]);
  });
});

describe('a token left out or written twice anywhere in a spec', () => {
  const tokens = lex({ path: '', text: vit }, new DiagnosticSink()).tokens;

  function counts(change: (before: string, image: string, after: string) => string): Map<number, number> {
    const result = new Map<number, number>();
    for (const { startOffset, image } of tokens) {
      const changed = change(vit.slice(0, startOffset), image, vit.slice(startOffset + image.length));
      const { length } = parse(changed).diagnostics;
      result.set(length, (result.get(length) ?? 0) + 1);
    }
    return result;
  }

  it('rarely gives two reports and never more than three', () => {
    for (const change of [
      counts((before, _, after) => before + after),
      counts((before, image, after) => `${before}${image} ${image}${after}`),
    ]) {
      expect(Math.max(...change.keys())).toBeLessThanOrEqual(3);
      const several = (change.get(2) ?? 0) + (change.get(3) ?? 0);
      expect(several / tokens.length).toBeLessThan(0.02);
    }
  });
});
