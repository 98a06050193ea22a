import { describe, expect, it } from 'vitest';
import type { Hyperparameter, ValueType } from '../../src/compiler/syntax/ast.ts';
import { distill, inline, linear, moe, vit } from './specs.ts';
import { parse, parseCorrect, show, summary, textOf } from './support.ts';

describe('a block', () => {
  it('reads like Linear of the specification', () => {
    const [block] = parseCorrect(linear).declarations;
    if (block?.kind !== 'block') throw new Error('no block');
    expect(block.name.text).toBe('Linear');
    expect(block.doc).toBe('Affine map over the last axis. Weights as PyTorch stores them: [out, in].');
    expect(block.hyperparameters.map(({ name }) => name.text)).toEqual(['out', 'bias']);
    expect(block.tensors.map(({ type }) => textOf(type.span))).toEqual(['f32[..lead, d]']);
    expect(block.results.map(({ span }) => textOf(span))).toEqual(['f32[..lead, out]']);
    expect(block.body.statements.map(({ kind }) => kind)).toEqual(['param', 'assign', 'if', 'return']);
  });

  it('may have optional tensors and several results', () => {
    const [block] = parseCorrect('block B()(x: f32[t], noise?: f32[t]) -> (f32[t], i32[]) { return x }').declarations;
    expect(block).toMatchObject({
      tensors: [{ optional: false }, { optional: true, name: { text: 'noise' } }],
      results: [{ dtype: { text: 'f32' } }, { dtype: { text: 'i32' }, axes: [] }],
    });
  });
});

