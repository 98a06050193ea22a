/**
 * Fused regions around reductions over one set of axes: softmax, layer norm, sums. All reduced positions of one kept
 * position (a row) are worked through in as many passes as reductions depend on each other, then the results are
 * written; nothing of a row is stored but the results.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { linearize, sameShape, type Shape } from '../dims/shape.ts';
import type { Node, Region, Value } from '../ir/graph.ts';
import type { ReductionBody } from '../ir/op.ts';
import { binary, compare, literal, position, variable } from '../kernel/build.ts';
import type { Expr, Kernel, Statement } from '../kernel/ir.ts';
import type { Target } from '../kernel/target.ts';
import { KernelContext, type BufferSlot } from './kernel-context.ts';
import { chunkedLoop, gridOver, serialLoops, wholeLoop, type Nest } from './loops.ts';
import { openScope, RegionReader, type ReadScope } from './reader.ts';

/** Rows side by side in one grid point: few, as each may be long. */
const ROWS_ACROSS = 64;
/**
 * Rows side by side of which nothing as wide as the domain is written: a cache line of them is worked through at once, as
 * groups of lanes whose sums do not wait for each other.
 */
const STRIP = { groups: 4, lanes: 4 } as const;

export interface Reduction {
  readonly node: Node;
  readonly body: ReductionBody<Node['attributes']>;
  readonly pass: number;
}

/** The kernel of a region whose reductions share their axes. Buffers: parameters in order, then the results in order. */
export function lowerRows(region: Region, name: string, target: Target, bounds: Bounds): Kernel {
  return new RowKernel(region, target, bounds).write(name);
}

class RowKernel {
  readonly #region: Region;
  readonly #target: Target;
  readonly #context: KernelContext;
  readonly #reader: RegionReader;
  readonly #reductions: readonly Reduction[];
  /** The shape that the reductions work on. */
  readonly #domain: Shape;
  readonly #axes: ReadonlySet<number>;
  readonly #outputs: readonly BufferSlot[];

  constructor(region: Region, target: Target, bounds: Bounds) {
    this.#region = region;
    this.#target = target;
    this.#context = new KernelContext(bounds);
    this.#reader = new RegionReader(region, this.#context);
    this.#reductions = reductionsOf(region);
    const [first] = this.#reductions;
    this.#domain = first!.node.inputs[0]!.type.shape;
    this.#axes = new Set(first!.body.axes(first!.node.attributes));
    for (const parameter of region.parameters) {
      this.#reader.loadFrom(this.#context.buffer(parameter.type.dtype, 'read'), parameter);
    }
    this.#outputs = region.results.map((result) => this.#context.buffer(result.type.dtype, 'write'));
  }

  write(name: string): Kernel {
    const rank = this.#domain.length;
    const last = rank - 1;
    const keptShape = this.#domain.map((dim, axis) => (this.#axes.has(axis) ? ONE : dim));
    // Where the last axis is kept, neighbouring rows run side by side in lanes; else a row itself does.
    const across = rank > 0 && !this.#axes.has(last) && constantValue(this.#domain[last]!) !== 1;
    const outer = gridOver(this.#context, across ? keptShape.slice(0, last) : keptShape);
    if (!across) return this.#context.finish(name, outer.grid, this.#rows([outer.index], 'vector'));
    const count = this.#domain[last]!;
    const nest = this.#hasStrips(count)
      ? this.#strips(count, outer.index)
      : chunkedLoop(this.#context, count, (column) => this.#rows([[...outer.index, column]], 'serial'), ROWS_ACROSS);
    return this.#context.finish(name, [...outer.grid, ...nest.grid], nest.body);
  }

  #hasStrips(columns: Dim): boolean {
    const isNarrow = this.#region.results.every((result) => !sameShape(result.type.shape, this.#domain));
    const known = constantValue(columns) ?? Infinity;
    return isNarrow && !this.#target.workgroups && known >= STRIP.groups * STRIP.lanes;
  }

  /** The columns strip by strip, and those that fill no strip at the last point of the grid. */
  #strips(count: Dim, outer: readonly Dim[]): Nest {
    const { groups, lanes } = STRIP;
    const width = constant(groups * lanes);
    const whole = floorDiv(count, width);
    const extent = floorDiv(add(count, constant(groups * lanes - 1)), width);
    const strip = this.#context.counter('c', extent);
    const start = multiply(strip.at, width);
    const lane = this.#context.counter('i', constant(lanes));
    const places = Array.from({ length: groups }, (_, group) => [
      ...outer,
      add(start, constant(group * lanes), lane.at),
    ]);
    const rows = this.#rows(places, 'serial');
    const all: Statement = { kind: 'loop', variable: lane.name, extent: constant(lanes), mode: 'vector', body: rows };
    const grid = [{ variable: strip.name, extent }];
    const left = subtract(count, multiply(whole, width));
    if (constantValue(left) === 0) return { grid, body: [all] };
    const isWhole = compare('lt', position(strip.at), position(whole));
    const rest = wholeLoop(this.#context, left, (at) =>
      this.#rows([[...outer, add(multiply(whole, width), at)]], 'serial'),
    );
    return { grid, body: [{ kind: 'if', condition: isWhole, then: [all], else: rest.body }] };
  }

