/** The register-tiled product itself: one grid point computes a tile of rows by one panel of columns. */
import { add, constant, floorDiv, multiply, subtract, type Bounds, type Dim } from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import type { Value } from '../../ir/graph.ts';
import { binary, compare, lane, literal, load, position, splat, variable } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { FreshNames } from '../../kernel/names.ts';
import { replaceInStatements } from '../../kernel/rewrite.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { exprVaries, findPerLane } from '../../kernel/vector/analysis.ts';
import { widenAll } from '../../kernel/vector/lanes.ts';
import { followTo, parametersAfter } from '../followers.ts';
import { KernelContext, type BufferSlot } from '../kernel-context.ts';
import type { BufferUse, LoweredKernel, Scratch } from '../lowered-kernel.ts';
import { openScope, RegionReader, type ReadScope } from '../reader.ts';
import { indexOfLabels, labelPositions, panelCount, sizesOf, type Contraction } from './axes.ts';
import { anchorRows } from './left.ts';
import { isMultiple, parametersBehind, readLeft, type LeftPlace } from './pack.ts';

export interface ProductOptions {
  readonly tile: Tile;
  readonly target: Target;
  readonly name: string;
  readonly bounds: Bounds;
  readonly panels: Scratch;
  /** The left operand packed by rows; absent: it is read where it lies. */
  readonly rows?: Scratch;
}

/** Buffers: left, panels, what follows the product reads, the result. */
export function writeProduct(contraction: Contraction, options: ProductOptions): LoweredKernel {
  return new Product(contraction, options).write();
}

/** The product's element in the statements that follow it, until it is replaced by an accumulator. */
const ELEMENT = '$element';

class Product {
  readonly #contraction: Contraction;
  readonly #options: ProductOptions;
  readonly #context: KernelContext;
  readonly #uses: BufferUse[] = [];
  readonly #left: RegionReader;
  readonly #after: RegionReader;
  readonly #panels: BufferSlot;
  readonly #output: BufferSlot;
  readonly #names: FreshNames;
  readonly #rows: Dim;
  readonly #columns: Dim;
  readonly #depth: Dim;
  readonly #leftRows: BufferSlot | undefined;

  constructor(contraction: Contraction, options: ProductOptions) {
    this.#contraction = contraction;
    this.#options = options;
    const context = new KernelContext(options.bounds);
    this.#context = context;
    const { region, axes, left, node } = contraction;
    this.#left = new RegionReader(region, context);
    this.#after = new RegionReader(region, context);
    const slots = new Map<Value, BufferSlot>();
    const slotOf = (value: Value): BufferSlot => {
      const known = slots.get(value);
      if (known) return known;
      const slot = context.buffer(value.type.dtype, 'read');
      this.#uses.push({ kind: 'value', value });
      slots.set(value, slot);
      return slot;
    };
    if (options.rows) {
      this.#leftRows = context.buffer('f32', 'read');
      this.#uses.push({ kind: 'scratch', scratch: options.rows });
    } else {
      for (const value of parametersBehind(region, left.value)) this.#left.loadFrom(slotOf(value), value);
    }
    this.#panels = context.buffer('f32', 'read');
    this.#uses.push({ kind: 'scratch', scratch: options.panels });
    this.#after.sources.set(node.results[0]!, () => variable(ELEMENT, 'f32'));
    for (const value of parametersAfter(contraction)) this.#after.loadFrom(slotOf(value), value);
    this.#output = context.buffer('f32', 'write');
    this.#uses.push({ kind: 'value', value: region.results[0]! });
    this.#names = new FreshNames(options.bounds.keys());
    [this.#rows, this.#columns, this.#depth] = [axes.rows, axes.columns, axes.summed].map((group) =>
      elementCount(sizesOf(group)),
    ) as [Dim, Dim, Dim];
  }

