import { describe, expect, test } from 'vitest';
import { add, constant, floorDiv, modulo, multiply, subtract, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { binary, compare, convert, literal, load, position, variable } from '../../src/compiler/kernel/build.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { vectorize } from '../../src/compiler/kernel/vectorize.ts';
import { COUNTS, exprs, expectSame, loops, numbers } from './lanes.ts';
import { assign, declare, input, kernel, letBe, loop, output, reduce, store, when, zero } from './support.ts';

const [n, m, i, v, k] = [symbol('n'), symbol('m'), symbol('i'), symbol('v'), symbol('k')];

describe('a loop over consecutive elements', () => {
  const scale = (extent: Dim): Kernel =>
    kernel(
      [input('x'), output('y')],
      ['n'],
      [],
      [loop('v', extent, 'vector', [store('y', v, binary('mul', load('x', v, 'f32'), literal(2)))])],
    );

  test.each(COUNTS)('gives the same results for %i elements', (count) => {
    expectSame(scale(n), { x: numbers(count), y: new Float32Array(count) }, { n: count });
    expectSame(scale(constant(count)), { x: numbers(count), y: new Float32Array(count) }, { n: count });
  });

  test('has no rest loop when the extent is a multiple of four', () => {
    expect(loops(vectorize(scale(constant(8)), 4))).toHaveLength(1);
    expect(loops(vectorize(scale(multiply(constant(4), n)), 4))).toHaveLength(1);
    expect(loops(vectorize(scale(constant(9)), 4))).toHaveLength(2);
  });

  test('has no group loop when the extent is below four', () => {
    const short = vectorize(scale(constant(3)), 4);
    expect(exprs(short).every((expr) => expr.lanes === 1)).toBe(true);
    expect(loops(short)).toHaveLength(1);
  });

  test('loads and stores vectors', () => {
    const [group] = loops(vectorize(scale(n), 4));
    expect(group!.body).toEqual([
      expect.objectContaining({ kind: 'store', value: expect.objectContaining({ lanes: 4 }) }),
    ]);
  });

  test('leaves no vector loops for any number of lanes', () => {
    for (const lanes of [1, 4] as const)
      expect(loops(vectorize(scale(n), lanes)).every((item) => item.mode === 'serial')).toBe(true);
  });
});

describe('indices', () => {
  const gather = (index: Dim): Kernel =>
    kernel(
      [input('x'), output('y')],
      ['n', 'm'],
      [{ variable: 'i', extent: m }],
      [loop('v', n, 'vector', [store('y', add(multiply(i, n), v), load('x', index, 'f32'))])],
    );

  test.each([
    ['consecutive', add(multiply(i, n), v)],
    ['strided', add(multiply(v, constant(3)), i)],
    ['strided by a symbol', add(multiply(v, m), i)],
    ['the same in all lanes', i],
    ['backwards', add(subtract(n, v), constant(-1))],
    ['divided', floorDiv(v, constant(3))],
    ['wrapped', modulo(add(v, i), constant(5))],
    ['of split heads', add(multiply(floorDiv(v, constant(8)), constant(3)), modulo(v, constant(8)))],
  ])('%s', (_, index) => {
    for (const count of COUNTS)
      expectSame(gather(index), { x: numbers(200), y: new Float32Array(3 * count) }, { n: count, m: 3 });
  });

  test('an index that splits an axis at a multiple of four is still consecutive', () => {
    const index = add(multiply(floorDiv(v, constant(8)), n), modulo(v, constant(8)));
    const [group] = loops(vectorize(gather(index), 4));
    expect(group!.body).toMatchObject([{ kind: 'store', value: { kind: 'load', lanes: 4 } }]);
  });

  test('an index loaded in the loop gives each lane its own', () => {
    const gatherRows = kernel(
      [input('ids', 'i32'), input('x'), output('y'), output('z')],
      ['n'],
      [],
      [
        loop('v', n, 'vector', [
          letBe('id', load('ids', v, 'i32')),
          letBe('next', binary('add', variable('id', 'i32'), literal(1, 'i32'))),
          store('y', v, load('x', multiply(symbol('next'), constant(2)), 'f32')),
          store('z', v, convert(binary('add', variable('id', 'i32'), position(symbol('next'))), 'f32')),
        ]),
      ],
    );
    for (const count of COUNTS) {
      const ids = Int32Array.from({ length: count }, (_, at) => (at * 5) % 7);
      expectSame(
        gatherRows,
        { ids, x: numbers(20), y: new Float32Array(count), z: new Float32Array(count) },
        { n: count },
      );
    }
  });

  test('a store to other than consecutive places goes lane by lane', () => {
    const transpose = kernel(
      [input('x'), output('y')],
      ['n', 'm'],
      [{ variable: 'i', extent: m }],
      [loop('v', n, 'vector', [store('y', add(multiply(v, m), i), load('x', add(multiply(i, n), v), 'f32'))])],
    );
    for (const count of COUNTS)
      expectSame(transpose, { x: numbers(3 * count), y: new Float32Array(3 * count) }, { n: count, m: 3 });
  });

  test('positions count through the lanes', () => {
    const iota = kernel(
      [output('y', 'i32')],
      ['n'],
      [],
      [loop('v', n, 'vector', [store('y', v, position(add(multiply(v, constant(3)), n)))])],
    );
    for (const count of COUNTS) expectSame(iota, { y: new Int32Array(count) }, { n: count });
  });
});

describe('reductions', () => {
  test.each([
    ['add', 0],
    ['mul', 1],
    ['min', Infinity],
    ['max', -Infinity],
  ] as const)('%s', (op, first) => {
    const total = kernel(
      [input('x'), output('y')],
      ['n'],
      [],
      [
        declare('acc', literal(first)),
        loop('v', n, 'vector', [reduce('acc', op, load('x', v, 'f32'))]),
        store('y', constant(0), variable('acc', 'f32')),
      ],
    );
    for (const count of COUNTS) expectSame(total, { x: numbers(count), y: new Float32Array(1) }, { n: count });
  });

  test('over many elements keep several sums apart', () => {
    const total = (count: number): Kernel =>
      kernel(
        [input('x'), output('y')],
        [],
        [],
        [
          declare('acc', zero),
          loop('v', constant(count), 'vector', [
            letBe('a', load('x', v, 'f32')),
            reduce('acc', 'add', binary('mul', variable('a', 'f32'), variable('a', 'f32'))),
          ]),
          store('y', constant(0), variable('acc', 'f32')),
        ],
      );
    for (const [count, sums] of [
      [32, 4],
      [24, 2],
      [12, 1],
      [20, 2],
      [35, 4],
      [52, 4],
    ] as const) {
      const { body } = vectorize(total(count), 4);
      expect(body.filter((item) => item.kind === 'declare' && item.value.lanes === 4)).toHaveLength(sums);
      expectSame(total(count), { x: numbers(count), y: new Float32Array(1) }, {});
    }
  });

  test('two at once, one of them inside a branch', () => {
    const both = kernel(
      [input('x'), output('y')],
      ['n'],
      [],
      [
        declare('sum', zero),
        declare('most', literal(-100)),
        loop('v', n, 'vector', [
          letBe('a', load('x', v, 'f32')),
          reduce('sum', 'add', variable('a', 'f32')),
          when(compare('gt', position(n), literal(4, 'i32')), [reduce('most', 'max', variable('a', 'f32'))]),
        ]),
        store('y', constant(0), variable('sum', 'f32')),
        store('y', constant(1), variable('most', 'f32')),
      ],
    );
    for (const count of COUNTS) expectSame(both, { x: numbers(count), y: new Float32Array(2) }, { n: count });
  });

  test('of integers and flags', () => {
    const flags = kernel(
      [input('x', 'i32'), output('y', 'i32')],
      ['n'],
      [],
      [
        declare('most', literal(-(2 ** 31), 'i32')),
        declare('all', literal(1, 'bool')),
        loop('v', n, 'vector', [
          reduce('most', 'max', load('x', v, 'i32')),
          reduce('all', 'and', compare('ge', load('x', v, 'i32'), literal(-4, 'i32'))),
        ]),
        store('y', constant(0), variable('most', 'i32')),
        store('y', constant(1), convert(variable('all', 'bool'), 'i32')),
      ],
    );
    for (const count of COUNTS)
      expectSame(flags, { x: Int32Array.from(numbers(count)), y: new Int32Array(2) }, { n: count });
  });

  test('a running total read in the loop stays serial', () => {
    const prefix = kernel(
      [input('x'), output('y')],
      ['n'],
      [],
      [
        declare('acc', zero),
        loop('v', n, 'vector', [reduce('acc', 'add', load('x', v, 'f32')), store('y', v, variable('acc', 'f32'))]),
      ],
    );
    expect(exprs(vectorize(prefix, 4)).every((expr) => expr.lanes === 1)).toBe(true);
    expectSame(prefix, { x: numbers(9), y: new Float32Array(9) }, { n: 9 });
  });
});

describe('loops in loops', () => {
  const columnSums = kernel(
    [input('x'), output('y')],
    ['n', 'm'],
    [],
    [
      loop('v', n, 'vector', [
        declare('acc', zero),
        loop('k', m, 'serial', [
          assign('acc', binary('add', variable('acc', 'f32'), load('x', add(multiply(k, n), v), 'f32'))),
        ]),
        store('y', v, variable('acc', 'f32')),
      ]),
    ],
  );

  test('a reduction over an outer axis runs in lanes', () => {
    const [outer, inner] = loops(vectorize(columnSums, 4));
    expect(outer!.body[0]).toMatchObject({ kind: 'declare', value: { lanes: 4 } });
    expect(inner!.body).toMatchObject([
      { kind: 'assign', value: { kind: 'binary', right: { kind: 'load', lanes: 4 } } },
    ]);
    for (const count of COUNTS)
      expectSame(columnSums, { x: numbers(count * 5), y: new Float32Array(count) }, { n: count, m: 5 });
  });

  test('a triangle stays serial', () => {
    const triangle = kernel(
      [input('x'), output('y')],
      ['n'],
      [],
      [
        loop('v', n, 'vector', [
          declare('acc', zero),
          loop('k', v, 'serial', [assign('acc', binary('add', variable('acc', 'f32'), load('x', k, 'f32')))]),
          store('y', v, variable('acc', 'f32')),
        ]),
      ],
    );
    expect(exprs(vectorize(triangle, 4)).every((expr) => expr.lanes === 1)).toBe(true);
    expectSame(triangle, { x: numbers(9), y: new Float32Array(9) }, { n: 9 });
  });

  test('the inner of two vector loops gets the lanes', () => {
    const nested = kernel(
      [input('x'), output('y')],
      ['n', 'm'],
      [],
      [
        loop('i', m, 'vector', [
          loop('v', n, 'vector', [store('y', add(multiply(i, n), v), load('x', add(multiply(i, n), v), 'f32'))]),
        ]),
      ],
    );
    expect(loops(vectorize(nested, 4)).map((item) => item.variable)).toEqual(['i', 'v_g', 'v_r']);
    expectSame(nested, { x: numbers(27), y: new Float32Array(27) }, { n: 9, m: 3 });
  });

  test('branches on a lane stay serial', () => {
    const branching = kernel(
      [input('x'), output('y')],
      ['n'],
      [],
      [
        loop('v', n, 'vector', [
          when(compare('gt', load('x', v, 'f32'), zero), [store('y', v, load('x', v, 'f32'))], [store('y', v, zero)]),
        ]),
      ],
    );
    expectSame(branching, { x: numbers(9), y: new Float32Array(9) }, { n: 9 });
  });
});
