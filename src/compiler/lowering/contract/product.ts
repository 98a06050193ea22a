/** The register-tiled product itself: a point of its grid computes a block of rows by a group of panels. */
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
import { elementCount } from '../../dims/shape.ts';
import type { Value } from '../../ir/graph.ts';
import { compare, position } from '../../kernel/build.ts';
import type { GridAxis, Statement } from '../../kernel/ir.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { parametersAfter } from '../followers.ts';
import { KernelContext, type BufferSlot } from '../kernel-context.ts';
import type { BufferUse, LoweredKernel, Scratch } from '../lowered-kernel.ts';
import { RegionReader } from '../reader.ts';
import { sizesOf, type Contraction } from './axes.ts';
import { blockingOf, type Blocking } from './blocking.ts';
import { Epilogue, type Area } from './epilogue.ts';
import { Groups } from './groups.ts';
import { hasSteadyRows } from './left.ts';
import { isMultiple, parametersBehind } from './pack.ts';
import { atMost, neighbours, ProductTiles, type LeftSource, type Place } from './product-tiles.ts';

export interface ProductOptions {
  readonly tile: Tile;
  readonly target: Target;
  readonly name: string;
  readonly bounds: Bounds;
  readonly panels: Scratch;
  /** Absent: the left operand is read where it lies. */
  readonly copy?: LeftCopy;
}

/** The left operand copied: as `[batch][row][summed]`, or as `packTiles` writes it. */
export interface LeftCopy {
  readonly scratch: Scratch;
  readonly order: 'rows' | 'tiles';
}

/** Buffers: left, panels, what follows the product reads, the offsets of groups, the result. */
export function writeProduct(contraction: Contraction, options: ProductOptions): LoweredKernel {
  return new Product(contraction, options).write();
}

/** Where a grid point stands: batch, group of panels and block of rows, as numbers. */
interface Point {
  readonly batch: Dim;
  readonly group: Dim;
  readonly block: Dim;
}

class Product {
  readonly #contraction: Contraction;
  readonly #options: ProductOptions;
  readonly #blocking: Blocking;
  readonly #context: KernelContext;
  readonly #uses: BufferUse[] = [];
  readonly #tiles: ProductTiles;
  readonly #epilogue: Epilogue;
  readonly #groups: Groups | undefined;
  readonly #rows: Dim;
  readonly #columns: Dim;
  /** Whether a tile may go on beyond the last row: where rows lie anywhere, each has to be found on its own anyway. */
  readonly #overshoots: boolean;

