/** One mistake gives one diagnostic, also behind the parser: what it leaves must not look like another mistake. */
import { describe, expect, it } from 'vitest';
import { checkSpec, elaborateSpec } from '../../src/compiler/driver.ts';
import { specHost } from '../support/specs.ts';
import { parse, summary } from './support.ts';

function mistakes(text: string): string[] {
  return checkSpec('a.model', specHost({ 'a.model': text })).map(summary);
}

function inModel(body: string): string {
  return `model M() {\n  input x: f32[4]\n${body}\n  output o = x\n}\n`;
}

describe('one mistake', () => {
  it.each([
    ['an open string in a call', '  y = rearrange(x, "n -> n)', ['HED1008 line 3: the string is not closed']],
    ['brackets crossed', '  y = (x + [1, 2)]', ['HED1003 line 3: expected `]` to close the list, found `)`']],
    ['a choice in C’s form', '  y = true ? x : x', ['HED1002 line 3: unexpected `?`: the value ended before it']],
    [
      'the same as a condition',
      '  if 1 ? 2 : 3 { y = x }',
      ['HED1002 line 3: expected `{` to open the body, found `?`'],
    ],
    ['operators of C', '  a = 1\n  y = (a) && (a)', ['HED1001 line 4: unexpected characters `&&`']],
    ['a sign lost in an axis', '  y: f32[4 & 5] = x', ['HED1001 line 3: unexpected character `&`']],
    [
      'a function in Python’s form',
      '  def forward(self, x):\n    return x',
      ['HED1004 line 3: `def` begins no statement'],
    ],
    ['True', '  a = True\n  y = if a then x else x', ['HED1002 line 3: there is no value `True`']],
  ])('%s', (_, body, expected) => {
    expect(mistakes(inModel(body))).toEqual(expected);
  });

  it('is a name with foreign letters, however often it is used', () => {
    const text = 'model M() {\n  dims n\n  input größe: f32[n]\n  x = größe * 2\n  output y = größe + x\n}\n';
    expect(mistakes(text)).toEqual(['HED1001 line 3: `größe` cannot be a name']);
    expect(parse(text).diagnostics[0]?.hint).toBe('names are ASCII letters, digits and `_`');
    expect(mistakes(inModel('  α = x\n  y = α + α²'))).toEqual([
      'HED1001 line 3: `α` cannot be a name',
      'HED1001 line 4: unexpected character `²`',
    ]);
  });

  it.each([
    ['a typed one', 'def f(x: f32[n]):\n  return x\n', 'fn f(x: f32[..s]) -> f32[..s] { … }'],
    ['one of a class', 'def forward(self, x):\n  y = x\n  return y\n', 'fn forward(x: f32[..s]) -> f32[..s] { … }'],
    ['one in JavaScript’s form', 'function f(x) {\n  return x\n}\n', 'fn f(x: f32[..s]) -> f32[..s] { … }'],
  ])('is a function of another language: %s', (_, text, hint) => {
    const { diagnostics, file } = parse(`${text}${inModel('')}`);
    expect(diagnostics.map(({ code }) => code)).toEqual(['HED1004']);
    expect(diagnostics[0]?.hint).toContain(hint);
    expect(file.declarations.map(({ name }) => name.text)).toEqual(['M']);
    expect(mistakes(inModel('') + text)).toHaveLength(1);
  });

  it('leaves independent ones to be found', () => {
    expect(mistakes(inModel('  y = x & 2\n  z = nothing;\n  w = y'))).toEqual([
      'HED1001 line 3: unexpected character `&`',
      'HED1001 line 4: unexpected character `;`',
      'HED2005 line 4: `nothing` is not defined here',
    ]);
  });
});

describe('a broken import', () => {
  it.each([
    ['import Linear from "std/nn"', ['Linear'], []],
    ['import A, B as C from "std/nn"', ['A', 'C'], []],
    ['import { A, B "std/nn"\n', ['A', 'B'], []],
    ['import { A } "std/nn"', ['A'], []],
    ['import { A B } from "std/nn"', ['A'], ['B']],
    ['import { A, B as C } from std/nn', [], ['A', 'C']],
    ['import { A } from "std/nn', [], ['A']],
    ['import A from std/nn', [], ['A']],
    ['import nn', [], ['nn']],
  ])('%s keeps its names', (text, imported, missing) => {
    const { file, diagnostics } = parse(`${text}\nmodel M() {}`);
    expect(diagnostics).toHaveLength(1);
    expect(file.imports.flatMap(({ names }) => names.map(({ name, alias }) => (alias ?? name).text))).toEqual(imported);
    expect(file.missing.map((name) => name.text)).toEqual(missing);
    expect(file.declarations).toHaveLength(1);
  });

  it('with a path is imported all the same', () => {
    expect(mistakes(`import Linear from "std/nn"\n${inModel('  output y = x |> Linear(3)')}`)).toEqual([
      'HED1002 line 1: expected `{` and the imported names, found `Linear`',
    ]);
  });

  it('in a body gives the body its names', () => {
    const [model] = parse('model M() {\n  import { A, B } from "std/nn"\n}').file.declarations;
    expect(model?.kind === 'model' && model.body.statements).toMatchObject([
      { kind: 'error', names: [{ text: 'A' }, { text: 'B' }] },
    ]);
  });

  it('is like a declaration that is left out', () => {
    expect(parse('def f(x):\n  return x\nmodel M() {}').file.missing).toMatchObject([{ text: 'f' }]);
  });
});

describe('a chain of a thousand', () => {
  const n = 1000;
  it.each([
    ['stages', `output y = x${' |> relu'.repeat(n)}`],
    ['operands', `output y = x${' + x'.repeat(n)}`],
    ['operands in parentheses', `output y = ${'(-relu('.repeat(30)}x${' + x'.repeat(n)}${'))'.repeat(30)}`],
    ['numbers', `const k = n${' + n'.repeat(n)}\noutput y = x * 2`],
    ['conditions', `require n == 3${' or n == 1'.repeat(n / 2)}, "a {n}"\noutput y = x`],
    ['else', `y = ${'if n == 0 then x else '.repeat(n)}x\noutput z = y`],
    ['else if', `if n == 0 { y = x }${' else if n == 7 { y = x }'.repeat(n)} else { y = x }\noutput z = x`],
  ])('%s is checked and elaborated', (_, body) => {
    const host = specHost({ 'a.model': `model M(n: int = 3) {\n  input x: f32[4]\n${body}\n}\n` });
    expect(checkSpec('a.model', host).filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(elaborateSpec('a.model', {}, host).result).toBeDefined();
  });
});
