import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkSpec } from '../../src/compiler/driver.ts';
import { renderAll, specHost } from '../support/specs.ts';
import { projectRoot } from '../support/reference.ts';

const NN = 'import { Linear } from "std/nn"\n';

/** Codes and the text under them. */
function warnings(text: string): string[] {
  const host = specHost({
    'test.model': text,
    'other.model': 'const five = 5\nblock Same()(x: f32[..s]) -> f32[..s] { return x }',
  });
  return checkSpec('test.model', host).map((item) => {
    const span = item.primary!.span;
    expect(item.severity, item.message).toBe('warning');
    return `${item.code} ${span.source.text.slice(span.start, span.end)}`;
  });
}

describe('names that nothing uses', () => {
  test.each([
    ['a variable', 'model M { input x: f32[2]\n y = x * 2\n output z = x }', 'HED2701 y'],
    ['one of several', 'model M { input x: f32[2]\n a, b = unstack(x, axis: 0)\n output z = a }', 'HED2701 b'],
    ['a hyperparameter', 'model M(n: int = 2) { input x: f32[2]\n output z = x }', 'HED2701 n'],
    ['a constant', 'model M { const n = 2\n input x: f32[2]\n output z = x }', 'HED2701 n'],
    ['an input', 'model M { input x: f32[2]\n input y: f32[2]\n output z = x }', 'HED2701 y'],
    ['a dimension', 'model M { dims n\n input x: f32[2]\n output z = x }', 'HED2701 n'],
    ['an import', 'import { five } from "./other"\nmodel M { input x: f32[2]\n output z = x }', 'HED2701 five'],
    ['a tensor', 'fn f(x: f32[n], y: f32[n]) -> f32[n] { return x }', 'HED2701 y'],
    ['a tensor and its shape', 'fn f(x: f32[n], y: f32[n, m]) -> f32[n] { return x }', 'HED2701 y'],
    ['a local of a branch', 'model M { input x: f32[2]\n if training { y = x }\n output z = x }', 'HED2701 y'],
  ])('%s', (_, text, wanted) => {
    expect(warnings(text)).toEqual([wanted]);
  });

  test.each([
    [
      'in a branch that is not taken',
      'model M(n: int = 2) { input x: f32[2]\n if training { x = x * n }\n output z = x }',
    ],
    ['in a message', 'model M(n: int = 2) { require 1 < 2, "not {n}"\n input x: f32[2]\n output z = x }'],
    ['in a default', 'model M(n: int = 2, m: int = n) { input x: f32[m]\n output z = x }'],
    ['in a type', 'model M { const n = 2\n input x: f32[n]\n output z = x }'],
    ['with a leading underscore', 'model M(_n: int = 2) { input x: f32[2]\n _y = x\n output z = x }'],
    ['in the next round', 'model M { input x: f32[2]\n y = x\n for i in 0..2 { y = y * 2 }\n output z = y }'],
    ['for its shape', 'fn f(x: f32[n], y: f32[m]) -> f32[m] { return x[:m] }'],
    ['as a declaration', 'block B()(x: f32[n]) -> f32[n] { return x }\nconst k = 3'],
    ['as the variable of a loop', 'model M { input x: f32[2]\n for i in 0..2 { x = x * 2 }\n output z = x }'],
    [
      'by a setting',
      'import { Same } from "./other"\nmodel M(b: block? = none) { input x: f32[2]\n if b != none { x = x |> b() }\n output z = x }',
    ],
  ])('are used %s', (_, text) => {
    expect(warnings(text)).toEqual([]);
  });
});

describe('parameters that reach no output', () => {
  test('are told once a place, at the application in the checked file', () => {
    const text = `${NN}
      block Two()(x: f32[n]) -> f32[n] {
        param unread: f32[3] = zeros()
        side = x |> Linear(4) as side
        return x + 0 * len([side]) }
      model M { input x: f32[2]
        for i in 0..3 as layers { x = x |> Two() as two }
        output y = x }`;
    expect(warnings(text)).toEqual(['HED2702 unread', 'HED2702 Linear(4)']);
  });

  test('matter where training or an optional input needs them', () => {
    const text = `${NN}
      model M { input x: f32[2]
        input noise?: f32[2]
        a = x |> Linear(2) as a
        b = x |> Linear(2) as b
        if given(noise) { x = x + noise * a }
        if training { x = x + b }
        output y = x }`;
    expect(warnings(text)).toEqual([]);
  });

  test('matter in a frozen instance where its own training needs them', () => {
    const text = `${NN}
      block Noisy()(x: f32[n]) -> f32[n] {
        y = x |> Linear(2) as y
        spread = x |> Linear(2) as spread
        return if training then y + spread else y
      }
      train T { input x: f32[2]
        teacher = frozen Noisy()
        loss mse(x |> Linear(2) as student, teacher(x)) }`;
    expect(warnings(text)).toEqual([]);
  });

  test('matter where a state or a value handed up needs them', () => {
    const text = `
      block B()(x: f32[n]) -> f32[n] {
        param p: f32[1] = ones()
        param q: f32[1] = ones()
        state s: f32[1] = zeros()
        if training { next s = s + p }
        aux loss = sum(q)
        return x + s }
      model M { input x: f32[2]
        output y = x |> B() }`;
    expect(warnings(text)).toEqual([]);
  });
});

