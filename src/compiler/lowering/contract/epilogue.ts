/**
 * What becomes of a tile's sums: the pointwise and one-to-one movement chain behind a product, and the store. What is
 * cheap happens while the sums are in registers; what is dear would be written out for every vector of a tile, so the
 * sums are parked in the result's place, hot in cache, and a loop finishes them.
 */
import { add, constant, constantValue, multiply, subtract, symbolsOf, ZERO, type Dim } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { bitcast, compare, lane, literal, load, position, variable } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { sizesOf } from './axes.ts';
import { operationsOf } from './cost.ts';
import { ELEMENT, Finish, type FinishOptions, type RowPlace } from './finish.ts';
import { isMultiple } from './pack.ts';
import { namePlaces } from './places.ts';
import { range } from './tile.ts';

export interface EpilogueOptions extends FinishOptions {
  readonly tile: Tile;
  readonly target: Target;
}

/** The rows of a tile: `count` neighbours from the `first` on. There may be more, which are the last of them again. */
export interface TileRows {
  /** Names the rows, where that is needed. */
  readonly before: readonly Statement[];
  readonly rows: readonly Dim[];
  readonly first: Dim;
  readonly count: Dim;
}

/** The sums of one panel: `sums[row][vector]`. */
export interface PanelSums extends TileRows {
  readonly batch: Dim;
  readonly panel: Dim;
  readonly sums: readonly (readonly string[])[];
}

/** Neighbouring rows and columns of the result. */
export interface Area {
  readonly batch: Dim;
  readonly row: Dim;
  readonly rows: Dim;
  readonly column: Dim;
  readonly columns: Dim;
}

/** What a tile's epilogue may take for each element, where it is written out for every vector. */
const MOST_OPERATIONS = 10;

export class Epilogue {
  readonly #options: EpilogueOptions;
  readonly #finish: Finish;
  readonly #columns: Dim;
  /** Whether sums are parked, and a loop over an area has to finish them. */
  readonly isDeferred: boolean;

  constructor(options: EpilogueOptions) {
    this.#options = options;
    this.#finish = new Finish(options);
    this.#columns = elementCount(sizesOf(options.contraction.axes.columns));
    this.isDeferred = options.output.type !== 'bool' && this.#isDear();
  }

  /** Whether an element takes more than a few operations, as those that legalisation rewrites into arithmetic do. */
  #isDear(): boolean {
    const { target } = this.#options;
    return operationsOf(this.#finish.element({ batch: ZERO, row: ZERO }, ZERO), target) > MOST_OPERATIONS;
  }

