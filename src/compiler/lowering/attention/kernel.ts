/**
 * The streaming nest of attention. A grid point takes a few tiles of neighbouring queries one after the other and goes
 * over the keys in blocks: the scores of a block, then the softmax as far as it is known (the largest score and the sum
 * of the exponentials so far; Milakov and Gimelshein 2018), then the values by the exponentials onto the sums so far,
 * which shrink when a larger score turns up (Rabe and Staats 2021; Dao et al. 2022). Queries are lanes throughout.
 */
import { add, constant, constantValue, floorDiv, minimum, multiply, subtract, symbol, ZERO } from '../../dims/dim.ts';
import type { Bounds, Dim } from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import type { Value } from '../../ir/graph.ts';
import {
  binary,
  compare,
  convert,
  literal,
  load,
  position,
  select,
  splat,
  unary,
  variable,
} from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { isMultiple } from '../contract/pack.ts';
import { followTo } from '../followers.ts';
import { KernelContext } from '../kernel-context.ts';
import type { LoweredKernel } from '../lowered-kernel.ts';
import { gridOver } from '../loops.ts';
import { openScope, type ReadScope } from '../reader.ts';
import type { Attention } from './analyse.ts';
import { AttentionBuffers, type DenseRows } from './buffers.ts';
import { layoutOf, type Layout } from './scratch.ts';
import { writeTile } from './tile.ts';

/** Keys whose scores are held at once. */
const BLOCK = 32;
/** Tiles of queries that one grid point takes in turn, in the same scratch memory. */
const TILES = 4;

export interface AttentionOptions {
  readonly name: string;
  readonly target: Target;
  readonly bounds: Bounds;
  readonly rows: DenseRows;
}

export function writeAttention(attention: Attention, options: AttentionOptions): LoweredKernel {
  return new AttentionKernel(attention, options).write();
}

/** Where a tile of queries stands. */
interface Place {
  readonly batch: readonly Dim[];
  readonly head: Dim;
  readonly keyHead: Dim;
  /** The first query, and how many there are. */
  readonly query: Dim;
  readonly count: Dim;
  /** Of the grid point's scratch memory. */
  readonly start: Dim;
}

/** A block of keys. */
interface Block {
  readonly first: Dim;
  readonly count: Dim;
}

class AttentionKernel {
  readonly #attention: Attention;
  readonly #options: AttentionOptions;
  readonly #context: KernelContext;
  readonly #tile: Tile;
  readonly #block: number;
  readonly #layout: Layout;
  readonly #buffers: AttentionBuffers;

