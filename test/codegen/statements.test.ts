/** Statements, loops and grids on every backend, against plain loops. */
import { describe, expect, it } from 'vitest';
import { add, constant, floorDiv, modulo, multiply, subtract, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  convert,
  literal,
  load,
  position,
  select,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr } from '../../src/compiler/kernel/ir.ts';
import { assign, buffer, constantly, declare, kernel, loop, store, when } from './dsl.ts';
import { describeGpu } from '../support/webgpu.ts';
import { addition } from './wide.ts';
import { execute, type Backend } from './harness.ts';

const BACKENDS: readonly Backend[] = ['wasm', 'js'];
const [i, j, n, m] = ['i', 'j', 'n', 'm'].map((name) => symbol(name)) as [Dim, Dim, Dim, Dim];
const c = constant;

function range(length: number, value: (at: number) => number = (at) => at + 1): number[] {
  return Array.from({ length }, (_, at) => value(at));
}
const zeros = (length: number): number[] => range(length, () => 0);

function statementTests(backend: Backend): void {
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

  it.each([6, 7, 9, 17])('takes %i operands, and results', async (operands) => {
    const tested = addition(operands);
    const value = (at: number, element: number): number => (at % 4 === 2 ? element % 2 : at + element);
    const inputs = range(operands, (at) => at).map((at) => [`x${at}`, range(3, (element) => value(at, element))]);
    const contents = { ...Object.fromEntries(inputs), any: zeros(3), sum: [0.5, 0.25, 0] };
    const { sum, any } = await execute(backend, tested, contents, { n: 3 });
    const total = (element: number): number => range(operands, (at) => value(at, element)).reduce((a, b) => a + b);
    expect(sum).toEqual([total(0) + 0.5, total(1) + 0.25, total(2)]);
    expect(any).toEqual([0, 1, 0]);
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
}

describe.each(BACKENDS)('%s', statementTests);
describeGpu('webgpu', () => {
  statementTests('webgpu');

  it('runs more workgroups than fit into one dimension', async () => {
    const [size, step] = [64 * 65535 + 70, 1 << 20];
    const isMarked = compare('eq', position(modulo(i, c(step))), literal(0, 'i32'));
    const at = floorDiv(i, c(step));
    const tested = kernel({
      buffers: [buffer('out', 'i32')],
      sizes: ['n'],
      grid: [['i', n]],
      body: [when(isMarked, [store('out', at, binary('add', load('out', at, 'i32'), position(i)))])],
    });
    const marks = range(Math.ceil(size / step), (mark) => mark * step);
    const last = when(compare('eq', position(i), position(subtract(n, c(1)))), [
      store('out', marks.length, position(i)),
    ]);
    const { out } = await execute(
      'webgpu',
      { ...tested, body: [...tested.body, last] },
      { out: zeros(marks.length + 1) },
      { n: size },
    );
    expect(out).toEqual([...marks, size - 1]);
  });
});
