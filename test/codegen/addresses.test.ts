/** Indices of every form on every backend, against plain loops. */
import { describe, expect, it } from 'vitest';
import {
  add,
  constant,
  floorDiv,
  maximum,
  minimum,
  modulo,
  multiply,
  subtract,
  symbol,
  type Dim,
} from '../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  convert,
  literal,
  load,
  position,
  select,
  splat,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr } from '../../src/compiler/kernel/ir.ts';
import { buffer, constantly, kernel, loop, store, when } from './dsl.ts';
import { execute, type Backend } from './harness.ts';
import { tiledProduct } from './product.ts';

const BACKENDS: readonly Backend[] = ['wasm', 'js'];
const [i, j, k, n, m] = ['i', 'j', 'k', 'n', 'm'].map((name) => symbol(name)) as [Dim, Dim, Dim, Dim, Dim];
const c = constant;

function range(length: number, value: (at: number) => number = (at) => at + 1): number[] {
  return Array.from({ length }, (_, at) => value(at));
}
const zeros = (length: number): number[] => range(length, () => 0);

describe.each(BACKENDS)('%s', (backend) => {
  it('reads an extent and a row number from memory', async () => {
    const tested = kernel({
      buffers: [buffer('starts', 'i32'), buffer('rows', 'i32'), buffer('x'), buffer('out')],
      sizes: ['n'],
      body: [
        loop('i', 3, [
          constantly('from', load('starts', i, 'i32')),
          constantly('to', load('starts', add(i, c(1)), 'i32')),
          loop('k', subtract(symbol('to'), symbol('from')), [
            constantly('row', load('rows', add(symbol('from'), k), 'i32')),
            loop('j', n, [
              store(
                'out',
                add(multiply(add(symbol('from'), k), n), j),
                binary('add', load('x', add(multiply(symbol('row'), n), j), 'f32'), convert(position(i), 'f32')),
              ),
            ]),
          ]),
        ]),
      ],
    });
    const x = range(8, (at) => 10 * at);
    const contents = { starts: [0, 2, 2, 5], rows: [3, 0, 1, 1, 2], x, out: zeros(10) };
    const { out } = await execute(backend, tested, contents, { n: 2 });
    const groups = [0, 0, 2, 2, 2];
    expect(out).toEqual(
      [3, 0, 1, 1, 2].flatMap((row, at) => [x[2 * row]! + groups[at]!, x[2 * row + 1]! + groups[at]!]),
    );
  });

  it('gathers inside an innermost loop', async () => {
    const tested = kernel({
      buffers: [buffer('index', 'i32'), buffer('x'), buffer('out')],
      sizes: ['n'],
      body: [
        loop('i', n, [
          constantly('at', load('index', i, 'i32')),
          store('out', i, binary('sub', load('x', add(symbol('at'), c(1)), 'f32'), load('x', symbol('at'), 'f32'))),
        ]),
      ],
    });
    const x = [1, 4, 9, 16, 25];
    const { out } = await execute(backend, tested, { index: [3, 0, 2], x, out: zeros(3) }, { n: 3 });
    expect(out).toEqual([9, 3, 7]);
  });

  it.each([
    [1, 1],
    [3, 2],
    [5, 4],
  ])('reverses, transposes and strides (%i by %i)', async (rows, columns) => {
    const tested = kernel({
      buffers: [buffer('x'), buffer('reversed'), buffer('transposed'), buffer('every')],
      sizes: ['m', 'n'],
      body: [
        loop('i', m, [
          loop('j', n, [
            constantly('v', load('x', add(multiply(i, n), j), 'f32')),
            store('reversed', subtract(subtract(multiply(m, n), c(1)), add(multiply(i, n), j)), variable('v', 'f32')),
            store('transposed', add(multiply(j, m), i), variable('v', 'f32')),
            store('every', add(multiply(c(3), add(multiply(i, n), j)), c(1)), variable('v', 'f32')),
          ]),
        ]),
      ],
    });
    const size = rows * columns;
    const x = range(size);
    const contents = { x, reversed: zeros(size), transposed: zeros(size), every: zeros(3 * size) };
    const result = await execute(backend, tested, contents, { m: rows, n: columns });
    expect(result['reversed']).toEqual(x.toReversed());
    expect(result['transposed']).toEqual(range(size, (at) => x[(at % rows) * columns + Math.floor(at / rows)]!));
    expect(result['every']).toEqual(range(3 * size, (at) => (at % 3 === 1 ? x[Math.floor(at / 3)]! : 0)));
  });

  it('divides, wraps and clips positions', async () => {
    const tested = kernel({
      buffers: [buffer('out', 'i32')],
      sizes: ['n', 'd'],
      body: [
        loop('i', n, [
          store('out', multiply(c(8), i), position(floorDiv(i, c(3)))),
          store('out', add(multiply(c(8), i), c(1)), position(modulo(i, c(3)))),
          store('out', add(multiply(c(8), i), c(2)), position(floorDiv(subtract(i, c(4)), c(3)))),
          store('out', add(multiply(c(8), i), c(3)), position(floorDiv(subtract(i, c(4)), c(4)))),
          store('out', add(multiply(c(8), i), c(4)), position(floorDiv(i, symbol('d')))),
          store('out', add(multiply(c(8), i), c(5)), position(modulo(subtract(i, c(5)), symbol('d')))),
          store('out', add(multiply(c(8), i), c(6)), position(minimum(i, symbol('d')))),
          store('out', add(multiply(c(8), i), c(7)), position(maximum(subtract(i, c(2)), subtract(symbol('d'), i)))),
        ]),
      ],
    });
    const { out } = await execute(backend, tested, { out: zeros(80) }, { n: 10, d: 3 });
    const floor = Math.floor;
    const row = (at: number): number[] => [
      floor(at / 3),
      at % 3,
      floor((at - 4) / 3),
      floor((at - 4) / 4),
      floor(at / 3),
      at - 5 - 3 * floor((at - 5) / 3),
      Math.min(at, 3),
      Math.max(at - 2, 3 - at),
    ];
    expect(out).toEqual(range(10).flatMap((_, at) => row(at)));
  });

  it('wraps positions around inside an index', async () => {
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      sizes: ['n', 'd'],
      body: [
        loop('i', n, [
          constantly('a', load('x', modulo(i, symbol('d')), 'f32')),
          constantly('b', load('x', add(modulo(i, symbol('d')), c(1)), 'f32')),
          constantly('q', load('x', add(floorDiv(i, c(2)), multiply(c(1), symbol('d'))), 'f32')),
          store(
            'out',
            i,
            binary('add', binary('mul', variable('a', 'f32'), variable('b', 'f32')), variable('q', 'f32')),
          ),
        ]),
      ],
    });
    const x = range(12, (at) => at * at);
    const { out } = await execute(backend, tested, { x, out: zeros(9) }, { n: 9, d: 4 });
    expect(out).toEqual(range(9, (at) => x[at % 4]! * x[(at % 4) + 1]! + x[Math.floor(at / 2) + 4]!));
  });

  it('pads at the borders, close to the start of memory', async () => {
    // A 3x3 neighbourhood sum: the constants of the indices reach below the buffer, and only guards keep reads inside.
    const [h, w] = [4, 5];
    const inside = (at: Dim, size: number): Expr =>
      binary('and', compare('ge', position(at), literal(0, 'i32')), compare('lt', position(at), literal(size, 'i32')));
    const taps = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx] as const));
    const tap = ([dy, dx]: readonly [number, number]): Expr => {
      const [y, x] = [add(i, c(dy)), add(j, c(dx))];
      const guard = binary('and', inside(y, h), inside(x, w));
      return select(guard, load('x', add(multiply(y, c(w)), x), 'f32'), literal(0));
    };
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      body: [
        loop('i', h, [
          loop('j', w, [
            store(
              'out',
              add(multiply(i, c(w)), j),
              taps.map(tap).reduce((sum, each) => binary('add', sum, each)),
            ),
          ]),
        ]),
      ],
    });
    const x = range(h * w);
    const { out } = await execute(backend, tested, { x, out: zeros(h * w) });
    const at = (y: number, z: number): number => (y >= 0 && y < h && z >= 0 && z < w ? x[y * w + z]! : 0);
    const expected = range(h * w, (p) =>
      taps.reduce((sum, [dy, dx]) => sum + at(Math.floor(p / w) + dy, (p % w) + dx), 0),
    );
    expect(out).toEqual(expected);
  });

  it('reaches far below a position that is not the start of the buffer', async () => {
    // Only the guarded iteration reads at i - 100, whose address for smaller i would lie below address 0.
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      body: [
        loop('i', 102, [
          when(
            compare('ge', position(i), literal(100, 'i32')),
            [store('out', subtract(i, c(100)), load('x', subtract(i, c(100)), 'f32'))],
            [store('out', add(i, c(2)), load('x', add(i, c(1)), 'f32'))],
          ),
        ]),
      ],
    });
    const x = range(102);
    const { out } = await execute(backend, tested, { x, out: zeros(102) });
    expect(out).toEqual([1, 2, ...range(100, (at) => x[at + 1]!)]);
  });

  it('counts an index down from a constant', async () => {
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      body: [loop('i', 60, [store('out', i, load('x', subtract(c(59), i), 'f32'))])],
    });
    const x = range(60);
    expect((await execute(backend, tested, { x, out: zeros(60) }))['out']).toEqual(x.toReversed());
  });
});

