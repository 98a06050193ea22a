/** The tiles of a product: stretches of rows by the panels of a group, whichever rows those are. */
import {
  add,
  constant,
  constantValue,
  minimum,
  modulo,
  multiply,
  subtract,
  symbolsOf,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import { compare, literal, load, position } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import type { KernelContext } from '../kernel-context.ts';
import type { RegionReader, ReadScope } from '../reader.ts';
import { panelCount, sizesOf, type Contraction } from './axes.ts';
import { tileWidths, type Blocking } from './blocking.ts';
import type { Epilogue, TileRows } from './epilogue.ts';
import { isMultiple, readLeft } from './pack.ts';
import { placeInTiles } from './pack-tiles.ts';
import { prefetchNextPanel, type PanelPrefetch, type TilePlace } from './prefetch.ts';
import { range, sumTile } from './tile.ts';

/** Where the left operand is read from: where it lies, or a copy as `[batch][row][summed]` or as `packTiles` writes it. */
export type LeftSource =
  | { readonly order: 'given'; readonly reader: RegionReader }
  | { readonly order: 'rows' | 'tiles'; readonly buffer: string };

export interface TilesOptions {
  readonly contraction: Contraction;
  readonly context: KernelContext;
  readonly tile: Tile;
  readonly target: Target;
  readonly blocking: Blocking;
  readonly left: LeftSource;
  /** The buffer of the panels. */
  readonly panels: string;
  readonly epilogue: Epilogue;
}

/** What tiles compute: of which batch of the operands and of the result, with which group of panels. */
export interface Place {
  readonly batch: { readonly left: Dim; readonly right: Dim; readonly result: Dim };
  readonly group: Dim;
  /** The positions that are summed; absent: all. */
  readonly summed?: Stretch;
}

export interface Stretch {
  readonly first: Dim;
  readonly count: Dim;
}

/** Tiles of whole height, one below the other. */
export interface FullTiles {
  /** How many there are, and how many there may be. */
  readonly extent: Dim;
  readonly most: number;
  rows(this: void, number: Dim): TileRows;
  /** The block they are in, if it is worth while to touch the next panel. */
  readonly block?: Dim;
}

/** What pays for a tile that is filled many times, and not for one at the end of all rows. */
interface Repeated {
  readonly unroll: number;
  readonly prefetch?: PanelPrefetch | undefined;
}

const ONCE: Repeated = { unroll: 1 };

/** Up to three rows take tiles of two and of one, several panels wide; more that fill no tile are one that is not full. */
const FEW_ROWS = 3;

export class ProductTiles {
  readonly #options: TilesOptions;
  readonly #panelCount: Dim;
  readonly #depth: Dim;

  constructor(options: TilesOptions) {
    this.#options = options;
    this.#panelCount = panelCount(options.contraction, options.tile);
    this.#depth = elementCount(sizesOf(options.contraction.axes.summed));
  }

  /** Tiles of whole height, panel by panel, so that a panel stays in the first-level cache. */
  full(place: Place, { extent, most, rows, block }: FullTiles): Statement[] {
    const { unroll, rows: height } = this.#options.tile;
    const tiles = this.#eachPanel(place, (panel) =>
      this.#loop('t', most, extent, (number) =>
        this.#tile(place, rows(number), [panel], {
          unroll,
          prefetch: block && this.#prefetch({ batch: place.batch.right, panel, block, number }),
        }),
      ),
    );
    return [...this.#counted(place, multiply(extent, constant(height))), ...tiles];
  }

  /** Counts the multiply-adds of some rows by the group's panels, where a run tells how many rows there are. */
  #counted({ group, summed }: Place, rows: Dim): Statement[] {
    const { contraction, tile } = this.#options;
    if (!contraction.grouping) return [];
    const columns = multiply(this.#panelsOf(group), constant(tile.columns));
    return [{ kind: 'count', amount: multiply(rows, columns, summed ? summed.count : this.#depth) }];
  }

  /** Fewer rows than a tile has, of which only a run knows how many: `count` from `first` on. */
  rest(place: Place, first: Dim, count: Dim): Statement[] {
    const { rows } = this.#options.tile;
    const where = (condition: Expr, then: Statement[], otherwise: Statement[] = []): Statement => ({
      kind: 'if',
      condition,
      then,
      else: otherwise,
    });
    const [number, last] = [position(count), subtract(add(first, count), constant(1))];
    const isOdd = compare('ne', position(modulo(count, constant(2))), literal(0, 'i32'));
    const few = [
      where(compare('ge', number, literal(2, 'i32')), this.some(place, neighbours(first, 2))),
      where(isOdd, this.some(place, neighbours(last, 1))),
    ].slice(rows > 2 ? 0 : 1);
    if (rows - 1 <= FEW_ROWS) return few;
    const tile = [
      ...this.#counted(place, constant(rows)),
      ...this.#eachPanel(place, (panel) => this.#tile(place, this.rowsFrom(first, last), [panel])),
    ];
    return [where(compare('le', number, literal(FEW_ROWS, 'i32')), few, tile)];
  }

  /** The rows of a tile from `first` to `last`, as far as there are any; then the last again and again. */
  rowsFrom(first: Dim, last: Dim): TileRows {
    const { context, tile } = this.#options;
    const before: Statement[] = [];
    const rows = range(tile.rows).map((r) => {
      const row = context.integer(position(minimum(add(first, constant(r)), last)), before);
      for (const name of symbolsOf(row)) context.bounds.set(name, this.#lastRow());
      return row;
    });
    const count = minimum(constant(tile.rows), subtract(add(last, constant(1)), first));
    return { before, rows, first, count };
  }

  #lastRow(): Dim {
    return subtract(elementCount(sizesOf(this.#options.contraction.axes.rows)), constant(1));
  }

  /** Tiles of some rows over the group's panels: few rows take several panels side by side. */
  some(place: Place, rows: TileRows): Statement[] {
    return [...this.#counted(place, constant(rows.rows.length)), ...this.#some(place, rows)];
  }

  #some(place: Place, rows: TileRows): Statement[] {
    const { tile, blocking } = this.#options;
    const { panels } = blocking;
    const single = (): Statement[] => this.#eachPanel(place, (panel) => this.#tile(place, rows, [panel]));
    if (tileWidths(panels, rows.rows.length, tile)[0] === 1) return single();
    const whole = this.#wide(place, rows, panels);
    const total = constantValue(this.#panelCount);
    if (total !== undefined && total % panels === 0) return whole;
    const isWhole = compare(
      'le',
      position(multiply(add(place.group, constant(1)), constant(panels))),
      position(this.#panelCount),
    );
    const last = total === undefined ? single() : this.#wide(place, rows, total % panels);
    return [{ kind: 'if', condition: isWhole, then: whole, else: last }];
  }

  /** The first `panels` panels of a group in as few tiles as their sums allow. */
  #wide(place: Place, rows: TileRows, panels: number): Statement[] {
    const { tile, blocking } = this.#options;
    const widths = tileWidths(panels, rows.rows.length, tile);
    const first = multiply(place.group, constant(blocking.panels));
    const write = (start: Dim, width: number): Statement[] =>
      this.#tile(
        place,
        rows,
        range(width).map((at) => add(first, start, constant(at))),
      );
    const width = widths[0]!;
    if (widths.every((other) => other === width))
      return this.#loop('q', widths.length, constant(widths.length), (at) =>
        write(multiply(at, constant(width)), width),
      );
    let start = 0;
    return widths.flatMap((own) => {
      start += own;
      return write(constant(start - own), own);
    });
  }

  #eachPanel({ group }: Place, write: (panel: Dim) => Statement[]): Statement[] {
    const { panels } = this.#options.blocking;
    const first = multiply(group, constant(panels));
    return this.#loop('p', panels, this.#panelsOf(group), (at) => write(add(first, at)));
  }

  /** How many panels a group has. */
  #panelsOf(group: Dim): Dim {
    const { panels } = this.#options.blocking;
    const first = multiply(group, constant(panels));
    return atMost(panels, this.#panelCount, first, isMultiple(this.#panelCount, panels));
  }

  /** A serial loop of `extent` rounds, `most` at most. */
  #loop(prefix: string, most: number, extent: Dim, write: (at: Dim) => Statement[]): Statement[] {
    const { name, at } = this.#options.context.counter(prefix, constant(most));
    return [{ kind: 'loop', variable: name, extent, mode: 'serial', body: write(at) }];
  }

  /** Some rows by some panels: the sums, then what becomes of them. */
  #tile(place: Place, tileRows: TileRows, panels: readonly Dim[], { unroll, prefetch }: Repeated = ONCE): Statement[] {
    const { contraction, context, tile, target, epilogue } = this.#options;
    const { batch, summed: stretch } = place;
    const vectors = tile.columns / target.lanes;
    const first = stretch?.first ?? ZERO;
    const { statements, sums } = sumTile({
      contraction,
      context,
      lanes: target.lanes,
      unroll,
      rows: tileRows.rows,
      prefetch,
      vectors: vectors * panels.length,
      extents: stretch && [stretch.count],
      left: (at, summed, scope) =>
        this.#leftElement(batch.left, at, stretch ? [add(first, summed[0]!)] : summed, scope),
      right: (vector, k) => {
        const panel = panels[Math.floor(vector / vectors)]!;
        return this.#rightVector(batch.right, panel, add(first, k), (vector % vectors) * target.lanes);
      },
    });
    return [
      ...tileRows.before,
      ...statements,
      ...panels.flatMap((panel, at) =>
        epilogue.write({
          ...tileRows,
          batch: batch.result,
          panel,
          sums: sums.map((all) => all.slice(at * vectors, (at + 1) * vectors)),
        }),
      ),
    ];
  }

  #prefetch(place: TilePlace): PanelPrefetch | undefined {
    const { context, tile, blocking, panels: buffer } = this.#options;
    const sizes = { panels: this.#panelCount, depth: this.#depth };
    return prefetchNextPanel({ context, tile, blocking, buffer, ...sizes }, place);
  }

  #leftElement(batch: Dim, row: Dim, summed: readonly Dim[], scope: ReadScope): Expr {
    const { contraction, context, tile, left } = this.#options;
    if (left.order === 'given') return readLeft(contraction, left.reader, { batch, row, summed }, scope, context);
    const k = linearize(
      summed,
      contraction.loops.map((loop) => elementCount(sizesOf(loop))),
    );
    const rows = elementCount(sizesOf(contraction.axes.rows));
    const index =
      left.order === 'tiles'
        ? placeInTiles(contraction, tile, { batch, row, k })
        : add(multiply(add(multiply(batch, rows), row), this.#depth), k);
    return load(left.buffer, index, contraction.arithmetic.operand);
  }

  #rightVector(batch: Dim, panel: Dim, k: Dim, column: number): Expr {
    const { contraction, tile, target, panels } = this.#options;
    const width = constant(tile.columns);
    const start = multiply(add(multiply(batch, this.#panelCount), panel), this.#depth, width);
    const index = add(start, multiply(k, width), constant(column));
    return load(panels, index, contraction.arithmetic.operand, target.lanes);
  }
}

/** What is left of `total` from `first` on, `most` at most; `isWhole` if that many are left everywhere. */
export function atMost(most: number, total: Dim, first: Dim, isWhole: boolean): Dim {
  return isWhole ? constant(most) : minimum(constant(most), subtract(total, first));
}

export function neighbours(first: Dim, count: number): TileRows {
  return { before: [], rows: range(count).map((r) => add(first, constant(r))), first, count: constant(count) };
}
