import { describe, expect, test } from 'vitest';
import { add, constant, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  dot4,
  literal,
  load,
  multiplyAdd,
  position,
  splat,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr, KernelBuffer, Statement } from '../../src/compiler/kernel/ir.ts';
import { kernelFaults, verifyKernel } from '../../src/compiler/kernel/verify.ts';
import { assign, declare, input, kernel, letBe, loop, output, reduce, store, when, zero } from './support.ts';

const [i, n] = [symbol('i'), symbol('n')];
const BUFFERS: readonly KernelBuffer[] = [input('x'), input('ids', 'i32'), output('y'), output('flags', 'bool')];

function faults(...body: readonly Statement[]): string[] {
  return kernelFaults(kernel(BUFFERS, ['n'], [{ variable: 'i', extent: n }], body)).map((text) =>
    text.replace('kernel test: ', ''),
  );
}

function faultsIn(value: Expr): string[] {
  return faults(letBe('a', value));
}

const x = load('x', i, 'f32');
const vector = load('x', i, 'f32', 4);

test('a well-formed kernel has no faults', () => {
  expect(
    faults(
      letBe('id', load('ids', i, 'i32')),
      declare('sum', zero),
      loop('k', n, 'serial', [reduce('sum', 'add', load('x', add(symbol('id'), symbol('k')), 'f32'))]),
      when(compare('lt', position(i), variable('id', 'i32')), [assign('sum', unary('neg', variable('sum', 'f32')))]),
      store('y', i, splat(variable('sum', 'f32'), 4)),
      store('flags', i, compare('gt', variable('sum', 'f32'), zero)),
    ),
  ).toEqual([]);
});

test('the first fault is thrown', () => {
  expect(() => verifyKernel(kernel([], [], [], [store('y', i, zero)]))).toThrow('kernel test: i in i is not defined');
});

describe('names', () => {
  test.each<[string, Statement[], string]>([
    ['used before its definition', [store('y', i, variable('a', 'f32')), letBe('a', x)], 'a is not defined'],
    [
      'used after its scope',
      [loop('k', n, 'serial', [letBe('a', x)]), store('y', i, variable('a', 'f32'))],
      'a is not defined',
    ],
    [
      'a loop variable after its loop',
      [loop('k', n, 'serial', []), store('y', symbol('k'), x)],
      'k in k is not defined',
    ],
    ['defined twice', [letBe('a', x), letBe('a', x)], 'a is defined twice'],
    ['defined again in an inner scope', [letBe('a', x), loop('a', n, 'serial', [])], 'a is defined twice'],
    ['taken from a buffer', [letBe('x', literal(1))], 'x is defined twice'],
    ['assigned but not declared', [assign('a', x)], 'a is assigned but not declared'],
    ['assigned but a let', [letBe('a', x), assign('a', x)], 'a is assigned but is no variable'],
    ['an integer name used as a value', [letBe('a', variable('i', 'i32'))], 'i is not defined'],
    ['a float in a position', [letBe('a', x), store('y', symbol('a'), x)], 'a in a is no integer name'],
    [
      'a variable in a position',
      [declare('a', load('ids', i, 'i32')), store('y', symbol('a'), x)],
      'a in a is no integer name',
    ],
  ])('%s', (_, body, fault) => {
    expect(faults(...body)).toContain(fault);
  });

  test('may be used again where the first is out of scope', () => {
    expect(faults(loop('k', n, 'serial', [letBe('a', x)]), loop('k', n, 'serial', [letBe('a', x)]))).toEqual([]);
  });
});

