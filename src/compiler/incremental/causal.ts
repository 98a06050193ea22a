/** Attention in which query i sees keys 0 … i: because it says so, or by a mask that is the lower triangle. */
import { add, constant, equal, subtract, symbol, ZERO, type Dim } from '../dims/dim.ts';
import type { Graph, Node } from '../ir/graph.ts';
import { isOne } from '../ir/types.ts';
import type { Expr } from '../kernel/ir.ts';
import { Expressions, integerOf } from './expressions.ts';

export function isCausal({ op, attributes }: Node): boolean {
  return op.body.kind === 'attention' && op.body.causal(attributes);
}

const QUERY = symbol('$query');
const KEY = symbol('$key');

/** Tells attention whose mask keeps keys 0 … i of query i and no others. */
export function causalMasks(graph: Graph): (node: Node) => boolean {
  const expressions = new Expressions(graph);
  return ({ inputs }) => {
    const mask = inputs[3];
    if (!mask) return false;
    const rank = mask.type.shape.length;
    const index = mask.type.shape.map((size, axis) => {
      if (isOne(size)) return ZERO;
      return axis === rank - 1 ? KEY : axis === rank - 2 ? QUERY : symbol(`$axis${axis}`);
    });
    const expression = expressions.at(mask, index, () => undefined);
    const kept = mask.type.dtype === 'bool' ? atLeastZero(expression) : keptBy(expression);
    return kept !== undefined && equal(kept, subtract(QUERY, KEY));
  };
}

/** What is at least 0 where an added mask is 0, and it is -inf elsewhere. */
function keptBy(expression: Expr): Dim | undefined {
  if (expression.kind !== 'select') return undefined;
  const [then, otherwise] = [numberOf(expression.then), numberOf(expression.else)];
  const condition = atLeastZero(expression.condition);
  if (then === 0 && otherwise === -Infinity) return condition;
  return then === -Infinity && otherwise === 0 ? condition && negated(condition) : undefined;
}

function numberOf(expression: Expr): number | undefined {
  return expression.kind === 'literal' ? expression.value : undefined;
}

/** What is at least 0 exactly where a condition on positions holds. */
function atLeastZero(expression: Expr): Dim | undefined {
  if (expression.kind === 'unary' && expression.op === 'not') {
    const inner = atLeastZero(expression.operand);
    return inner && negated(inner);
  }
  if (expression.kind !== 'compare') return undefined;
  const [left, right] = [integerOf(expression.left), integerOf(expression.right)];
  if (!left || !right) return undefined;
  switch (expression.op) {
    case 'le':
      return subtract(right, left);
    case 'lt':
      return subtract(right, add(left, constant(1)));
    case 'ge':
      return subtract(left, right);
    case 'gt':
      return subtract(left, add(right, constant(1)));
    case 'eq':
    case 'ne':
      return undefined;
  }
}

/** What is at least 0 exactly where an integer is below 0. */
function negated(dim: Dim): Dim {
  return subtract(constant(-1), dim);
}