  /** All passes over some rows side by side, then their results. */
  #rows(places: readonly (readonly Dim[])[], mode: 'vector' | 'serial'): readonly Statement[] {
    const scope = openScope();
    const rows = places.map((kept): Row => ({ kept, held: new Map() }));
    const passes = Math.max(0, ...this.#reductions.map((reduction) => reduction.pass));
    const cached = this.#cacheable();
    for (let pass = 1; pass <= passes; pass++) {
      const due = this.#reductions.filter((reduction) => reduction.pass === pass);
      this.#reductionPass(due, rows, mode, scope, cached?.pass === pass ? cached : undefined);
      if (cached?.pass === pass) this.#readBack(cached);
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
    const accumulators = rows.map(() =>
      due.map(({ node, body }) => {
        const { dtype } = node.results[0]!.type;
        const accumulator = this.#context.fresh('acc');
        scope.statements.push({ kind: 'declare', name: accumulator, value: literal(body.identity(dtype), dtype) });
        return accumulator;
      }),
    );
    const loops = this.#rowLoops(mode, (reduced) => {
      const inner = openScope(scope);
      rows.forEach((row, r) => {
        this.#enter(row);
        const index = this.#elementOf(row, reduced);
        due.forEach(({ node, body }, at) => {
          const element = this.#reader.read(node.inputs[0]!, index, inner);
          const name = accumulators[r]![at]!;
          const value = binary(body.combine, variable(name, element.type), element);
          inner.statements.push({ kind: 'assign', name, value, reduction: body.combine });
        });
        if (cached) {
          const value = this.#reader.read(cached.value, index, inner);
          const place = linearize(index, this.#domain);
          inner.statements.push({ kind: 'store', buffer: cached.slot.name, index: place, value });
        }
      });
      return inner.statements;
    });
    scope.statements.push(...loops);
    rows.forEach(({ held }, r) =>
      due.forEach(({ node }, at) => {
        const result = node.results[0]!;
        const name = this.#context.fresh('row');
        const { dtype } = result.type;
        scope.statements.push({ kind: 'let', name, value: variable(accumulators[r]![at]!, dtype) });
        held.set(result, variable(name, dtype));
      }),
    );
  }

