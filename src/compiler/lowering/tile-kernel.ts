/** A kernel that does nothing but fill register tiles, to tell how fast an engine can: its operands stay in the nearest cache. */
import { add, constant, multiply, symbol, type Dim } from '../dims/dim.ts';
import { dot4, literal, load, multiplyAdd, splat, variable } from '../kernel/build.ts';
import type { Expr, Kernel, Lanes, Statement } from '../kernel/ir.ts';
import type { Tile } from '../kernel/target.ts';

export interface TileKernelSize {
  /** Steps of the summed axis, a multiple of each tile's `unroll`. */
  readonly depth: number;
  /** Tiles that one call fills. */
  readonly count: number;
}

/** What a tile computes with: numbers, or words of four bytes. */
export interface TileArithmetic {
  readonly type: 'f32' | 'i32';
  readonly step: (left: Expr, right: Expr, sum: Expr) => Expr;
}

const FLOATS: TileArithmetic = { type: 'f32', step: multiplyAdd };
export const BYTES: TileArithmetic = { type: 'i32', step: (left, right, sum) => dot4(right, left, sum) };

/**
 * A point of the grid multiplies `rows` rows with a panel as wide as the tile, both the same for all points. The first
 * buffer has `depth` · (rows + columns) elements, the second `count` tiles.
 */
export function tileKernel(
  { rows, columns, unroll }: Tile,
  lanes: Lanes,
  { depth, count }: TileKernelSize,
  { type, step: accumulate }: TileArithmetic = FLOATS,
): Kernel {
  const vectors = columns / lanes;
  const point = symbol('point');
  const k = add(multiply(symbol('round'), constant(unroll)), symbol('u'));
  const cells = range(rows).flatMap((row) => range(vectors).map((vector) => `c${row}_${vector}`));
  const rowStart = constant(depth * columns);
  const step: Statement[] = [
    ...range(vectors).map((vector): Statement => ({
      kind: 'let',
      name: `b${vector}`,
      value: load('operands', add(multiply(k, constant(columns)), constant(vector * lanes)), type, lanes),
    })),
    // An element of the left operand lives for as long as its row takes: registers are scarce.
    ...range(rows).flatMap((row): Statement[] => [
      {
        kind: 'let',
        name: `a${row}`,
        value: splat(load('operands', add(rowStart, constant(row * depth), k), type), lanes),
      },
      ...range(vectors).map((vector): Statement => {
        const [left, right, cell] = [`a${row}`, `b${vector}`, `c${row}_${vector}`].map((name) =>
          variable(name, type, lanes),
        );
        return { kind: 'assign', name: `c${row}_${vector}`, value: accumulate(left!, right!, cell!) };
      }),
    ]),
  ];
  const place = (at: number): Dim => add(multiply(point, constant(rows * columns)), constant(at * lanes));
  return {
    name: `${type === 'f32' ? '' : 'byte_'}tile_${rows}x${columns}x${unroll}`,
    buffers: [
      { name: 'operands', type, access: 'read' },
      { name: 'tiles', type, access: 'write' },
    ],
    sizes: [],
    grid: [{ variable: 'point', extent: constant(count) }],
    body: [
      ...cells.map((name): Statement => ({ kind: 'declare', name, value: splat(literal(0, type), lanes) })),
      {
        kind: 'loop',
        variable: 'round',
        extent: constant(depth / unroll),
        mode: 'serial',
        body: [{ kind: 'loop', variable: 'u', extent: constant(unroll), mode: 'unrolled', body: step }],
      },
      ...cells.map((name, at): Statement => ({
        kind: 'store',
        buffer: 'tiles',
        index: place(at),
        value: variable(name, type, lanes),
      })),
    ],
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}
