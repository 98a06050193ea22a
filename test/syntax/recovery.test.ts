import { describe, expect, it } from 'vitest';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { lex } from '../../src/compiler/syntax/lex.ts';
import { distill, moe, vit } from './specs.ts';
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
    ['a bare frozen model', 'y = 1\nfrozen B(x)\nz = 1', ['HED1005 line 3: an expression alone is not a statement']],
    ['a frozen stage', 'y = x |> frozen B(x)', ['HED1006 line 2: `|>` has no stage: found `frozen`']],
    ['a loss without a value', 'loss\ny = 1', ['HED1002 line 2: expected a value after `loss`, found `y`']],
    ['a loss behind an operator', 'y = a +\nloss 0.5 * b', ['HED1006 line 2: `+` has no right operand']],
    [
      'a loss behind an open call',
      'y = f(a,\nloss not b',
      ['HED1003 line 2: expected `)` to close the call, found `loss`'],
    ],
    [
      'a missing along',
      'generate idx from logits\ny = 1',
      ['HED1002 line 2: expected `along` and the dimension that grows, found `from`'],
    ],
    [
      'a missing from',
      'generate idx along time\ny = 1',
      ['HED1002 line 2: expected `from` and the output to choose from, found `y`'],
    ],
    [
      'a state without a type',
      'state s = zeros()\ny = 1',
      ['HED1002 line 2: expected `:` and the type of the state, found `=`'],
    ],
    ['a metric without a name', 'metric 3\ny = 1', ['HED1002 line 2: expected the name of the metric, found `3`']],
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

describe('a hint at a stray dot', () => {
  it.each([
    ['x = .5', 'a float has a digit before its dot: `0.5`'],
    [
      'param conv.weight: f32[n]',
      'a name has no dots: parameters get their paths from the instances around them, `x |> Linear(8) as head`',
    ],
  ])('%s', (body, hint) => {
    expect(parse(`model M() {\n${body}\n}`).diagnostics.map((item) => item.hint)).toEqual([hint]);
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
    ['sate s: f32[n]', 'state'],
    ['nxt s = x', 'next'],
    ['losss 0.5 * x', 'loss'],
    ['metrics m = x', 'metric'],
    ['optimiser adamw(lr: 1)', 'optimizer'],
    ['generat idx along time from y', 'generate'],
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
    ['trian T() {}', 'train'],
    ['blok B()(x: f32[n]) -> f32[n] { return x }', 'block'],
    ['def f(x: f32[n]) -> f32[n] { return x }', 'fn'],
  ])('%s is taken for %s', (text, meant) => {
    const { diagnostics, file } = parse(text);
    expect(diagnostics.map(({ hint }) => hint)).toEqual([`did you mean \`${meant}\`?`]);
    expect(file.declarations).toHaveLength(1);
  });
});

