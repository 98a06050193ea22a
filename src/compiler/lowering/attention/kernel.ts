/**
 * The streaming nest of attention. A grid point takes a few tiles of neighbouring queries one after the other and goes
 * over the keys in blocks: the scores of a block, then the softmax as far as it is known (the largest score and the sum
 * of the exponentials so far; Milakov and Gimelshein 2018), then the values by the exponentials onto the sums so far,
 * which shrink when a larger score turns up (Rabe and Staats 2021; Dao et al. 2022). Queries are lanes throughout.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  maximum,
  minimum,
  multiply,
  ONE,
  subtract,
  ZERO,
} from '../../dims/dim.ts';
import type { Bounds, Dim } from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import { binary, compare, literal, position, splat, variable } from '../../kernel/build.ts';
import type { Statement } from '../../kernel/ir.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { isMultiple } from '../contract/pack.ts';
import { KernelContext } from '../kernel-context.ts';
import type { LoweredKernel } from '../lowered-kernel.ts';
import { gridOver } from '../loops.ts';
import { openScope } from '../reader.ts';
import { scaleOf, type Attention } from './analyse.ts';
import { AttentionBuffers, type DenseRows } from './buffers.ts';
import { AttentionNest, type Block, type Place } from './nest.ts';
import { writeLogarithms, writeOutput } from './output.ts';
import { layoutOf } from './scratch.ts';
import { isMasked, larger, writeSoftmax } from './softmax.ts';
import { writeTile } from './tile.ts';

/** Keys whose scores are held at once where there are more: few enough for the first cache. */
const BLOCK = 96;
/** So many keys still make one block, which saves shrinking the sums. */
const WHOLE = 256;
/** The most tiles of queries that one grid point takes in turn, in the same scratch memory. */
const MOST_TILES = 4;
/** So many grid points are enough to share out. */
const ENOUGH_POINTS = 32;

export interface AttentionOptions {
  readonly name: string;
  readonly target: Target;
  readonly tile: Tile;
  readonly bounds: Bounds;
  readonly rows: DenseRows;
}

export function writeAttention(attention: Attention, options: AttentionOptions): LoweredKernel {
  return new AttentionKernel(attention, options).write();
}

class AttentionKernel {
  readonly #attention: Attention;
  readonly #options: AttentionOptions;
  readonly #context: KernelContext;
  /** The most keys of a block. */
  readonly #block: number;
  /** Tiles of queries of a grid point. */
  readonly #tiles: number;
  readonly #nest: AttentionNest;