  /** What is read from now on belongs to `row`. */
  #enter({ held }: Row): void {
    for (const [result, value] of held) this.#reader.sources.set(result, () => value);
  }

  /** The place of a row's element where the reduced axes stand. */
  #elementOf({ kept }: Row, reduced: readonly Dim[]): readonly Dim[] {
    const left = [...reduced];
    return kept.map((at, axis) => (this.#axes.has(axis) ? left.shift()! : at));
  }

  /** Loops over the reduced axes; the innermost in lanes if that is the last axis. */
  #rowLoops(mode: 'vector' | 'serial', write: (reduced: readonly Dim[]) => readonly Statement[]): readonly Statement[] {
    const shape = this.#domain.filter((_, axis) => this.#axes.has(axis));
    return serialLoops(this.#context, shape, write, mode);
  }

  /** Results as wide as the domain are written in one loop over the row, the others once a row. */
  #writeResults(row: Row, mode: 'vector' | 'serial', scope: ReadScope): void {
    this.#enter(row);
    const pairs = this.#region.results.map((value, at) => ({ value, slot: this.#outputs[at]! }));
    const wide = pairs.filter(({ value }) => sameShape(value.type.shape, this.#domain));
    for (const { value, slot } of pairs) {
      if (wide.some((pair) => pair.value === value)) continue;
      const index = placeOfRow(row.kept, this.#axes, this.#domain, value.type.shape);
      const element = this.#reader.read(value, index, scope);
      scope.statements.push({
        kind: 'store',
        buffer: slot.name,
        index: linearize(index, value.type.shape),
        value: element,
      });
    }
    if (wide.length === 0) return;
    const loops = this.#rowLoops(mode, (reduced) => {
      const inner = openScope(scope);
      const index = this.#elementOf(row, reduced);
      // All are read before any is stored: one of their places may hold a cached value.
      const elements = wide.map(({ value }) => {
        const name = this.#context.fresh('out');
        const element = this.#reader.read(value, index, inner);
        inner.statements.push({ kind: 'let', name, value: element });
        return variable(name, element.type);
      });
      wide.forEach(({ slot }, at) => {
        const place = linearize(index, this.#domain);
        inner.statements.push({ kind: 'store', buffer: slot.name, index: place, value: elements[at]! });
      });
      return inner.statements;
    });
    scope.statements.push(...loops);
  }

  /**
   * A dear value that one pass reduces and a later one needs again, such as softmax's exponentials: it waits in the
   * place of a result, which is written last anyway.
   */
  #cacheable(): Cached | undefined {
    const home = this.#region.results.findIndex(
      (result) => result.type.dtype === 'f32' && sameShape(result.type.shape, this.#domain),
    );
    if (home === -1) return undefined;
    for (const { node, pass } of this.#reductions) {
      const value = node.inputs[0]!;
      const definition = this.#region.nodes.find((one) => one.results.includes(value));
      const usedAgain =
        this.#region.nodes.some((one) => one !== node && one.inputs.includes(value)) ||
        this.#region.results.includes(value);
      const dear = definition?.op.body.kind === 'pointwise' && definition.op.body.expensive === true;
      if (dear && usedAgain && value.type.dtype === 'f32') return { value, pass, slot: this.#outputs[home]! };
    }
    return undefined;
  }

  #readBack({ value, slot }: Cached): void {
    slot.access = 'readwrite';
    this.#reader.loadFrom(slot, value);
  }
}

/** A kept position, with what its reductions have come to. */
interface Row {
  readonly kept: readonly Dim[];
  readonly held: Map<Value, Expr>;
}

interface Cached {
  readonly value: Value;
  readonly pass: number;
  readonly slot: BufferSlot;
}

/** The place of the row at `kept` in a shape of one element a row, which may have other axes of size 1. */
export function placeOfRow(
  kept: readonly Dim[],
  axes: ReadonlySet<number>,
  domain: Shape,
  shape: Shape,
): readonly Dim[] {
  const moving = kept.filter((_, axis) => !axes.has(axis) && constantValue(domain[axis]!) !== 1);
  return shape.map((size) => (constantValue(size) === 1 ? ZERO : moving.shift()!));
}

/** The region's reductions with the pass each belongs to: one after the passes it depends on. */
export function reductionsOf(region: Region): Reduction[] {
  const passes = new Map<Value, number>();
  const reductions: Reduction[] = [];
  for (const node of region.nodes) {
    let pass = Math.max(0, ...node.inputs.map((input) => passes.get(input) ?? 0));
    if (node.op.body.kind === 'reduction') {
      pass++;
      reductions.push({ node, body: node.op.body, pass });
    }
    for (const result of node.results) passes.set(result, pass);
  }
  return reductions;
}
