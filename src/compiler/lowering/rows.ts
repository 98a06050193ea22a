/**
 * Fused regions around reductions over one set of axes: softmax, layer norm, sums. All reduced positions of one kept
 * position (a row) are worked through in as many passes as reductions depend on each other, then the results are
 * written; nothing of a row is stored but the results.
 */
import { constantValue, ONE, ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import { linearize, sameShape, type Shape } from '../dims/shape.ts';
import type { Node, Region, Value } from '../ir/graph.ts';
import type { ReductionBody } from '../ir/op.ts';
import { binary, literal, variable } from '../kernel/build.ts';
import type { Kernel, Statement } from '../kernel/ir.ts';
import { KernelContext, type BufferSlot } from './kernel-context.ts';
import { chunkedLoop, gridOver, serialLoops } from './loops.ts';
import { openScope, RegionReader, type ReadScope } from './reader.ts';

/** Rows side by side in one grid point: few, as each may be long. */
const ROWS_ACROSS = 64;

export interface Reduction {
  readonly node: Node;
  readonly body: ReductionBody<Node['attributes']>;
  readonly pass: number;
}

/** The kernel of a region whose reductions share their axes. Buffers: parameters in order, then the results in order. */
export function lowerRows(region: Region, name: string, bounds: Bounds): Kernel {
  return new RowKernel(region, bounds).write(name);
}

class RowKernel {
  readonly #region: Region;
  readonly #context: KernelContext;
  readonly #reader: RegionReader;
  readonly #reductions: readonly Reduction[];
  /** The shape that the reductions work on. */
  readonly #domain: Shape;
  readonly #axes: ReadonlySet<number>;
  readonly #outputs: readonly BufferSlot[];

  constructor(region: Region, bounds: Bounds) {
    this.#region = region;
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
    if (!across) return this.#context.finish(name, outer.grid, this.#row(outer.index, 'vector'));
    const nest = chunkedLoop(
      this.#context,
      this.#domain[last]!,
      (column) => this.#row([...outer.index, column], 'serial'),
      ROWS_ACROSS,
    );
    return this.#context.finish(name, [...outer.grid, ...nest.grid], nest.body);
  }

  /** All passes over one row, then its results. */
  #row(kept: readonly Dim[], mode: 'vector' | 'serial'): readonly Statement[] {
    const scope = openScope();
    const passes = Math.max(0, ...this.#reductions.map((reduction) => reduction.pass));
    const cached = this.#cacheable();
    for (let pass = 1; pass <= passes; pass++) {
      const due = this.#reductions.filter((reduction) => reduction.pass === pass);
      this.#reductionPass(due, kept, mode, scope, cached?.pass === pass ? cached : undefined);
      if (cached?.pass === pass) this.#readBack(cached);
    }
    this.#writeResults(kept, mode, scope);
    return scope.statements;
  }

  #reductionPass(
    due: readonly Reduction[],
    kept: readonly Dim[],
    mode: 'vector' | 'serial',
    scope: ReadScope,
    cached: Cached | undefined,
  ): void {
    const accumulators = due.map(({ node, body }) => {
      const { dtype } = node.results[0]!.type;
      const accumulator = this.#context.fresh('acc');
      scope.statements.push({ kind: 'declare', name: accumulator, value: literal(body.identity(dtype), dtype) });
      return accumulator;
    });
    const loops = this.#rowLoops(kept, mode, (index) => {
      const inner = openScope(scope);
      due.forEach(({ node, body }, at) => {
        const element = this.#reader.read(node.inputs[0]!, index, inner);
        const accumulator = variable(accumulators[at]!, element.type);
        inner.statements.push({
          kind: 'assign',
          name: accumulators[at]!,
          value: binary(body.combine, accumulator, element),
          reduction: body.combine,
        });
      });
      if (cached) {
        const value = this.#reader.read(cached.value, index, inner);
        inner.statements.push({
          kind: 'store',
          buffer: cached.slot.name,
          index: linearize(index, this.#domain),
          value,
        });
      }
      return inner.statements;
    });
    scope.statements.push(...loops);
    due.forEach(({ node }, at) => {
      const result = node.results[0]!;
      const held = this.#context.fresh('row');
      scope.statements.push({ kind: 'let', name: held, value: variable(accumulators[at]!, result.type.dtype) });
      this.#reader.sources.set(result, () => variable(held, result.type.dtype));
    });
  }

  /** Loops over the reduced axes; the innermost in lanes if that is the last axis. */
  #rowLoops(
    kept: readonly Dim[],
    mode: 'vector' | 'serial',
    write: (index: readonly Dim[]) => readonly Statement[],
  ): readonly Statement[] {
    const axes = [...this.#axes].sort((a, b) => a - b);
    const shape = axes.map((axis) => this.#domain[axis]!);
    return serialLoops(
      this.#context,
      shape,
      (position) => {
        const index = kept.map((at, axis) => {
          const place = axes.indexOf(axis);
          return place === -1 ? at : position[place]!;
        });
        return write(index);
      },
      mode,
    );
  }

  /** Results as wide as the domain are written in one loop over the row, the others once a row. */
  #writeResults(kept: readonly Dim[], mode: 'vector' | 'serial', scope: ReadScope): void {
    const pairs = this.#region.results.map((value, at) => ({ value, slot: this.#outputs[at]! }));
    const wide = pairs.filter(({ value }) => sameShape(value.type.shape, this.#domain));
    for (const { value, slot } of pairs) {
      if (wide.some((pair) => pair.value === value)) continue;
      const index = placeOfRow(kept, this.#axes, this.#domain, value.type.shape);
      const element = this.#reader.read(value, index, scope);
      scope.statements.push({
        kind: 'store',
        buffer: slot.name,
        index: linearize(index, value.type.shape),
        value: element,
      });
    }
    if (wide.length === 0) return;
    const loops = this.#rowLoops(kept, mode, (index) => {
      const inner = openScope(scope);
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
