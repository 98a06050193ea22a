/**
 * Calls of every op with arguments of every kind, right ones and wrong ones, small and huge: each gives diagnostics or
 * a graph that compiles.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderDiagnostic } from '../../src/compiler/base/render.ts';
import { checkSpec, compileGraph, elaborateSpec } from '../../src/compiler/driver.ts';
import { DimensionOverflow } from '../../src/compiler/dims/dim.ts';
import type { AttributeSpec, Op } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { specHost } from '../support/specs.ts';

const INPUTS = `
  dims n, m <= 8
  input a: f32[n, 4]
  input b: f32[2, 3, 8, 8]
  input c: f32[3, 5]
  input d: f32[7]
  input e: f32[]
  input f: i32[n]
  input g: i32[2, 3]
  input h: bool[n, 4]
  input i: u32[3]
  input j: f32[0, 4]
  input k: f32[2, 4, m, 8]
  input l: f32[3, 2147483648]
  input p: f32[n, m, n + m]
  param w: f32[4, 3, 3, 3] = zeros()
`;
const TENSORS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'p', 'w', 'o0', 'o1'];
const INTS = ['0', '1', '2', '3', '-1', '-2', '7', '64', '2147483648', '9007199254740991', '-9007199254740991'];
const SIZES = [...INTS, 'n', 'm', '2 * n', 'n - 3', 'n * m', 'floordiv(n, 2)', 'min(n, m)'];
const FLOATS = ['0.5', '-1.5', '0.0', '1e300', '-1e-300', '1', 'sqrt(2)'];
const WORDS = [
  '"mean"',
  '"sum"',
  '"none"',
  '"same"',
  '"valid"',
  '"tanh"',
  '"bilinear"',
  '"reflect"',
  '"constructor"',
  '""',
];
const PATTERNS = [
  'a b -> b a',
  'a b -> a',
  '(a b) c -> a b c',
  'a b c d -> a (c d) b',
  '... a -> a ...',
  'i j, j k -> i k',
  'ij,jk->ik',
  '..., ... -> ...',
  'a a -> a',
  'a 1 -> a',
  '-> a',
  '(((',
  '->',
  'a b c -> (a b c) 2',
].map((pattern) => `"${pattern}"`);
const OTHERS = ['none', 'true', 'false', 'f32', 'i32', 'relu', '(1, 2)', '[]', '[[1]]', '"x"', 'training', '[a, a]'];

const listOf = (items: readonly string[]): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...items), { maxLength: 4 }).map((list) => `[${list.join(', ')}]`);
const oneOf = (...items: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...items);

/** A value that an attribute could have, or nearly. */
function valueFor({ kind, words = [] }: AttributeSpec): fc.Arbitrary<string> {
  const named = words.map((word) => JSON.stringify(word));
  switch (kind) {
    case 'int':
    case 'axis':
      return oneOf(...INTS, ...named);
    case 'ints':
    case 'axes':
      return fc.oneof(oneOf(...INTS, ...named), listOf(INTS));
    case 'float':
      return oneOf(...FLOATS);
    case 'bool':
      return oneOf('true', 'false');
    case 'string':
      return oneOf(...WORDS, ...named);
    case 'pattern':
      return oneOf(...PATTERNS);
    case 'dim':
      return oneOf(...SIZES);
    case 'shape':
    case 'dims':
      return fc.oneof(oneOf(...SIZES), listOf(SIZES));
    case 'dtype':
      return oneOf('f32', 'i32', 'u32', 'bool');
    case 'sizes':
      return oneOf('');
  }
}

const WRONG = oneOf(...OTHERS, ...INTS, ...FLOATS, ...WORDS, ...TENSORS);

/** Mostly of the right kind. */
function mostly(right: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: WRONG });
}

function callOf(op: Op): fc.Arbitrary<string> {
  const operands = op.operands.map((operand) => {
    const single = oneOf(...TENSORS);
    const value = operand.variadic ? fc.oneof(single, listOf(TENSORS)) : single;
    return fc.option(mostly(value), { nil: undefined, freq: operand.optional ? 2 : 30 });
  });
  const attributes = op.attributes.map((spec) =>
    spec.kind === 'sizes'
      ? fc.option(
          oneOf(...SIZES).map((size) => `a: ${size}, b: 2`),
          { nil: undefined },
        )
      : fc
          .option(mostly(valueFor(spec)), { nil: undefined, freq: spec.default === undefined ? 30 : 1 })
          .map((value) => value && `${spec.name}: ${value}`),
  );
  const isPattern = op.attributes[0]?.kind === 'pattern' && op.operands[0]?.variadic;
  return fc.tuple(fc.tuple(...operands), fc.tuple(...attributes)).map(([tensors, named]) => {
    const all = [...tensors, ...named].filter((one) => one !== undefined && one !== '');
    const list = isPattern
      ? all.toSorted((one, two) => Number(two!.startsWith('pattern:')) - Number(one!.startsWith('pattern:')))
      : all;
    return `${op.name}(${list.join(', ')})`;
  });
}

const PUBLIC = [...ops.values()].filter((op) => !op.internal);
const call = fc.nat(PUBLIC.length - 1).chain((at) => callOf(PUBLIC[at]!));

test('a call of any op is refused in words, or compiles', () => {
  let compiled = 0;
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 3 }), (calls) => {
      const lines = calls.map((text, at) => `  o${at} = ${text}\n  output y${at} = o${at}`);
      const host = specHost({ 'test.model': `model M {${INPUTS}${lines.join('\n')}\n}` });
      for (const item of checkSpec('test.model', host)) {
        expect(item.message).not.toMatch(/internal|undefined|\[object|NaN/);
        expect(renderDiagnostic(item, { color: false })).toContain(item.code);
      }
      const { result } = elaborateSpec('test.model', {}, host);
      if (!result) return;
      compiled++;
      try {
        compileGraph(result, { targets: ['js'] });
      } catch (error) {
        // Of positions that cannot be counted the command tells.
        if (!(error instanceof DimensionOverflow)) throw error;
      }
    }),
    { numRuns: Number(process.env['HOSTILE_OPS'] ?? 300) },
  );
  expect(compiled, 'some of the calls are right').toBeGreaterThan(0);
});