describe('comments that read like divisions', () => {
  test.each([
    ['by a number', 'model M(n: int = 2) { input x: f32[n]\n const m = n // 2\n output z = x * m }', 'HED2704 // 2'],
    ['by a hyperparameter', 'model M(n: int = 2) { input x: f32[n]\n y = x * 8 //n\n output z = y }', 'HED2704 //n'],
    [
      'of a bracket',
      'model M(n: int = 2) { input x: f32[n]\n const m = (n + 1) // 2\n output z = x * m }',
      'HED2704 // 2',
    ],
    ['in an output', 'model M { input x: f32[2]\n output z = x // 2\r\n}', 'HED2704 // 2'],
    ['in a result', 'fn f(x: f32[n]) -> f32[n] {\n return x // n\n}', 'HED2704 // n'],
  ])('%s', (_, text, wanted) => {
    expect(warnings(text)).toEqual([wanted]);
  });

  test.each([
    ['a remark', 'model M(n: int = 2) { input x: f32[n]\n output z = x // n of them\n}'],
    ['the name of a tensor', 'model M { input x: f32[2]\n y = x * 2 // x\n output z = y }'],
    ['on the next line', 'model M(n: int = 2) { input x: f32[n]\n output z = x\n // 2\n}'],
    ['a document', 'model M(n: int = 2) { input x: f32[n]\n output z = x /// 2\n}'],
  ])('are not %s', (_, text) => {
    expect(warnings(text)).toEqual([]);
  });
});

describe('names that hide others', () => {
  test.each([
    [
      'a loop variable a tensor',
      'model M { input x: f32[2]\n y = x\n for x in 0..2 { y = y * x }\n output z = y }',
      'HED2703 x',
    ],
    [
      'a collected variable a hyperparameter',
      'model M(n: int = 2) { input x: f32[n]\n output z = concat([for n in 0..2 => x * n], axis: 0) }',
      'HED2703 n',
    ],
    [
      'a hyperparameter a constant of the file',
      'const width = 3\nmodel M(width: int = 2) { input x: f32[width]\n output z = x }',
      'HED2703 width',
    ],
    [
      'a variable a block',
      'block B()(x: f32[n]) -> f32[n] { return x }\nmodel M { input x: f32[2]\n B = x * 2\n output z = B }',
      'HED2703 B',
    ],
  ])('%s', (_, text, wanted) => {
    expect(warnings(text)).toEqual([wanted]);
  });

  test('but a parameter may bear the name of its switch, and anything that of a built-in', () => {
    const text = `
      block B(bias: bool = true)(x: f32[n]) -> f32[n] {
        if bias { param bias: f32[n] = zeros()
          return x + bias }
        mean = x * 2
        return mean }
      model M { input x: f32[2]
        output y = x |> B() }`;
    expect(warnings(text)).toEqual([]);
  });
});

test('mistakes come alone: what they make unused is not told', () => {
  const text = 'model M { input x: f32[2]\n y = x\n output z = w }';
  expect(checkSpec('test.model', specHost({ 'test.model': text })).map((item) => item.code)).toEqual(['HED2005']);
});

describe('the specs of the project are free of warnings', () => {
  const specs = readdirSync(join(projectRoot, 'specs'), { recursive: true }).map(String);
  test.each(specs.filter((name) => name.endsWith('.model')).sort())('%s', (name) => {
    const found = checkSpec(join(projectRoot, 'specs', name), specHost());
    // A model that needs settings is told not to have been checked; that is no fault of it.
    expect(renderAll(found.filter((item) => item.code !== 'HED2518'))).toBe('');
  });
});
