/** The register-tiled product itself: a point of its grid computes a block of rows by a group of panels. */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  minimum,
  modulo,
  multiply,
  subtract,
  symbolsOf,
  ZERO,
} from '../../dims/dim.ts';
import type { Bounds, Dim } from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import type { Value } from '../../ir/graph.ts';
import { compare, literal, load, position } from '../../kernel/build.ts';
import type { Expr, GridAxis, Statement } from '../../kernel/ir.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { parametersAfter } from '../followers.ts';
import { KernelContext, type BufferSlot } from '../kernel-context.ts';
import type { BufferUse, LoweredKernel, Scratch } from '../lowered-kernel.ts';
import { RegionReader, type ReadScope } from '../reader.ts';
import { panelCount, sizesOf, type Contraction } from './axes.ts';
import { blockingOf, tileWidths, type Blocking } from './blocking.ts';
import { Epilogue, type TileRows } from './epilogue.ts';
import { hasSteadyRows } from './left.ts';
import { isMultiple, parametersBehind, readLeft } from './pack.ts';
import { placeInTiles } from './pack-tiles.ts';
import { prefetchNextPanel, type PanelPrefetch, type TilePlace } from './prefetch.ts';
import { range, sumTile } from './tile.ts';

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

/** Buffers: left, panels, what follows the product reads, the result. */
export function writeProduct(contraction: Contraction, options: ProductOptions): LoweredKernel {
  return new Product(contraction, options).write();
}

/** Where a grid point stands: batch, group of panels and block of rows, as numbers. */
interface Point {
  readonly batch: Dim;
  readonly group: Dim;
  readonly block: Dim;
}

/** What pays for a tile that is filled many times, and not for one at the end of all rows. */
interface Repeated {
  readonly unroll: number;
  readonly prefetch?: PanelPrefetch | undefined;
}

const ONCE: Repeated = { unroll: 1 };

/** Up to three rows take tiles of two and of one, several panels wide; more that fill no tile are one that is not full. */
const FEW_ROWS = 3;

class Product {
  readonly #contraction: Contraction;
  readonly #options: ProductOptions;
  readonly #blocking: Blocking;
  readonly #context: KernelContext;
  readonly #uses: BufferUse[] = [];
  readonly #left: RegionReader;
  readonly #copy: BufferSlot | undefined;
  readonly #panels: BufferSlot;
  readonly #epilogue: Epilogue;
  readonly #rows: Dim;
  readonly #columns: Dim;
  readonly #depth: Dim;
  readonly #panelCount: Dim;
  /** Whether a tile may go on beyond the last row: where rows lie anywhere, each has to be found on its own anyway. */
  readonly #overshoots: boolean;