  constructor(attention: Attention, options: AttentionOptions) {
    this.#attention = attention;
    this.#options = options;
    this.#context = new KernelContext(options.bounds);
    [this.#tile] = options.target.tiles as [Tile];
    this.#block = Math.max(1, Math.min(BLOCK, constantValue(attention.keys) ?? BLOCK));
    this.#layout = layoutOf(attention, this.#tile.columns, constant(this.#block));
    const size = multiply(elementCount(this.#gridShape()), this.#layout.size);
    this.#buffers = new AttentionBuffers(this.#context, attention, options.rows, size);
  }

  /** Batch, heads of keys, query heads of each, and groups of query tiles. */
  #gridShape(): readonly Dim[] {
    const { batch, keyHeads, group, queries } = this.#attention;
    const points = this.#ceiling(queries, this.#tile.columns * TILES);
    return [...batch, keyHeads, group, points];
  }

  #ceiling(count: Dim, of: number): Dim {
    return floorDiv(add(count, constant(of - 1)), constant(of), this.#context.bounds);
  }

  write(): LoweredKernel {
    const { batch, group, queries } = this.#attention;
    const { columns } = this.#tile;
    const shape = this.#gridShape();
    const { grid, index } = gridOver(this.#context, shape);
    const [keyHead, member, point] = index.slice(batch.length) as [Dim, Dim, Dim];
    const here = minimum(
      constant(TILES),
      subtract(this.#ceiling(queries, columns), multiply(point, constant(TILES))),
      this.#context.bounds,
    );
    const turn = this.#context.counter('t', constant(TILES));
    const query = multiply(add(multiply(point, constant(TILES)), turn.at), constant(columns));
    const scope = openScope();
    const left = minimum(constant(columns), subtract(queries, query), this.#context.bounds);
    const place: Place = {
      batch: index.slice(0, batch.length),
      head: add(multiply(keyHead, group), member),
      keyHead,
      query,
      count: isMultiple(queries, columns) ? constant(columns) : this.#named(scope, left),
      start: this.#named(scope, multiply(linearize(index, shape), this.#layout.size)),
    };
    const body = [
      ...scope.statements,
      ...this.#loadQueries(place),
      ...this.#begin(place),
      ...this.#overKeys(place),
      ...this.#writeOutput(place),
      ...this.#writeLogarithms(place),
    ];
    const loop: Statement = { kind: 'loop', variable: turn.name, extent: here, mode: 'serial', body };
    return { kernel: this.#context.finish(this.#options.name, grid, [loop]), buffers: this.#buffers.uses };
  }

  #loop(mode: 'serial' | 'vector', extent: Dim, write: (at: Dim) => readonly Statement[]): Statement {
    const { name, at } = this.#context.counter('i', extent);
    return { kind: 'loop', variable: name, extent, mode, body: write(at) };
  }

  #load(index: Dim): Expr {
    return load(this.#buffers.scratch.name, index, 'f32');
  }

  #store(index: Dim, value: Expr): Statement {
    return { kind: 'store', buffer: this.#buffers.scratch.name, index, value };
  }

  #let(scope: ReadScope, value: Expr, prefix = 's'): Expr & { kind: 'variable' } {
    const name = this.#context.fresh(prefix);
    scope.statements.push({ kind: 'let', name, value });
    return { kind: 'variable', name, type: value.type, lanes: value.lanes };
  }

  /** A name for a position, so that what is counted from it reads short. */
  #named(scope: ReadScope, dim: Dim): Dim {
    return symbol(this.#let(scope, position(dim), 'n').name);
  }

  /**
   * The queries in lanes. What becomes of a lane without a query is never stored; it holds zeros because memory that
   * something else has left may be denormals, which are slow.
   */
  #loadQueries(place: Place): Statement[] {
    const { q, width, queries } = this.#attention;
    const { columns } = this.#tile;
    const copy = this.#loop('serial', place.count, (lane) => [
      this.#loop('vector', width, (column) => {
        const scope = openScope();
        const value = this.#buffers.before.read(q, [...place.batch, place.head, add(place.query, lane), column], scope);
        return [...scope.statements, this.#store(add(this.#layout.query(place.start, column), lane), value)];
      }),
    ]);
    if (isMultiple(queries, columns)) return [copy];
    const fill = this.#loop('serial', subtract(constant(columns), place.count), (lane) => [
      this.#loop('vector', width, (column) => [
        this.#store(add(this.#layout.query(place.start, column), place.count, lane), literal(0)),
      ]),
    ]);
    return [copy, fill];
  }

  #begin({ start }: Place): Statement[] {
    const { columns } = this.#tile;
    return [
      this.#loop('vector', constant(columns), (lane) => [
        this.#store(add(this.#layout.largest(start), lane), literal(-Infinity)),
        this.#store(add(this.#layout.denominator(start), lane), literal(0)),
        this.#store(add(this.#layout.correction(start), lane), literal(0)),
      ]),
      this.#loop('vector', multiply(this.#attention.depth, constant(columns)), (at) => [
        this.#store(add(this.#layout.sum(start, ZERO), at), literal(0)),
      ]),
    ];
  }

  #overKeys(place: Place): Statement[] {
    const { keys, causal, depth } = this.#attention;
    const { bounds } = this.#context;
    const seen = causal ? minimum(keys, add(place.query, place.count), bounds) : keys;
    const loop = this.#loop('serial', this.#ceiling(seen, this.#block), (at) => {
      const scope = openScope();
      const first = multiply(at, constant(this.#block));
      const count = minimum(constant(this.#block), subtract(seen, first), bounds);
      const block = { first, count: constantValue(count) === undefined ? this.#named(scope, count) : count };
      return [
        ...scope.statements,
        ...this.#byTileRows(block.count, (row, height) => this.#scoreTile(place, block, row, height)),
        this.#softmax(place, block),
        ...this.#byTileRows(depth, (row, height) => this.#sumTile(place, block, row, height)),
      ];
    });
    return [loop];
  }

  /** Whole tiles of rows, then the rows that are left one by one. */
  #byTileRows(count: Dim, write: (row: Dim, height: number) => readonly Statement[]): Statement[] {
    const { rows } = this.#tile;
    const tiles = floorDiv(count, constant(rows), this.#context.bounds);
    const covered = multiply(tiles, constant(rows));
    const whole = this.#loop('serial', tiles, (at) => write(multiply(at, constant(rows)), rows));
    if (isMultiple(count, rows)) return [whole];
    return [whole, this.#loop('serial', subtract(count, covered), (at) => write(add(covered, at), 1))];
  }

  /** Scaled products of `height` keys from the `row`th of the block on with all queries. */
  #scoreTile(place: Place, block: Block, row: Dim, height: number): Statement[] {
    const { width, scale } = this.#attention;
    const factor = scale === undefined ? inverseRoot(width) : literal(scale);
    return writeTile(this.#context, {
      ...this.#tileColumns(height),
      count: width,
      row: (at, column, scope) => {
        const key = add(block.first, row, constant(at));
        return this.#buffers.key([...place.batch, place.keyHead, key, column], scope);
      },
      column: (column) => this.#layout.query(place.start, column),
      start: () => splat(literal(0), this.#options.target.lanes),
      finish: (product) => (scale === 1 ? product : binary('mul', product, factor)),
      result: (at) => this.#layout.score(place.start, add(row, constant(at))),
    });
  }

  /** Adds the values of the block, by their weights, to `height` columns of the sums from the `row`th on. */
  #sumTile(place: Place, block: Block, row: Dim, height: number): Statement[] {
    const { lanes } = this.#options.target;
    const sum = (at: number): Dim => this.#layout.sum(place.start, add(row, constant(at)));
    return writeTile(this.#context, {
      ...this.#tileColumns(height),
      count: block.count,
      row: (at, key, scope) => {
        const index = [...place.batch, place.keyHead, add(block.first, key), add(row, constant(at))];
        return this.#buffers.value(index, scope);
      },
      column: (key) => this.#layout.score(place.start, key),
      start: (at, query) => {
        const before = load(this.#buffers.scratch.name, add(sum(at), constant(query)), 'f32', lanes);
        const correction = add(this.#layout.correction(place.start), constant(query));
        return binary('mul', before, load(this.#buffers.scratch.name, correction, 'f32', lanes));
      },
      finish: (found) => found,
      result: sum,
    });
  }

  #tileColumns(height: number) {
    const { lanes } = this.#options.target;
    return { height, columns: this.#tile.columns, lanes, scratch: this.#buffers.scratch.name };
  }

  /** Scores become exponentials, less the largest score so far; lanes are queries. */
  #softmax(place: Place, block: Block): Statement {
    const { start } = place;
    return this.#loop('vector', place.count, (lane) => {
      const scope = openScope();
      const most = this.#context.fresh('most');
      const mostSoFar = variable(most, 'f32');
      scope.statements.push({ kind: 'declare', name: most, value: this.#load(add(this.#layout.largest(start), lane)) });
      const before = this.#let(scope, mostSoFar);
      scope.statements.push(
        this.#loop('serial', block.count, (key) => {
          const inner = openScope(scope);
          const at = add(this.#layout.score(start, key), lane);
          const product = this.#let(inner, this.#load(at));
          const score = this.#masked(place, lane, add(block.first, key), product, inner);
          if (score !== product) inner.statements.push(this.#store(at, score));
          // A NaN need not get into the largest score: its exponential is NaN, and so is the sum of all.
          const larger = select(compare('gt', score, mostSoFar), score, mostSoFar);
          inner.statements.push({ kind: 'assign', name: most, value: larger });
          return inner.statements;
        }),
      );
      // While every key is masked there is nothing to subtract: -inf - -inf would make NaN of the zeros so far.
      const isNone = compare('eq', mostSoFar, literal(-Infinity));
      const shift = this.#let(scope, select(isNone, literal(0), mostSoFar));
      const correction = this.#let(scope, unary('exp', binary('sub', before, shift)));
      const sum = this.#context.fresh('sum');
      const sumSoFar = variable(sum, 'f32');
      const denominator = add(this.#layout.denominator(start), lane);
      scope.statements.push(
        { kind: 'declare', name: sum, value: binary('mul', this.#load(denominator), correction) },
        this.#loop('serial', block.count, (key) => {
          const inner = openScope(scope);
          const at = add(this.#layout.score(start, key), lane);
          const power = this.#let(inner, unary('exp', binary('sub', this.#load(at), shift)));
          inner.statements.push(this.#store(at, power));
          inner.statements.push({ kind: 'assign', name: sum, value: binary('add', sumSoFar, power) });
          return inner.statements;
        }),
        this.#store(denominator, sumSoFar),
        this.#store(add(this.#layout.largest(start), lane), mostSoFar),
        this.#store(add(this.#layout.correction(start), lane), correction),
      );
      return scope.statements;
    });
  }

  /** The score of a key, -inf where it is not seen. */
  #masked(place: Place, lane: Dim, key: Dim, score: Expr, scope: ReadScope): Expr {
    const { mask, causal } = this.#attention;
    const query = add(place.query, lane);
    const masked = mask ? this.#behindMask(score, mask, [...place.batch, place.head, query, key], scope) : score;
    if (!causal) return masked;
    const isSeen = compare('le', position(key), position(query));
    return this.#let(scope, select(isSeen, masked, literal(-Infinity)));
  }

  #behindMask(score: Expr, mask: Value, index: readonly Dim[], scope: ReadScope): Expr {
    const { shape, dtype } = mask.type;
    const own = index.slice(index.length - shape.length);
    const at = own.map((position, axis) => (constantValue(shape[axis]!) === 1 ? ZERO : position));
    // A let of its own: a mask that chooses where to load from must not be asked to guard the score.
    const element = this.#let(scope, this.#buffers.before.read(mask, at, scope));
    const masked = dtype === 'bool' ? select(element, score, literal(-Infinity)) : binary('add', score, element);
    return this.#let(scope, masked);
  }

  /** The sums by their denominators and what follows the attention, query by query. */
  #writeOutput(place: Place): Statement[] {
    const { final, node, region, depth, keys } = this.#attention;
    if (!final) return [];
    const output = this.#buffers.output(final);
    const { bounds } = this.#context;
    const write = this.#loop('serial', place.count, (lane) => {
      const outer = openScope();
      const denominator = this.#load(add(this.#layout.denominator(place.start), lane));
      // Without a key the sum of nothing is 0, where masking all of them gives NaN.
      const isNone = compare('eq', position(keys), literal(0, 'i32'));
      const divisor = this.#let(outer, select(isNone, literal(1), denominator));
      const columns = this.#loop('vector', depth, (column) => {
        const scope = openScope(outer);
        const sum = this.#load(add(this.#layout.sum(place.start, column), lane));
        const quotient = this.#let(scope, binary('div', sum, divisor));
        this.#buffers.after.sources.set(node.results[0]!, () => quotient);
        const from = [...place.batch, place.head, add(place.query, lane), column];
        const index = followTo(region, node.results[0]!, final, from, bounds);
        const value = this.#buffers.after.read(final, index, scope);
        const at = linearize(index, final.type.shape);
        return [...scope.statements, { kind: 'store', buffer: output, index: at, value }];
      });
      return [...outer.statements, columns];
    });
    return [write];
  }

  #writeLogarithms(place: Place): Statement[] {
    const { logSumExp } = this.#attention;
    if (!logSumExp) return [];
    const output = this.#buffers.output(logSumExp);
    const write = this.#loop('vector', place.count, (lane) => {
      const largest = this.#load(add(this.#layout.largest(place.start), lane));
      const denominator = this.#load(add(this.#layout.denominator(place.start), lane));
      const index = linearize([...place.batch, place.head, add(place.query, lane)], logSumExp.type.shape);
      const value = binary('add', largest, unary('log', denominator));
      return [{ kind: 'store', buffer: output, index, value }];
    });
    return [write];
  }
}

/** 1 / sqrt(size) */
function inverseRoot(size: Dim): Expr {
  const value = constantValue(size);
  if (value !== undefined) return literal(1 / Math.sqrt(value));
  return binary('div', literal(1), unary('sqrt', convert(position(size), 'f32')));
}
