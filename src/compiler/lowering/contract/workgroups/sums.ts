/**
 * The sums of a tile: each invocation has those of some rows by four columns in registers. Chunks of both operands are
 * brought into workgroup memory, one after the other; of their steps, every part of the workgroup takes each `parts`-th.
 */
import { add, constant, floorDiv, modulo, multiply, ZERO, type Dim } from '../../../dims/dim.ts';
import { binary, compare, lane, literal, load, position, splat, variable } from '../../../kernel/build.ts';
import type { Expr, Statement } from '../../../kernel/ir.ts';
import type { KernelContext } from '../../kernel-context.ts';
import type { Contraction } from '../axes.ts';
import { range } from '../tile.ts';
import type { Slab, Stretch } from './slab.ts';
import { invocationsOf, QUAD, type GroupTile } from './tiling.ts';

/** Where an invocation is in its workgroup: which rows and columns are its own, and which part of the sums. */
export interface Seat {
  readonly before: readonly Statement[];
  /** Numbers of blocks of rows and of quads of columns. */
  readonly row: Dim;
  readonly column: Dim;
  readonly part: Dim;
}

export function seatOf(tile: GroupTile, invocation: Dim, context: KernelContext): Seat {
  const before: Statement[] = [];
  const take = (at: Dim, size: number): Dim => {
    if (size === 1) return ZERO;
    const name = context.integer(position(at), before);
    context.bounds.set(name.key, constant(size - 1));
    return name;
  };
  const [columns, rows] = [tile.columns / QUAD, tile.rows / tile.block];
  const column = take(modulo(invocation, constant(columns), context.bounds), columns);
  const line = floorDiv(invocation, constant(columns), context.bounds);
  const row = take(modulo(line, constant(rows), context.bounds), rows);
  const part = take(floorDiv(line, constant(rows), context.bounds), tile.parts);
  return { before, row, column, part };
}

/** What a tile multiplies: where its batches, sides and summed positions are. */
export interface TilePlace {
  readonly batch: { readonly left: Dim; readonly right: Dim; readonly result: Dim };
  readonly rows: Stretch;
  readonly columns: Stretch;
  readonly summed: Stretch;
  /** Chunks of summed positions. */
  readonly chunks: Dim;
}

export interface SumsOptions {
  readonly contraction: Contraction;
  readonly context: KernelContext;
  readonly tile: GroupTile;
  readonly seat: Seat;
  readonly left: Slab;
  readonly right: Slab;
}

export interface TileSums {
  readonly statements: readonly Statement[];
  /** For each of the invocation's rows the variable of its four sums. */
  readonly names: readonly string[];
}

export function sumTiles(options: SumsOptions, place: TilePlace): TileSums {
  const { contraction, context, tile, left, right } = options;
  const names = range(tile.block).map(() => context.fresh('acc'));
  const zero = splat(literal(0, contraction.arithmetic.sum), QUAD);
  const chunk = context.counter('c', place.chunks);
  const step = multiply(chunk.at, constant(tile.depth));
  const body: Statement[] = [
    ...left.fill(place.batch.left, place.rows, place.summed, step),
    ...right.fill(place.batch.right, place.columns, place.summed, step),
    { kind: 'barrier' },
    addChunk(options, names),
    { kind: 'barrier' },
  ];
  const declared = names.map((name): Statement => ({ kind: 'declare', name, value: zero }));
  return {
    statements: [...declared, { kind: 'loop', variable: chunk.name, extent: place.chunks, mode: 'serial', body }],
    names,
  };
}

/** The steps of a chunk that are the invocation's. */
function addChunk({ contraction, context, tile, seat, left, right }: SumsOptions, names: readonly string[]): Statement {
  const { operand, sum, step } = contraction.arithmetic;
  const rounds = constant(tile.depth / tile.parts);
  const round = context.counter('k', rounds);
  const k = add(multiply(round.at, constant(tile.parts)), seat.part);
  const body: Statement[] = [];
  const named = (prefix: string, value: Expr): Expr => {
    const name = context.fresh(prefix);
    body.push({ kind: 'let', name, value });
    return variable(name, operand, QUAD);
  };
  const row = multiply(seat.row, constant(tile.block));
  const columns = named('right', right.load(k, multiply(seat.column, constant(QUAD))));
  const rows = range(tile.block / QUAD).map((at) => named('left', left.load(k, add(row, constant(at * QUAD)))));
  names.forEach((name, r) => {
    const element = splat(lane(rows[Math.floor(r / QUAD)]!, r % QUAD), QUAD);
    body.push({ kind: 'assign', name, value: step(element, columns, variable(name, sum, QUAD)) });
  });
  return { kind: 'loop', variable: round.name, extent: rounds, mode: 'serial', body };
}

/** Elements of memory that the sums of all parts take. */
export function partsLength({ rows, columns, parts }: GroupTile): number {
  return parts === 1 ? 0 : rows * columns * parts;
}

/** Puts the sums of all parts into the memory, whose slabs nobody needs any more. */
export function parkParts({ tile, seat }: SumsOptions, memory: string, sums: readonly Expr[]): Statement[] {
  const row = multiply(seat.row, constant(tile.block));
  return [
    ...sums.map((value, r): Statement => {
      const index = placeOfQuad(tile, seat.part, add(row, constant(r)), seat.column);
      return { kind: 'store', buffer: memory, index, value };
    }),
    { kind: 'barrier' },
  ];
}

/** The sums of all parts for a row's quad, added in their order. */
export function sumOfParts(
  tile: GroupTile,
  memory: string,
  row: Dim,
  quad: Dim,
  { sum }: Contraction['arithmetic'],
): Expr {
  const parts = range(tile.parts).map((part) => load(memory, placeOfQuad(tile, constant(part), row, quad), sum, QUAD));
  return parts.reduce((total, part) => binary('add', total, part));
}

function placeOfQuad({ rows, columns }: GroupTile, part: Dim, row: Dim, quad: Dim): Dim {
  return add(multiply(add(multiply(part, constant(rows)), row), constant(columns)), multiply(quad, constant(QUAD)));
}

/** Rows and quads that an invocation finishes where parts were summed: by rounds over all of the tile. */
export function finishedQuads(
  tile: GroupTile,
  invocation: Dim,
  write: (row: Dim, quad: Dim) => readonly Statement[],
  context: KernelContext,
): Statement[] {
  const quads = tile.columns / QUAD;
  const units = tile.rows * quads;
  const invocations = invocationsOf(tile);
  return range(Math.ceil(units / invocations)).flatMap((round) => {
    const unit = add(constant(round * invocations), invocation);
    const row = floorDiv(unit, constant(quads), context.bounds);
    const quad = modulo(unit, constant(quads), context.bounds);
    const statements = [...write(row, quad)];
    if (units >= invocations) return statements;
    const condition = compare('lt', position(unit), literal(units, 'i32'));
    return [{ kind: 'if', condition, then: statements, else: [] }];
  });
}
