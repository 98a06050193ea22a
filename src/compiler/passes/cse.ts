/** Common subexpression elimination: equal ops on equal operands are computed once. */
import type { Node, Value } from '../ir/graph.ts';
import { printAttribute } from '../ir/printer.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph } from './rewriter.ts';

export const cse: Pass = {
  name: 'cse',
  doc: 'Computes equal ops on equal operands once.',
  run(graph, context) {
    const known = new Map<string, readonly Value[]>();
    return rewriteGraph(graph, context, (node) => {
      const key = keyOf(node);
      const before = known.get(key);
      if (!before) known.set(key, node.results);
      return before;
    });
  },
};

function keyOf(node: Node): string {
  const attributes = Object.entries(node.attributes).map(([name, value]) => `${name}: ${printAttribute(value)}`);
  return `${node.op.name}(${node.inputs.map((input) => input.id).join()}) ${attributes.sort().join()}`;
}
