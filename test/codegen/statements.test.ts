/** Statements, loops, grids and addresses on every backend, against plain loops. */
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
import { assign, buffer, constantly, declare, kernel, loop, store, when } from './dsl.ts';
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
  it.each([0, 1, 3, 4, 5, 8, 9])('runs a loop of a symbolic number of iterations: %i', async (size) => {
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      sizes: ['n'],
      body: [loop('i', n, [store('out', i, binary('mul', load('x', i, 'f32'), literal(2)))])],
    });
    const x = range(size);
    const { out } = await execute(backend, tested, { x, out: zeros(size) }, { n: size });
    expect(out).toEqual(x.map((value) => 2 * value));
  });

  it('runs no iteration of an extent below zero', async () => {
    const tested = kernel({
      buffers: [buffer('out')],
      sizes: ['n'],
      body: [loop('i', subtract(n, c(3)), [store('out', i, literal(1))]), loop('j', -2, [store('out', j, literal(1))])],
    });
    expect(await execute(backend, tested, { out: [7] }, { n: 2 })).toEqual({ out: [7] });
  });

  it.each([
    [0, 3],
    [3, 0],
    [1, 1],
    [2, 5],
    [4, 3],
  ])('runs every point of a grid of %i by %i', async (rows, columns) => {
    const tested = kernel({
      buffers: [buffer('out', 'i32')],
      sizes: ['m', 'n'],
      grid: [
        ['i', m],
        ['j', n],
      ],
      body: [store('out', add(multiply(i, n), j), position(add(multiply(c(100), i), j)))],
    });
    const size = rows * columns;
    const { out } = await execute(backend, tested, { out: zeros(size) }, { m: rows, n: columns });
    expect(out).toEqual(range(size, (at) => 100 * Math.floor(at / columns) + (at % columns)));
  });

  it('keeps loops of one variable name apart', async () => {
    const count = (index: Dim): ReturnType<typeof loop> => loop('i', n, [store('out', index, position(i))]);
    const tested = kernel({ buffers: [buffer('out', 'i32')], sizes: ['n'], body: [count(i), count(add(i, n))] });
    const { out } = await execute(backend, tested, { out: zeros(6) }, { n: 3 });
    expect(out).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('accumulates in variables', async () => {
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      sizes: ['m', 'n'],
      grid: [['i', m]],
      body: [
        declare('sum', literal(0)),
        declare('most', literal(-Infinity)),
        declare('any', literal(0, 'bool')),
        loop('j', n, [
          constantly('v', load('x', add(multiply(i, n), j), 'f32')),
          assign('sum', binary('add', variable('sum', 'f32'), variable('v', 'f32'))),
          assign('most', binary('max', variable('most', 'f32'), variable('v', 'f32'))),
          assign('any', binary('or', variable('any', 'bool'), compare('gt', variable('v', 'f32'), literal(5)))),
        ]),
        store('out', multiply(i, c(3)), variable('sum', 'f32')),
        store('out', add(multiply(i, c(3)), c(1)), variable('most', 'f32')),
        store('out', add(multiply(i, c(3)), c(2)), convert(variable('any', 'bool'), 'f32')),
      ],
    });
    const { out } = await execute(backend, tested, { x: [1, 5, 2, 4, 6, -1], out: zeros(6) }, { m: 2, n: 3 });
    expect(out).toEqual([8, 5, 0, 9, 6, 1]);
  });

  it('reads an extent and a row number from memory', async () => {
    const tested = kernel({
      buffers: [buffer('starts', 'i32'), buffer('rows', 'i32'), buffer('x'), buffer('out')],
      sizes: ['n'],
      grid: [['i', symbol('groups')]].slice(0, 0) as [],
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

  it('branches, and keeps what a branch computes inside it', async () => {
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      sizes: ['n'],
      body: [
        declare('count', literal(0, 'i32')),
        loop('i', n, [
          constantly('v', load('x', i, 'f32')),
          when(
            compare('lt', variable('v', 'f32'), literal(0)),
            [store('out', i, literal(-1))],
            [
              constantly('w', binary('mul', variable('v', 'f32'), variable('v', 'f32'))),
              store('out', i, variable('w', 'f32')),
              assign('count', binary('add', variable('count', 'i32'), literal(1, 'i32'))),
            ],
          ),
          when(compare('eq', variable('v', 'f32'), literal(3)), [store('out', i, literal(33))]),
        ]),
        store('out', n, convert(variable('count', 'i32'), 'f32')),
      ],
    });
    const { out } = await execute(backend, tested, { x: [-2, 2, 3, -1, 0], out: zeros(6) }, { n: 5 });
    expect(out).toEqual([-1, 4, 33, -1, 0, 3]);
  });

  it('evaluates a shared part once before and again after a variable changes', async () => {
    const shared = binary('mul', variable('v', 'f32'), literal(3));
    const twice = binary('add', shared, shared);
    const tested = kernel({
      buffers: [buffer('out')],
      body: [
        declare('v', literal(1)),
        store('out', 0, twice),
        assign('v', twice),
        store('out', 1, twice),
        when(compare('gt', twice, literal(0)), [assign('v', literal(10)), store('out', 2, twice)]),
        store('out', 3, shared),
      ],
    });
    expect((await execute(backend, tested, { out: zeros(4) }))['out']).toEqual([6, 36, 60, 30]);
  });

  it('reads only the arm taken, with parts shared inside, between and outside arms', async () => {
    // Element 1e6 does not exist: reading it stops wasm, and makes NaN in JavaScript.
    const missing = load('x', c(1 << 28), 'f32');
    const both = binary('add', load('x', c(0), 'f32'), literal(1));
    const inner = binary('mul', load('x', c(1), 'f32'), literal(2));
    const isTrue = compare('gt', load('x', c(0), 'f32'), literal(0));
    const chosen = select(
      isTrue,
      binary('add', binary('mul', both, both), binary('mul', inner, inner)),
      binary('mul', both, missing),
    );
    const nested = select(
      compare('lt', chosen, literal(0)),
      missing,
      select(isTrue, binary('add', chosen, chosen), missing),
    );
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      body: [store('out', 0, nested), store('out', 1, binary('add', inner, chosen))],
    });
    const { out } = await execute(backend, tested, { x: [2, 5], out: zeros(2) });
    const value = 3 * 3 + 10 * 10;
    expect(out).toEqual([2 * value, 10 + value]);
  });

  it('does not repeat work in a long chain of shared guarded parts', async () => {
    let value: Expr = load('x', c(0), 'f32');
    for (let depth = 0; depth < 60; depth++) {
      const doubled = binary('mul', value, literal(0.5));
      const guard = compare('gt', load('x', c(1), 'f32'), literal(depth));
      value = select(guard, binary('add', doubled, value), binary('sub', value, doubled));
    }
    const tested = kernel({ buffers: [buffer('x'), buffer('out')], body: [store('out', 0, value)] });
    const { out } = await execute(backend, tested, { x: [1, 0.5], out: [0] });
    expect(out![0]).toBeCloseTo(1.5 * 0.5 ** 59, 25);
  });

  it('names things as JavaScript and Math do', async () => {
    const tested = kernel({
      name: 'a kernel: with */ odd\nname',
      buffers: [buffer('f32'), buffer('class', 'i32'), buffer('x.y')],
      sizes: ['Math', 'x_y'],
      body: [
        loop('k0', symbol('Math'), [
          constantly('await', load('class', symbol('k0'), 'i32')),
          store(
            'x.y',
            symbol('k0'),
            binary(
              'add',
              load('f32', symbol('k0'), 'f32'),
              convert(position(add(symbol('await'), symbol('x_y'))), 'f32'),
            ),
          ),
        ]),
      ],
    });
    const contents = { f32: [1, 2], class: [10, 20], 'x.y': [0, 0] };
    const result = await execute(backend, tested, contents, { Math: 2, x_y: 100 });
    expect(result['x.y']).toEqual([111, 122]);
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
