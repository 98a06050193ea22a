/** Walks a graph node by node, replacing some nodes by others; operands are already the replaced ones. */
import { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { boundsOf } from '../ir/types.ts';
import { nextId } from '../ir/walk.ts';
import type { PassContext } from './pass.ts';

/** The node that makes a value, as far as it has been rewritten; inputs and parameters have none. */
export type DefinitionOf = (value: Value) => Node | undefined;

/** New values for a node's results, or undefined to keep it. New nodes go into the builder. */
export type Rewrite = (node: Node, builder: Builder, definitionOf: DefinitionOf) => readonly Value[] | undefined;

/** The graph after `rewrite` has seen every node once, in order. Replaced nodes are dropped. */
export function rewriteGraph(graph: Graph, context: PassContext, rewrite: Rewrite): Graph {
  const builder = new Builder(context.ops, boundsOf(graph), nextId(graph));
  const replacements = new Map<Value, Value>();
  const definitions = new Map<Value, Node>();
  const current = (value: Value): Value => replacements.get(value) ?? value;
  let noted = 0;
  const note = (): void => {
    for (; noted < builder.nodes.length; noted++) {
      const node = builder.nodes[noted]!;
      for (const result of node.results) definitions.set(result, node);
    }
  };
  for (const original of graph.nodes) {
    const inputs = original.inputs.map(current);
    const node = inputs.every((input, at) => input === original.inputs[at]) ? original : { ...original, inputs };
    builder.origin = node.origin;
    const results = rewrite(node, builder, (value) => definitions.get(value));
    if (results) node.results.forEach((result, at) => replacements.set(result, results[at]!));
    else builder.nodes.push(node);
    note();
  }
  const outputs = graph.outputs.map((output) => ({ ...output, value: current(output.value) }));
  return { ...graph, nodes: builder.nodes, outputs };
}