describe('types and lanes', () => {
  test.each<[string, Expr, string]>([
    [
      'operands of two types',
      { ...binary('add', x, x), right: literal(1, 'i32') } as Expr,
      '1 is i32 where f32 is needed',
    ],
    [
      'an addend of another width',
      { ...multiplyAdd(x, x, x), addend: vector } as Expr,
      'x[i .. 4] is f32x4 where f32 is needed',
    ],
    ['a dot product of numbers', dot4(x, x, literal(0, 'i32')), 'x[i] is f32 where i32 is needed'],
    [
      'operands of two widths',
      { ...binary('add', x, x), left: vector } as Expr,
      'x[i .. 4] is f32x4 where f32 is needed',
    ],
    [
      'a comparison that is no flag',
      { ...compare('lt', x, x), type: 'f32' } as unknown as Expr,
      'is f32 where bool is needed',
    ],
    [
      'a selection by a number',
      { kind: 'select', type: 'f32', lanes: 1, condition: x, then: x, else: x },
      'x[i] is f32 where bool is needed',
    ],
    ['a variable of another type', variable('n2', 'f32'), 'n2 is not defined'],
    ['a load of another type', load('ids', i, 'f32'), 'ids[i] is f32 where i32 is needed'],
    [
      'a splat of a vector',
      { kind: 'splat', type: 'f32', lanes: 4, operand: vector },
      'x[i .. 4] is f32x4 where f32 is needed',
    ],
    ['a splat to one lane', { kind: 'splat', type: 'f32', lanes: 1, operand: x }, 'splat(x[i]) has one lane'],
    ['too few parts', { kind: 'combine', type: 'f32', lanes: 4, parts: [x, x] }, '[x[i], x[i]] needs 4 parts'],
    [
      'a lane that is not there',
      { kind: 'lane', type: 'f32', lanes: 1, operand: vector, lane: 4 },
      'there is no such lane',
    ],
    ['bits of a flag', { kind: 'bitcast', type: 'i32', lanes: 1, operand: literal(1, 'bool') }, 'bool has no bits'],
    ['a literal out of range', literal(2 ** 31, 'i32'), '2147483648 is no i32'],
    ['a flag that is a number', literal(2, 'bool'), '2 is no bool'],
    ['a square root of integers', unary('sqrt', literal(4, 'i32')), 'there is no sqrt of i32'],
    ['a sum of flags', binary('add', literal(1, 'bool'), literal(1, 'bool')), 'there is no add of bool'],
    ['a shift of floats', binary('shl', x, x), 'there is no shl of f32'],
  ])('%s', (_, value, fault) => {
    expect(faultsIn(value).some((text) => text.includes(fault))).toBe(true);
  });

  test('an assignment keeps the type and width of its variable', () => {
    expect(faults(declare('a', x), assign('a', vector))).toEqual(['x[i .. 4] is f32x4 where f32 is needed']);
  });

  test('a branch asks one flag', () => {
    expect(faults(when(x, []))).toEqual(['x[i] is f32 where bool is needed']);
  });
});

describe('buffers', () => {
  test.each<[string, Statement, string]>([
    ['that do not exist', store('z', i, x), 'there is no buffer z'],
    ['only for reading', store('x', i, x), 'x is stored to but only for reading'],
    ['only for writing', letBe('a', load('y', i, 'f32')), 'y is loaded from but only for writing'],
    ['of another type', store('flags', i, x), 'x[i] is f32 where bool is needed'],
    ['at unknown places', store('y', symbol('q'), x), 'q in q is not defined'],
  ])('%s', (_, statement, fault) => {
    expect(faults(statement)).toEqual([fault]);
  });
});

describe('loops', () => {
  test('an unrolled one has a constant extent', () => {
    expect(faults(loop('k', n, 'unrolled', []))).toEqual(['the unrolled loop over k has no constant extent']);
    expect(faults(loop('k', constant(3), 'unrolled', []))).toEqual([]);
  });

  test('a reduction updates its own variable', () => {
    const wrong: Statement = {
      kind: 'assign',
      name: 'a',
      value: binary('mul', variable('a', 'f32'), x),
      reduction: 'add',
    };
    expect(faults(declare('a', zero), wrong)).toEqual(['a is not reduced by add: (a * x[i])']);
  });

  test('a grid axis has a name of its own', () => {
    const twice = [
      { variable: 'i', extent: n },
      { variable: 'i', extent: n },
    ];
    expect(kernelFaults(kernel(BUFFERS, ['n'], twice, []))).toEqual(['kernel test: i is defined twice']);
  });
});
