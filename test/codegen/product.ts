/** The kernel that decides the speed of everything: a matrix product in register tiles of 4 by 8. */
import { add, constant as c, floorDiv, multiply, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { binary, literal, load, splat, variable } from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel } from '../../src/compiler/kernel/ir.ts';
import { assign, buffer, constantly, declare, dim, kernel, loop, store } from './dsl.ts';

/**
 * The left operand row-major, the right one in panels of 8 columns, 4 rows at a time. Size `m` counts tiles of rows; `n` and
 * `k` are sizes too unless they are given.
 */
export function tiledProduct(columns?: number, inner?: number): Kernel {
  const n = dim(columns ?? symbol('n'));
  const k = dim(inner ?? symbol('k'));
  const [panel, tile, q] = ['panel', 'tile', 'q'].map((name) => symbol(name)) as [Dim, Dim, Dim];
  const cells = [0, 1, 2, 3].flatMap((row) => [0, 1].map((half) => ({ row, half, name: `sum${row}_${half}` })));
  const rowOf = (row: number): Dim => add(multiply(c(4), tile), c(row));
  const right = (half: number): Expr =>
    load('b', add(multiply(panel, k, c(8)), multiply(c(8), q), c(4 * half)), 'f32', 4);
  return kernel({
    name: 'product',
    buffers: [buffer('a'), buffer('b'), buffer('out')],
    sizes: ['m', ...(columns === undefined ? ['n'] : []), ...(inner === undefined ? ['k'] : [])],
    grid: [
      ['panel', floorDiv(n, c(8))],
      ['tile', symbol('m')],
    ],
    body: [
      ...cells.map(({ name }) => declare(name, splat(literal(0), 4))),
      loop('q', k, [
        constantly('b0', right(0)),
        constantly('b1', right(1)),
        ...cells.map(({ row, half, name }) => {
          const left = splat(load('a', add(multiply(rowOf(row), k), q), 'f32'), 4);
          const product = binary('mul', left, variable(`b${half}`, 'f32', 4));
          return assign(name, binary('add', variable(name, 'f32', 4), product));
        }),
      ]),
      ...cells.map(({ row, half, name }) =>
        store('out', add(multiply(rowOf(row), n), multiply(c(8), panel), c(4 * half)), variable(name, 'f32', 4)),
      ),
    ],
  });
}
