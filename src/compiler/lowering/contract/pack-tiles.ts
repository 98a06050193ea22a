/**
 * Copies a transposed left operand into the order in which a register tile reads it: `[batch][tile][summed][row]`. Its
 * rows are neighbours in memory already, so that what is copied are runs of them, and nothing is transposed.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  minimum,
  multiply,
  ONE,
  subtract,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { compare, position } from '../../kernel/build.ts';
import type { Statement } from '../../kernel/ir.ts';
import type { Tile } from '../../kernel/target.ts';
import { KernelContext } from '../kernel-context.ts';
import type { LoweredKernel, Scratch } from '../lowered-kernel.ts';
import { openScope } from '../reader.ts';
import { sizesOf, type Contraction } from './axes.ts';
import { isMultiple, operandReader, pieces, readLeft } from './pack.ts';

/** Tiles and summed positions that a grid point copies: whole cache lines of the operand, and few pages at once. */
const TILES = 8;
const DEPTH = 128;
/** Neighbours that are copied at once. */
const COPIED = 4;

/** Room for the copy, whatever the tile. */
export function tilesScratch(contraction: Contraction, tiles: readonly Tile[]): Scratch {
  const { axes, arithmetic } = contraction;
  const [batches, rows, depth] = [axes.batch, axes.rows, axes.summed].map((group) => elementCount(sizesOf(group)));
  const known = constantValue(rows!);
  const heights = tiles.map((tile) => tile.rows);
  const padded =
    known === undefined
      ? add(rows!, constant(Math.max(...heights) - 1))
      : constant(Math.max(...heights.map((height) => Math.ceil(known / height) * height)));
  return { type: arithmetic.operand, size: multiply(batches!, padded, depth!) };
}

/** Where a row at a summed position lies in the copy for `tile`. */
export function placeInTiles(
  contraction: Contraction,
  tile: Tile,
  { batch, row, k }: { readonly batch: Dim; readonly row: Dim; readonly k: Dim },
): Dim {
  const { axes } = contraction;
  const [rows, depth] = [axes.rows, axes.summed].map((group) => elementCount(sizesOf(group)));
  const height = constant(tile.rows);
  const number = add(multiply(batch, tileCount(rows!, tile)), floorDiv(row, height));
  const inTile = subtract(row, multiply(height, floorDiv(row, height)));
  return add(multiply(height, add(multiply(number, depth!), k)), inTile);
}

/** The kernel that fills `scratch` for `tile`. */
export function packTiles(
  contraction: Contraction,
  tile: Tile,
  scratch: Scratch,
  { name, bounds }: { readonly name: string; readonly bounds: Bounds },
): LoweredKernel {
  const { axes, region, left, arithmetic } = contraction;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, left, context);
  const output = context.buffer(arithmetic.operand, 'write');
  const [batches, rows, depth] = [axes.batch, axes.rows, axes.summed].map((group) => elementCount(sizesOf(group)));
  const batch = context.counter('g', batches!);
  const full = floorDiv(rows!, constant(tile.rows));
  const groups = floorDiv(add(tileCount(rows!, tile), constant(TILES - 1)), constant(TILES));
  const [group, inGroup] = [context.counter('t', groups), context.counter('t', constant(TILES))];
  const k = pieces(context, 'k', depth!, DEPTH);
  /** Copies `count` rows from `first` on. */
  const copy = (first: Dim, count: Dim, most: number): Statement => {
    const r = context.counter('r', constant(most));
    const row = add(first, r.at);
    const scope = openScope();
    const value = readLeft(contraction, reader, { batch: batch.at, row, summed: [k.at] }, scope, context);
    const index = placeInTiles(contraction, tile, { batch: batch.at, row, k: k.at });
    scope.statements.push({ kind: 'store', buffer: output.name, index, value });
    return { kind: 'loop', variable: r.name, extent: count, mode: 'vector', body: scope.statements };
  };
  const first = multiply(group.at, constant(TILES));
  const start = multiply(add(first, inGroup.at), constant(tile.rows));
  const whole = runsOf(tile.rows).map(([from, count]) => copy(add(start, constant(from)), constant(count), count));
  // A last group that only has the rows of a partial tile has no whole one.
  const isFull = isMultiple(full, TILES) && isMultiple(rows!, tile.rows);
  const extent = isFull ? constant(TILES) : minimum(constant(TILES), subtract(full, first));
  const body = [k.loop([{ kind: 'loop', variable: inGroup.name, extent, mode: 'serial', body: whole }])];
  if (!isMultiple(rows!, tile.rows)) {
    const end = multiply(full, constant(tile.rows));
    const rest = k.loop([copy(end, subtract(rows!, end), tile.rows - 1)]);
    const isLast = compare('eq', position(group.at), position(subtract(groups, ONE)));
    body.push({ kind: 'if', condition: isLast, then: [rest], else: [] });
  }
  const grid = [{ variable: batch.name, extent: batches! }, { variable: group.name, extent: groups }, ...k.grid];
  const kernel = context.finish(name, grid, body);
  return { kernel, buffers: [...uses, { kind: 'scratch', scratch }] };
}

function tileCount(rows: Dim, tile: Tile): Dim {
  return floorDiv(add(rows, constant(tile.rows - 1)), constant(tile.rows));
}

/** Runs `[start, count]` that cover a tile's rows; the last two may overlap, rather than leave single elements. */
function runsOf(rows: number): readonly (readonly [number, number])[] {
  if (rows < COPIED) return [[0, rows]];
  const count = Math.ceil(rows / COPIED);
  return Array.from({ length: count }, (_, at) => [Math.min(at * COPIED, rows - COPIED), COPIED] as const);
}