  constructor(attention: Attention, options: AttentionOptions) {
    this.#attention = attention;
    this.#options = options;
    this.#context = new KernelContext(options.bounds);
    this.#block = blockOf(attention);
    const { columns } = options.tile;
    this.#tiles = tilesOf(attention, columns);
    const layout = layoutOf(attention, columns, constant(this.#block));
    const size = multiply(elementCount(this.#gridShape()), layout.size);
    const buffers = new AttentionBuffers(this.#context, attention, options.rows, size);
    const { lanes } = options.target;
    this.#nest = new AttentionNest({ attention, context: this.#context, buffers, layout, lanes, columns });
  }

  /** Batch, heads of keys, query heads of each, and groups of query tiles. */
  #gridShape(): readonly Dim[] {
    const { batch, keyHeads, group, queries } = this.#attention;
    const points = this.#ceiling(queries, this.#options.tile.columns * this.#tiles);
    return [...batch, keyHeads, group, points];
  }

  #ceiling(count: Dim, of: number): Dim {
    return floorDiv(add(count, constant(of - 1)), constant(of), this.#context.bounds);
  }

  write(): LoweredKernel {
    const { batch, group, queries } = this.#attention;
    const { columns } = this.#options.tile;
    const nest = this.#nest;
    const tiles = constant(this.#tiles);
    const shape = this.#gridShape();
    const { grid, index } = gridOver(this.#context, shape);
    const [keyHead, member, point] = index.slice(batch.length) as [Dim, Dim, Dim];
    const here = minimum(
      tiles,
      subtract(this.#ceiling(queries, columns), multiply(point, tiles)),
      this.#context.bounds,
    );
    const turn = this.#context.counter('t', tiles);
    const query = multiply(add(multiply(point, tiles), turn.at), constant(columns));
    const scope = openScope();
    const left = minimum(constant(columns), subtract(queries, query), this.#context.bounds);
    const place: Place = {
      batch: index.slice(0, batch.length),
      head: add(multiply(keyHead, group), member),
      keyHead,
      query,
      count: isMultiple(queries, columns) ? constant(columns) : nest.named(scope, left),
      start: nest.named(scope, multiply(linearize(index, shape), nest.layout.size)),
    };
    const body = [
      ...scope.statements,
      ...this.#loadQueries(place),
      ...this.#overKeys(place),
      ...writeOutput(nest, place),
      ...writeLogarithms(nest, place),
    ];
    const loop: Statement = { kind: 'loop', variable: turn.name, extent: here, mode: 'serial', body };
    return { kernel: this.#context.finish(this.#options.name, grid, [loop]), buffers: nest.buffers.uses };
  }

  /**
   * The queries in lanes, scaled. A lane without a query holds zeros: what becomes of it is never stored, but memory that
   * something else has left may be denormals, which are slow.
   */
  #loadQueries(place: Place): Statement[] {
    const { q, width, queries } = this.#attention;
    const { columns } = this.#options.tile;
    const nest = this.#nest;
    const scope = openScope();
    const factor = nest.let(scope, scaleOf(this.#attention));
    const copy = nest.loop('serial', place.count, (lane) => [
      nest.loop('vector', width, (column) => {
        const inner = openScope(scope);
        const index = [...place.batch, place.head, add(place.query, lane), column];
        const value = binary('mul', nest.buffers.before.read(q, index, inner), factor);
        return [...inner.statements, nest.store(add(nest.layout.query(place.start, column), lane), value)];
      }),
    ]);
    if (isMultiple(queries, columns)) return [...scope.statements, copy];
    const fill = nest.loop('serial', subtract(constant(columns), place.count), (lane) => [
      nest.loop('vector', width, (column) => [
        nest.store(add(nest.layout.query(place.start, column), place.count, lane), literal(0)),
      ]),
    ]);
    return [...scope.statements, copy, fill];
  }

  #overKeys(place: Place): Statement[] {
    const { keys, causal } = this.#attention;
    const { bounds } = this.#context;
    const nest = this.#nest;
    const scope = openScope();
    const end = causal ? minimum(keys, add(place.query, place.count), bounds) : keys;
    const seen = constantValue(end) === undefined ? nest.named(scope, end) : end;
    if (constantValue(keys) === this.#block)
      return [...scope.statements, ...this.#overBlock(place, { first: ZERO, count: seen, isOnly: true })];
    // Blocks of about one size: a last one with few keys would cost as much as a whole one.
    const blocks = this.#ceiling(seen, this.#block);
    const each = floorDiv(subtract(add(seen, blocks), ONE), maximum(blocks, ONE, bounds), bounds);
    const size = constantValue(each) === undefined ? nest.named(scope, each) : each;
    const loop = nest.loop('serial', blocks, (at) => {
      const inner = openScope(scope);
      const first = multiply(at, size);
      const rest = minimum(size, subtract(seen, first), bounds);
      const count = constantValue(rest) === undefined ? nest.named(inner, rest) : rest;
      return [...inner.statements, ...this.#overBlock(place, { first, count, isOnly: false })];
    });
    return [...scope.statements, ...this.#begin(place), loop];
  }

  /** Before the first of several blocks. */
  #begin({ start }: Place): Statement[] {
    const nest = this.#nest;
    const { columns } = this.#options.tile;
    return [
      nest.loop('vector', constant(columns), (lane) => [
        nest.store(add(nest.layout.largest(start), lane), literal(-Infinity)),
        nest.store(add(nest.layout.denominator(start), lane), literal(0)),
      ]),
      nest.loop('vector', multiply(this.#attention.depth, constant(columns)), (at) => [
        nest.store(add(nest.layout.sum(start, ZERO), at), literal(0)),
      ]),
    ];
  }

  #overBlock(place: Place, block: Block): Statement[] {
    return [
      ...this.#scores(place, block),
      writeSoftmax(this.#nest, place, block),
      ...this.#wholeTiles(this.#attention.depth, (row, height) => this.#sumTile(place, block, row, height)),
    ];
  }

  /** Scaled products of the keys of a block with all queries, and the largest of them unless masks follow. */
  #scores(place: Place, block: Block): Statement[] {
    const nest = this.#nest;
    const { lanes } = nest;
    const tile = (most: readonly string[]) => (row: Dim, height: number) =>
      this.#scoreTile(place, block, row, height, most);
    if (isMasked(this.#attention)) return this.#tilesOf(block.count, tile([]));
    const most = nest.vectors.map((offset) => {
      const before = nest.load(add(nest.layout.largest(place.start), constant(offset)), lanes);
      return {
        name: this.#context.fresh('most'),
        offset,
        first: block.isOnly ? splat(literal(-Infinity), lanes) : before,
      };
    });
    return [
      ...most.map(({ name, first }): Statement => ({ kind: 'declare', name, value: first })),
      ...this.#tilesOf(block.count, tile(most.map(({ name }) => name))),
      ...most.map(({ name, offset }) =>
        nest.store(add(nest.layout.found(place.start), constant(offset)), variable(name, 'f32', lanes)),
      ),
    ];
  }

  /** Whole tiles of rows, then one of what is left, whose height is known. */
  #wholeTiles(count: Dim, write: (row: Dim, height: number) => readonly Statement[]): Statement[] {
    const { rows } = this.#options.tile;
    const total = constantValue(count);
    if (total === undefined) return this.#tilesOneByOne(count, write);
    const tiles = Math.floor(total / rows);
    const rest = total - tiles * rows;
    return [
      ...(tiles > 0
        ? [this.#nest.loop('serial', constant(tiles), (at) => write(multiply(at, constant(rows)), rows))]
        : []),
      ...(rest > 0 ? write(constant(tiles * rows), rest) : []),
    ];
  }

  #tilesOneByOne(count: Dim, write: (row: Dim, height: number) => readonly Statement[]): Statement[] {
    const { rows } = this.#options.tile;
    const tiles = floorDiv(count, constant(rows), this.#context.bounds);
    const covered = multiply(tiles, constant(rows));
    return [
      this.#nest.loop('serial', tiles, (at) => write(multiply(at, constant(rows)), rows)),
      this.#nest.loop('serial', subtract(count, covered), (at) => write(add(covered, at), 1)),
    ];
  }

  /** Tiles of rows that may be computed twice: where the height of the last one is not known, it reaches back. */
  #tilesOf(count: Dim, write: (row: Dim, height: number) => readonly Statement[]): Statement[] {
    if (constantValue(count) !== undefined) return this.#wholeTiles(count, write);
    const { rows } = this.#options.tile;
    const last = subtract(count, constant(rows));
    const many = this.#nest.loop('serial', this.#ceiling(count, rows), (at) => {
      const scope = openScope();
      const row = this.#nest.named(scope, minimum(multiply(at, constant(rows)), last));
      return [...scope.statements, ...write(row, rows)];
    });
    const few = this.#nest.loop('serial', count, (at) => write(at, 1));
    const condition = compare('ge', position(count), literal(rows, 'i32'));
    return [{ kind: 'if', condition, then: [many], else: [few] }];
  }

  #scoreTile(place: Place, block: Block, row: Dim, height: number, most: readonly string[]): Statement[] {
    const nest = this.#nest;
    const { lanes } = nest;
    const { width } = this.#attention;
    // Of queries without elements, 1 / sqrt(0) still makes NaN of every score.
    const first = constantValue(width) === undefined ? binary('mul', literal(0), scaleOf(this.#attention)) : literal(0);
    return writeTile(nest, {
      height,
      count: width,
      row: (at, column, scope) => {
        const key = add(block.first, row, constant(at));
        return nest.buffers.key([...place.batch, place.keyHead, key, column], scope);
      },
      column: (column) => nest.layout.query(place.start, column),
      start: () => splat(first, lanes),
      result: (at) => nest.layout.score(place.start, add(row, constant(at))),
      after: (score, query) => {
        const name = most[query / lanes];
        if (name === undefined) return [];
        return [{ kind: 'assign', name, value: larger(score, variable(name, 'f32', lanes)) }];
      },
    });
  }

  /** Adds the values of the block, by their weights, to `height` columns of the sums from the `row`th on. */
  #sumTile(place: Place, block: Block, row: Dim, height: number): Statement[] {
    const nest = this.#nest;
    const { lanes } = nest;
    const sum = (at: number): Dim => nest.layout.sum(place.start, add(row, constant(at)));
    return writeTile(nest, {
      height,
      count: block.count,
      row: (at, key, scope) => {
        const index = [...place.batch, place.keyHead, add(block.first, key), add(row, constant(at))];
        return nest.buffers.value(index, scope);
      },
      column: (key) => nest.layout.score(place.start, key),
      start: (at, query) => {
        if (block.isOnly) return splat(literal(0), lanes);
        const before = nest.load(add(sum(at), constant(query)), lanes);
        return binary('mul', before, nest.load(add(nest.layout.correction(place.start), constant(query)), lanes));
      },
      result: sum,
    });
  }
}

/** The most keys of a block; all of them if their number is known and not large. */
function blockOf({ keys }: Attention): number {
  const total = constantValue(keys);
  if (total === undefined) return BLOCK;
  return Math.max(1, total <= WHOLE ? total : BLOCK);
}

/** Tiles of queries of a grid point: few enough that there are points to share out. */
function tilesOf({ keyHeads, group, queries }: Attention, columns: number): number {
  const tiles = constantValue(
    multiply(keyHeads, group, floorDiv(add(queries, constant(columns - 1)), constant(columns))),
  );
  if (tiles === undefined) return MOST_TILES;
  return Math.max(1, Math.min(MOST_TILES, Math.floor(tiles / ENOUGH_POINTS)));
}
