import { describe, expect, test } from 'vitest';
import { add, constant, multiply, symbol } from '../../src/compiler/dims/dim.ts';
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
import { interpretKernel, OutOfRange } from '../../src/compiler/kernel/interpret.ts';
import type { Expr } from '../../src/compiler/kernel/ir.ts';
import { assign, declare, input, kernel, letBe, loop, output, store, when, zero } from './support.ts';

const [i, j, n] = [symbol('i'), symbol('j'), symbol('n')];

/** The value of an expression without loads. */
function valueOf(expr: Expr): number[] {
  const out = { f32: new Float32Array(4), i32: new Int32Array(4), u32: new Uint32Array(4), bool: new Int32Array(4) };
  const data = out[expr.type];
  interpretKernel(kernel([output('out', expr.type)], [], [], [store('out', constant(0), expr)]), { out: data }, {});
  return Array.from(data.subarray(0, expr.lanes));
}

const f = (value: number): Expr => literal(value);
const int = (value: number): Expr => literal(value, 'i32');
const unsigned = (value: number): Expr => literal(value, 'u32');

describe('values', () => {
  test.each<[string, Expr, number]>([
    ['each operation rounds to single', binary('add', f(2 ** 24), f(1)), 2 ** 24],
    ['a literal is the nearest single', f(0.1), Math.fround(0.1)],
    ['min propagates NaN', binary('min', f(1), f(NaN)), NaN],
    ['max propagates NaN', binary('max', f(NaN), f(1)), NaN],
    ['integers wrap', binary('add', int(2 ** 31 - 1), int(1)), -(2 ** 31)],
    ['products of integers wrap', binary('mul', int(65537), int(65537)), 131073],
    ['unsigned integers wrap', binary('sub', unsigned(0), unsigned(1)), 2 ** 32 - 1],
    ['integer division truncates', binary('div', int(-7), int(2)), -3],
    ['a signed shift keeps the sign', binary('shr', int(-8), int(1)), -4],
    ['an unsigned shift does not', binary('shr', unsigned(2 ** 31), unsigned(31)), 1],
    ['round goes to even', unary('round', f(2.5)), 2],
    ['not of a flag', convert(unary('not', literal(1, 'bool')), 'i32'), 0],
    ['not of an integer', unary('not', int(5)), -6],
    ['conversion truncates', convert(f(-2.7), 'i32'), -2],
    ['conversion saturates', convert(f(1e20), 'i32'), 2 ** 31 - 1],
    ['conversion to unsigned saturates', convert(f(-3), 'u32'), 0],
    ['NaN converts to 0', convert(f(NaN), 'i32'), 0],
    ['a flag is whether a number is not 0', convert(convert(f(NaN), 'bool'), 'f32'), 1],
    ['bits of a float', bitcast(f(1), 'i32'), 0x3f800000],
    ['a float of bits', bitcast(unsigned(0xc0000000), 'f32'), -2],
    ['comparisons are false on NaN', convert(compare('le', f(NaN), f(NaN)), 'i32'), 0],
    ['but one', convert(compare('ne', f(NaN), f(NaN)), 'i32'), 1],
    [
      'a dot product of bytes',
      dot4(literal(0x7f80ff01, 'i32'), literal(0x017f0203, 'i32'), literal(5, 'i32')),
      5 + 3 - 2 - 128 * 127 + 127,
    ],
    ['a dot product that wraps', dot4(literal(1, 'i32'), literal(1, 'i32'), literal(2 ** 31 - 1, 'i32')), -(2 ** 31)],
    ['a multiply-add rounds twice', multiplyAdd(f(1 + 2 ** -23), f(1 - 2 ** -23), f(-1)), 0],
    ['pow of 1', binary('pow', f(1), f(NaN)), 1],
    ['pow of -1', binary('pow', f(-1), f(Infinity)), 1],
    ['erf', unary('erf', f(0.5)), Math.fround(0.5204998778130465)],
    ['a lane', lane(combine([f(1), f(2), f(3), f(4)], 4), 2), 3],
  ])('%s', (_, expr, expected) => {
    expect(valueOf(expr)).toEqual([expected]);
  });

  test('lanes are combined pairwise', () => {
    const operand = combine([f(1), f(2 ** 24), f(2), f(1)], 4);
    expect(valueOf({ kind: 'reduceLanes', type: 'f32', lanes: 1, op: 'add', operand })).toEqual([2 ** 24 + 4]);
  });

  test('vectors work lane by lane', () => {
    const vector = combine([f(1), f(-2), f(3), f(-4)], 4);
    expect(valueOf(select(compare('gt', vector, zero), vector, splat(zero, 4)))).toEqual([1, 0, 3, 0]);
  });
});

