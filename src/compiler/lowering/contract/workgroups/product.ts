/** The kernel of a product whose tiles workgroups compute: what is read, the sums of a tile, and what follows them. */
import {
  add,
  constant,
  constantValue,
  minimum,
  multiply,
  subtract,
  symbolsOf,
  ZERO,
  type Bounds,
  type Dim,
} from '../../../dims/dim.ts';
import { elementCount } from '../../../dims/shape.ts';
import type { Value } from '../../../ir/graph.ts';
import { compare, lane, literal, position, select, variable } from '../../../kernel/build.ts';
import type { Expr, GridAxis, Kernel, Statement } from '../../../kernel/ir.ts';
import { parametersAfter } from '../../followers.ts';
import { KernelContext, type BufferSlot } from '../../kernel-context.ts';
import type { BufferUse, Scratch } from '../../lowered-kernel.ts';
import { RegionReader } from '../../reader.ts';
import { sizesOf, type Contraction } from '../axes.ts';
import { Finish } from '../finish.ts';
import { Groups } from '../groups.ts';
import { isMultiple, parametersBehind } from '../pack.ts';
import { range } from '../tile.ts';
import { loadEntry, tileSlots } from './map.ts';
import { SideOperand, type OperandSource, type Side } from './operand.ts';
import { Slab, type Stretch } from './slab.ts';
import {
  finishedQuads,
  parkParts,
  partsLength,
  seatOf,
  sumOfParts,
  sumTiles,
  type Seat,
  type SumsOptions,
  type TilePlace,
} from './sums.ts';
import { invocationsOf, QUAD, tilesAlong, type GroupTile } from './tiling.ts';

export interface GroupProductOptions {
  readonly tile: GroupTile;
  readonly name: string;
  readonly bounds: Bounds;
  /** Operands that were copied, as `copyOperand` does. */
  readonly copies: { readonly [side in Side]?: Scratch };
  /** Where rows are in groups: the tiles, as `mapKernel` writes them. */
  readonly map?: Scratch;
}

export interface GroupProductKernel {
  readonly kernel: Kernel;
  readonly buffers: readonly BufferUse[];
}

/** Buffers, the same for every tile: what the operands and what follows read, offsets or map of groups, the result. */
export function writeGroupProduct(contraction: Contraction, options: GroupProductOptions): GroupProductKernel {
  return new GroupProduct(contraction, options).write();
}

const MEMORY = '$tile';

class GroupProduct {
  readonly #contraction: Contraction;
  readonly #options: GroupProductOptions;
  readonly #context: KernelContext;
  readonly #uses: BufferUse[] = [];
  readonly #finish: Finish;
  readonly #groups: Groups | undefined;
  readonly #map: BufferSlot | undefined;
  readonly #sums: SumsOptions;
  readonly #seat: Seat;
  readonly #invocation: { readonly name: string; readonly at: Dim };
  readonly #rows: Dim;
  readonly #columns: Dim;
  readonly #depth: Dim;

