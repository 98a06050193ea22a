/** One kernel under construction: its buffers, integer names and the graph values they stand for. */
import { constantValue, ONE, subtract, symbolsOf, symbol, type Bounds, type Dim } from '../dims/dim.ts';
import { elementCount, linearize } from '../dims/shape.ts';
import type { DType, Value } from '../ir/graph.ts';
import { binary, compare, literal, load, position, select } from '../kernel/build.ts';
import type { Expr, GridAxis, Kernel, KernelBuffer, Statement, Workgroup } from '../kernel/ir.ts';
import { dimOf, forEachIndex, forEachStatement, mapChildren, valueOf } from '../kernel/rewrite.ts';

/** A kernel buffer bound to a value of the fused region, or to scratch of the lowering's own. */
export interface BufferSlot {
  readonly name: string;
  readonly type: DType;
  access: KernelBuffer['access'];
}

/**
 * Names in kernels begin with `$`, which no name of the language can, so that they never meet a dimension's.
 */
export class KernelContext {
  /** Limits of all integer names so far. */
  readonly bounds: Map<string, Dim>;
  readonly #slots: BufferSlot[] = [];
  /** How many elements the buffers of values hold. */
  readonly #lengths = new Map<string, Dim>();
  #names = 0;

  constructor(dimBounds: Bounds) {
    this.bounds = new Map(dimBounds);
  }

  /** Any prefix but `b`, which is that of buffers. */
  fresh(prefix: string): string {
    return `$${prefix}${this.#names++}`;
  }

  /** A new integer name that counts up to `extent`, with its symbol. */
  counter(prefix: string, extent: Dim): { name: string; at: Dim } {
    const name = this.fresh(prefix);
    this.bounds.set(name, subtract(extent, ONE));
    return { name, at: symbol(name) };
  }

  buffer(type: DType, access: KernelBuffer['access']): BufferSlot {
    const slot = { name: `$b${this.#slots.length}`, type, access };
    this.#slots.push(slot);
    return slot;
  }

  /** The element of a value that a buffer holds in row-major order. */
  element(slot: BufferSlot, value: Value, index: readonly Dim[]): Expr {
    this.#lengths.set(slot.name, elementCount(value.type.shape));
    return load(slot.name, linearize(index, value.type.shape), slot.type);
  }

  /** Names an i32 value, which must be at least 0, for positions: adds a let to `statements`. */
  integer(value: Expr, statements: Statement[]): Dim {
    const name = this.fresh('at');
    statements.push({ kind: 'let', name, value });
    return symbol(name);
  }

  /** `integer` of a value limited to 0 … size - 1. */
  position(value: Expr, size: Dim, statements: Statement[]): Dim {
    const last = subtract(size, ONE);
    const at = this.integer(binary('max', binary('min', value, position(last)), literal(0, 'i32')), statements);
    for (const name of symbolsOf(at)) this.bounds.set(name, last);
    return at;
  }

  /** Scalar `expr` with 0 for every load that is out of its buffer's range. */
  withinBuffers(expr: Expr): Expr {
    if (expr.kind !== 'load') return mapChildren(expr, (child) => this.withinBuffers(child));
    const length = this.#lengths.get(expr.buffer);
    if (!length) throw new Error(`internal: nothing tells how many elements ${expr.buffer} has`);
    const at = position(expr.index);
    const inside = binary('and', compare('ge', at, literal(0, 'i32')), compare('lt', at, position(length)));
    return select(inside, expr, literal(0, expr.type));
  }

  /**
   * The finished kernel. Size arguments are the dimensions that occur anywhere in it, in alphabetical order. With
   * `workgroup`, the points of its grid are workgroups.
   */
  finish(name: string, grid: readonly GridAxis[], body: readonly Statement[], workgroup?: Workgroup): Kernel {
    const buffers = this.#slots.map(({ name: buffer, type, access }): KernelBuffer => ({ name: buffer, type, access }));
    const sizes = new Set<string>();
    const see = (dim: Dim): void => {
      for (const used of symbolsOf(dim)) if (!used.startsWith('$')) sizes.add(used);
    };
    for (const axis of grid) see(axis.extent);
    visitDims(body, see);
    return {
      name,
      buffers,
      sizes: [...sizes].sort(),
      grid: grid.filter((axis) => constantValue(axis.extent) !== 1 || usesName(body, axis.variable)),
      ...(workgroup && { workgroup }),
      body,
    };
  }
}

function usesName(body: readonly Statement[], name: string): boolean {
  let used = false;
  visitDims(body, (dim) => {
    used ||= symbolsOf(dim).includes(name);
  });
  return used;
}

function visitDims(statements: readonly Statement[], see: (dim: Dim) => void): void {
  forEachStatement(statements, (statement) => {
    const dim = dimOf(statement);
    if (dim) see(dim);
    const value = valueOf(statement);
    if (value) forEachIndex(value, see);
  });
}
