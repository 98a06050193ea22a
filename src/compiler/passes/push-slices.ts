/**
 * Computes of each value only the part that is read. Where a network keeps one of its tokens, the last layer's products
 * over the others are dead, though no whole node is: what the uses of a value read together is followed from the outputs
 * to the operands, through all nodes that can compute a part alone.
 */
import { constantValue, equal, subtract } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { boundsOf } from '../ir/types.ts';
import { bodyOf, liveNodes, nextId } from '../ir/walk.ts';
import {
  isWhole,
  partialNode,
  samePart,
  sliceOf,
  wholeOf,
  type Part,
  type PartialNode,
  type Range,
} from './partial.ts';
import type { Pass } from './pass.ts';

export const pushSlices: Pass = {
  name: 'push_slices',
  doc: 'Computes of each value only the part that is read: slices move to before what is sliced.',
  run(graph, context) {
    const nodes = liveNodes(bodyOf(graph));
    const parts = partsRead(graph, nodes);
    if (parts.size === 0) return graph;
    const builder = new Builder(context.ops, boundsOf(graph), nextId(graph));
    /** What stands for a value that has changed: another value, which may be a part of it. */
    const made = new Map<Value, { readonly value: Value; readonly part: Part }>();
    const read = (value: Value, part: Part): Value => {
      const found = made.get(value) ?? { value, part: wholeOf(value) };
      return samePart(found.part, part) ? found.value : builder.one('slice', [found.value], sliceOf(found, part));
    };
    for (const node of nodes) {
      builder.origin = node.origin;
      const partial = parts.get(node);
      const inputs = node.inputs.map((input, at) => read(input, partial?.operands[at] ?? wholeOf(input)));
      if (partial) {
        const values = builder.apply(node.op.name, inputs, partial.attributes);
        node.results.forEach((result, at) => made.set(result, { value: values[at]!, part: partial.results[at]! }));
      } else {
        builder.nodes.push(inputs.every((input, at) => input === node.inputs[at]) ? node : { ...node, inputs });
      }
    }
    const outputs = graph.outputs.map((output) => ({ ...output, value: read(output.value, wholeOf(output.value)) }));
    return { ...graph, nodes: builder.nodes, outputs };
  },
};

/** The nodes of which a part is enough, with that part. */
function partsRead(graph: Graph, nodes: readonly Node[]): Map<Node, PartialNode> {
  const read = new Map<Value, Part>();
  const use = (value: Value, part: Part): void => {
    const before = read.get(value);
    read.set(value, before ? before.map((range, axis) => hull(range, part[axis])) : part);
  };
  for (const { value } of graph.outputs) use(value, wholeOf(value));
  const parts = new Map<Node, PartialNode>();
  for (const node of nodes.toReversed()) {
    const wanted = node.results.map((result) => read.get(result));
    const isPart = wanted.some((part) => part && !isWhole(part));
    const partial = isPart || node.op.name === 'slice' ? partialNode(node, wanted) : undefined;
    if (partial && [...partial.results, ...partial.operands].some((part) => !isWhole(part))) parts.set(node, partial);
    node.inputs.forEach((input, at) => use(input, partial?.operands[at] ?? wholeOf(input)));
  }
  return parts;
}

/** The shortest range known to hold two; undefined: the whole axis. */
function hull(a: Range | undefined, b: Range | undefined): Range | undefined {
  if (!a || !b) return undefined;
  if (equal(a.start, b.start) && equal(a.stop, b.stop)) return a;
  const [first, second] = [subtract(a.start, b.start), subtract(a.stop, b.stop)].map(constantValue);
  if (first === undefined || second === undefined) return undefined;
  return { start: first <= 0 ? a.start : b.start, stop: second >= 0 ? a.stop : b.stop };
}