describe('wasm vectors', () => {
  it.each([0, 1, 3, 4, 5, 7, 8, 9, 12, 13])('runs vectors and a scalar tail over %i elements', async (size) => {
    const body = (index: Dim, lanes: 1 | 4): ReturnType<typeof store> => {
      const x = load('x', index, 'f32', lanes);
      return store(
        'out',
        index,
        select(compare('lt', x, splat(literal(0), lanes)), binary('mul', x, splat(literal(0.5), lanes)), x),
      );
    };
    const whole = floorDiv(n, c(4));
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      sizes: ['n'],
      body: [
        loop('i', whole, [body(multiply(c(4), i), 4)]),
        loop('j', subtract(n, multiply(c(4), whole)), [body(add(multiply(c(4), whole), j), 1)]),
      ],
    });
    const x = range(size, (at) => (at % 3) - 1);
    const { out } = await execute('wasm', tested, { x, out: zeros(size) }, { n: size });
    expect(out).toEqual(x.map((value) => (value < 0 ? 0.5 * value : value)));
  });

  it.each([
    [4, 8, 3],
    [8, 16, 1],
    [4, 24, 17],
  ])('multiplies matrices in register tiles: %i by %i, inner %i', async (rows, columns, inner) => {
    const product = tiledProduct();
    const a = range(rows * inner, (at) => (at % 7) - 3);
    const b = range(inner * columns, (at) => (at % 5) - 2);
    const packed = zeros(inner * columns);
    for (let q = 0; q < inner; q++)
      for (let column = 0; column < columns; column++)
        packed[(Math.floor(column / 8) * inner + q) * 8 + (column % 8)] = b[q * columns + column]!;
    const sizes = { m: rows / 4, n: columns, k: inner };
    const { out } = await execute('wasm', product, { a, b: packed, out: zeros(rows * columns) }, sizes);
    const expected = range(rows * columns, (at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      return range(inner).reduce((sum, _, q) => sum + a[row * inner + q]! * b[q * columns + column]!, 0);
    });
    expect(out).toEqual(expected);
  });
});
