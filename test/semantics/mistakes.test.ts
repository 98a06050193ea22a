import { describe, expect, test } from 'vitest';
import type { Code } from '../../src/compiler/base/catalog.ts';
import type { Diagnostic } from '../../src/compiler/base/diagnostic.ts';
import { checkSpec, elaborateSpec } from '../../src/compiler/driver.ts';
import type { Setting } from '../../src/compiler/semantics/elaborate.ts';
import { specFile, specHost } from '../support/specs.ts';

/** A spec with one mistake, and what has to be said about it. */
interface Mistake {
  readonly name: string;
  /** The text of `test.model`; further files by path. */
  readonly spec: string;
  readonly files?: { readonly [path: string]: string };
  readonly code: Code;
  /** The text under the primary span. */
  readonly at: string;
  /** Parts of the message, the notes or the hint. */
  readonly says: readonly string[];
}

const NN = 'import { LayerNorm, Linear } from "std/nn"\n';
const TRANSFORMER = 'import { Attention } from "std/transformer"\n';

/** A model around statements on `x: f32[batch, 4]`. */
function model(statements: string): string {
  return `model M() {\n  dims batch\n  input x: f32[batch, 4]\n  ${statements}\n}`;
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a misspelt block',
    spec: NN + model('output y = x |> Liner(3) as out'),
    code: 'HED2005',
    at: 'Liner',
    says: ['did you mean `Linear`?'],
  },
  {
    name: 'a misspelt op',
    spec: model('output y = sofmax(x, axis: -1)'),
    code: 'HED2005',
    at: 'sofmax',
    says: ['did you mean `softmax`?'],
  },
  {
    name: 'a misspelt hyperparameter',
    spec: NN + model('output y = x |> Linear(8, biass: false) as out'),
    code: 'HED2304',
    at: 'biass',
    says: ['did you mean `bias`?'],
  },
  {
    name: 'a tensor of the wrong rank',
    spec: TRANSFORMER + model('output y = x |> Attention(2, 2) as attn'),
    code: 'HED2202',
    at: 'x',
    says: ['must have 3 axes', 'f32[batch, 4]'],
  },
  {
    name: 'a dimension that does not fit two blocks further in',
    spec:
      'block Inner()(x: f32[b, d]) -> f32[b, d] {\n  param w: f32[d + 1, d] = normal(std: 1)\n  return x @ w\n}\n' +
      'block Outer()(x: f32[b, d]) -> f32[b, d] {\n  return x |> Inner() as inner\n}\n' +
      model('output y = x |> Outer() as outer'),
    code: 'HED2210',
    at: 'w',
    says: ['f32[batch, 4]', 'f32[5, 4]', '4', '5'],
  },
  {
    name: 'a sum of shapes that do not broadcast',
    spec: model('param p: f32[1, 5] = zeros()\n  output y = x + p'),
    code: 'HED2210',
    at: 'p',
    says: ['`+` needs broadcastable shapes', 'axis 1: 4 against 5'],
  },
  {
    name: 'two dimensions that need not be equal',
    spec: 'model M() {\n  dims a, b\n  input x: f32[a, 4]\n  input y: f32[b, 4]\n  output z = x * y\n}',
    code: 'HED2210',
    at: 'y',
    says: ['axis 0: a against b'],
  },
  {
    name: 'an axis of a pattern that is not on its left',
    spec: model('output y = rearrange(x, "b (h p) -> b h q", p: 2)'),
    code: 'HED2210',
    at: 'q',
    says: ['axis `q` is not on the left'],
  },
  {
    name: 'a pattern whose sizes do not divide',
    spec: model('output y = rearrange(x, "b (h p) -> b h p", p: 3)'),
    code: 'HED2210',
    at: 'h',
    says: ['not a multiple of 3'],
  },
  {
    name: 'an einsum whose axes disagree',
    spec: model('param w: f32[3, 5] = zeros()\n  output y = einsum("b i, o i -> b o", x, w)'),
    code: 'HED2210',
    at: 'i',
    says: ['4 and 5'],
  },
  {
    name: 'an axis beyond the last',
    spec: model('output y = mean(x, axis: 2)'),
    code: 'HED2210',
    at: '2',
    says: ['out of range', 'rank 2'],
  },
  {
    name: 'an index beyond the last',
    spec: model('output y = x[:, 4]'),
    code: 'HED2603',
    at: '4',
    says: ['axis 1 has size 4'],
  },
  {
    name: 'a cyclic import',
    spec: 'import { B } from "./b"\n' + model('output y = x |> B() as b'),
    files: { 'b.model': 'import { M } from "./test"\nblock B()(x: f32[..s]) -> f32[..s] { return x }' },
    code: 'HED2003',
    at: '"./test"',
    says: ['test.model → b.model → test.model'],
  },
  {
    name: 'an import of a name that is not there',
    spec: 'import { Linaer } from "std/nn"\n' + model('output y = x |> Linaer(2) as out'),
    code: 'HED2004',
    at: 'Linaer',
    says: ['did you mean `Linear`?'],
  },
  {
    name: 'an import of a file that is not there',
    spec: 'import { X } from "./nowhere"\n' + model('output y = x |> X() as out'),
    code: 'HED2001',
    at: '"./nowhere"',
    says: ['nowhere.model'],
  },
  {
    name: 'an import path without quotes, however often its names are used',
    spec: 'import { Linear } from std/nn\n' + model('h = x |> Linear(4) as a\n  output y = h |> Linear(4) as b'),
    code: 'HED1002',
    at: 'std',
    says: ['in double quotes'],
  },
  {
    name: 'a file that cannot be read among the imports',
    spec: 'import { B } from "./b"\n' + model('output y = x |> B() as b'),
    files: { 'b.model': '\u0000\u0001\u0002' },
    code: 'HED1020',
    at: '',
    says: ['b.model'],
  },
  {
    name: 'an undeclared dimension',
    spec: 'model M() {\n  input x: f32[batch, 4]\n  output y = x\n}',
    code: 'HED2005',
    at: 'batch',
    says: ['declare it: `dims batch`'],
  },
  {
    name: 'a block without a return',
    spec: 'block B()(x: f32[n]) -> f32[n] { y = x * 2 }\n' + model('output y = x[0] |> B() as b'),
    code: 'HED2318',
    at: 'B',
    says: ['ends without `return`'],
  },
  {
    name: 'a result of another shape than declared',
    spec: 'block B()(x: f32[b, d]) -> f32[b, d + 1] { return x }\n' + model('output y = x |> B() as b'),
    code: 'HED2205',
    at: 'x',
    says: ['the result of `B`', 'axis 1: 4 against 5'],
  },
  {
    name: 'an output of another shape than asserted',
    spec: model('output y: f32[batch, 5] = x * 2'),
    code: 'HED2205',
    at: 'x * 2',
    says: ['axis 1: 4 against 5'],
  },
  {
    name: 'a path taken twice in a loop',
    spec: NN + model('for i in 0..3 { x = x |> Linear(4) as lin }\n  output y = x'),
    code: 'HED2313',
    at: 'lin',
    says: ['`for … as name`'],
  },
  {
    name: 'a condition on a tensor',
    spec: model('if x { x = x + 1 }\n  output y = x'),
    code: 'HED2103',
    at: 'x',
    says: ['`where(condition, a, b)`'],
  },
  {
    name: 'a wrong kind of hyperparameter',
    spec: NN + model('output y = x |> Linear("eight") as out'),
    code: 'HED2401',
    at: '"eight"',
    says: ['must be int'],
  },
  {
    name: 'a missing hyperparameter',
    spec: NN + model('output y = x |> Linear() as out'),
    code: 'HED2306',
    at: 'Linear()',
    says: ['needs a value for `out`'],
  },
  {
    name: 'a wrong dtype',
    spec: 'model M() {\n  input x: i32[4]\n  output y = exp(x)\n}',
    code: 'HED2210',
    at: 'x',
    says: ['i32[4]', 'cast'],
  },
  {
    name: 'a parameter whose shape depends on the run',
    spec: NN + 'model M() {\n  dims n\n  input x: f32[2, n]\n  output y = x |> Linear(3) as out\n}',
    code: 'HED2513',
    at: 'f32[out, d]',
    says: ['f32[3, n]'],
  },
  {
    name: 'a block that applies itself',
    spec: 'block R()(x: f32[..s]) -> f32[..s] { return x |> R() as r }\n' + model('output y = x |> R() as r'),
    code: 'HED2311',
    at: 'R()',
    says: ['does it apply itself?'],
  },
  {
    name: 'a loop far too long',
    spec: model('for i in 0..1000000000 { x = x + 1 }\n  output y = x'),
    code: 'HED2106',
    at: '0..1000000000',
    says: ['at most'],
  },
  {
    name: 'a size beyond what can be counted',
    spec: model('param w: f32[2 ** 40, 2 ** 40] = zeros()\n  output y = x'),
    code: 'HED2101',
    at: 'param w: f32[2 ** 40, 2 ** 40] = zeros()',
    says: ['beyond 2^53'],
  },
  {
    name: 'a result beyond what can be counted',
    spec: model('output y = expand(x[none, none], shape: [2 ** 30, 2 ** 30, batch, 4])'),
    code: 'HED2210',
    at: 'x[none, none]',
    says: ['more than 2^53 elements'],
  },
  {
    name: 'an operation whose result is beyond what can be counted',
    spec: model('output y = reshape(x, [9007199254740991, 9007199254740991, 4])'),
    code: 'HED2210',
    at: 'x',
    says: ['more than 2^53 elements'],
  },
  {
    name: 'an input and a parameter of one name',
    spec: model('param x: f32[4] = zeros()\n  output y = x * 2'),
    code: 'HED2507',
    at: 'x',
    says: ['`x` is already defined'],
  },
  {
    name: 'an input in a block',
    spec:
      'block B()(x: f32[..s]) -> f32[..s] {\n  input q: f32[4]\n  return x + q\n}\n' +
      model('output y = x |> B() as b'),
    code: 'HED2511',
    at: 'input q: f32[4]',
    says: ['in its signature'],
  },
  {
    name: 'an import that clashes with a declaration',
    spec:
      NN +
      'block Linear(width: int)(x: f32[..s]) -> f32[..s] { return x }\n' +
      model('output y = x |> Linear(width: 3) as l'),
    code: 'HED2002',
    at: 'Linear',
    says: ['as Other'],
  },
  {
    name: 'a misspelt argument that was the missing one',
    spec: NN + model('output y = x |> Linear(otu: 1) as l'),
    code: 'HED2304',
    at: 'otu',
    says: ['did you mean `out`?'],
  },
  {
    name: 'nested loops that are too long together',
    spec: model('for i in 0..1000 { for j in 0..500 { x = x } }\n  output y = x'),
    code: 'HED2106',
    at: '0..500',
    says: ['unrolls into more than'],
  },
  {
    name: 'a division that does not come out',
    spec: model('output y = expand(x[none], axis: 0, size: batch / (batch + 1))'),
    code: 'HED2104',
    at: 'batch / (batch + 1)',
    says: ['batch / (batch + 1) is not a whole number'],
  },
  {
    name: 'a train entry applied like a block',
    spec: 'train Other { input x: f32[]\n loss x }\n' + model('output y = x |> Other() as o'),
    code: 'HED2302',
    at: 'Other',
    says: ['is a train entry'],
  },
  {
    name: 'a word where an initialiser takes a number',
    spec: model('param w: f32[4] = normal(std: "a")\n  output y = x * w'),
    code: 'HED2516',
    at: '"a"',
    says: ['must be a number'],
  },
  {
    name: 'a word that an initialiser does not know',
    spec: model('param w: f32[4] = kaiming_normal(mode: "fan_im")\n  output y = x * w'),
    code: 'HED2516',
    at: '"fan_im"',
    says: ['must be "fan_in" or "fan_out"'],
  },
  {
    name: 'a range of normal numbers below 0',
    spec: model('param w: f32[4] = normal(std: -1)\n  output y = x * w'),
    code: 'HED2516',
    at: '-1',
    says: ['of at least 0'],
  },
  {
    name: 'a pattern with two runs of unknown length',
    spec:
      'fn f(x: f32[..a, n, ..b, m]) -> f32[..a] { return ones([a]) * (n + m + len(b)) }\n' + model('output y = f(x)'),
    code: 'HED2204',
    at: '..b',
    says: ['only one run of axes'],
  },
  {
    name: 'an argument of an initialiser given twice',
    spec: model('param w: f32[4] = uniform(0, a: 0.75)\n  output y = x * w'),
    code: 'HED2305',
    at: 'a: 0.75',
    says: ['given twice'],
  },
  {
    name: 'an initialiser without what it needs',
    spec: model('param w: f32[4] = constant\n  output y = x * w'),
    code: 'HED2516',
    at: 'constant',
    says: ['needs `value`'],
  },
  {
    name: 'too many arguments of a compile-time function',
    spec: model('output y = x * isqrt(4, 9)'),
    code: 'HED2104',
    at: 'isqrt(4, 9)',
    says: ['takes one int'],
  },
  {
    name: 'a factor that is no short decimal',
    spec: model('output y = x * scaled(4, 0.33333333)'),
    code: 'HED2104',
    at: 'scaled(4, 0.33333333)',
    says: ['takes an int and a number, both at least 0, the number with at most 6 decimals'],
  },
  {
    name: 'an int below 0 that is scaled',
    spec: model('output y = x * scaled(0 - 4, 0.5)'),
    code: 'HED2104',
    at: 'scaled(0 - 4, 0.5)',
    says: ['both at least 0'],
  },
  {
    name: 'named arguments of a compile-time function',
    spec: model('output y = x * floordiv(b: 4, a: 9)'),
    code: 'HED2307',
    at: 'b',
    says: ['have no names'],
  },
  {
    name: 'a default of the wrong type in a block nobody uses',
    spec: 'block B(kind: "a" | "b" = "c")(x: f32[..s]) -> f32[..s] { return x }\n' + model('output y = x'),
    code: 'HED2401',
    at: '"c"',
    says: ['"a" | "b"'],
  },
  {
    name: 'a misspelt initialiser',
    spec: model('param w: f32[4] = nromal(std: 1)\n  output y = x * w'),
    code: 'HED2515',
    at: 'nromal',
    says: ['did you mean `normal`?'],
  },
  {
    name: 'too few names for the values',
    spec: model('a, b, c = unstack(reshape(x, [2, 2 * batch]), axis: 0)\n  output y = a'),
    code: 'HED2504',
    at: 'unstack(reshape(x, [2, 2 * batch]), axis: 0)',
    says: ['3 names are assigned, found 2 values'],
  },
  {
    name: 'a number beyond the integers it is compared with',
    spec: 'model M() {\n  dims n\n  input x: i32[n]\n  output y = where(x < 4000000000, x, 0)\n}',
    code: 'HED2206',
    at: '4000000000',
    says: ['4000000000 is not an i32'],
  },
  {
    name: 'a number one beyond the integers it is added to',
    spec: 'model M() {\n  dims n\n  input x: i32[n]\n  output y = x + 2147483648\n}',
    code: 'HED2206',
    at: '2147483648',
    says: ['2147483648 is not an i32'],
  },
  {
    name: 'a negative number beside unsigned integers',
    spec: 'model M() {\n  dims n\n  input x: u32[n]\n  output y = x * -1\n}',
    code: 'HED2206',
    at: '-1',
    says: ['-1 is not a u32'],
  },
  {
    name: 'an operand that is left out and given by name too',
    spec: model('output y = attention(x, x, x, none, mask: x)'),
    code: 'HED2305',
    at: 'x',
    says: ['`mask` of `attention` is given twice'],
  },
];

