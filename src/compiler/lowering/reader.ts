/**
 * Reads elements of a fused region as kernel expressions: pointwise ops become arithmetic, movements become index
 * arithmetic, and what the region's kernel holds already (loads, accumulators, row results) is asked of `sources`.
 */
import type { Dim } from '../dims/dim.ts';
import type { Node, Region, Value } from '../ir/graph.ts';
import { elementContext, moveIndex } from '../ir/movement.ts';
import type { MovementBody } from '../ir/op.ts';
import { variable } from '../kernel/build.ts';
import type { Expr, Statement } from '../kernel/ir.ts';
import type { BufferSlot, KernelContext } from './kernel-context.ts';

/** How the kernel gets an element of a value it does not compute from others here. */
export type Source = (index: readonly Dim[]) => Expr;

/** A statement list that is being written, with the elements already computed in it. */
export interface ReadScope {
  readonly statements: Statement[];
  readonly known: Map<string, Expr>;
  readonly outer?: ReadScope;
}

export function openScope(outer?: ReadScope): ReadScope {
  return { statements: [], known: new Map(), ...(outer && { outer }) };
}

export class RegionReader {
  /** Values with a source are not looked into. Entries may be added while a kernel is written. */
  readonly sources = new Map<Value, Source>();
  readonly #context: KernelContext;
  readonly #definitions = new Map<Value, Node>();
  readonly #useCounts = new Map<Value, number>();

  constructor(region: Region, context: KernelContext) {
    this.#context = context;
    for (const node of region.nodes) {
      for (const result of node.results) this.#definitions.set(result, node);
      for (const input of node.inputs) this.#count(input);
    }
    region.results.forEach((result) => this.#count(result));
  }

  /** Takes the elements of `value` from a buffer that holds it in row-major order. */
  loadFrom(slot: BufferSlot, value: Value): void {
    this.sources.set(value, (index) => this.#context.element(slot, value, index));
  }

  #count(value: Value): void {
    this.#useCounts.set(value, (this.#useCounts.get(value) ?? 0) + 1);
  }

  /**
   * The element of `value` at `index`. Elements that the region uses more than once are bound by a let in `scope`.
   */
  read(value: Value, index: readonly Dim[], scope: ReadScope): Expr {
    return this.#read(value, index, scope, true);
  }

  /** `read` for an element under a condition: nothing of it is evaluated unless the expression is. */
  readGuarded(value: Value, index: readonly Dim[], scope: ReadScope): Expr {
    return this.#read(value, index, scope, false);
  }

  /**
   * With `bind` false nothing is put into the scope: the element may stand in an arm of a select that guards its
   * loads, and a let would load before the guard is asked.
   */
  #read(value: Value, index: readonly Dim[], scope: ReadScope, bind: boolean): Expr {
    const key = `${value.id} ${index.map((at) => at.key).join()}`;
    const known = lookup(scope, key);
    if (known) return known;
    const expr = this.#compute(value, index, scope, bind);
    const shared = (this.#useCounts.get(value) ?? 0) > 1 && expr.kind !== 'literal' && expr.kind !== 'variable';
    if (!bind) return expr;
    const result = shared ? this.#bind(expr, scope) : expr;
    scope.known.set(key, result);
    return result;
  }

  #bind(expr: Expr, scope: ReadScope): Expr {
    const name = this.#context.fresh('v');
    scope.statements.push({ kind: 'let', name, value: expr });
    return variable(name, expr.type, expr.lanes);
  }

  #compute(value: Value, index: readonly Dim[], scope: ReadScope, bind: boolean): Expr {
    const source = this.sources.get(value);
    if (source) return source(index);
    const node = this.#definitions.get(value);
    if (!node) throw new Error(`internal: nothing defines value ${value.id} of a fused region`);
    const { body } = node.op;
    switch (body.kind) {
      case 'pointwise': {
        const operands = node.inputs.map((input) => this.#read(input, index, scope, bind));
        return body.scalar(operands, node.attributes, value.type.dtype);
      }
      case 'movement':
        return this.#move(node, body, index, scope, bind);
      case 'composite':
      case 'reduction':
      case 'contraction':
      case 'attention':
      case 'structured':
      case 'fusion':
        throw new Error(`internal: ${node.op.name} cannot be read element by element`);
    }
  }

  #move(
    node: Node,
    body: MovementBody<Node['attributes']>,
    index: readonly Dim[],
    scope: ReadScope,
    bind: boolean,
  ): Expr {
    const { bounds } = this.#context;
    if (bind) {
      const renamed = moveIndex(node, index, bounds);
      if (renamed) return this.#read(node.inputs[renamed.operand]!, renamed.index, scope, true);
    }
    const isBound = bind && body.indirect === true;
    const readers = node.inputs.map((input) => (at: readonly Dim[]) => this.#read(input, at, scope, isBound));
    const position = (value: Expr, size: Dim): Dim => this.#position(value, size, scope, bind);
    return body.element(readers, index, node.attributes, elementContext(node, bounds, position));
  }

  /**
   * A let that is a position in an axis of `size`. It stands in the scope even where the element is under a condition,
   * so its own loads are then limited to what the buffers hold.
   */
  #position(value: Expr, size: Dim, scope: ReadScope, bind: boolean): Dim {
    return this.#context.position(bind ? value : this.#context.withinBuffers(value), size, scope.statements);
  }
}

function lookup(scope: ReadScope, key: string): Expr | undefined {
  return scope.known.get(key) ?? (scope.outer && lookup(scope.outer, key));
}
