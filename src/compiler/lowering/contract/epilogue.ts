/**
 * What becomes of a tile's sums: the pointwise and one-to-one movement chain behind a product, and the store. What is
 * cheap happens while the sums are in registers; what is dear would be written out for every vector of a tile, so the
 * sums are parked in the result's place, hot in cache, and a loop finishes them.
 */
import { add, constant, constantValue, multiply, subtract, symbolsOf, ZERO, type Dim } from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import { bitcast, compare, lane, literal, load, position, variable } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { FreshNames } from '../../kernel/names.ts';
import { forEachExpr, forEachStatement, replaceInStatements, valueOf } from '../../kernel/rewrite.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { exprVaries, findPerLane } from '../../kernel/vector/analysis.ts';
import { widenAll } from '../../kernel/vector/lanes.ts';
import { followTo } from '../followers.ts';
import type { BufferSlot, KernelContext } from '../kernel-context.ts';
import { openScope, type RegionReader } from '../reader.ts';
import { indexOfLabels, labelPositions, sizesOf, type Contraction } from './axes.ts';
import { isMultiple } from './pack.ts';
import { namePlaces } from './places.ts';
import { range } from './tile.ts';

export interface EpilogueOptions {
  readonly contraction: Contraction;
  readonly context: KernelContext;
  readonly tile: Tile;
  readonly target: Target;
  /** Reads what follows the product. */
  readonly after: RegionReader;
  readonly output: BufferSlot;
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

/** The product's element in the statements that follow it, until it is replaced by a sum. */
const ELEMENT = '$element';

/** What a tile's epilogue may take for each element, where it is written out for every vector. */
const MOST_OPERATIONS = 10;
/** At least as many operations stand for a function that the target does not have. */
const REWRITTEN = 20;

export class Epilogue {
  readonly #options: EpilogueOptions;
  readonly #names: FreshNames;
  readonly #columns: Dim;
  /** Whether sums are parked, and a loop over an area has to finish them. */
  readonly isDeferred: boolean;

  constructor(options: EpilogueOptions) {
    const { contraction, context, after, target } = options;
    const { node, arithmetic, axes } = contraction;
    this.#options = options;
    this.#names = new FreshNames(context.bounds.keys());
    this.#columns = elementCount(sizesOf(axes.columns));
    after.sources.set(node.results[0]!, () => variable(ELEMENT, arithmetic.sum));
    // A GPU has no cache that is known to keep what is parked.
    this.isDeferred = !target.workgroups && options.output.type !== 'bool' && this.#isDear();
  }

