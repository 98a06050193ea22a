/** The groups of rows that a product goes through: where each lies, and which of its tiles are in a block. */
import {
  add,
  constant,
  equal,
  floorDiv,
  maximum,
  minimum,
  multiply,
  ONE,
  subtract,
  symbolsOf,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { binary, compare, position } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import type { KernelContext } from '../kernel-context.ts';
import { openScope, type RegionReader } from '../reader.ts';
import { sizesOf, type Contraction, type Grouping } from './axes.ts';

/** A group's rows, or its summed positions: those from `first` up to, not including, `end`. */
export interface GroupStretch {
  /** Names the two. */
  readonly before: readonly Statement[];
  readonly first: Dim;
  readonly end: Dim;
}

/** The tiles of one group that begin in a block. */
export interface GroupTiles {
  readonly group: Dim;
  /** The first row of the first tile, and the row behind the last of the group. */
  readonly first: Dim;
  readonly end: Dim;
  /** How many tiles there are, and how many of them are full. */
  readonly tiles: Dim;
  readonly full: Dim;
}

export class Groups {
  readonly #grouping: Grouping;
  readonly #context: KernelContext;
  readonly #reader: RegionReader;
  /** Elements of the ragged axis. */
  readonly #size: Dim;

  /** `reader` reads the offsets. */
  constructor({ axes }: Contraction, grouping: Grouping, context: KernelContext, reader: RegionReader) {
    this.#grouping = grouping;
    this.#context = context;
    this.#reader = reader;
    this.#size = elementCount(sizesOf(axes[grouping.of].slice(0, 1)));
  }

  /** The place in the rows, or in what is summed, that an offset stands for, whatever it holds. */
  #place(at: Dim, statements: Statement[]): Dim {
    const place = this.#context.position(this.#offset(at, statements), add(this.#size, ONE), statements);
    return multiply(place, this.#grouping.each);
  }

  #offset(at: Dim, statements: Statement[]): Expr {
    const scope = openScope();
    const offset = this.#reader.read(this.#grouping.offsets, [at], scope);
    statements.push(...scope.statements);
    return offset;
  }

  /** Whether a group has rows between two rows: asked of each group for each block, so it has to be cheap. */
  #isBetween(group: Dim, from: Dim, to: Dim, statements: Statement[]): Expr {
    const rows = (at: Dim): Expr => {
      const offset = this.#offset(at, statements);
      return equal(this.#grouping.each, ONE) ? offset : binary('mul', offset, position(this.#grouping.each));
    };
    const beginsBefore = compare('lt', rows(group), position(to));
    return binary('and', beginsBefore, compare('gt', rows(add(group, ONE)), position(from)));
  }

  /** Names a number of rows. */
  #named(value: Dim, statements: Statement[]): Dim {
    const name = this.#context.integer(position(value), statements);
    for (const symbol of symbolsOf(name)) this.#context.bounds.set(symbol, multiply(this.#size, this.#grouping.each));
    return name;
  }

  stretch(group: Dim): GroupStretch {
    const before: Statement[] = [];
    const first = this.#place(group, before);
    return { before, first, end: this.#named(maximum(first, this.#place(add(group, ONE), before)), before) };
  }

  /** All rows that are in groups. */
  all(): GroupStretch {
    const before: Statement[] = [];
    const first = this.#place(ZERO, before);
    return { before, first, end: this.#place(this.#grouping.groups, before) };
  }

  /**
   * Writes the tiles of `height` rows that begin between two rows, group by group. Tiles are counted from where a group
   * begins, so that it has one at most that is not full.
   */
  eachTiles(from: Dim, to: Dim, height: number, write: (tiles: GroupTiles) => Statement[]): Statement[] {
    const context = this.#context;
    const { name, at: group } = context.counter('e', this.#grouping.groups);
    const body: Statement[] = [];
    const isHere = this.#isBetween(group, from, to, body);
    const { before, first: start, end } = this.stretch(group);
    const here = [...before];
    const up = constant(height - 1);
    const passed = this.#named(maximum(ZERO, subtract(add(from, up), start)), here);
    const first = this.#named(add(start, multiply(floorDiv(passed, constant(height)), constant(height))), here);
    const behind = this.#named(minimum(to, end), here);
    const then: Statement[] = [];
    const tiles = this.#named(floorDiv(add(subtract(behind, first), up), constant(height)), then);
    const full = this.#named(minimum(tiles, floorDiv(subtract(end, first), constant(height))), then);
    then.push(...write({ group, first, end, tiles, full }));
    here.push({ kind: 'if', condition: compare('lt', position(first), position(behind)), then, else: [] });
    body.push({ kind: 'if', condition: isHere, then: here, else: [] });
    return [{ kind: 'loop', variable: name, extent: this.#grouping.groups, mode: 'serial', body }];
  }
}
