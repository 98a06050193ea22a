import { describe, expect, it } from 'vitest';
import type { Statement } from '../../src/compiler/syntax/ast.ts';
import { mistakesIn, show, statementsOf, textOf } from './support.ts';

function only(body: string): Statement {
  const [statement, ...more] = statementsOf(body);
  expect(more).toEqual([]);
  return statement!;
}

describe('assignments', () => {
  it('assigns to one name or to several', () => {
    expect(only('q, k, v = unstack(x, axis: 0)')).toMatchObject({
      kind: 'assign',
      targets: [{ text: 'q' }, { text: 'k' }, { text: 'v' }],
    });
  });

  it('may assert a shape', () => {
    const statement = only('y: f32[n, ..lead] = x');
    expect(statement).toMatchObject({
      kind: 'assign',
      type: { dtype: { text: 'f32' }, axes: [{ kind: 'size' }, { kind: 'rest', name: { text: 'lead' } }] },
    });
  });

  it('asserts no shape behind several names', () => {
    expect(mistakesIn('a, b: f32[n] = x')).toEqual(['HED1017 line 2: a type can only stand behind a single name']);
  });
});

describe('declaring statements', () => {
  it('reads parameters with and without an initialiser', () => {
    expect(only('param w: f32[out, d] = normal(std: 1)')).toMatchObject({ kind: 'param', name: { text: 'w' } });
    expect(only('param w: f32[]')).toEqual(expect.not.objectContaining({ initializer: expect.anything() }));
  });

  it('reads inputs, also optional ones', () => {
    expect(only('input x: i32[batch, seq]')).toMatchObject({ kind: 'input', optional: false });
    expect(only('input n?: f32[t]')).toMatchObject({ kind: 'input', optional: true, name: { text: 'n' } });
  });

  it('reads outputs with and without a type', () => {
    expect(only('output y: f32[n] = x')).toMatchObject({ kind: 'output', type: { dtype: { text: 'f32' } } });
    expect(only('output y = x')).toEqual(expect.not.objectContaining({ type: expect.anything() }));
  });

  it('reads dims with and without a bound', () => {
    const statement = only('dims batch, seq <= 2 * n, time');
    if (statement.kind !== 'dims') throw new Error(statement.kind);
    expect(statement.dims.map(({ name, max }) => [name.text, max && show(max)])).toEqual([
      ['batch', undefined],
      ['seq', '(* 2 n)'],
      ['time', undefined],
    ]);
  });

  it('reads constants and requirements', () => {
    expect(only('const patches = a / b')).toMatchObject({ kind: 'const', name: { text: 'patches' } });
    expect(only('require a % b == 0, "no multiple of {b}"')).toMatchObject({
      kind: 'require',
      message: { text: 'no multiple of {b}' },
    });
    expect(only('require ready')).toEqual(expect.not.objectContaining({ message: expect.anything() }));
  });
});

describe('statements of training and generation', () => {
  it('reads states with and without an initialiser, and their updates', () => {
    expect(only('state mean: f32[c] = zeros()')).toMatchObject({
      kind: 'state',
      name: { text: 'mean' },
      type: { dtype: { text: 'f32' } },
      initializer: { kind: 'call' },
    });
    expect(only('state count: i32[]')).toEqual(expect.not.objectContaining({ initializer: expect.anything() }));
    expect(only('next mean = 0.9 * mean')).toMatchObject({ kind: 'next', name: { text: 'mean' }, value: {} });
  });

  it('reads values handed up and metrics', () => {
    expect(only('aux balance = mean(x)')).toMatchObject({ kind: 'aux', name: { text: 'balance' } });
    expect(only('metric accuracy = a == b')).toMatchObject({ kind: 'metric', name: { text: 'accuracy' } });
  });

  it.each([
    ['loss x', 'x'],
    ['loss -x', '(- x)'],
    ['loss (a + b) * c', '(* (+ a b) c)'],
    ['loss(x)', 'x'],
    ['loss [a, b][0]', '(at [a b] 0)'],
    ['loss 0.1 * hard +\n  0.9 * loss', '(+ (* 0.1 hard) (* 0.9 loss))'],
    ['loss if a then b else c', '(if a b c)'],
    ['loss x |> mean', '(|> x mean)'],
  ])('reads %s as a loss', (body, tree) => {
    const statement = only(body);
    expect(statement.kind === 'loss' && show(statement.value)).toBe(tree);
  });

  it('tells a loss from a value of that name', () => {
    const kinds = statementsOf('loss = a loss loss\nloss, b = f(loss) loss: f32[] = b\nx = loss\nloss (x)').map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(['assign', 'loss', 'assign', 'assign', 'assign', 'loss']);
  });

  it('reads an optimizer with and without arguments and groups', () => {
    const statement = only('optimizer adamw(lr: cosine(1), b: 2) { group "**.bias", "n" (c: 0) group "x" (d: 1) }');
    if (statement.kind !== 'optimizer') throw new Error(statement.kind);
    expect(statement.name.text).toBe('adamw');
    expect(statement.arguments.map(({ name, value }) => `${name?.text} ${show(value)}`)).toEqual([
      'lr (call cosine 1)',
      'b 2',
    ]);
    expect(statement.groups.map(({ patterns }) => patterns.map(({ text }) => text))).toEqual([['**.bias', 'n'], ['x']]);
    expect(statement.groups.map(({ settings }) => settings.map(({ name }) => name?.text))).toEqual([['c'], ['d']]);
    expect(statement.groups.map(({ span }) => textOf(span))).toEqual([
      'group "**.bias", "n" (c: 0)',
      'group "x" (d: 1)',
    ]);
    expect(only('optimizer sgd')).toMatchObject({ kind: 'optimizer', arguments: [], groups: [] });
    expect(only('optimizer sgd {\n}')).toMatchObject({ kind: 'optimizer', arguments: [], groups: [] });
  });

  it('reads what is generated', () => {
    const generation = { input: { text: 'idx' }, along: { text: 'time' }, from: { text: 'logits' } };
    expect(only('generate idx along time from logits')).toMatchObject({ kind: 'generate', ...generation });
    expect(only('generate\nidx\nalong\ntime\nfrom\nlogits')).toMatchObject({ kind: 'generate', ...generation });
    expect(only('generate along along from from generate')).toMatchObject({
      kind: 'generate',
      input: { text: 'along' },
      along: { text: 'from' },
      from: { text: 'generate' },
    });
  });
});

