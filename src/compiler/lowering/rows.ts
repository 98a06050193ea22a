/**
 * Fused regions around reductions over one set of axes: softmax, layer norm, sums. All reduced positions of one kept
 * position (a row) are worked through in as many passes as reductions depend on each other, then the results are
 * written; nothing of a row is stored but the results.
 */
import { add, constant, constantValue, floorDiv, multiply, ONE, subtract, type Bounds, type Dim } from '../dims/dim.ts';
import { delinearize, elementCount } from '../dims/shape.ts';
import type { Region } from '../ir/graph.ts';
import { compare, position, variable } from '../kernel/build.ts';
import type { Kernel, Statement } from '../kernel/ir.ts';
import type { Target } from '../kernel/target.ts';
import { chunkedLoop, gridOver, serialLoops, wholeLoop, type Nest } from './loops.ts';
import { openScope, type ReadScope } from './reader.ts';
import { RowRegion, type Cached, type Reduction, type Row } from './row-region.ts';
import { columnKernel } from './workgroups/columns.ts';
import { shareLoops } from './workgroups/share-loops.ts';

/** Rows side by side in one grid point: few, as each may be long. */
const ROWS_ACROSS = 64;
/**
 * Rows side by side of which nothing as wide as the domain is written: a cache line of them is worked through at once, as
 * groups of lanes whose sums do not wait for each other.
 */
const STRIP = { groups: 4, lanes: 4 } as const;

/** The kernel of a region whose reductions share their axes. Buffers: parameters in order, then the results in order. */
export function lowerRows(region: Region, name: string, target: Target, bounds: Bounds): Kernel {
  const rows = new RowRegion(region, bounds);
  return columnKernel(rows, name, target) ?? shareLoops(new RowKernel(rows, target).write(name), target);
}

class RowKernel {
  readonly #rows: RowRegion;
  readonly #target: Target;

  constructor(rows: RowRegion, target: Target) {
    this.#rows = rows;
    this.#target = target;
  }

  write(name: string): Kernel {
    const { context, domain, axes } = this.#rows;
    const rank = domain.length;
    const last = rank - 1;
    const keptShape = domain.map((dim, axis) => (axes.has(axis) ? ONE : dim));
    // Where the last axis is kept, neighbouring rows run side by side in lanes; else a row itself does.
    const across = rank > 0 && !axes.has(last) && constantValue(domain[last]!) !== 1;
    const outer = gridOver(context, across ? keptShape.slice(0, last) : keptShape);
    if (!across) return context.finish(name, outer.grid, this.#write([outer.index], 'vector'));
    const count = domain[last]!;
    const nest = this.#across(count, outer.index);
    return context.finish(name, [...outer.grid, ...nest.grid], nest.body);
  }

  #across(count: Dim, outer: readonly Dim[]): Nest {
    const { context } = this.#rows;
    const write = (column: Dim): readonly Statement[] => this.#write([[...outer, column]], 'serial');
    if (this.#target.workgroups) return wholeLoop(context, count, write);
    const isWorthStrips = (constantValue(count) ?? Infinity) >= STRIP.groups * STRIP.lanes;
    if (isWorthStrips && !this.#rows.isWide) return this.#strips(count, outer);
    return chunkedLoop(context, count, write, ROWS_ACROSS);
  }

  /** The columns strip by strip, and those that fill no strip at the last point of the grid. */
  #strips(count: Dim, outer: readonly Dim[]): Nest {
    const { context } = this.#rows;
    const { groups, lanes } = STRIP;
    const width = constant(groups * lanes);
    const whole = floorDiv(count, width);
    const extent = floorDiv(add(count, constant(groups * lanes - 1)), width);
    const strip = context.counter('c', extent);
    const start = multiply(strip.at, width);
    const lane = context.counter('i', constant(lanes));
    const places = Array.from({ length: groups }, (_, group) => [
      ...outer,
      add(start, constant(group * lanes), lane.at),
    ]);
    const rows = this.#write(places, 'serial');
    const all: Statement = { kind: 'loop', variable: lane.name, extent: constant(lanes), mode: 'vector', body: rows };
    const grid = [{ variable: strip.name, extent }];
    const left = subtract(count, multiply(whole, width));
    if (constantValue(left) === 0) return { grid, body: [all] };
    const isWhole = compare('lt', position(strip.at), position(whole));
    const rest = wholeLoop(context, left, (at) => this.#write([[...outer, add(multiply(whole, width), at)]], 'serial'));
    return { grid, body: [{ kind: 'if', condition: isWhole, then: [all], else: rest.body }] };
  }

  /** All passes over some rows side by side, then their results. */
  #write(places: readonly (readonly Dim[])[], mode: 'vector' | 'serial'): readonly Statement[] {
    const scope = openScope();
    const rows = places.map((kept): Row => ({ kept, held: new Map() }));
    const cached = this.#rows.cacheable();
    for (let pass = 1; pass <= this.#rows.passes; pass++) {
      this.#reductionPass(this.#rows.due(pass), rows, mode, scope, cached?.pass === pass ? cached : undefined);
      if (cached?.pass === pass) this.#rows.readBack(cached);
    }
    for (const row of rows) this.#writeResults(row, mode, scope);
    return scope.statements;
  }

  #reductionPass(
    due: readonly Reduction[],
    rows: readonly Row[],
    mode: 'vector' | 'serial',
    scope: ReadScope,
    cached: Cached | undefined,
  ): void {
    const accumulators = rows.map(() => this.#rows.declare(due, scope.statements));
    const loops = this.#rowLoops(mode, (reduced) => {
      const inner = openScope(scope);
      rows.forEach((row, r) => this.#rows.accumulate(row, reduced, due, accumulators[r]!, inner, cached));
      return inner.statements;
    });
    scope.statements.push(...loops);
    rows.forEach((row, r) =>
      due.forEach((reduction, at) => {
        const { dtype } = reduction.node.results[0]!.type;
        this.#rows.hold(row, reduction, variable(accumulators[r]![at]!, dtype), scope.statements);
      }),
    );
  }

  /**
   * Loops over the reduced axes; the innermost in lanes if that is the last axis. Where invocations share them out, they
   * are one loop, as long as the row.
   */
  #rowLoops(mode: 'vector' | 'serial', write: (reduced: readonly Dim[]) => readonly Statement[]): readonly Statement[] {
    const { context, reducedShape } = this.#rows;
    if (mode === 'serial' || !this.#target.workgroups) return serialLoops(context, reducedShape, write, mode);
    const count = elementCount(reducedShape);
    return wholeLoop(context, count, (at) => write(delinearize(at, reducedShape, context.bounds))).body;
  }

  /** Results as wide as the domain are written in one loop over the row, the others once a row. */
  #writeResults(row: Row, mode: 'vector' | 'serial', scope: ReadScope): void {
    this.#rows.writeNarrow(row, scope);
    if (this.#rows.isWide)
      scope.statements.push(...this.#rowLoops(mode, (reduced) => this.#rows.writeWide(row, reduced, scope)));
  }
}