describe('a model', () => {
  it('reads like the vision transformer of the specification', () => {
    const file = parseCorrect(vit);
    expect(file.imports.map(({ from, names }) => [from.text, names.map(({ name }) => name.text)])).toEqual([
      ['std/nn', ['LayerNorm', 'Linear', 'Dropout']],
      ['std/transformer', ['Attention', 'FeedForward']],
    ]);
    const [model] = file.declarations;
    if (model?.kind !== 'model') throw new Error('no model');
    expect(model.doc).toMatch(/^Vision Transformer \(Dosovitskiy/);
    expect(model.hyperparameters).toHaveLength(12);
    const kinds = model.body.statements.map(({ kind }) => kind);
    expect(kinds.join(' ')).toBe('require const dims input param param assign assign for assign output');
    const x = model.body.statements[7];
    expect(x?.kind === 'assign' && show(x.value)).toBe(
      '(|> (+ (call concat [(call expand cls_token axis: 0 size: batch) tokens] axis: 1) pos_embedding)' +
        ' (call Dropout emb_dropout))',
    );
  });
});

describe('a training program', () => {
  it('reads like the distillation of the specification', () => {
    const [program] = parseCorrect(distill).declarations;
    if (program?.kind !== 'train') throw new Error('no training program');
    expect(program.name.text).toBe('DistillTextCNN');
    expect(program.hyperparameters.map(({ name }) => name.text)).toEqual(['T', 'classes']);
    const kinds = program.body.statements.map(({ kind }) => kind);
    expect(kinds.join(' ')).toBe('dims input input assign assign assign assign assign assign loss metric optimizer');
  });

  it('may leave out the list of hyperparameters', () => {
    expect(parseCorrect('/// Doc.\ntrain T { loss x }').declarations).toMatchObject([
      { kind: 'train', doc: 'Doc.', hyperparameters: [], body: { statements: [{ kind: 'loss' }] } },
    ]);
  });

  it('takes no tensors', () => {
    const { diagnostics } = parse('train T(x: f32[n]) {}');
    expect(diagnostics.map(({ code, hint }) => [code, hint])).toEqual([
      ['HED1018', 'the tensors of a model are declared with `input`'],
    ]);
  });
});

describe('the other specs of the specification', () => {
  it('are read', () => {
    expect(parseCorrect(inline).declarations.map(({ kind }) => kind)).toEqual(['block']);
    expect(parseCorrect(moe).declarations.map(({ kind }) => kind)).toEqual(['block', 'block', 'model']);
  });
});

describe('a function', () => {
  it('takes tensors and values in one list', () => {
    const [fn] = parseCorrect('fn f(x: f32[n], k: int = 1, mask?: bool[n]) -> f32[n] { return x }').declarations;
    expect(fn).toMatchObject({
      kind: 'function',
      parameters: [{ kind: 'tensor' }, { kind: 'hyperparameter' }, { kind: 'tensor', optional: true }],
    });
  });
});

describe('a file', () => {
  it('may be empty', () => {
    expect(parseCorrect('')).toMatchObject({ imports: [], declarations: [] });
    expect(parseCorrect(' // nothing\n')).toMatchObject({ imports: [], declarations: [] });
    expect(parseCorrect('\uFEFF')).toMatchObject({ declarations: [] });
  });

  it('may rename what it imports', () => {
    const [first] = parseCorrect('import { A as B, as as from, } from "x"').imports;
    expect(first?.names.map(({ name, alias }) => [name.text, alias?.text])).toEqual([
      ['A', 'B'],
      ['as', 'from'],
    ]);
  });

  it('may hold constants', () => {
    expect(parseCorrect('const a = 1 const b = a + 1').declarations.map(({ kind }) => kind)).toEqual([
      'const',
      'const',
    ]);
  });

  it('imports at the top only', () => {
    const { diagnostics, file } = parse('const a = 1\nimport { B } from "b"');
    expect(diagnostics.map(summary)).toEqual(['HED1012 line 2: imports stand at the top of a file']);
    expect(file.imports).toHaveLength(1);
  });
});

describe('types of hyperparameters', () => {
  function typeOf(text: string): string {
    const [model] = parseCorrect(`model M(a: ${text}) {}`).declarations;
    return model?.kind === 'model' ? showType(model.hyperparameters[0]!.type) : '';
  }

  it.each([
    ['int', 'int'],
    ['float', 'float'],
    ['bool', 'bool'],
    ['string', 'string'],
    ['block', 'block'],
    ['fn', 'fn'],
    ['dtype', 'dtype'],
    ['"cls" | "mean"', 'cls|mean'],
    ['"one"', 'one'],
    ['(int, int)', '(int int)'],
    ['(int, (bool,),)', '(int (bool))'],
    ['[int]', '[int]'],
    ['[(int, float)]', '[(int float)]'],
    ['float?', 'float?'],
    ['"a" | "b"?', 'a|b?'],
    ['[int?]?', '[int?]?'],
  ])('reads %s', (text, shown) => {
    expect(typeOf(text)).toBe(shown);
  });

  it('names the type that was meant', () => {
    const { diagnostics } = parse('model M(a: integer, b: boool, c: f32, d: whatever) {}');
    expect(diagnostics.map(({ hint }) => hint)).toEqual([
      'did you mean `int`?',
      'did you mean `bool`?',
      'a tensor type lists its axes: `f32[n]`, or `f32[]` for a scalar',
      'the types are `int`, `float`, `bool`, `string`, `block`, `fn`, `dtype`',
    ]);
  });

  it('keeps defaults', () => {
    const [model] = parseCorrect('model M(a: (int, int) = 256, b: "x" | "y" = "x", c: int) {}').declarations;
    const defaults = (model as { hyperparameters: readonly Hyperparameter[] }).hyperparameters.map((h) => h.default);
    expect(defaults.map((e) => e && show(e))).toEqual(['256', '"x"', undefined]);
  });
});

function showType(type: ValueType): string {
  switch (type.kind) {
    case 'primitive':
      return type.name;
    case 'literals':
      return type.values.join('|');
    case 'tuple':
      return `(${type.elements.map(showType).join(' ')})`;
    case 'list':
      return `[${showType(type.element)}]`;
    case 'optional':
      return `${showType(type.inner)}?`;
    default:
      return type satisfies never;
  }
}

describe('doc comments', () => {
  function docOf(text: string): string {
    const declaration = parseCorrect(text).declarations.at(-1);
    return declaration && 'doc' in declaration ? declaration.doc : '';
  }

  it('are the lines with three slashes directly above', () => {
    expect(docOf('/// One.\n///   Two.\n///\n/// Three.\nmodel M() {}')).toBe('One.\n  Two.\n\nThree.');
    expect(docOf('///None\r\nmodel M() {}')).toBe('None');
    expect(docOf('  /// Indented.\n  model M() {}')).toBe('Indented.');
  });

  it('are not separated from the declaration', () => {
    expect(docOf('/// Far.\n\nmodel M() {}')).toBe('');
    expect(docOf('/// Far.\n// near\nmodel M() {}')).toBe('');
  });

  it('do not begin above a gap or behind code', () => {
    expect(docOf('/// Far.\n\n/// Near.\nmodel M() {}')).toBe('Near.');
    expect(docOf('const a = 1 /// no doc\nmodel M() {}')).toBe('');
    expect(docOf('/// First.\nmodel A() {}\nmodel B() {}')).toBe('');
  });

  it('are not the comments with two slashes', () => {
    expect(docOf('// No.\nmodel M() {}')).toBe('');
  });
});
