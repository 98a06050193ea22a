/**
 * What constants of a spec put into its values, such as the −1e9 of a mask: found without running it, as inputs at hand may
 * mask nothing. Interval arithmetic as far as all operands are constants or bools; what else is added counts as 0.
 */
import { fusionOf } from '../../ir/fusion.ts';
import type { Attributes, Graph, Node, Value } from '../../ir/graph.ts';

/** Both finite, `low` ≤ `high`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

type Intervals = Map<Value, Interval>;

/** Intervals of the values that constants reach, and of no others. */
export function constantIntervals({ nodes }: Pick<Graph, 'nodes'>): ReadonlyMap<Value, Interval> {
  const intervals: Intervals = new Map();
  for (const node of nodes) {
    const region = fusionOf(node)?.body;
    if (!region) {
      addNode(node, intervals);
      continue;
    }
    copy(intervals, node.inputs, region.parameters);
    for (const inner of region.nodes) addNode(inner, intervals);
    copy(intervals, region.results, node.results);
  }
  return intervals;
}

function copy(intervals: Intervals, from: readonly Value[], to: readonly Value[]): void {
  from.forEach((value, at) => {
    const interval = intervals.get(value);
    if (interval) intervals.set(to[at]!, interval);
  });
}

function addNode(node: Node, intervals: Intervals): void {
  const [result] = node.results;
  if (result?.type.dtype !== 'f32') return;
  const interval = intervalOf(
    node,
    node.inputs.map((input) => (input.type.dtype === 'bool' ? BOOL : intervals.get(input))),
  );
  if (interval) intervals.set(result, interval);
}

const BOOL: Interval = { low: 0, high: 1 };

type Operand = Interval | undefined;

function intervalOf({ op, attributes }: Node, operands: readonly Operand[]): Operand {
  const [a, b, c] = operands;
  switch (op.name) {
    case 'constant':
    case 'full':
      return around(literals(attributes));
    case 'cast':
      return a;
    case 'where':
      return union([b, c]);
    case 'neg':
      return a && negated(a);
    case 'add':
      return sum(a, b);
    case 'sub':
      return sum(a, b && negated(b));
    case 'mul':
      return a && b && around([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]);
    default:
      return op.body.kind === 'movement' ? union(operands) : undefined;
  }
}

function literals({ data, value }: Attributes): readonly number[] {
  return (data ?? [value]) as readonly number[];
}

/** Infinities are the same in f16. */
function around(values: readonly number[]): Operand {
  const finite = values.filter(Number.isFinite);
  return finite.length > 0 ? { low: Math.min(...finite), high: Math.max(...finite) } : undefined;
}

function union(operands: readonly Operand[]): Operand {
  return around(operands.flatMap((operand) => (operand ? [operand.low, operand.high] : [])));
}

function negated({ low, high }: Interval): Interval {
  return { low: -high, high: -low };
}

function sum(a: Operand, b: Operand): Operand {
  return a && b ? around([a.low + b.low, a.high + b.high]) : (a ?? b);
}