describe('control', () => {
  it('nests else-if as a body of one if', () => {
    const statement = only('if a { x = 1 } else if b { x = 2 } else { x = 3 }');
    expect(statement).toMatchObject({
      kind: 'if',
      condition: { text: 'a' },
      else: {
        statements: [{ kind: 'if', condition: { text: 'b' }, else: { statements: [{ kind: 'assign' }] } }],
      },
    });
    if (statement.kind !== 'if') throw new Error(statement.kind);
    expect(textOf(statement.else!.span)).toBe('if b { x = 2 } else { x = 3 }');
  });

  it('takes a loop path apart', () => {
    expect(only('for i in 0..depth as layers.inner { x = i }')).toMatchObject({
      kind: 'for',
      variable: { text: 'i' },
      over: { kind: 'range' },
      path: [{ text: 'layers' }, { text: 'inner' }],
      body: { statements: [{ kind: 'assign' }] },
    });
  });

  it('returns one value or several', () => {
    expect(only('return softmax(top, axis: -1), index')).toMatchObject({ kind: 'return', values: [{}, {}] });
  });

  it('reads an if behind an assignment as a statement, and one inside it as an expression', () => {
    const body = 'x = if a then 1 else 2 if b { y = 3 } z = if c then 1 else 2';
    expect(statementsOf(body).map((statement) => statement.kind)).toEqual(['assign', 'if', 'assign']);
  });
});

describe('newlines', () => {
  it('do not separate statements', () => {
    const kinds = statementsOf('x = a y = b + c param w: f32[n] = f(x) z, v = g return x, y').map(({ kind }) => kind);
    expect(kinds).toEqual(['assign', 'assign', 'param', 'assign', 'return']);
  });

  it('do not end an expression', () => {
    const [first] = statementsOf('x =\n a\n +\n b\n |>\n f\n as\n p\n y = 1');
    expect(first?.kind === 'assign' && show(first.value)).toBe('(|> (+ a b) f as p)');
    expect(statementsOf('q\n,\nk\n=\nf(\na\n:\n1\n)')).toHaveLength(1);
  });

  it('join a line that begins with a minus or a parenthesis to the one before', () => {
    const [statement] = statementsOf('x = a\n- b\n(c)');
    expect(statement?.kind === 'assign' && show(statement.value)).toBe('(- a (call b c))');
  });

  it('may come with carriage returns', () => {
    expect(statementsOf('x = 1\r\ny = 2\r\n')).toHaveLength(2);
  });
});

describe('words that are keywords only by position', () => {
  const words = ['param', 'input', 'output', 'const', 'require', 'dims', 'block', 'fn', 'model', 'as', 'from'];
  const later = ['loss', 'metric', 'state', 'next', 'aux', 'optimizer', 'generate', 'train', 'group', 'along'];

  it.each([...words, ...later])('%s can be a name', (word) => {
    const body = `${word} = 1
      ${word}, b = f()
      ${word}: f32[n] = x
      y = ${word} + ${word}(${word}: ${word})[${word}] |> ${word} as ${word}
      param ${word}: f32[${word}]
      for ${word} in ${word} as ${word} { z = ${word}.${word} }
      dims ${word}
      return ${word}`;
    expect(statementsOf(body).map(({ kind }) => kind)).toEqual([
      'assign',
      'assign',
      'assign',
      'assign',
      'param',
      'for',
      'dims',
      'return',
    ]);
  });

  it('take a parameter of the name of the hyperparameter that switches it on', () => {
    expect(only('if bias { param bias: f32[out] = zeros() }')).toMatchObject({ kind: 'if' });
  });
});

describe('reserved words', () => {
  it.each('if then else for in return and or not true false none frozen training mixture import'.split(' '))(
    '%s cannot be a name',
    (word) => {
      expect(mistakesIn(`a = 1\n${word} = 1`)).toHaveLength(1);
    },
  );

  it('are named in the report', () => {
    expect(mistakesIn('a = 1\nnone = 2\nb = 3')).toEqual([
      'HED1019 line 3: `none` is a reserved word and cannot be a name',
    ]);
  });
});
