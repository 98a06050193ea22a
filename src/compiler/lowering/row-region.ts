/**
 * A region around reductions over one set of axes, as kernels of rows are written of it: what of it is reduced in which
 * pass, and how elements are accumulated and results written, whatever loops are around.
 */
import { constantValue, ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import { linearize, sameShape, type Shape } from '../dims/shape.ts';
import type { Node, Region, Value } from '../ir/graph.ts';
import type { ReductionBody } from '../ir/op.ts';
import { binary, literal, variable } from '../kernel/build.ts';
import type { Expr, Statement } from '../kernel/ir.ts';
import { KernelContext, type BufferSlot } from './kernel-context.ts';
import { openScope, RegionReader, type ReadScope } from './reader.ts';

export interface Reduction {
  readonly node: Node;
  readonly body: ReductionBody<Node['attributes']>;
  readonly pass: number;
}

/** A kept position, with what its reductions have come to. */
export interface Row {
  readonly kept: readonly Dim[];
  readonly held: Map<Value, Expr>;
}

export interface Cached {
  readonly value: Value;
  readonly pass: number;
  readonly slot: BufferSlot;
}

export class RowRegion {
  readonly region: Region;
  readonly context: KernelContext;
  readonly reductions: readonly Reduction[];
  /** How many passes over a row there are, one after the other. */
  readonly passes: number;
  /** The shape that the reductions work on. */
  readonly domain: Shape;
  readonly axes: ReadonlySet<number>;
  readonly #reader: RegionReader;
  readonly #outputs: readonly BufferSlot[];

  /** Buffers: parameters in order, then those of the region's results that the kernel writes: all, or none. */
  constructor(region: Region, bounds: Bounds, results: readonly Value[] = region.results) {
    this.region = region;
    this.context = new KernelContext(bounds);
    this.#reader = new RegionReader(region, this.context);
    this.reductions = reductionsOf(region);
    this.passes = Math.max(0, ...this.reductions.map((reduction) => reduction.pass));
    const [first] = this.reductions;
    this.domain = first!.node.inputs[0]!.type.shape;
    this.axes = new Set(first!.body.axes(first!.node.attributes));
    for (const parameter of region.parameters) {
      this.#reader.loadFrom(this.context.buffer(parameter.type.dtype, 'read'), parameter);
    }
    this.#outputs = results.map((result) => this.context.buffer(result.type.dtype, 'write'));
  }

  get reducedShape(): Shape {
    return this.domain.filter((_, axis) => this.axes.has(axis));
  }

  /** Whether a result has as many elements as are reduced. */
  get isWide(): boolean {
    return this.region.results.some((result) => this.#isAsWide(result));
  }

  #isAsWide(result: Value): boolean {
    return sameShape(result.type.shape, this.domain);
  }

  due(pass: number): readonly Reduction[] {
    return this.reductions.filter((reduction) => reduction.pass === pass);
  }

  /** What is read from now on belongs to `row`. */
  enter({ held }: Row): void {
    for (const [result, value] of held) this.#reader.sources.set(result, () => value);
  }

  /** The place of a row's element where the reduced axes stand. */
  elementOf({ kept }: Row, reduced: readonly Dim[]): readonly Dim[] {
    const left = [...reduced];
    return kept.map((at, axis) => (this.axes.has(axis) ? left.shift()! : at));
  }

  /** Declares a variable for each of `due`, with what is reduced of nothing. */
  declare(due: readonly Reduction[], statements: Statement[]): readonly string[] {
    return due.map(({ node, body }) => {
      const { dtype } = node.results[0]!.type;
      const accumulator = this.context.fresh('acc');
      statements.push({ kind: 'declare', name: accumulator, value: literal(body.identity(dtype), dtype) });
      return accumulator;
    });
  }

  /** Adds a row's element to the accumulators, and keeps what is cached of it. */
  accumulate(
    row: Row,
    reduced: readonly Dim[],
    due: readonly Reduction[],
    accumulators: readonly string[],
    scope: ReadScope,
    cached: Cached | undefined,
  ): void {
    this.enter(row);
    const index = this.elementOf(row, reduced);
    due.forEach(({ node, body }, at) => {
      const element = this.#reader.read(node.inputs[0]!, index, scope);
      const name = accumulators[at]!;
      const value = binary(body.combine, variable(name, element.type), element);
      scope.statements.push({ kind: 'assign', name, value, reduction: body.combine });
    });
    if (cached) {
      const value = this.#reader.read(cached.value, index, scope);
      const place = linearize(index, this.domain);
      scope.statements.push({ kind: 'store', buffer: cached.slot.name, index: place, value });
    }
  }

  /** What a reduction of `row` has come to is `value`. */
  hold(row: Row, { node }: Reduction, value: Expr, statements: Statement[]): void {
    const result = node.results[0]!;
    const name = this.context.fresh('row');
    const { dtype } = result.type;
    statements.push({ kind: 'let', name, value });
    row.held.set(result, variable(name, dtype));
  }

  /** Writes the results of which there is one element a row. */
  writeNarrow(row: Row, scope: ReadScope): void {
    this.enter(row);
    this.region.results.forEach((value, at) => {
      if (this.#isAsWide(value)) return;
      const index = placeOfRow(row.kept, this.axes, this.domain, value.type.shape);
      const element = this.#reader.read(value, index, scope);
      scope.statements.push({
        kind: 'store',
        buffer: this.#outputs[at]!.name,
        index: linearize(index, value.type.shape),
        value: element,
      });
    });
  }

  /** Writes an element of the row in each of the results that are as wide as the domain. */
  writeWide(row: Row, reduced: readonly Dim[], scope: ReadScope): readonly Statement[] {
    this.enter(row);
    const inner = openScope(scope);
    const wide = this.region.results.flatMap((value, at) =>
      this.#isAsWide(value) ? [{ value, slot: this.#outputs[at]! }] : [],
    );
    const index = this.elementOf(row, reduced);
    // All are read before any is stored: one of their places may hold a cached value.
    const elements = wide.map(({ value }) => {
      const name = this.context.fresh('out');
      const element = this.#reader.read(value, index, inner);
      inner.statements.push({ kind: 'let', name, value: element });
      return variable(name, element.type);
    });
    wide.forEach(({ slot }, at) => {
      const place = linearize(index, this.domain);
      inner.statements.push({ kind: 'store', buffer: slot.name, index: place, value: elements[at]! });
    });
    return inner.statements;
  }

  /**
   * A dear value that one pass reduces and a later one needs again, such as softmax's exponentials: it waits in the
   * place of a result, which is written last anyway.
   */
  cacheable(): Cached | undefined {
    const home = this.region.results.findIndex((result) => result.type.dtype === 'f32' && this.#isAsWide(result));
    if (home === -1) return undefined;
    for (const { node, pass } of this.reductions) {
      const value = node.inputs[0]!;
      const definition = this.region.nodes.find((one) => one.results.includes(value));
      const usedAgain =
        this.region.nodes.some((one) => one !== node && one.inputs.includes(value)) ||
        this.region.results.includes(value);
      const dear = definition?.op.body.kind === 'pointwise' && definition.op.body.expensive === true;
      if (dear && usedAgain && value.type.dtype === 'f32') return { value, pass, slot: this.#outputs[home]! };
    }
    return undefined;
  }

  /** From now on the value is read from where it waits. */
  readBack({ value, slot }: Cached): void {
    slot.access = 'readwrite';
    this.#reader.loadFrom(slot, value);
  }
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