describe('a mistake in the braces of a mixture or an optimizer', () => {
  const experts = 'y = mixture(x, g, i, n) as p';
  it.each([
    [
      'a missing brace before the next statement',
      `${experts} { t => t |> f\nz = 1`,
      ['HED1003 line 3: expected `}` to close the experts, found `z`'],
    ],
    [
      'no opening brace, but a closing one',
      `${experts} t => t |> f }\nz = 1`,
      ['HED1002 line 3: expected `{` and the value of an expert, `{ t => … }`, found `t`'],
    ],
    [
      'no braces',
      `${experts} t => t |> f\nz = 1`,
      ['HED1002 line 3: expected `{` and the value of an expert, `{ t => … }`, found `t`'],
    ],
    [
      'nothing behind the path',
      `${experts}\nz = 1`,
      ['HED1002 line 3: expected `{` and the value of an expert, `{ t => … }`, found `z`'],
    ],
    [
      'no name for the tokens',
      `${experts} { x |> f }\nz = 1`,
      ['HED1002 line 3: expected `=>` and the value of an expert, found `|>`'],
    ],
    [
      'statements',
      `${experts} { t =>\n  h = t |> f\n  return h\n}\nz = 1`,
      ['HED1012 line 4: the braces of a `mixture` hold one value'],
    ],
    ['two values', `${experts} { t => t, t }\nz = 1`, ['HED1002 line 3: expected an operator or `}`, found `,`']],
    [
      'an unclosed call inside',
      `${experts} { t => f(t }\nz = 1`,
      ['HED1003 line 3: expected `)` to close the call, found `}`'],
    ],
    [
      'a mixture alone',
      'mixture(x) as p { t => t }\nz = 1',
      ['HED1005 line 3: an expression alone is not a statement'],
    ],
    [
      'a missing brace behind groups',
      'optimizer sgd {\n  group "a" (lr: 1)\nz = 1',
      ['HED1003 line 4: expected `}` to close the groups, found `z`'],
    ],
    [
      'groups without an opening brace',
      'optimizer sgd(lr: 1)\n  group "a" (lr: 1)\n}\nz = 1',
      ['HED1002 line 3: expected `{` and the groups of the optimizer, found `group`'],
    ],
    [
      'groups without braces',
      'optimizer sgd(lr: 1)\n  group "a" (lr: 1)\nz = 1',
      ['HED1002 line 3: expected `{` and the groups of the optimizer, found `group`'],
    ],
    [
      'a statement among groups',
      'optimizer sgd {\n  a = 1\n  group "a" (lr: 1)\n}\nz = 1',
      ['HED1012 line 4: the braces of an optimizer hold nothing but groups'],
    ],
    [
      'each group’s own mistake',
      'optimizer sgd {\n  group (lr: 1)\n  gruop "a" (lr: 1)\n  group "b"\n}\nz = 1',
      [
        'HED1002 line 4: expected a pattern of parameter paths in double quotes, such as `"**.bias"`, found `(`',
        'HED1004 line 5: `gruop` begins no group',
        'HED1002 line 6: expected `(` and the arguments, found `}`',
      ],
    ],
    [
      'an unclosed argument list',
      'optimizer sgd(lr: 1 {\n  group "a" (lr: 1)\n}\nz = 1',
      ['HED1003 line 3: expected `)` to close the call, found `{`'],
    ],
    [
      'an optimizer without a name',
      'optimizer {\n  group "a" (lr: 1)\n}\nz = 1',
      ['HED1002 line 3: expected an optimizer such as `adamw(lr: 1e-3)`, found `{`'],
    ],
    [
      'a group outside',
      'group "a" (lr: 1)\nz = 1',
      ['HED1012 line 3: a `group` can only stand in the braces of an `optimizer`'],
    ],
  ])('%s is reported there, and the next statement read', (_, body, mistakes) => {
    const { diagnostics, file } = parse(`train T() {\na = 1\n${body}\n}\nmodel M() {}`);
    expect(diagnostics.map(summary)).toEqual(mistakes);
    const [program, model] = file.declarations;
    expect(model).toMatchObject({ kind: 'model' });
    const last = program?.kind === 'train' ? program.body.statements.at(-1) : undefined;
    expect(last).toMatchObject({ kind: 'assign', targets: [{ text: 'z' }], value: { value: 1 } });
  });
});

describe('recovered trees', () => {
  it('keep the names of statements that could not be read', () => {
    const { file } = parse('model M() {\n  param w: \n  state s:\n  x = (a\n  y = 1\n  foo bar baz\n}');
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

describe.each([
  ['the vision transformer', vit, 0.02],
  ['a mixture of experts', moe, 0.03],
  ['a training program', distill, 0.03],
])('a token left out or written twice anywhere in %s', (_, spec, share) => {
  const tokens = lex({ path: '', text: spec }, new DiagnosticSink()).tokens;

  function counts(change: (before: string, image: string, after: string) => string): Map<number, number> {
    const result = new Map<number, number>();
    for (const { startOffset, image } of tokens) {
      const changed = change(spec.slice(0, startOffset), image, spec.slice(startOffset + image.length));
      const { length } = parse(changed).diagnostics;
      result.set(length, (result.get(length) ?? 0) + 1);
    }
    return result;
  }

  it('rarely gives two reports and never more than three', () => {
    for (const change of [
      counts((before, _image, after) => before + after),
      counts((before, image, after) => `${before}${image} ${image}${after}`),
    ]) {
      expect(Math.max(...change.keys())).toBeLessThanOrEqual(3);
      const several = (change.get(2) ?? 0) + (change.get(3) ?? 0);
      expect(several / tokens.length).toBeLessThan(share);
    }
  });
});