  constructor(contraction: Contraction, options: ProductOptions) {
    const { region, axes, left, arithmetic } = contraction;
    const { tile, target } = options;
    this.#contraction = contraction;
    this.#options = options;
    this.#blocking = blockingOf(contraction, tile, target);
    const context = new KernelContext(options.bounds);
    this.#context = context;
    this.#left = new RegionReader(region, context);
    const slotOf = this.#slots();
    if (options.copy) {
      this.#copy = context.buffer(arithmetic.operand, 'read');
      this.#uses.push({ kind: 'scratch', scratch: options.copy.scratch });
    } else {
      for (const value of parametersBehind(region, left.value)) this.#left.loadFrom(slotOf(value), value);
    }
    this.#panels = context.buffer(arithmetic.operand, 'read');
    this.#uses.push({ kind: 'scratch', scratch: options.panels });
    const after = new RegionReader(region, context);
    for (const value of parametersAfter(contraction)) after.loadFrom(slotOf(value), value);
    const output = context.buffer(region.results[0]!.type.dtype, 'write');
    this.#uses.push({ kind: 'value', value: region.results[0]! });
    this.#epilogue = new Epilogue({ contraction, context, tile, target, after, output });
    const count = (group: keyof typeof axes): Dim => elementCount(sizesOf(axes[group]));
    [this.#rows, this.#columns, this.#depth] = [count('rows'), count('columns'), count('summed')];
    this.#panelCount = panelCount(contraction, tile);
    const isKnown = constantValue(this.#rows) !== undefined || isMultiple(this.#rows, tile.rows);
    this.#overshoots = !isKnown && !options.copy && !hasSteadyRows(contraction, options.bounds);
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
    const grid: GridAxis[] = [];
    const axis = (prefix: string, extent: Dim): Dim => {
      if (constantValue(extent) === 1) return ZERO;
      const { name, at } = this.#context.counter(prefix, extent);
      grid.push({ variable: name, extent });
      return at;
    };
    const batch = axis('g', elementCount(sizesOf(this.#contraction.axes.batch)));
    const first = outer === 'blocks' ? axis('t', blocks) : axis('p', groups);
    const second = outer === 'blocks' ? axis('p', groups) : axis('t', blocks);
    const [group, block] = outer === 'blocks' ? [second, first] : [first, second];
    const point = { batch, group, block };
    const kernel = this.#context.finish(this.#options.name, grid, this.#point(point));
    return { kernel, buffers: this.#uses };
  }

  #point(point: Point): Statement[] {
    const { rows, panels } = this.#blocking;
    const { tile } = this.#options;
    const statements = [...this.#fullTiles(point), ...this.#rest(point)];
    if (!this.#epilogue.isDeferred) return statements;
    const width = panels * tile.columns;
    const [row, column] = [multiply(point.block, constant(rows)), multiply(point.group, constant(width))];
    const area = {
      batch: point.batch,
      row,
      rows: atMost(rows, this.#rows, row, isMultiple(this.#rows, rows)),
      column,
      columns: atMost(width, this.#columns, column, isMultiple(this.#columns, width)),
    };
    return [...statements, ...this.#epilogue.finish(area)];
  }

  /** The block's tiles, panel by panel, so that a panel stays in the first-level cache. */
  #fullTiles(point: Point): Statement[] {
    const { rows } = this.#options.tile;
    const tiles = floorDiv(this.#overshoots ? add(this.#rows, constant(rows - 1)) : this.#rows, constant(rows));
    if (constantValue(tiles) === 0) return [];
    const most = this.#blocking.rows / rows;
    const first = multiply(point.block, constant(most));
    const row = (at: Dim): Dim => multiply(add(first, at), constant(rows));
    // A block that is not full may have rows, but no tiles.
    const extent = atMost(most, tiles, first, isMultiple(this.#rows, this.#blocking.rows));
    return this.#eachPanel(point, (panel) =>
      this.#loop('t', most, extent, (at) =>
        this.#tile(point.batch, this.#overshoots ? this.#rowsFrom(row(at)) : neighbours(row(at), rows), [panel], {
          unroll: this.#options.tile.unroll,
          prefetch: this.#prefetch({ ...point, panel, number: at }),
        }),
      ),
    );
  }

  /** The rows that fill no tile. */
  #rest(point: Point): Statement[] {
    const { rows } = this.#options.tile;
    if (this.#overshoots || isMultiple(this.#rows, rows)) return [];
    const whole = multiply(floorDiv(this.#rows, constant(rows)), constant(rows));
    const left = subtract(this.#rows, whole);
    const height = constantValue(left);
    const isLast = compare('eq', position(point.block), position(subtract(this.#blocking.blocks, constant(1))));
    const then =
      height !== undefined ? this.#restTiles(point, neighbours(whole, height)) : this.#unknownRest(point, whole, left);
    return [{ kind: 'if', condition: isLast, then, else: [] }];
  }

  /** Only a run knows how many rows are `left`. */
  #unknownRest(point: Point, whole: Dim, left: Dim): Statement[] {
    const { rows } = this.#options.tile;
    const where = (condition: Expr, then: Statement[], otherwise: Statement[] = []): Statement => ({
      kind: 'if',
      condition,
      then,
      else: otherwise,
    });
    const [number, last] = [position(left), subtract(this.#rows, constant(1))];
    const isOdd = compare('ne', position(modulo(left, constant(2))), literal(0, 'i32'));
    const few = [
      where(compare('ge', number, literal(2, 'i32')), this.#restTiles(point, neighbours(whole, 2))),
      where(isOdd, this.#restTiles(point, neighbours(last, 1))),
    ].slice(rows > 2 ? 0 : 1);
    if (rows - 1 <= FEW_ROWS) return few;
    const tile = this.#eachPanel(point, (panel) => this.#tile(point.batch, this.#rowsFrom(whole), [panel]));
    return [where(compare('le', number, literal(FEW_ROWS, 'i32')), few, tile)];
  }

  /** The rows of a tile from `first` on, as far as there are any; then the last again and again. */
  #rowsFrom(first: Dim): TileRows {
    const { rows: height } = this.#options.tile;
    const last = subtract(this.#rows, constant(1));
    const before: Statement[] = [];
    const rows = range(height).map((r) => {
      const row = this.#context.integer(position(minimum(add(first, constant(r)), last)), before);
      for (const name of symbolsOf(row)) this.#context.bounds.set(name, last);
      return row;
    });
    return { before, rows, first, count: minimum(constant(height), subtract(this.#rows, first)) };
  }

  /** Tiles of some rows over the group's panels: few rows take several panels side by side. */
  #restTiles(point: Point, rows: TileRows): Statement[] {
    const { panels } = this.#blocking;
    const { tile } = this.#options;
    const single = (): Statement[] => this.#eachPanel(point, (panel) => this.#tile(point.batch, rows, [panel]));
    if (tileWidths(panels, rows.rows.length, tile)[0] === 1) return single();
    const whole = this.#wideTiles(point, rows, panels);
    const total = constantValue(this.#panelCount);
    if (total !== undefined && total % panels === 0) return whole;
    const isWhole = compare(
      'le',
      position(multiply(add(point.group, constant(1)), constant(panels))),
      position(this.#panelCount),
    );
    const last = total === undefined ? single() : this.#wideTiles(point, rows, total % panels);
    return [{ kind: 'if', condition: isWhole, then: whole, else: last }];
  }

  /** The first `panels` panels of a group in as few tiles as their sums allow. */
  #wideTiles(point: Point, rows: TileRows, panels: number): Statement[] {
    const widths = tileWidths(panels, rows.rows.length, this.#options.tile);
    const first = multiply(point.group, constant(this.#blocking.panels));
    const tile = (start: Dim, width: number): Statement[] =>
      this.#tile(
        point.batch,
        rows,
        range(width).map((at) => add(first, start, constant(at))),
      );
    const width = widths[0]!;
    if (widths.every((other) => other === width))
      return this.#loop('q', widths.length, constant(widths.length), (at) =>
        tile(multiply(at, constant(width)), width),
      );
    let start = 0;
    return widths.flatMap((own) => {
      start += own;
      return tile(constant(start - own), own);
    });
  }

  #eachPanel({ group }: Point, write: (panel: Dim) => Statement[]): Statement[] {
    const { panels } = this.#blocking;
    const first = multiply(group, constant(panels));
    return this.#loop(
      'p',
      panels,
      atMost(panels, this.#panelCount, first, isMultiple(this.#panelCount, panels)),
      (at) => write(add(first, at)),
    );
  }

  /** A serial loop of `extent` rounds, `most` at most. */
  #loop(prefix: string, most: number, extent: Dim, write: (at: Dim) => Statement[]): Statement[] {
    const { name, at } = this.#context.counter(prefix, constant(most));
    return [{ kind: 'loop', variable: name, extent, mode: 'serial', body: write(at) }];
  }

  /** Some rows by some panels: the sums, then what becomes of them. */
  #tile(batch: Dim, tileRows: TileRows, panels: readonly Dim[], { unroll, prefetch }: Repeated = ONCE): Statement[] {
    const { tile, target } = this.#options;
    const vectors = tile.columns / target.lanes;
    const { statements, sums } = sumTile({
      contraction: this.#contraction,
      context: this.#context,
      lanes: target.lanes,
      unroll,
      rows: tileRows.rows,
      prefetch,
      vectors: vectors * panels.length,
      left: (at, summed, scope) => this.#leftElement(batch, at, summed, scope),
      right: (vector, k) => {
        const panel = panels[Math.floor(vector / vectors)]!;
        return this.#rightVector(batch, panel, k, (vector % vectors) * target.lanes);
      },
    });
    return [
      ...tileRows.before,
      ...statements,
      ...panels.flatMap((panel, at) =>
        this.#epilogue.write({
          ...tileRows,
          batch,
          panel,
          sums: sums.map((all) => all.slice(at * vectors, (at + 1) * vectors)),
        }),
      ),
    ];
  }

  #prefetch(place: TilePlace): PanelPrefetch | undefined {
    return prefetchNextPanel(
      {
        context: this.#context,
        tile: this.#options.tile,
        blocking: this.#blocking,
        buffer: this.#panels.name,
        panels: this.#panelCount,
        depth: this.#depth,
      },
      place,
    );
  }

  #leftElement(batch: Dim, row: Dim, summed: readonly Dim[], scope: ReadScope): Expr {
    const { loops, arithmetic } = this.#contraction;
    const { copy, tile } = this.#options;
    if (!this.#copy || !copy)
      return readLeft(this.#contraction, this.#left, { batch, row, summed }, scope, this.#context);
    const k = linearize(
      summed,
      loops.map((loop) => elementCount(sizesOf(loop))),
    );
    const index =
      copy.order === 'tiles'
        ? placeInTiles(this.#contraction, tile, { batch, row, k })
        : add(multiply(add(multiply(batch, this.#rows), row), this.#depth), k);
    return load(this.#copy.name, index, arithmetic.operand);
  }

  #rightVector(batch: Dim, panel: Dim, k: Dim, column: number): Expr {
    const { tile, target } = this.#options;
    const width = constant(tile.columns);
    const start = multiply(add(multiply(batch, this.#panelCount), panel), this.#depth, width);
    const index = add(start, multiply(k, width), constant(column));
    return load(this.#panels.name, index, this.#contraction.arithmetic.operand, target.lanes);
  }
}

/** What is left of `total` from `first` on, `most` at most; `isWhole` if that many are left everywhere. */
function atMost(most: number, total: Dim, first: Dim, isWhole: boolean): Dim {
  return isWhole ? constant(most) : minimum(constant(most), subtract(total, first));
}

function neighbours(first: Dim, count: number): TileRows {
  return { before: [], rows: range(count).map((r) => add(first, constant(r))), first, count: constant(count) };
}