  /** Finishes the sums of a panel and stores the columns that there are, or parks them. */
  write(panel: PanelSums): Statement[] {
    const { tile } = this.#options;
    const whole = this.#placed(panel, tile.columns);
    if (isMultiple(this.#columns, tile.columns)) return whole;
    const end = multiply(add(panel.panel, constant(1)), constant(tile.columns));
    const condition = compare('le', position(end), position(this.#columns));
    const columns = constantValue(this.#columns);
    const tail =
      columns === undefined ? this.#unknownTail(panel) : this.#placed(panel, columns - columnsBefore(columns, tile));
    return [{ kind: 'if', condition, then: whole, else: tail }];
  }

  /** Finishes the parked sums of an area. */
  finish(area: Area): Statement[] {
    const { context, contraction, output } = this.#options;
    output.access = 'readwrite';
    return this.#eachElement(area, (place, column) => {
      const index = this.#finish.storeIndex(place, column);
      const value = bitcast(load(output.name, index, output.type), contraction.arithmetic.sum);
      const element: Statement = { kind: 'let', name: context.fresh('e'), value };
      return [element, ...this.#finish.of(variable(element.name, value.type), this.#finish.element(place, column))];
    });
  }

  /** Finishes an area that nothing is summed for. */
  finishZeros(area: Area): Statement[] {
    const zero = literal(0, this.#options.contraction.arithmetic.sum);
    return this.#eachElement(area, (place, column) => this.#finish.of(zero, this.#finish.element(place, column)));
  }

  #eachElement(area: Area, write: (place: RowPlace, column: Dim) => Statement[]): Statement[] {
    const { context } = this.#options;
    const r = context.counter('r', area.rows);
    const j = context.counter('j', area.columns);
    const body = write({ batch: area.batch, row: add(area.row, r.at) }, add(area.column, j.at));
    const across: Statement = { kind: 'loop', variable: j.name, extent: area.columns, mode: 'vector', body };
    return [{ kind: 'loop', variable: r.name, extent: area.rows, mode: 'serial', body: [across] }];
  }

  /** `#vectors`; rows that have names may lie anywhere. */
  #placed(panel: PanelSums, count: number): Statement[] {
    const statements = this.#vectors(panel, count);
    if (panel.before.length === 0) return statements;
    return namePlaces(statements, new Set(panel.rows.flatMap(symbolsOf)), this.#options.context);
  }

  /** The first `count` columns of a panel: whole vectors, then elements. */
  #vectors(panel: PanelSums, count: number): Statement[] {
    const { lanes } = this.#options.target;
    const whole = Math.floor(count / lanes);
    return panel.sums.flatMap((row, r) => {
      const place = { batch: panel.batch, row: panel.rows[r]! };
      const first = multiply(panel.panel, constant(this.#options.tile.columns));
      return [
        ...range(whole).flatMap((v) => this.#vector(place, add(first, constant(v * lanes)), row[v]!)),
        ...range(count % lanes).flatMap((l) =>
          this.#element(place, add(first, constant(whole * lanes + l)), lane(this.#sum(row[whole]!), l)),
        ),
      ];
    });
  }

  /** The last panel where only a run knows its columns: they are stored as they are and finished in place. */
  #unknownTail(panel: PanelSums): Statement[] {
    const { lanes } = this.#options.target;
    const first = multiply(panel.panel, constant(this.#options.tile.columns));
    const parked = panel.sums.flatMap((row, r) =>
      row.flatMap((name, v) =>
        range(lanes).map((l): Statement => {
          const column = add(first, constant(v * lanes + l));
          const place = { batch: panel.batch, row: panel.rows[r]! };
          const value = lanes === 1 ? this.#sum(name) : lane(this.#sum(name), l);
          const condition = compare('lt', position(column), position(this.#columns));
          return { kind: 'if', condition, then: [this.#park(place, column, value)], else: [] };
        }),
      ),
    );
    const { node, region } = this.#options.contraction;
    if (this.isDeferred || node.results[0] === region.results[0]) return parked;
    const columns = subtract(this.#columns, first);
    const area = { batch: panel.batch, row: panel.first, rows: panel.count, column: first, columns };
    return [...parked, ...this.finish(area)];
  }

  #sum(name: string): Expr {
    return variable(name, this.#options.contraction.arithmetic.sum, this.#options.target.lanes);
  }

  #element(place: RowPlace, column: Dim, value: Expr): Statement[] {
    if (this.isDeferred) return [this.#park(place, column, value)];
    return this.#finish.of(value, this.#finish.element(place, column));
  }

  /** `lanes` neighbouring columns from `column` on. */
  #vector(place: RowPlace, column: Dim, sum: string): Statement[] {
    const { context, target } = this.#options;
    if (target.lanes === 1) return this.#element(place, column, this.#sum(sum));
    const j = context.counter('j', constant(target.lanes));
    const statements = this.isDeferred
      ? [this.#park(place, add(column, j.at), variable(ELEMENT, this.#options.contraction.arithmetic.sum))]
      : this.#finish.element(place, add(column, j.at));
    return this.#finish.inLanes(statements, j.name, sum);
  }

  #park(place: RowPlace, column: Dim, value: Expr): Statement {
    const { output } = this.#options;
    const index = this.#finish.storeIndex(place, column);
    return { kind: 'store', buffer: output.name, index, value: bitcast(value, output.type) };
  }
}

/** Columns in the panels before the last. */
function columnsBefore(columns: number, tile: Tile): number {
  return Math.floor(columns / tile.columns) * tile.columns;
}
