/**
 * The map of products whose rows are in groups: which tiles there are, and of which group. It is made on the device from
 * the offsets of the groups, tells the device how many workgroups to dispatch, and counts what they execute. Products with
 * the same groups share one.
 */
import {
  add,
  constant,
  floorDiv,
  maximum,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../../dims/dim.ts';
import { elementCount } from '../../../dims/shape.ts';
import type { Value } from '../../../ir/graph.ts';
import { binary, compare, convert, literal, load, position, variable } from '../../../kernel/build.ts';
import type { Expr, Kernel, Statement } from '../../../kernel/ir.ts';
import { KernelContext, type BufferSlot } from '../../kernel-context.ts';
import { openScope, RegionReader } from '../../reader.ts';
import { sizesOf, type Contraction, type Grouping } from '../axes.ts';
import { parametersBehind } from '../pack.ts';
import type { Stretch } from './slab.ts';

/** The words of a map before those of its tiles: rows with their padding … */
export const COUNTS = {
  /** … of the tiles; */
  tiles: 0,
  /** … if those of each group are rounded up to a multiple of this. */
  multiples: new Map([
    [16, 1],
    [32, 2],
  ]),
} as const;
const HEADER = 4;
/** Words of a tile: its group, its first row, the row behind the last of its group, and whether there is anything to sum. */
const ENTRY = 4;

/** Most tiles of so many rows: one of a group is not full, and so is one of the rows before and behind all groups. */
export function tileSlots(rows: Dim, { groups }: Grouping, height: number): Dim {
  return add(floorDiv(rows, constant(height)), groups, constant(2));
}

/** Words of a map for tiles of that many rows, or more. */
export function mapLength(rows: Dim, grouping: Grouping, height: number): Dim {
  return add(constant(HEADER), multiply(constant(ENTRY), tileSlots(rows, grouping, height)));
}

export interface MapEntry {
  readonly group: Dim;
  readonly rows: Stretch;
  /** 1, or 0 for rows of no group, whose sums are 0. */
  readonly isSummed: Dim;
}

/** `named` gives a name to a value that is `most` at most. */
export function loadEntry(
  map: BufferSlot,
  number: Dim,
  named: (value: Expr, most: Dim) => Dim,
  { rows, groups }: { readonly rows: Dim; readonly groups: Dim },
): MapEntry {
  const word = (at: number, most: Dim): Dim =>
    named(load(map.name, add(constant(HEADER + at), multiply(number, constant(ENTRY))), 'i32'), most);
  return {
    group: word(0, maximum(subtract(groups, ONE), ZERO)),
    rows: { first: word(1, rows), end: word(2, rows) },
    isSummed: word(3, ONE),
  };
}

export interface MapOptions {
  readonly name: string;
  readonly bounds: Bounds;
  /** Rows of a tile. */
  readonly height: number;
  /** Workgroups for each tile, of every product that is dispatched by this map. */
  readonly shares: readonly Dim[];
  /** Workgroups along one dimension of a dispatch. */
  readonly perDimension: number;
}

/** The values that a map is made from. */
export function mapOperands({ region, grouping }: Contraction): readonly Value[] {
  return parametersBehind(region, grouping!.offsets);
}

/** Buffers: `mapOperands`, the map, and for each of the `shares` the numbers of workgroups along x, y and z. */
export function mapKernel(contraction: Contraction, options: MapOptions): Kernel {
  return new MapWriter(contraction, options).write();
}

const number = (value: number): Expr => literal(value, 'i32');

class MapWriter {
  readonly #options: MapOptions;
  readonly #grouping: Grouping;
  readonly #context: KernelContext;
  readonly #reader: RegionReader;
  readonly #map: BufferSlot;
  readonly #words: readonly BufferSlot[];
  /** Elements of the ragged axis, and the rows that they are, in groups or not. */
  readonly #size: Dim;
  readonly #rows: Dim;

  constructor(contraction: Contraction, options: MapOptions) {
    const { region, grouping, axes } = contraction;
    this.#options = options;
    this.#grouping = grouping!;
    const context = new KernelContext(options.bounds);
    this.#context = context;
    this.#reader = new RegionReader(region, context);
    for (const value of mapOperands(contraction))
      this.#reader.loadFrom(context.buffer(value.type.dtype, 'read'), value);
    this.#map = context.buffer('i32', 'write');
    this.#words = options.shares.map(() => context.buffer('u32', 'write'));
    this.#size = elementCount(sizesOf(axes[grouping!.of].slice(0, 1)));
    this.#rows = multiply(this.#size, grouping!.each);
  }

  /** A point for each tile that there may be: it looks for the group that has it. */
  write(): Kernel {
    const { height, name } = this.#options;
    const slots = tileSlots(this.#rows, this.#grouping, height);
    const slot = this.#context.counter('t', slots);
    const body: Statement[] = [];
    const entry = ['group', 'first', 'end', 'summed'].map((prefix) => this.#variable(prefix, body));
    const counts = new Map([...COUNTS.multiples].map(([of, at]) => [of, { at, sum: this.#variable('rows', body) }]));
    const tiles = this.#variable('tiles', body);
    const group = this.#context.counter('e', this.#grouping.groups);
    const each: Statement[] = [];
    const bounds = [this.#offset(group.at, each), this.#offset(add(group.at, ONE), each)] as const;
    const rows = this.#take(slot.at, tiles, entry, [position(group.at), ...bounds, number(1)], each);
    for (const [of, { sum }] of counts)
      each.push(assign(sum, binary('add', sum, binary('mul', ceiling(rows, of), number(of)))));
    body.push({ kind: 'loop', variable: group.name, extent: this.#grouping.groups, mode: 'serial', body: each });
    const inGroups = this.#let('full', tiles, body);
    // Rows of no group.
    const [start, end] = [this.#offset(ZERO, body), this.#offset(this.#grouping.groups, body)];
    this.#take(slot.at, tiles, entry, [number(0), number(0), start, number(0)], body);
    this.#take(slot.at, tiles, entry, [number(0), end, position(this.#rows), number(0)], body);
    const first = add(constant(HEADER), multiply(slot.at, constant(ENTRY)));
    entry.forEach((value, at) => body.push(this.#store(this.#map, add(first, constant(at)), value)));
    const totals = [
      this.#store(this.#map, constant(COUNTS.tiles), binary('mul', inGroups, number(height))),
      ...[...counts.values()].map(({ at, sum }) => this.#store(this.#map, constant(at), sum)),
      ...this.#dispatches(binary('min', tiles, position(slots))),
    ];
    body.push({ kind: 'if', condition: compare('eq', position(slot.at), number(0)), then: totals, else: [] });
    return this.#context.finish(name, [{ variable: slot.name, extent: slots }], body);
  }

  /** The row at which a group begins, whatever the offsets hold. */
  #offset(at: Dim, statements: Statement[]): Expr {
    const scope = openScope();
    const { each, offsets } = this.#grouping;
    const value = this.#reader.read(offsets, [at], scope);
    statements.push(...scope.statements);
    const limited = binary('max', binary('min', value, position(this.#size)), number(0));
    return this.#let('start', binary('mul', limited, position(each)), statements);
  }

  /** Counts the tiles of the rows from one to another, and keeps the one that is in the slot; answers how many rows. */
  #take(
    slot: Dim,
    tiles: Expr & { readonly kind: 'variable' },
    entry: readonly (Expr & { readonly kind: 'variable' })[],
    [group, first, end, isSummed]: readonly [Expr, Expr, Expr, Expr],
    statements: Statement[],
  ): Expr {
    const { height } = this.#options;
    const rows = this.#let('rows', binary('max', binary('sub', end, first), number(0)), statements);
    const inside = this.#let('tile', binary('sub', position(slot), tiles), statements);
    const own = this.#let('own', ceiling(rows, height), statements);
    const start = binary('add', first, binary('mul', inside, number(height)));
    statements.push(
      {
        kind: 'if',
        condition: binary('and', compare('ge', inside, number(0)), compare('lt', inside, own)),
        then: [group, start, end, isSummed].map((value, at) => assign(entry[at]!, value)),
        else: [],
      },
      assign(tiles, binary('add', tiles, own)),
    );
    return rows;
  }

  /** So many workgroups for each of the tiles, along as few dimensions as hold them. */
  #dispatches(tiles: Expr): Statement[] {
    const { shares, perDimension } = this.#options;
    return shares.flatMap((share, at) => {
      const before: Statement[] = [];
      const all = this.#let('workgroups', binary('mul', tiles, position(share)), before);
      const lines = this.#let('lines', ceiling(all, perDimension), before);
      const most = this.#let('most', binary('max', lines, number(1)), before);
      const along = binary('div', binary('add', all, binary('sub', most, number(1))), most);
      const words = [along, lines, number(1)].map((value) => convert(value, 'u32'));
      return [...before, ...words.map((value, axis) => this.#store(this.#words[at]!, constant(axis), value))];
    });
  }

  #store(buffer: BufferSlot, index: Dim, value: Expr): Statement {
    return { kind: 'store', buffer: buffer.name, index, value };
  }

  #let(prefix: string, value: Expr, statements: Statement[]): Expr {
    const name = this.#context.fresh(prefix);
    statements.push({ kind: 'let', name, value });
    return variable(name, value.type);
  }

  #variable(prefix: string, statements: Statement[]): Expr & { readonly kind: 'variable' } {
    const name = this.#context.fresh(prefix);
    statements.push({ kind: 'declare', name, value: number(0) });
    return { kind: 'variable', type: 'i32', lanes: 1, name };
  }
}

function assign({ name }: { readonly name: string }, value: Expr): Statement {
  return { kind: 'assign', name, value };
}

function ceiling(value: Expr, by: number): Expr {
  return binary('div', binary('add', value, number(by - 1)), number(by));
}
