/**
 * A register tile: some rows by some vectors of columns, summed over the summed axes. Every sum adds its products in
 * the order of the summed axes, whatever the tile, so that tiles of any shape give the same bits.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  modulo,
  multiply,
  ONE,
  subtract,
  symbolsOf,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import { literal, splat, variable } from '../../kernel/build.ts';
import type { Expr, Lanes, Statement } from '../../kernel/ir.ts';
import type { KernelContext } from '../kernel-context.ts';
import { openScope, type ReadScope } from '../reader.ts';
import { sizesOf, type Contraction } from './axes.ts';
import { anchorRows, type RowAnchors } from './left.ts';
import type { PanelPrefetch } from './prefetch.ts';

export interface TileSpec {
  readonly contraction: Contraction;
  readonly context: KernelContext;
  readonly lanes: Lanes;
  /** Steps of the innermost summed loop in one iteration. */
  readonly unroll: number;
  readonly rows: readonly Dim[];
  /** Vectors in a row. */
  readonly vectors: number;
  /** How often each of the summed loops runs; absent: over the whole of its axes. */
  readonly extents?: readonly Dim[] | undefined;
  /** The left element of a row where the counters of the summed loops stand. */
  left(row: Dim, summed: readonly Dim[], scope: ReadScope): Expr;
  /** A vector of right elements; `k` counts all summed positions. */
  right(vector: number, k: Dim): Expr;
  readonly prefetch?: PanelPrefetch | undefined;
}

/** The names of a tile's accumulators: `sums[row][vector]`. */
export type Sums = readonly (readonly string[])[];

export interface SummedTile {
  readonly statements: readonly Statement[];
  readonly sums: Sums;
}

export function sumTile(spec: TileSpec): SummedTile {
  return new TileWriter(spec).write();
}

class TileWriter {
  readonly #spec: TileSpec;
  readonly #sums: Sums;
  readonly #anchors: RowAnchors;
  /** How often each of the summed loops runs. */
  readonly #sizes: readonly Dim[];

  constructor(spec: TileSpec) {
    const { contraction, context, rows, vectors } = spec;
    this.#spec = spec;
    this.#sums = rows.map(() => range(vectors).map(() => context.fresh('acc')));
    this.#sizes = spec.extents ?? contraction.loops.map((loop) => elementCount(sizesOf(loop)));
    const none = contraction.loops.map(() => ZERO);
    this.#anchors = anchorRows(
      rows.map((row) => spec.left(row, none, openScope())),
      new Set(rows.flatMap(symbolsOf)),
      context,
    );
  }

  write(): SummedTile {
    const { contraction, context, lanes, prefetch } = this.#spec;
    const zero = splat(literal(0, contraction.arithmetic.sum), lanes);
    const declarations = this.#sums.flat().map((name): Statement => ({ kind: 'declare', name, value: zero }));
    const outer = this.#sizes.slice(0, -1).map((size) => context.counter('k', size));
    const loops = this.#innermost(outer.map(({ at }) => at));
    const nested = outer.reduceRight<readonly Statement[]>(
      (body, { name }, at) => [{ kind: 'loop', variable: name, extent: this.#sizes[at]!, mode: 'serial', body }],
      loops,
    );
    return {
      statements: [...declarations, ...this.#anchors.before, ...(prefetch?.before ?? []), ...nested],
      sums: this.#sums,
    };
  }

  /** The innermost summed loop, `unroll` steps at a time, then the steps that are left. */
  #innermost(outer: readonly Dim[]): readonly Statement[] {
    const { unroll } = this.#spec;
    const size = this.#sizes.at(-1)!;
    const known = constantValue(size);
    const isShort = known !== undefined && known < 2 * unroll;
    const ways = isShort || !this.#hasKnownStep(outer.length) ? 1 : unroll;
    const rounds = floorDiv(size, constant(ways));
    const whole = this.#loop(outer, rounds, ways, (at) => multiply(constant(ways), at));
    const rest = modulo(size, constant(ways));
    if (constantValue(rest) === 0) return [whole];
    return [whole, this.#loop(outer, rest, 1, (at) => add(multiply(constant(ways), rounds), at))];
  }

  /**
   * Whether the elements that the innermost loop takes of a row are a known number apart. If not, each of the steps in one
   * iteration would need pointers of its own.
   */
  #hasKnownStep(innermost: number): boolean {
    const [first, second] = [ZERO, ONE].map((at) =>
      this.#spec.left(this.#spec.rows[0]!, [...range(innermost).map(() => ZERO), at], openScope()),
    );
    if (first?.kind !== 'load' || second?.kind !== 'load') return true;
    return constantValue(subtract(second.index, first.index)) !== undefined;
  }

  #loop(outer: readonly Dim[], extent: Dim, steps: number, start: (at: Dim) => Dim): Statement {
    const { context, rows, unroll, prefetch, left } = this.#spec;
    const counter = context.counter('k', extent);
    const scope = openScope();
    const places = range(steps).map((step) => [...outer, add(start(counter.at), constant(step))]);
    const elements = places.map((summed) => rows.map((row) => left(row, summed, scope)));
    const body = [...scope.statements, ...(steps === unroll ? (prefetch?.touch(counter.at) ?? []) : [])];
    places.forEach((summed, step) => {
      body.push(...this.#step(linearize(summed, this.#sizes), elements[step]!.map(this.#anchors.place)));
    });
    return { kind: 'loop', variable: counter.name, extent, mode: 'serial', body };
  }

  /** One step along the summed axes: every sum with its product added. */
  #step(k: Dim, rows: readonly Expr[]): Statement[] {
    const { contraction, context, lanes, vectors } = this.#spec;
    const { operand, sum, step } = contraction.arithmetic;
    const statements: Statement[] = [];
    const named = (prefix: string, value: Expr): Expr => {
      const name = context.fresh(prefix);
      statements.push({ kind: 'let', name, value });
      return variable(name, operand, lanes);
    };
    const columns = range(vectors).map((vector) => named('right', this.#spec.right(vector, k)));
    this.#sums.forEach((row, r) => {
      const left = named('left', splat(rows[r]!, lanes));
      row.forEach((name, vector) => {
        const value = step(left, columns[vector]!, variable(name, sum, lanes));
        statements.push({ kind: 'assign', name, value });
      });
    });
    return statements;
  }
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