  constructor(contraction: Contraction, options: GroupProductOptions) {
    const { region, grouping, arithmetic } = contraction;
    const { tile, bounds } = options;
    this.#contraction = contraction;
    this.#options = options;
    const context = new KernelContext(bounds);
    this.#context = context;
    const slots = new Map<Value, BufferSlot>();
    const reads = (parameters: readonly Value[]): RegionReader => {
      const reader = new RegionReader(region, context);
      for (const value of parameters) reader.loadFrom(this.#slot(slots, value), value);
      return reader;
    };
    const sourceOf = (side: Side): OperandSource => {
      const copy = options.copies[side];
      if (!copy) return { reader: reads(parametersBehind(region, contraction[side].value)) };
      this.#uses.push({ kind: 'scratch', scratch: copy });
      return { copy: context.buffer(arithmetic.operand, 'read') };
    };
    const sides = [
      new SideOperand(contraction, 'left', context, sourceOf('left')),
      new SideOperand(contraction, 'right', context, sourceOf('right')),
    ] as const;
    const after = reads(parametersAfter(contraction));
    if (options.map) {
      this.#map = context.buffer('i32', 'read');
      this.#uses.push({ kind: 'scratch', scratch: options.map });
    } else if (grouping) {
      this.#groups = new Groups(contraction, grouping, context, reads(parametersBehind(region, grouping.offsets)));
    }
    const output = context.buffer(region.results[0]!.type.dtype, 'write');
    this.#uses.push({ kind: 'value', value: region.results[0]! });
    [this.#rows, this.#columns, this.#depth] = [sides[0].size, sides[1].size, sides[0].depth];
    this.#finish = new Finish({ contraction, context, after, output });
    this.#invocation = context.counter('i', constant(invocationsOf(tile)));
    this.#seat = seatOf(tile, this.#invocation.at, context);
    const slab = (operand: SideOperand, size: number, start: number): Slab =>
      new Slab({
        context,
        names: this.#finish.names,
        operand,
        size,
        depth: tile.depth,
        type: arithmetic.operand,
        memory: { name: MEMORY },
        start,
        invocation: this.#invocation.at,
        invocations: invocationsOf(tile),
      });
    const first = slab(sides[0], tile.rows, 0);
    const second = slab(sides[1], tile.columns, first.length);
    this.#sums = { contraction, context, tile, seat: this.#seat, left: first, right: second };
  }

  /** The buffer of a value that is loaded. */
  #slot(slots: Map<Value, BufferSlot>, value: Value): BufferSlot {
    const known = slots.get(value);
    if (known) return known;
    const slot = this.#context.buffer(value.type.dtype, 'read');
    this.#uses.push({ kind: 'value', value });
    slots.set(value, slot);
    return slot;
  }

  write(): GroupProductKernel {
    const { tile, name } = this.#options;
    const grid: GridAxis[] = [];
    const axis = (prefix: string, extent: Dim): Dim => {
      if (constantValue(extent) === 1) return ZERO;
      const { name: variableName, at } = this.#context.counter(prefix, extent);
      grid.push({ variable: variableName, extent });
      return at;
    };
    const body = this.#map ? this.#groupsOfRows(axis, this.#map) : this.#points(axis);
    const { left, right } = this.#sums;
    const memory = {
      name: MEMORY,
      type: this.#contraction.arithmetic.operand,
      length: Math.max(left.length + right.length, partsLength(tile)),
    };
    const workgroup = { invocation: this.#invocation.name, size: invocationsOf(tile), memory: [memory] };
    const kernel = this.#context.finish(name, grid, [...this.#seat.before, ...body], workgroup);
    return { kernel, buffers: this.#uses };
  }

  /** Tiles of all rows; where what is summed is in groups, with one of these innermost. */
  #points(axis: (prefix: string, extent: Dim) => Dim): Statement[] {
    const { axes, grouping } = this.#contraction;
    const { tile } = this.#options;
    const batches = elementCount(sizesOf(axes.batch));
    const batch = axis('g', batches);
    const columns = this.#tileColumns(axis('p', tilesAlong(this.#columns, tile.columns)));
    const first = multiply(axis('t', tilesAlong(this.#rows, tile.rows)), constant(tile.rows));
    const rows = { first, end: this.#rows };
    if (!this.#groups) {
      const summed = { first: ZERO, end: this.#depth };
      const chunks = tilesAlong(this.#depth, tile.depth);
      return this.#tile({ batch: { left: batch, right: batch, result: batch }, rows, columns, summed, chunks });
    }
    const group = axis('e', grouping!.groups);
    const { before, first: start, end } = this.#groups.stretch(group);
    const result = add(multiply(group, batches), batch);
    const chunks = tilesAlong(subtract(end, start), tile.depth);
    const place = {
      batch: { left: batch, right: batch, result },
      rows,
      columns,
      summed: { first: start, end },
      chunks,
    };
    return [...before, ...this.#tile(place)];
  }

  #tileColumns(number: Dim): Stretch {
    return { first: multiply(number, constant(this.#options.tile.columns)), end: this.#columns };
  }

  /** The tile that the map names: outermost, so that those that there are come first. */
  #groupsOfRows(axis: (prefix: string, extent: Dim) => Dim, map: BufferSlot): Statement[] {
    const { axes, grouping } = this.#contraction;
    const { tile } = this.#options;
    const batches = elementCount(sizesOf(axes.batch));
    const number = axis('t', tileSlots(this.#rows, grouping!, tile.rows));
    const batch = axis('g', batches);
    const columns = this.#tileColumns(axis('p', tilesAlong(this.#columns, tile.columns)));
    const before: Statement[] = [];
    const entry = loadEntry(
      map,
      number,
      (value, most) => {
        const name = this.#context.integer(value, before);
        for (const symbol of symbolsOf(name)) this.#context.bounds.set(symbol, most);
        return name;
      },
      { rows: this.#rows, groups: grouping!.groups },
    );
    const right = add(multiply(entry.group, batches), batch);
    const place = {
      batch: { left: batch, right, result: batch },
      rows: entry.rows,
      columns,
      summed: { first: ZERO, end: this.#depth },
      chunks: multiply(entry.isSummed, tilesAlong(this.#depth, tile.depth)),
    };
    return [...before, ...this.#tile(place)];
  }

  #tile(place: TilePlace): Statement[] {
    const { statements, names } = sumTiles(this.#sums, place);
    const { tile } = this.#options;
    const sums = names.map((name) => variable(name, this.#contraction.arithmetic.sum, QUAD));
    if (tile.parts === 1) return [...statements, this.#finishRows(place, sums)];
    const finish = finishedQuads(
      tile,
      this.#invocation.at,
      (row, quad) => this.#finishPart(place, row, quad),
      this.#context,
    );
    return [...statements, ...parkParts(this.#sums, MEMORY, sums), ...finish];
  }

  /** What follows the sums of a row's quad that all parts have a share of. */
  #finishPart(place: TilePlace, inTile: Dim, quad: Dim): Statement[] {
    const { tile } = this.#options;
    const name = this.#context.fresh('sum');
    const value = sumOfParts(tile, MEMORY, inTile, quad, this.#contraction.arithmetic);
    const row = add(place.rows.first, inTile);
    const statements: Statement[] = [{ kind: 'let', name, value }, ...this.#finishQuad(place, row, quad, name)];
    if (place.rows.end === this.#rows && isMultiple(this.#rows, tile.rows)) return statements;
    const condition = compare('lt', position(row), position(place.rows.end));
    return [{ kind: 'if', condition, then: statements, else: [] }];
  }

  /** What follows the sums in an invocation's registers: a loop over the rows, which is written once. */
  #finishRows(place: TilePlace, sums: readonly Expr[]): Statement {
    const { tile } = this.#options;
    const context = this.#context;
    const block = constant(tile.block);
    const first = add(place.rows.first, multiply(this.#seat.row, block));
    const isWhole = place.rows.end === this.#rows && isMultiple(this.#rows, tile.block * (tile.rows / tile.block));
    const extent = isWhole ? block : minimum(block, subtract(place.rows.end, first));
    const r = context.counter('r', block);
    const name = context.fresh('sum');
    const value = sums.reduce((before, sum, at) => select(isAt(r.at, at), sum, before));
    const body: Statement[] = [
      { kind: 'let', name, value },
      ...this.#finishQuad(place, add(first, r.at), this.#seat.column, name),
    ];
    return { kind: 'loop', variable: r.name, extent, mode: 'serial', body };
  }

  /** What follows four sums that `sum` holds, for the columns that there are. */
  #finishQuad({ batch, columns }: TilePlace, row: Dim, quad: Dim, sum: string): Statement[] {
    const context = this.#context;
    const place = { batch: batch.result, row };
    const column = add(columns.first, multiply(quad, constant(QUAD)));
    const j = context.counter('j', constant(QUAD));
    const whole = this.#finish.inLanes(this.#finish.element(place, add(column, j.at)), j.name, sum);
    const guarded = (then: Statement[], otherwise: Statement[]): Statement[] => {
      const condition = compare('le', position(add(column, constant(QUAD))), position(this.#columns));
      return [{ kind: 'if', condition, then, else: otherwise }];
    };
    if (isMultiple(this.#columns, this.#options.tile.columns)) return whole;
    if (isMultiple(this.#columns, QUAD)) return guarded(whole, []);
    // The columns that fill no quad.
    const at = context.counter('j', constant(QUAD - 1));
    const sums = variable(sum, this.#contraction.arithmetic.sum, QUAD);
    const element = range(QUAD - 1)
      .map((lanes) => lane(sums, lanes))
      .reduce((before, own, lanes) => select(isAt(at.at, lanes), own, before));
    const body = this.#finish.of(element, this.#finish.element(place, add(column, at.at)));
    const extent = subtract(this.#columns, column);
    const rest: Statement = { kind: 'loop', variable: at.name, extent, mode: 'serial', body };
    if ((constantValue(this.#columns) ?? QUAD) < QUAD) return [rest];
    return guarded(whole, [rest]);
  }
}

function isAt(at: Dim, number: number): Expr {
  return compare('eq', position(at), literal(number, 'i32'));
}