function textAt(item: Diagnostic): string {
  const span = item.primary?.span;
  return span ? span.source.text.slice(span.start, span.end) : '';
}

function everythingSaid(item: Diagnostic): string {
  return [item.message, ...item.notes, item.hint ?? ''].join('\n');
}

describe('a spec with one mistake gives one diagnostic, at the place', () => {
  test.each(MISTAKES)('$name', ({ spec, files, code, at, says }) => {
    const found = checkSpec('test.model', specHost({ 'test.model': spec, ...files }));
    expect(found.map((item) => `${item.code} at ${textAt(item)}: ${item.message}`)).toHaveLength(1);
    expect(found[0]!.code).toBe(code);
    expect(textAt(found[0]!)).toBe(at);
    for (const part of says) expect(everythingSaid(found[0]!)).toContain(part);
  });
});

describe('a wrong setting gives one diagnostic', () => {
  const cases: readonly (Setting & { readonly code: Code; readonly says: string })[] = [
    { name: 'image', text: '250', code: 'HED2506', says: 'image (250, 250) is not a multiple of patch (32, 32)' },
    { name: 'dpeth', text: '3', code: 'HED4003', says: 'did you mean `depth`?' },
    { name: 'image', text: '1,2,3', code: 'HED2401', says: '(int, int)' },
    { name: 'pool', text: 'men', code: 'HED2401', says: 'did you mean "mean"?' },
    { name: 'depth', text: '3.5', code: 'HED2401', says: 'must be int' },
    { name: 'depth', text: ')(', code: 'HED1002', says: 'expected an expression' },
    { name: 'dim', text: '9007199254740991', code: 'HED2101', says: 'more than 2^45 elements' },
    { name: 'patch', text: '0', code: 'HED2104', says: 'the divisor must be positive' },
  ];
  test.each(cases)('--set $name=$text', ({ code, says, ...setting }) => {
    const { diagnostics } = elaborateSpec(specFile('vit.model'), { entry: 'ViT', settings: [setting] }, specHost());
    expect(diagnostics.map((item) => item.code)).toEqual([code]);
    expect(everythingSaid(diagnostics[0]!)).toContain(says);
  });

  test('an entry that is not there', () => {
    const { diagnostics } = elaborateSpec(specFile('vit.model'), { entry: 'VitHead' }, specHost());
    expect(diagnostics.map((item) => item.code)).toEqual(['HED4002']);
    expect(diagnostics[0]!.hint).toBe('did you mean `ViTHead`?');
  });

  test('no entry where there are two', () => {
    const { diagnostics } = elaborateSpec(specFile('vit.model'), {}, specHost());
    expect(diagnostics.map((item) => item.code)).toEqual(['HED4001']);
  });
});

