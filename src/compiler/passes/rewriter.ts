/** Walks a graph node by node, replacing some nodes by others; operands are already the replaced ones. */
import { constant, type Dim } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { nextId } from '../ir/walk.ts';
import type { PassContext } from './pass.ts';

/** New values for a node's results, or undefined to keep it. New nodes go into the builder. */
export type Rewrite = (
  node: Node,
  builder: Builder,
  definitionOf: (value: Value) => Node | undefined,
) => readonly Value[] | undefined;

/** The graph after `rewrite` has seen every node once, in order. Replaced nodes are dropped. */
export function rewriteGraph(graph: Graph, context: PassContext, rewrite: Rewrite): Graph {
  const builder = new Builder(context.ops, graphBounds(graph), nextId(graph));
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

export function graphBounds(graph: Graph): Map<string, Dim> {
  return new Map(graph.dims.flatMap(({ name, max }) => (max === undefined ? [] : [[name, constant(max)] as const])));
}
