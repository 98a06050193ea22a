import { describe, expect, test } from 'vitest';
import { add, constant, floorDiv, multiply, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  bitcast,
  combine,
  compare,
  convert,
  dot4,
  lane,
  literal,
  load,
  multiplyAdd,
  position,
  select,
  splat,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import { foldAll, type Known } from '../../src/compiler/kernel/fold.ts';
import type { Expr, Statement } from '../../src/compiler/kernel/ir.ts';
import { printExpr, printKernel } from '../../src/compiler/kernel/print.ts';
import { simplify } from '../../src/compiler/kernel/simplify.ts';
import { verifyKernel } from '../../src/compiler/kernel/verify.ts';
import { assign, declare, input, kernel, letBe, loop, output, store, when } from './support.ts';

const [i, n] = [symbol('i'), symbol('n')];
const x = variable('x', 'f32');
const whole = variable('w', 'i32');
const flag = variable('p', 'bool');
const known: Known = { bounds: new Map([['i', subtract(n, constant(1))]]), lets: new Set(['id']) };

const f = (value: number): Expr => literal(value);
const int = (value: number): Expr => literal(value, 'i32');
const yes = literal(1, 'bool');

describe('folding', () => {
  test.each<[string, Expr, string]>([
    ['constants', binary('mul', binary('add', f(1), f(2)), unary('neg', f(0.5))), '-1.5'],
    ['constants round to single', binary('add', f(2 ** 24), f(1)), '16777216.0'],
    ['integers', binary('shl', int(3), int(4)), '48'],
    ['comparisons', compare('lt', f(1), f(2)), 'true'],
    ['conversions', convert(f(-2.5), 'i32'), '-2'],
    ['bits', bitcast(f(1), 'i32'), '1065353216'],
    ['products with 1', binary('mul', f(1), x), 'x'],
    ['quotients by 1', binary('div', x, f(1)), 'x'],
    ['sums with -0', binary('add', x, f(-0)), 'x'],
    ['differences with 0', binary('sub', x, f(0)), 'x'],
    ['integer sums with 0', binary('add', int(0), whole), 'w'],
    ['integer products with 0', binary('mul', whole, int(0)), '0'],
    ['quotients by powers of two', binary('div', x, f(8)), '(x * 0.125)'],
    ['squares', binary('pow', x, f(2)), '(x * x)'],
    ['dot products with 0', dot4(literal(0, 'i32'), load('ids', i, 'i32'), literal(7, 'i32')), '7'],
    ['multiply-adds with 1', multiplyAdd(f(1), x, f(2)), '(x + 2.0)'],
    ['multiply-adds to -0', multiplyAdd(x, f(2), f(-0)), '(x * 2.0)'],
    ['multiply-adds of splats', multiplyAdd(splat(x, 4), f(2), f(3)), 'splat((x * 2.0 + 3.0))'],
    ['double negation', unary('neg', unary('neg', x)), 'x'],
    ['the size of a negation', unary('abs', unary('neg', x)), 'abs(x)'],
    ['not of an equality', unary('not', compare('eq', x, f(0))), '(x != 0.0)'],
    ['not of an integer comparison', unary('not', compare('lt', whole, int(3))), '(w >= 3)'],
    ['selects that are decided', select(yes, x, f(0)), 'x'],
    ['selects between equals', select(flag, x, x), 'x'],
    ['selects by a negation', select(unary('not', flag), x, f(0)), 'select(p, 0.0, x)'],
    ['selects of flags', select(flag, yes, literal(0, 'bool')), 'p'],
    ['conversions of converted flags', convert(convert(flag, 'i32'), 'f32'), 'f32(p)'],
    ['bits of bits', bitcast(bitcast(x, 'i32'), 'u32'), 'u32_bits(x)'],
    ['minima of equals', binary('min', x, x), 'x'],
    ['flags with true', binary('and', flag, yes), 'p'],
    ['lanes of splats', lane(splat(x, 4), 2), 'x'],
    ['lanes of combinations', lane(combine([x, f(1), f(2), f(3)], 4), 2), '2.0'],
    ['combinations of equals', combine([x, x, x, x], 4), 'splat(x)'],
    ['operations on splats', binary('add', splat(x, 4), splat(f(1), 4)), 'splat((x + 1.0))'],
    ['identities on splats', binary('mul', splat(f(1), 4), load('b', i, 'f32', 4)), 'b[i .. 4]'],
    ['positions that are constant', position(constant(7)), '7'],
    ['comparisons of positions within bounds', compare('lt', position(i), position(n)), 'true'],
    ['and those that are false', compare('ge', position(i), position(n)), 'false'],
    ['also with literals', compare('ge', position(i), int(0)), 'true'],
    ['positions that differ', compare('eq', position(i), position(n)), 'false'],
  ])('%s', (_, expr, expected) => {
    expect(printExpr(foldAll(expr, known))).toBe(expected);
  });

  test.each<[string, Expr]>([
    ['sums with 0, which lose -0', binary('add', x, f(0))],
    ['products with 0, which may be NaN', binary('mul', x, f(0))],
    ['differences of equals, which may be NaN', binary('sub', x, x)],
    ['negation as a difference, which gives 0', binary('sub', f(0), x)],
    ['quotients by other numbers', binary('div', x, f(3))],
    ['opposites of comparisons, false on NaN', unary('not', compare('lt', x, f(0)))],
    ['functions that backends compute their own way', unary('exp', f(1))],
    ['NaN, whose bits differ between machines', binary('div', f(0), f(0))],
    ['integer division by zero', binary('div', int(1), int(0))],
    ['large integers through floats', convert(convert(whole, 'f32'), 'i32')],
    ['comparisons that are not known', compare('lt', position(i), int(3))],
    ['comparisons of loaded integers, which may be negative', compare('ge', position(symbol('id')), int(0))],
  ])('leaves %s', (_, expr) => {
    expect(foldAll(expr, known)).toEqual(expr);
  });
});

function simplified(...body: Statement[]): string[] {
  const given = kernel([input('a'), input('ids', 'i32'), output('y')], ['n'], [{ variable: 'i', extent: n }], body);
  verifyKernel(given);
  const result = simplify(given);
  verifyKernel(result);
  return printKernel(result)
    .split('\n')
    .slice(1, -2)
    .map((line) => line.slice(2));
}

const a = load('a', i, 'f32');

describe('statements', () => {
  test('lets that nothing reads go, one after the other', () => {
    expect(simplified(letBe('b', a), letBe('c', unary('neg', variable('b', 'f32'))), store('y', i, f(1)))).toEqual([
      'y[i] = 1.0',
    ]);
  });

  test('a let that an index reads stays', () => {
    expect(simplified(letBe('id', load('ids', i, 'i32')), store('y', symbol('id'), f(1)))).toHaveLength(2);
  });

  test('variables that only feed themselves go', () => {
    expect(
      simplified(
        declare('s', f(0)),
        loop('k', n, 'serial', [assign('s', binary('add', variable('s', 'f32'), a))]),
        store('y', i, f(1)),
      ),
    ).toEqual(['y[i] = 1.0']);
  });

  test('variables that are never assigned become lets', () => {
    expect(
      simplified(declare('s', a), store('y', i, binary('add', variable('s', 'f32'), variable('s', 'f32'))))[0],
    ).toBe('let s: f32 = a[i]');
  });

  test('lets that are positions move into indices', () => {
    expect(
      simplified(
        letBe('at', position(multiply(i, constant(4)))),
        letBe('next', position(add(symbol('at'), constant(1)))),
        store('y', symbol('next'), convert(variable('next', 'i32'), 'f32')),
      ),
    ).toEqual(['y[4*i + 1] = f32(@(4*i + 1))']);
  });

  test('but not where a division would be repeated', () => {
    expect(simplified(letBe('at', position(floorDiv(i, constant(3)))), store('y', symbol('at'), f(1)))).toEqual([
      'let at: i32 = @(floordiv(i, 3))',
      'y[at] = 1.0',
    ]);
  });

  test('constants and other lets are put in place', () => {
    expect(
      simplified(
        letBe('one', int(1)),
        letBe('id', load('ids', i, 'i32')),
        letBe('same', variable('id', 'i32')),
        store('y', add(symbol('same'), symbol('one')), a),
      ),
    ).toEqual(['let id: i32 = ids[i]', 'y[id + 1] = a[i]']);
  });

  test('loops that never run go', () => {
    expect(simplified(loop('k', constant(0), 'serial', [store('y', symbol('k'), a)]))).toEqual([]);
    expect(simplified(loop('k', subtract(i, n), 'serial', [store('y', symbol('k'), a)]))).toEqual([]);
  });

  test('loops that run once are flattened', () => {
    expect(simplified(loop('k', constant(1), 'serial', [store('y', add(symbol('k'), i), a)]))).toEqual(['y[i] = a[i]']);
  });

  test('unrolled loops are written out, with variables of their own', () => {
    const sum = variable('s', 'f32');
    expect(
      simplified(
        loop('k', constant(2), 'unrolled', [
          declare('s', a),
          assign('s', binary('add', sum, sum)),
          store('y', symbol('k'), sum),
        ]),
      ),
    ).toEqual([
      'var s_1: f32 = a[i]',
      's_1 = (s_1 + s_1)',
      'y[0] = s_1',
      'var s_2: f32 = a[i]',
      's_2 = (s_2 + s_2)',
      'y[1] = s_2',
    ]);
  });

  test('branches that are decided are flattened', () => {
    expect(
      simplified(when(compare('lt', position(i), position(n)), [store('y', i, a)], [store('y', i, f(0))])),
    ).toEqual(['y[i] = a[i]']);
  });

  test('branches that do nothing go', () => {
    expect(simplified(when(compare('gt', a, f(0)), [letBe('b', a)]))).toEqual([]);
  });

  test('indices simplify by the loops around them', () => {
    const split = add(
      multiply(floorDiv(add(multiply(i, constant(8)), symbol('k')), constant(8)), constant(3)),
      symbol('k'),
    );
    expect(simplified(loop('k', constant(8), 'serial', [store('y', split, a)]))[1]).toBe('  y[3*i + k] = a[i]');
  });
});
