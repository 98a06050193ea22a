/** What is known of every value of a graph before anything is proved: what it depends on, and what integers count. */
import { equal, floorDiv, multiply, ONE, product, subtract, symbol, type Dim } from '../dims/dim.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { boundsOf } from '../ir/types.ts';
import { position } from '../kernel/build.ts';
import type { Expr } from '../kernel/ir.ts';
import { quotient } from '../ops/movement/reshape.ts';
import { Expressions, integerOf } from './expressions.ts';
import type { Digit, Layout } from './layout.ts';
import type { Counting } from './movement.ts';
import { attributesMentionTime, isAlongTime, type Sequence } from './sequence.ts';

/** `tokens`: on the tokens of the sequence; `positions`: on its length or its positions alone; `fixed`: on neither. */
export type Dependence = 'fixed' | 'positions' | 'tokens';

export function dependencesOf(graph: Graph, tokens: Value, sequence: Sequence): (value: Value) => Dependence {
  const known = new Map<Value, Dependence>([[tokens, 'tokens']]);
  const of = (value: Value): Dependence => known.get(value) ?? 'fixed';
  for (const node of graph.nodes) {
    const isTimed =
      attributesMentionTime(sequence, node.attributes) ||
      node.results.some(({ type }) => isAlongTime(sequence, type.shape));
    const all = node.inputs.map(of);
    const dependence = all.includes('tokens') ? 'tokens' : isTimed || all.includes('positions') ? 'positions' : 'fixed';
    for (const result of node.results) known.set(result, dependence);
  }
  return of;
}

const ROW = symbol('$row');

/** What the integers of a value are numbers of, among what a grouping has put into groups. */
interface Count {
  readonly grouping: Node;
  readonly what: 'tokens' | 'assignments' | 'rows' | 'offsets';
}

export class Counts implements Counting {
  readonly #counts = new Map<Value, Count>();
  readonly #expressions: Expressions;
  /** By what groupings each value is put into order. */
  readonly #ordered = new Map<Value, Node>();

  constructor(graph: Graph) {
    this.#expressions = new Expressions(graph, new Map([...boundsOf(graph), ...countedBounds(graph)]));
    for (const node of graph.nodes) {
      if (isGrouping(node)) this.#noteGrouping(node);
      else if (node.op.body.kind === 'movement' && node.inputs.length === 1) this.#pass(node, node.inputs[0]!);
      this.#noteOrdered(node);
    }
  }

  isCount(value: Value): boolean {
    return this.#counts.has(value);
  }

  /** Whether a value's numbers of tokens have been worked out from others: what they are in any sequence is known. */
  isWorkedOut(value: Value): boolean {
    const count = this.#counts.get(value);
    return count?.what === 'tokens';
  }

  /** The grouping whose offsets a value holds. */
  groupingOfOffsets(value: Value): Node | undefined {
    const count = this.#counts.get(value);
    return count?.what === 'offsets' ? count.grouping : undefined;
  }

  layoutAt(value: Value, layout: Layout): Layout | undefined {
    const count = this.#counts.get(value);
    if (!count) return undefined;
    const [tokens, choices] = count.grouping.inputs[0]!.type.shape as [Dim, Dim];
    const isOwn = layout.rows?.grouping === count.grouping;
    switch (count.what) {
      case 'tokens':
        return isOwn ? layout.rows!.tokens : undefined;
      case 'assignments':
        return isOwn ? scaled(layout.rows!.tokens, (inner) => multiply(inner, choices)) : undefined;
      case 'rows': {
        const axis = layout.time?.axis;
        const several = axis === undefined ? undefined : quotient(value.type.shape[axis]!, tokens);
        const inTokens = several && scaled(layout, (inner) => quotient(inner, several));
        return inTokens && { rows: { axis: 0, grouping: count.grouping, tokens: inTokens } };
      }
      case 'offsets':
        return undefined;
    }
  }

  #noteGrouping(grouping: Node): void {
    const [order, place, , offsets] = grouping.results as [Value, Value, Value, Value];
    this.#ordered.set(order, grouping);
    this.#counts.set(order, { grouping, what: 'assignments' });
    this.#counts.set(place, { grouping, what: 'rows' });
    this.#counts.set(offsets, { grouping, what: 'offsets' });
  }

  /** Numbers of tokens that are worked out from those of assignments. */
  #noteOrdered(node: Node): void {
    const grouping = node.inputs.map((input) => this.#ordered.get(input)).find((found) => found);
    const [result] = node.results as [Value];
    if (!grouping || result.type.dtype !== 'i32' || result.type.shape.length !== 1) return;
    this.#ordered.set(result, grouping);
    const choices = grouping.inputs[0]!.type.shape[1]!;
    const [order] = grouping.results;
    const assignment = assignmentOf(grouping);
    const expression = this.#expressions.at(result, [ROW], (value) =>
      value === order ? position(assignment) : undefined,
    );
    const integer = integerOf(whereThereIsOne(expression));
    if (integer && equal(integer, floorDiv(assignment, choices)))
      this.#counts.set(result, { grouping, what: 'tokens' });
  }

  #pass(node: Node, from: Value): void {
    const count = this.#counts.get(from);
    if (count) this.#counts.set(node.results[0]!, count);
  }
}

export function isGrouping({ op }: Node): boolean {
  return op.name === 'group_rows';
}

/** The digits on axis 0 with other steps. */
function scaled({ time, batch }: Layout, step: (inner: Dim) => Dim | undefined): Layout | undefined {
  const digit = (one: Digit | undefined): Digit | undefined => {
    const inner = one && step(one.inner);
    return inner && { axis: 0, inner };
  };
  const [first, second] = [digit(time), digit(batch)];
  if (!first || (batch && (!second || batch.axis !== time!.axis))) return undefined;
  return { time: first, ...(second && { batch: second }) };
}

/** The number of any assignment of a grouping. */
function assignmentOf({ results }: Node): Dim {
  return symbol(`$assignment${results[0]!.id}`);
}

/** The numbers of assignments with their limits. */
function countedBounds({ nodes }: Graph): (readonly [string, Dim])[] {
  return nodes
    .filter(isGrouping)
    .map((node) => [assignmentOf(node).key, subtract(product(node.inputs[0]!.type.shape), ONE)] as const);
}

/** What is read at a number of a row is that row where there is one, and 0 elsewhere. */
function whereThereIsOne(expression: Expr): Expr {
  if (expression.kind !== 'binary') return expression;
  const [left, right] = [whereThereIsOne(expression.left), expression.right];
  const isMask = expression.op === 'and' && right.kind === 'select' && expression.type === 'i32';
  return isMask ? left : { ...expression, left, right: whereThereIsOne(right) };
}