  constructor(contraction: Contraction, options: ProductOptions) {
    const { region, axes, arithmetic, grouping } = contraction;
    const { tile, target } = options;
    this.#contraction = contraction;
    this.#options = options;
    const blocking = blockingOf(contraction, tile);
    this.#blocking = blocking;
    const context = new KernelContext(options.bounds);
    this.#context = context;
    const slotOf = this.#slots();
    const left = this.#leftSource(slotOf);
    const panels = context.buffer(arithmetic.operand, 'read').name;
    this.#uses.push({ kind: 'scratch', scratch: options.panels });
    const after = new RegionReader(region, context);
    for (const value of parametersAfter(contraction)) after.loadFrom(slotOf(value), value);
    if (grouping) {
      const reader = new RegionReader(region, context);
      for (const value of parametersBehind(region, grouping.offsets)) reader.loadFrom(slotOf(value), value);
      this.#groups = new Groups(contraction, grouping, context, reader);
    }
    const output = context.buffer(region.results[0]!.type.dtype, 'write');
    this.#uses.push({ kind: 'value', value: region.results[0]! });
    this.#epilogue = new Epilogue({ contraction, context, tile, target, after, output });
    this.#tiles = new ProductTiles({
      contraction,
      context,
      tile,
      target,
      blocking,
      left,
      panels,
      epilogue: this.#epilogue,
    });
    [this.#rows, this.#columns] = [elementCount(sizesOf(axes.rows)), elementCount(sizesOf(axes.columns))];
    const isKnown = constantValue(this.#rows) !== undefined || isMultiple(this.#rows, tile.rows);
    const isSteady = options.copy !== undefined || hasSteadyRows(contraction, options.bounds);
    this.#overshoots = !isSteady && (grouping?.of === 'rows' || !isKnown);
  }

  #leftSource(slotOf: (value: Value) => BufferSlot): LeftSource {
    const { region, left, arithmetic } = this.#contraction;
    const { copy } = this.#options;
    if (copy) {
      this.#uses.push({ kind: 'scratch', scratch: copy.scratch });
      return { order: copy.order, buffer: this.#context.buffer(arithmetic.operand, 'read').name };
    }
    const reader = new RegionReader(region, this.#context);
    for (const value of parametersBehind(region, left.value)) reader.loadFrom(slotOf(value), value);
    return { order: 'given', reader };
  }

  /** Gives each value that the kernel loads one buffer. */
  #slots(): (value: Value) => BufferSlot {
    const slots = new Map<Value, BufferSlot>();
    return (value) => {
      const known = slots.get(value);
      if (known) return known;
      const slot = this.#context.buffer(value.type.dtype, 'read');
      this.#uses.push({ kind: 'value', value });
      slots.set(value, slot);
      return slot;
    };
  }

  write(): LoweredKernel {
    const { groups, blocks, outer } = this.#blocking;
    const { axes, grouping } = this.#contraction;
    const grid: GridAxis[] = [];
    const axis = (prefix: string, extent: Dim): Dim => {
      if (constantValue(extent) === 1) return ZERO;
      const { name, at } = this.#context.counter(prefix, extent);
      grid.push({ variable: name, extent });
      return at;
    };
    const batch = axis('g', elementCount(sizesOf(axes.batch)));
    const first = outer === 'blocks' ? axis('t', blocks) : axis('p', groups);
    const second = outer === 'blocks' ? axis('p', groups) : axis('t', blocks);
    const [group, block] = outer === 'blocks' ? [second, first] : [first, second];
    const point = { batch, group, block };
    // Innermost, so that every piece of the grid has something of each group, however large that is.
    const body = grouping?.of === 'summed' ? this.#summedGroup(point, axis('e', grouping.groups)) : this.#point(point);
    const kernel = this.#context.finish(this.#options.name, grid, body);
    return { kernel, buffers: this.#uses };
  }

  #point(point: Point): Statement[] {
    const { batch, group } = point;
    if (this.#groups) return this.#groupsOfRows(point, this.#groups);
    return this.#rowsOf({ batch: { left: batch, right: batch, result: batch }, group }, point.block);
  }

  /** One group of what is summed. */
  #summedGroup({ batch, group, block }: Point, number: Dim): Statement[] {
    const { before, first, end } = this.#groups!.stretch(number);
    const result = add(multiply(number, elementCount(sizesOf(this.#contraction.axes.batch))), batch);
    const place = {
      batch: { left: batch, right: batch, result },
      group,
      summed: { first, count: subtract(end, first) },
    };
    return [...before, ...this.#rowsOf(place, block)];
  }

  /** The tiles of a block of rows. */
  #rowsOf(place: Place, block: Dim): Statement[] {
    const { rows } = this.#blocking;
    const statements = [...this.#fullTiles(place, block), ...this.#rest(place, block)];
    const row = multiply(block, constant(rows));
    return [...statements, ...this.#finish(place, row, atMost(rows, this.#rows, row, isMultiple(this.#rows, rows)))];
  }

  /** What becomes of the parked sums of some rows. */
  #finish(place: Place, row: Dim, rows: Dim): Statement[] {
    return this.#epilogue.isDeferred ? this.#epilogue.finish(this.#area(place, row, rows)) : [];
  }

  #area({ batch, group }: Place, row: Dim, rows: Dim): Area {
    const width = this.#blocking.panels * this.#options.tile.columns;
    const column = multiply(group, constant(width));
    const columns = atMost(width, this.#columns, column, isMultiple(this.#columns, width));
    return { batch: batch.result, row, rows, column, columns };
  }

  /** The block's tiles, panel by panel, so that a panel stays in the first-level cache. */
  #fullTiles(place: Place, block: Dim): Statement[] {
    const { rows } = this.#options.tile;
    const tiles = floorDiv(this.#overshoots ? add(this.#rows, constant(rows - 1)) : this.#rows, constant(rows));
    if (constantValue(tiles) === 0) return [];
    const most = this.#blocking.rows / rows;
    const first = multiply(block, constant(most));
    const row = (at: Dim): Dim => multiply(add(first, at), constant(rows));
    const last = subtract(this.#rows, constant(1));
    return this.#tiles.full(place, {
      // A block that is not full may have rows, but no tiles.
      extent: atMost(most, tiles, first, isMultiple(this.#rows, this.#blocking.rows)),
      most,
      rows: (at) => (this.#overshoots ? this.#tiles.rowsFrom(row(at), last) : neighbours(row(at), rows)),
      ...(!place.summed && { block }),
    });
  }

  /** The rows that fill no tile. */
  #rest(place: Place, block: Dim): Statement[] {
    const { rows } = this.#options.tile;
    if (this.#overshoots || isMultiple(this.#rows, rows)) return [];
    const whole = multiply(floorDiv(this.#rows, constant(rows)), constant(rows));
    const left = subtract(this.#rows, whole);
    const height = constantValue(left);
    const isLast = compare('eq', position(block), position(subtract(this.#blocking.blocks, constant(1))));
    const then =
      height !== undefined ? this.#tiles.some(place, neighbours(whole, height)) : this.#tiles.rest(place, whole, left);
    return [{ kind: 'if', condition: isLast, then, else: [] }];
  }

  /** The tiles that begin in a block, group by group. Rows of no group are zeros. */
  #groupsOfRows({ batch, group, block }: Point, groups: Groups): Statement[] {
    const { tile } = this.#options;
    const height = constant(tile.rows);
    const { rows } = this.#blocking;
    const from = multiply(block, constant(rows));
    const to = isMultiple(this.#rows, rows)
      ? add(from, constant(rows))
      : minimum(add(from, constant(rows)), this.#rows);
    const batches = elementCount(sizesOf(this.#contraction.axes.batch));
    const placeOf = (right: Dim): Place => ({ batch: { left: batch, right, result: batch }, group });
    const tiles = groups.eachTiles(from, to, tile.rows, (found) => {
      const place = placeOf(add(multiply(found.group, batches), batch));
      const row = (at: Dim): Dim => add(found.first, multiply(height, at));
      const last = subtract(found.end, ONE);
      const overshoots = this.#overshoots;
      const statements = this.#tiles.full(place, {
        extent: overshoots ? found.tiles : found.full,
        most: rows / tile.rows,
        rows: (at) => (overshoots ? this.#tiles.rowsFrom(row(at), last) : neighbours(row(at), tile.rows)),
      });
      if (!overshoots) {
        const whole = row(found.full);
        const then = this.#tiles.rest(place, whole, subtract(found.end, whole));
        const isRest = compare('lt', position(found.full), position(found.tiles));
        statements.push({ kind: 'if', condition: isRest, then, else: [] });
      }
      const computed = minimum(multiply(height, found.tiles), subtract(found.end, found.first));
      return [...statements, ...this.#finish(place, found.first, computed)];
    });
    return [...this.#zeros(placeOf(batch), groups, { from, to }), ...tiles];
  }

  #zeros(place: Place, groups: Groups, { from, to }: { readonly from: Dim; readonly to: Dim }): Statement[] {
    const { before, first, end } = groups.all();
    const start = maximum(from, end);
    return [
      ...before,
      ...this.#epilogue.finishZeros(this.#area(place, from, subtract(minimum(first, to), from))),
      ...this.#epilogue.finishZeros(this.#area(place, start, subtract(to, start))),
    ];
  }
}