describe('independent mistakes are each reported', () => {
  const codes = (spec: string): string[] =>
    checkSpec('test.model', specHost({ 'test.model': spec })).map((item) => item.code);

  test('three of meaning', () => {
    const spec =
      NN +
      model(
        'h = x |> Linear(8, biass: false) as a\n  z = undefined_thing + 1\n  output y: f32[batch, 5] = x |> Linear(3) as b',
      );
    expect(codes(spec).sort()).toEqual(['HED2005', 'HED2205', 'HED2304']);
  });

  test('three of syntax', () => {
    const spec = 'model M() {\n  input x f32[4]\n  h = x +\n  k = (x * 2\n  output y = h\n}';
    expect(codes(spec)).toHaveLength(3);
  });

  test('one of syntax and two of meaning', () => {
    const spec = NN + model('h = x *\n  a = x |> Liner(3) as a\n  output y = softmax(x, axis: 5)');
    expect(codes(spec).sort()).toEqual(['HED1006', 'HED2005', 'HED2210']);
  });

  test('a mistake inside a block and one behind it', () => {
    const spec =
      'block B()(x: f32[b, d]) -> f32[b, 7] { return x @ x }\n' +
      model('h = x |> B() as b\n  output y: f32[batch, 8] = h');
    expect(codes(spec).sort()).toEqual(['HED2205', 'HED2210']);
  });

  test('a mistake in a shared block is told once, however often it is applied', () => {
    const spec =
      'block B()(x: f32[b, d]) -> f32[b, d] { return x + nothing }\n' +
      model('for i in 0..4 as l { x = x |> B() as b }\n  output y = x');
    expect(codes(spec)).toEqual(['HED2005']);
  });

  test('a model with open hyperparameters is said not to be checked, but for its names and defaults', () => {
    const spec =
      'model X(a: int, c: (int, int) = 1.5) { dims n\n  input x: f32[n, 4]\n  output z = x + zeros([5]) + nothing\n}';
    const found = checkSpec('test.model', specHost({ 'test.model': spec }));
    expect(found.map((item) => `${item.severity} ${item.code}`).sort()).toEqual([
      'error HED2005',
      'error HED2401',
      'warning HED2518',
    ]);
  });

  test('in blocks that no model uses', () => {
    expect(codes('block B()(x: f32[n]) -> f32[n] { return x + nothing }')).toEqual(['HED2005']);
  });
});