describe('statements', () => {
  test('the grid and loops count in order', () => {
    const body = [
      declare('sum', zero),
      loop('j', add(i, constant(1)), 'serial', [
        assign('sum', binary('add', variable('sum', 'f32'), convert(position(j), 'f32'))),
      ]),
      store('out', i, variable('sum', 'f32')),
    ];
    const out = new Float32Array(4);
    interpretKernel(kernel([output('out')], ['n'], [{ variable: 'i', extent: n }], body), { out }, { n: 4 });
    expect([...out]).toEqual([0, 1, 3, 6]);
  });

  test('a loop bound may be a loaded value', () => {
    const body = [
      letBe('count', load('counts', constant(0), 'i32')),
      loop('j', symbol('count'), 'serial', [store('out', j, literal(1))]),
    ];
    const out = new Float32Array(4);
    interpretKernel(
      kernel([input('counts', 'i32'), output('out')], [], [], body),
      { counts: Int32Array.of(3), out },
      {},
    );
    expect([...out]).toEqual([1, 1, 1, 0]);
  });

  test('a branch runs one of its lists', () => {
    const body = when(compare('lt', position(i), int(1)), [store('out', i, f(1))], [store('out', i, f(2))]);
    const out = new Float32Array(2);
    interpretKernel(kernel([output('out')], [], [{ variable: 'i', extent: constant(2) }], [body]), { out }, {});
    expect([...out]).toEqual([1, 2]);
  });

  test('a scalar select loads only what it takes', () => {
    const value = select(literal(0, 'bool'), load('x', constant(9), 'f32'), f(7));
    const out = new Float32Array(1);
    interpretKernel(
      kernel([input('x'), output('out')], [], [], [store('out', constant(0), value)]),
      { x: new Float32Array(1), out },
      {},
    );
    expect(out[0]).toBe(7);
  });
});

describe('checks', () => {
  const copy = kernel(
    [input('x'), output('out')],
    ['n'],
    [{ variable: 'i', extent: n }],
    [store('out', i, load('x', multiply(i, constant(2)), 'f32'))],
  );

  test('a load outside its buffer names kernel, buffer and element', () => {
    expect(() => interpretKernel(copy, { x: new Float32Array(3), out: new Float32Array(9) }, { n: 3 })).toThrow(
      new OutOfRange('test', 'x', 4, 3),
    );
  });

  test('so does a store', () => {
    expect(() => interpretKernel(copy, { x: new Float32Array(9), out: new Float32Array(1) }, { n: 3 })).toThrow(
      'kernel test: element 1 of out, which has 1',
    );
  });

  test('a vector is checked in every lane', () => {
    const wide = kernel(
      [input('x'), output('out')],
      [],
      [],
      [store('out', constant(0), load('x', constant(2), 'f32', 4))],
    );
    expect(() => interpretKernel(wide, { x: new Float32Array(5), out: new Float32Array(9) }, {})).toThrow(
      'element 5 of x',
    );
  });

  test('missing buffers, sizes and names', () => {
    expect(() => interpretKernel(copy, { x: new Float32Array(1) }, { n: 1 })).toThrow('no buffer out');
    expect(() => interpretKernel(copy, { x: new Float32Array(1), out: new Float32Array(1) }, {})).toThrow('no size n');
    const unknown = kernel([output('out')], [], [], [store('out', constant(0), variable('a', 'f32'))]);
    expect(() => interpretKernel(unknown, { out: new Float32Array(1) }, {})).toThrow('a has no value');
  });

  test('integer division by zero', () => {
    expect(() => valueOf(binary('div', int(1), int(0)))).toThrow('integer division by zero');
  });
});