  write(): LoweredKernel {
    const { tile, name } = this.#options;
    const { axes } = this.#contraction;
    const batches = elementCount(sizesOf(axes.batch));
    const panels = panelCount(this.#contraction, tile);
    const height = constant(tile.rows);
    const tiles = floorDiv(add(this.#rows, constant(tile.rows - 1)), height);
    const batch = this.#context.counter('g', batches);
    const panel = this.#context.counter('p', panels);
    const tileRow = this.#context.counter('t', tiles);
    const place = { batch: batch.at, panel: panel.at, row: multiply(tileRow.at, height) };
    const grid = [
      { variable: batch.name, extent: batches },
      { variable: panel.name, extent: panels },
      { variable: tileRow.name, extent: tiles },
    ];
    const kernel = this.#context.finish(name, grid, this.#anyRows(place));
    return { kernel, buffers: this.#uses };
  }

  /** A whole tile, or the rows that are left one by one. */
  #anyRows(place: Place): Statement[] {
    const { rows } = this.#options.tile;
    const whole = this.#tile(place, rows);
    if (isMultiple(this.#rows, rows)) return whole;
    const rest = this.#context.counter('r', subtract(this.#rows, place.row));
    this.#context.bounds.set(rest.name, constant(rows - 1));
    const single: Statement = {
      kind: 'loop',
      variable: rest.name,
      extent: subtract(this.#rows, place.row),
      mode: 'serial',
      body: this.#tile({ ...place, row: add(place.row, rest.at) }, 1),
    };
    const condition = compare('le', position(add(place.row, constant(rows))), position(this.#rows));
    return [{ kind: 'if', condition, then: whole, else: [single] }];
  }

  /** `height` rows by a panel: accumulate over the summed axes, then write the columns there are. */
  #tile(place: Place, height: number): Statement[] {
    const { tile } = this.#options;
    const lanes = this.#options.target.lanes;
    const vectors = tile.columns / lanes;
    const accumulators = Array.from({ length: height }, () =>
      Array.from({ length: vectors }, () => this.#context.fresh('acc')),
    );
    const statements: Statement[] = accumulators
      .flat()
      .map((name) => ({ kind: 'declare', name, value: splat(literal(0), lanes) }));
    statements.push(...this.#accumulate(place, accumulators));
    const first = multiply(place.panel, constant(tile.columns));
    const whole = accumulators.flatMap((row, r) =>
      row.flatMap((name, v) =>
        this.#writeVector(add(place.row, constant(r)), add(first, constant(v * lanes)), name, place),
      ),
    );
    if (isMultiple(this.#columns, tile.columns)) return [...statements, ...whole];
    const condition = compare('le', position(add(first, constant(tile.columns))), position(this.#columns));
    return [...statements, { kind: 'if', condition, then: whole, else: this.#writeTail(place, first, accumulators) }];
  }

  /** The loops over the summed axes, and in front of them where each row begins, if that takes more than a step. */
  #accumulate(place: Place, accumulators: readonly (readonly string[])[]): Statement[] {
    const { tile, target } = this.#options;
    const { lanes } = target;
    const sizes = this.#contraction.loops.map((loop) => elementCount(sizesOf(loop)));
    const counters = sizes.map((size) => this.#context.counter('k', size));
    const summed = counters.map((counter) => counter.at);
    const k = linearize(summed, sizes);
    const scope = openScope();
    const width = constant(tile.columns);
    const panelStart = multiply(
      add(multiply(place.batch, panelCount(this.#contraction, tile)), place.panel),
      this.#depth,
      width,
    );
    const columns = accumulators[0]!.map((_, v) => {
      const name = this.#context.fresh('right');
      const index = add(panelStart, multiply(k, width), constant(v * lanes));
      scope.statements.push({ kind: 'let', name, value: load(this.#panels.name, index, 'f32', lanes) });
      return variable(name, 'f32', lanes);
    });
    const elements = accumulators.map((_, r) =>
      this.#leftElement({ batch: place.batch, row: add(place.row, constant(r)), summed }, k, scope),
    );
    const counted = new Set(counters.map((counter) => counter.name));
    const { before, rows } = anchorRows(elements, place.row, counted, this.#context);
    accumulators.forEach((row, r) => {
      const name = this.#context.fresh('left');
      scope.statements.push({ kind: 'let', name, value: splat(rows[r]!, lanes) });
      row.forEach((accumulator, v) => {
        const product = binary('mul', variable(name, 'f32', lanes), columns[v]!);
        scope.statements.push({
          kind: 'assign',
          name: accumulator,
          value: binary('add', variable(accumulator, 'f32', lanes), product),
          reduction: 'add',
        });
      });
    });
    const loops = counters.reduceRight<readonly Statement[]>(
      (body, { name }, at) => [{ kind: 'loop', variable: name, extent: sizes[at]!, mode: 'serial', body }],
      scope.statements,
    );
    return [...before, ...loops];
  }

  #leftElement(at: LeftPlace, k: Dim, scope: ReadScope): Expr {
    if (!this.#leftRows) return readLeft(this.#contraction, this.#left, at, scope, this.#context);
    return load(this.#leftRows.name, add(multiply(add(multiply(at.batch, this.#rows), at.row), this.#depth), k), 'f32');
  }

  /** Finishes `lanes` neighbouring columns from `column` on in registers and stores them. */
  #writeVector(row: Dim, column: Dim, accumulator: string, place: Place): Statement[] {
    const { lanes } = this.#options.target;
    const j = this.#context.counter('j', constant(lanes));
    const statements = this.#finishElement(place, row, add(column, j.at));
    if (lanes === 1) {
      return [
        ...replaceInStatements(statements, {
          integer: (name) => (name === j.name ? constant(0) : undefined),
          value: (part) => (part.name === ELEMENT ? { ...part, name: accumulator } : undefined),
          bounds: this.#context.bounds,
        }),
      ];
    }
    const varying = varyingNames(statements, j.name);
    return widenAll(statements, {
      plan: { varying, perLane: findPerLane(statements, j.name, varying), accumulators: new Map() },
      loopVariable: j.name,
      base: constant(0),
      bounds: this.#context.bounds,
      names: this.#names,
      lets: new Map(
        statements.flatMap((statement) =>
          statement.kind === 'let' ? [[statement.name, statement.value] as const] : [],
        ),
      ),
      vectors: new Map([[ELEMENT, accumulator]]),
      scalars: new Map(),
    });
  }

  /** The last panel: its columns are stored as they are, then finished in place one row after the other. */
  #writeTail(place: Place, first: Dim, accumulators: readonly (readonly string[])[]): Statement[] {
    const { lanes } = this.#options.target;
    this.#output.access = 'readwrite';
    const raw = accumulators.flatMap((row, r) =>
      row.flatMap((name, v) =>
        Array.from({ length: lanes }, (_, l): Statement => {
          const column = add(first, constant(v * lanes + l));
          const element = variable(name, 'f32', lanes);
          const index = this.#storeIndex(place, add(place.row, constant(r)), column);
          const store: Statement = {
            kind: 'store',
            buffer: this.#output.name,
            index,
            value: lanes === 1 ? element : lane(element, l),
          };
          return {
            kind: 'if',
            condition: compare('lt', position(column), position(this.#columns)),
            then: [store],
            else: [],
          };
        }),
      ),
    );
    if (this.#contraction.node.results[0] === this.#contraction.region.results[0]) return raw;
    const r = this.#context.counter('r', constant(accumulators.length));
    const j = this.#context.counter('j', constant(this.#options.tile.columns));
    const [row, column] = [add(place.row, r.at), add(first, j.at)];
    const stored = load(this.#output.name, this.#storeIndex(place, row, column), 'f32');
    const element: Statement = { kind: 'let', name: this.#context.fresh('e'), value: stored };
    const body = replaceInStatements(this.#finishElement(place, row, column), {
      integer: () => undefined,
      value: (part) => (part.name === ELEMENT ? { ...part, name: element.name } : undefined),
      bounds: this.#context.bounds,
    });
    const across: Statement = {
      kind: 'loop',
      variable: j.name,
      extent: subtract(this.#columns, first),
      mode: 'vector',
      body: [element, ...body],
    };
    return [
      ...raw,
      { kind: 'loop', variable: r.name, extent: constant(accumulators.length), mode: 'serial', body: [across] },
    ];
  }

  #resultIndex(place: Place, row: Dim, column: Dim): readonly Dim[] {
    const { axes, result, node, region } = this.#contraction;
    const positions = labelPositions(
      [
        { axes: axes.batch, at: place.batch },
        { axes: axes.rows, at: row },
        { axes: axes.columns, at: column },
      ],
      this.#context.bounds,
    );
    return followTo(
      region,
      node.results[0]!,
      region.results[0]!,
      indexOfLabels(result, positions),
      this.#context.bounds,
    );
  }

  #storeIndex(place: Place, row: Dim, column: Dim): Dim {
    return linearize(this.#resultIndex(place, row, column), this.#contraction.region.results[0]!.type.shape);
  }

  /** What follows the product for one element, and its store. */
  #finishElement(place: Place, row: Dim, column: Dim): Statement[] {
    const result = this.#contraction.region.results[0]!;
    const index = this.#resultIndex(place, row, column);
    const scope = openScope();
    const value = this.#after.read(result, index, scope);
    scope.statements.push({
      kind: 'store',
      buffer: this.#output.name,
      index: linearize(index, result.type.shape),
      value,
    });
    return scope.statements;
  }
}

/** Where a grid point stands: batch and panel numbers, first row. */
interface Place {
  readonly batch: Dim;
  readonly panel: Dim;
  readonly row: Dim;
}

/** Lets that differ from lane to lane, with the element itself and the lane's counter. */
function varyingNames(statements: readonly Statement[], counter: string): ReadonlySet<string> {
  const varying = new Set([counter, ELEMENT]);
  for (const statement of statements) {
    if (statement.kind === 'let' && exprVaries(statement.value, varying)) varying.add(statement.name);
  }
  return varying;
}
