import { describe, expect, test } from 'vitest';
import { constant, floorDiv, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, compare, literal, load, position, select, unary, variable } from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel } from '../../src/compiler/kernel/ir.ts';
import { vectorize } from '../../src/compiler/kernel/vectorize.ts';
import { COUNTS, expectSame, loops, numbers } from './lanes.ts';
import { input, kernel, letBe, loop, output, store, zero } from './support.ts';

const [n, m, v] = [symbol('n'), symbol('m'), symbol('v')];

describe('selects that guard loads', () => {
  const inRange = compare('lt', position(v), position(m));
  const within = (value: Expr): Kernel =>
    kernel([input('a'), input('b'), output('y')], ['n', 'm'], [], [loop('v', n, 'vector', [store('y', v, value)])]);
  const loadB = load('b', subtract(v, m), 'f32');

  test.each([
    ['a padded row', select(inRange, load('a', v, 'f32'), zero)],
    ['a concatenation', select(inRange, load('a', v, 'f32'), loadB)],
    ['work on the guarded value', select(inRange, unary('neg', binary('add', load('a', v, 'f32'), literal(1))), loadB)],
    [
      'a select in an arm',
      select(inRange, load('a', v, 'f32'), select(compare('ge', position(v), literal(6, 'i32')), loadB, zero)),
    ],
    [
      'a select of data in an arm',
      select(inRange, select(compare('gt', load('a', v, 'f32'), zero), load('a', v, 'f32'), zero), loadB),
    ],
    [
      'a condition that is the same in all lanes',
      select(compare('lt', position(n), position(m)), load('a', v, 'f32'), zero),
    ],
  ])('%s', (_, value) => {
    for (const count of COUNTS) {
      for (const seam of COUNTS.filter((at) => at <= count)) {
        const buffers = { a: numbers(seam), b: numbers(count - seam, 2), y: new Float32Array(count) };
        if (value.kind === 'select' && value.condition !== inRange) buffers.a = numbers(count);
        expectSame(within(value), buffers, { n: count, m: seam });
      }
    }
  });

  test('a condition that differs between groups only branches', () => {
    const grouped = within(
      select(compare('lt', position(floorDiv(v, constant(4))), position(m)), load('a', v, 'f32'), zero),
    );
    const [group] = loops(vectorize(grouped, 4));
    expect(group!.body).toContainEqual(expect.objectContaining({ kind: 'if', condition: variable('taken', 'bool') }));
    for (const count of COUNTS)
      expectSame(grouped, { a: numbers(4), b: numbers(0), y: new Float32Array(count) }, { n: count, m: 1 });
  });

  test('a condition on data alone selects between whole vectors', () => {
    const reluGradient = within(select(compare('gt', load('a', v, 'f32'), zero), load('b', v, 'f32'), zero));
    const [group] = loops(vectorize(reluGradient, 4));
    expect(group!.body).toMatchObject([{ kind: 'store', value: { kind: 'select', lanes: 4 } }]);
    for (const count of COUNTS)
      expectSame(
        reluGradient,
        { a: numbers(count), b: numbers(count, 2), y: new Float32Array(count) },
        { n: count, m: 0 },
      );
  });

  test('a flag that says whether a loaded index is valid guards the load', () => {
    const optional = kernel(
      [input('ids', 'i32'), input('x'), output('y')],
      ['n'],
      [],
      [
        loop('v', n, 'vector', [
          letBe('id', load('ids', v, 'i32')),
          store(
            'y',
            v,
            select(compare('ge', variable('id', 'i32'), literal(0, 'i32')), load('x', symbol('id'), 'f32'), zero),
          ),
        ]),
      ],
    );
    for (const count of COUNTS) {
      const ids = Int32Array.from({ length: count }, (_, at) => (at % 3) - 1);
      expectSame(optional, { ids, x: numbers(2), y: new Float32Array(count) }, { n: count });
    }
  });
});
