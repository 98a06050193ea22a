import { describe, expect, test } from 'vitest';
import { add, constant, multiply, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  literal,
  load,
  position,
  select,
  splat,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import { hoist } from '../../src/compiler/kernel/hoist.ts';
import type { Expr, Kernel, KernelBuffer, Statement } from '../../src/compiler/kernel/ir.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { share } from '../../src/compiler/kernel/share.ts';
import { verifyKernel } from '../../src/compiler/kernel/verify.ts';
import { assign, declare, input, kernel, letBe, loop, output, store, when, zero } from './support.ts';

const [i, k, n, v] = [symbol('i'), symbol('k'), symbol('n'), symbol('v')];
const BUFFERS: readonly KernelBuffer[] = [input('a'), input('ids', 'i32'), { ...output('y'), access: 'readwrite' }];

function after(pass: (kernel: Kernel) => Kernel, ...body: Statement[]): string[] {
  const given = kernel(BUFFERS, ['n'], [{ variable: 'i', extent: n }], body);
  verifyKernel(given);
  const result = pass(given);
  verifyKernel(result);
  return printKernel(result)
    .split('\n')
    .slice(1, -2)
    .map((line) => line.slice(2));
}

const a = (index: Dim): Expr => load('a', index, 'f32');
const at = add(multiply(i, n), v);
const EIGHT = constant(8);

describe('hoisting', () => {
  test('moves a load out of a loop that certainly runs', () => {
    expect(after(hoist, loop('v', EIGHT, 'serial', [store('y', at, binary('mul', a(at), a(i)))]))).toEqual([
      'let fixed: f32 = a[i]',
      'for v < 8 {',
      '  y[i*n + v] = (a[i*n + v] * fixed)',
      '}',
    ]);
  });

  test('asks first where the loop may not run', () => {
    expect(after(hoist, loop('v', n, 'serial', [store('y', at, binary('mul', a(at), a(i)))]))).toEqual(
      // Inside the grid over i < n there is at least one.
      ['let fixed: f32 = a[i]', 'for v < n {', '  y[i*n + v] = (a[i*n + v] * fixed)', '}'],
    );
    const other = loop('v', symbol('m'), 'serial', [store('y', v, binary('mul', a(v), a(constant(0))))]);
    const given = kernel(BUFFERS, ['m'], [], [other]);
    expect(printKernel(hoist(given)).split('\n').slice(1, 4)).toEqual([
      '  if (@(m) > 0) {',
      '    let fixed: f32 = a[0]',
      '    for v < m {',
    ]);
  });

  test('moves the splat of a load', () => {
    const value = binary('add', load('a', at, 'f32', 4), splat(a(i), 4));
    expect(after(hoist, loop('v', EIGHT, 'serial', [store('y', at, value)]))[0]).toBe('let fixed: f32x4 = splat(a[i])');
  });

  test('moves expensive invariant parts, the largest first', () => {
    const scale = binary('div', literal(1), unary('sqrt', variable('s', 'f32')));
    expect(
      after(hoist, declare('s', a(i)), loop('v', EIGHT, 'serial', [store('y', at, binary('mul', a(at), scale))]))[1],
    ).toBe('let fixed: f32 = (1.0 / sqrt(s))');
  });

  test('moves whole lets, and what then depends on nothing in the loop', () => {
    const body = [
      letBe('b', a(i)),
      letBe('c', unary('exp', variable('b', 'f32'))),
      store('y', at, variable('c', 'f32')),
    ];
    expect(after(hoist, loop('v', EIGHT, 'serial', body)).slice(0, 3)).toEqual([
      'let b: f32 = a[i]',
      'let c: f32 = exp(b)',
      'for v < 8 {',
    ]);
  });

  test('moves through several loops', () => {
    const inner = loop('v', EIGHT, 'serial', [store('y', add(at, k), binary('mul', a(at), a(i)))]);
    expect(after(hoist, loop('k', EIGHT, 'serial', [inner])).slice(0, 3)).toEqual([
      'let fixed: f32 = a[i]',
      'for k < 8 {',
      '  for v < 8 {',
    ]);
  });

  test('moves the operand of a contraction out of its inner loop', () => {
    const sum = (name: string): Expr => variable(name, 'f32');
    const product = binary('mul', a(add(multiply(i, EIGHT), k)), a(add(multiply(k, EIGHT), v)));
    const nest = loop('k', EIGHT, 'serial', [
      loop('v', EIGHT, 'serial', [store('y', v, binary('add', load('y', v, 'f32'), product))]),
    ]);
    expect(after(hoist, declare('s', zero), nest, store('y', i, sum('s'))).slice(1, 4)).toEqual([
      'for k < 8 {',
      '  let fixed: f32 = a[8*i + k]',
      '  for v < 8 {',
    ]);
  });

  test('moves an index that is loaded, with what it leads to', () => {
    const body = [letBe('id', load('ids', i, 'i32')), store('y', v, binary('add', a(v), a(symbol('id'))))];
    expect(after(hoist, loop('v', EIGHT, 'serial', body)).slice(0, 2)).toEqual([
      'let id: i32 = ids[i]',
      'let fixed: f32 = a[id]',
    ]);
  });

  test.each<[string, Statement[]]>([
    ['loads of a buffer that the loop stores to', [store('y', at, load('y', i, 'f32'))]],
    ['what the loop assigns', [assign('s', unary('sqrt', variable('s', 'f32')))]],
    ['what only a branch evaluates', [when(compare('gt', a(at), zero), [store('y', at, unary('neg', a(i)))])]],
    ['loads that a select guards', [store('y', at, select(compare('lt', position(v), position(n)), a(i), zero))]],
    ['constants', [store('y', at, splat(literal(1), 4))]],
  ])('leaves %s', (_, body) => {
    const lines = after(hoist, declare('s', a(i)), loop('v', EIGHT, 'serial', body));
    expect(lines[1]).toBe('for v < 8 {');
  });

  test('a select on data does not keep its loads in the loop', () => {
    const value = select(compare('gt', a(at), zero), a(i), zero);
    expect(after(hoist, loop('v', EIGHT, 'serial', [store('y', at, value)]))[0]).toBe('let fixed: f32 = a[i]');
  });
});

describe('sharing', () => {
  const square = (value: Expr): Expr => binary('mul', value, value);

  test('computes an expression that recurs in a statement once', () => {
    expect(after(share, store('y', i, square(unary('exp', a(i)))))).toEqual([
      'let shared: f32 = exp(a[i])',
      'y[i] = (shared * shared)',
    ]);
  });

  test('shares the whole, not its parts', () => {
    const value = binary('add', unary('exp', a(i)), literal(1));
    expect(after(share, store('y', i, value), store('y', n, value))).toEqual([
      'let shared: f32 = (exp(a[i]) + 1.0)',
      'y[i] = shared',
      'y[n] = shared',
    ]);
  });

  test('uses a let that is there', () => {
    expect(after(share, letBe('b', unary('exp', a(i))), store('y', i, unary('exp', a(i))))).toEqual([
      'let b: f32 = exp(a[i])',
      'y[i] = b',
    ]);
  });

  test('shares with inner lists', () => {
    const value = unary('exp', a(i));
    const lines = after(share, store('y', i, value), loop('v', n, 'serial', [store('y', at, value)]));
    expect(lines).toEqual([
      'let shared: f32 = exp(a[i])',
      'y[i] = shared',
      'for v < n {',
      '  y[i*n + v] = shared',
      '}',
    ]);
  });

  test('does not confuse values before and after a store', () => {
    const y = load('y', i, 'f32');
    expect(after(share, store('y', n, y), store('y', i, y))).toEqual(['y[n] = y[i]', 'y[i] = y[i]']);
  });

  test('nor before and after an assignment', () => {
    const root = unary('sqrt', variable('s', 'f32'));
    expect(after(share, declare('s', a(i)), assign('s', root), store('y', i, root)).slice(1)).toEqual([
      's = sqrt(s)',
      'y[i] = sqrt(s)',
    ]);
  });

  test('nor in a loop that assigns', () => {
    const root = unary('sqrt', variable('s', 'f32'));
    const lines = after(share, declare('s', a(i)), store('y', i, root), loop('v', n, 'serial', [assign('s', root)]));
    expect(lines).toContain('  s = sqrt(s)');
  });

  test('does not evaluate what a select guards, but uses it where it is known', () => {
    const guarded = select(compare('lt', position(i), literal(3, 'i32')), square(a(i)), zero);
    expect(after(share, store('y', i, guarded))).toHaveLength(1);
    expect(after(share, store('y', n, square(a(i))), store('y', i, guarded))[2]).toBe(
      'y[i] = select((@(i) < 3), (shared * shared), 0.0)',
    );
  });
});
