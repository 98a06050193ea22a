/** Elements of values as expressions of indices, through movements and pointwise ops: what masks and counts are. */
import { add, constant, subtract, symbol, type Bounds, type Dim } from '../dims/dim.ts';
import { elementContext } from '../ir/movement.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { boundsOf } from '../ir/types.ts';
import { definitionsOf } from '../ir/walk.ts';
import { variable } from '../kernel/build.ts';
import type { Expr } from '../kernel/ir.ts';

/** Masks are made in a few steps; a search must end. */
const MOST_STEPS = 32;

export class Expressions {
  readonly #definitions: ReadonlyMap<Value, Node>;
  readonly #bounds: Map<string, Dim>;

  constructor(graph: Graph, bounds: Bounds = boundsOf(graph)) {
    this.#definitions = definitionsOf(graph.nodes);
    this.#bounds = new Map(bounds);
  }

  /** The element at `index`; what is computed otherwise is a variable. `known` says what some values are. */
  at(value: Value, index: readonly Dim[], known: (value: Value, index: readonly Dim[]) => Expr | undefined): Expr {
    return this.#at(value, index, known, MOST_STEPS);
  }

  #at(
    value: Value,
    index: readonly Dim[],
    known: (value: Value, index: readonly Dim[]) => Expr | undefined,
    steps: number,
  ): Expr {
    const found = known(value, index);
    if (found) return found;
    const unknown = variable(`%${value.id}[${index.map((at) => at.key).join(', ')}]`, value.type.dtype);
    const node = this.#definitions.get(value);
    if (!node || steps === 0) return unknown;
    const { body } = node.op;
    const readers = node.inputs.map((input) => (at: readonly Dim[]) => this.#at(input, at, known, steps - 1));
    switch (body.kind) {
      case 'pointwise':
        return body.scalar(
          readers.map((read) => read(index)),
          node.attributes,
          value.type.dtype,
        );
      case 'movement': {
        const context = elementContext(node, this.#bounds, (read) => integerOf(read) ?? symbol(unknownName(read)));
        return body.element(readers, index, node.attributes, context);
      }
      case 'composite':
      case 'reduction':
      case 'contraction':
      case 'attention':
      case 'structured':
      case 'fusion':
        return unknown;
    }
  }
}

function unknownName(expression: Expr): string {
  return expression.kind === 'variable' ? expression.name : '$unknown';
}

/** An i32 expression of positions as one position; undefined where it is anything else. */
export function integerOf(expression: Expr): Dim | undefined {
  switch (expression.kind) {
    case 'position':
      return expression.index;
    case 'literal':
      return expression.type === 'i32' ? constant(expression.value) : undefined;
    case 'binary': {
      const [left, right] = [integerOf(expression.left), integerOf(expression.right)];
      if (!left || !right || expression.type !== 'i32') return undefined;
      if (expression.op === 'add') return add(left, right);
      return expression.op === 'sub' ? subtract(left, right) : undefined;
    }
    default:
      return undefined;
  }
}