  /** Whether an element takes more than a few operations, as those that legalisation rewrites into arithmetic do. */
  #isDear(): boolean {
    const { target } = this.#options;
    let operations = 0;
    forEachStatement(this.#finishElement({ batch: ZERO, row: ZERO }, ZERO), (statement) => {
      const value = valueOf(statement);
      if (value) forEachExpr(value, (part) => (operations += costOf(part, target)));
    });
    return operations > MOST_OPERATIONS;
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
      const index = this.#storeIndex(place, column);
      const value = bitcast(load(output.name, index, output.type), contraction.arithmetic.sum);
      const element: Statement = { kind: 'let', name: context.fresh('e'), value };
      return [element, ...this.#of(variable(element.name, value.type), this.#finishElement(place, column))];
    });
  }

  /** Finishes an area that nothing is summed for. */
  finishZeros(area: Area): Statement[] {
    const zero = literal(0, this.#options.contraction.arithmetic.sum);
    return this.#eachElement(area, (place, column) => this.#of(zero, this.#finishElement(place, column)));
  }

  #eachElement(area: Area, write: (place: Place, column: Dim) => Statement[]): Statement[] {
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

  #element(place: Place, column: Dim, value: Expr): Statement[] {
    if (this.isDeferred) return [this.#park(place, column, value)];
    return this.#of(value, this.#finishElement(place, column));
  }

  /** `lanes` neighbouring columns from `column` on. */
  #vector(place: Place, column: Dim, sum: string): Statement[] {
    const { context, target } = this.#options;
    if (target.lanes === 1) return this.#element(place, column, this.#sum(sum));
    const j = context.counter('j', constant(target.lanes));
    const statements = this.isDeferred
      ? [this.#park(place, add(column, j.at), variable(ELEMENT, this.#options.contraction.arithmetic.sum))]
      : this.#finishElement(place, add(column, j.at));
    const varying = varyingNames(statements, j.name);
    return widenAll(statements, {
      plan: { varying, perLane: findPerLane(statements, j.name, varying), accumulators: new Map() },
      loopVariable: j.name,
      base: ZERO,
      bounds: context.bounds,
      names: this.#names,
      lets: new Map(
        statements.flatMap((statement) =>
          statement.kind === 'let' ? [[statement.name, statement.value] as const] : [],
        ),
      ),
      vectors: new Map([[ELEMENT, sum]]),
      scalars: new Map(),
    });
  }

  #park(place: Place, column: Dim, value: Expr): Statement {
    const { output } = this.#options;
    const index = this.#storeIndex(place, column);
    return { kind: 'store', buffer: output.name, index, value: bitcast(value, output.type) };
  }

  /** What follows the product for one element, and its store. */
  #finishElement(place: Place, column: Dim): Statement[] {
    const { contraction, after, output } = this.#options;
    const scope = openScope();
    const value = after.read(contraction.region.results[0]!, this.#resultIndex(place, column), scope);
    const index = this.#storeIndex(place, column);
    return [...scope.statements, { kind: 'store', buffer: output.name, index, value }];
  }

  /** The statements with `value` for the product's element. */
  #of(value: Expr, statements: readonly Statement[]): Statement[] {
    return [
      ...replaceInStatements(statements, {
        integer: () => undefined,
        value: (part) => (part.name === ELEMENT ? value : undefined),
        bounds: this.#options.context.bounds,
      }),
    ];
  }

  #resultIndex(place: Place, column: Dim): readonly Dim[] {
    const { contraction, context } = this.#options;
    const { axes, result, node, region } = contraction;
    const positions = labelPositions(
      [
        { axes: axes.resultBatch, at: place.batch },
        { axes: axes.rows, at: place.row },
        { axes: axes.columns, at: column },
      ],
      context.bounds,
    );
    const start = indexOfLabels(result, positions);
    return followTo(region, node.results[0]!, region.results[0]!, start, context.bounds);
  }

  #storeIndex(place: Place, column: Dim): Dim {
    return linearize(this.#resultIndex(place, column), this.#options.contraction.region.results[0]!.type.shape);
  }
}

interface Place {
  readonly batch: Dim;
  readonly row: Dim;
}

/** Columns in the panels before the last. */
function columnsBefore(columns: number, tile: Tile): number {
  return Math.floor(columns / tile.columns) * tile.columns;
}

/** Operations of an expression without its parts, as far as they count. */
function costOf(expr: Expr, target: Target): number {
  switch (expr.kind) {
    case 'unary':
      return target.nativeUnary.has(expr.op) ? 1 : REWRITTEN;
    case 'binary': {
      const isRewritten = (expr.op === 'pow' && !target.nativePow) || (expr.op === 'mod' && !target.nativeMod);
      return isRewritten ? REWRITTEN : 1;
    }
    case 'threefry':
      return REWRITTEN;
    case 'multiplyAdd':
    case 'compare':
    case 'select':
    case 'convert':
      return 1;
    default:
      return 0;
  }
}

/** Lets that differ from lane to lane, with the element itself and the lane's counter. */
function varyingNames(statements: readonly Statement[], counter: string): ReadonlySet<string> {
  const varying = new Set([counter, ELEMENT]);
  for (const statement of statements) {
    if (statement.kind === 'let' && exprVaries(statement.value, varying)) varying.add(statement.name);
  }
  return varying;
}
