/** Replaces composite ops by their definitions until only primitives are left. */
import { Builder } from '../ir/builder.ts';
import type { Node, Value } from '../ir/graph.ts';
import type { Op } from '../ir/op.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph } from './rewriter.ts';

export const expand: Pass = {
  name: 'expand',
  doc: 'Replaces composite ops by their definitions.',
  run: (graph, context) => rewriteGraph(graph, context, (node, builder) => expandNode(node, builder)),
};

export const expandToSoftmax: Pass = {
  name: 'expand_to_softmax',
  doc: 'Replaces composite ops by their definitions, all but softmax, by which attention is recognized.',
  run: (graph, context) => rewriteGraph(graph, context, (node, builder) => expandNode(node, builder, isSoftmax)),
};

export const expandToRules: Pass = {
  name: 'expand_to_rules',
  doc: 'Replaces composite ops by their definitions, all but softmax and those with a gradient rule of their own.',
  run: (graph, context) =>
    rewriteGraph(graph, context, (node, builder) =>
      expandNode(node, builder, (op) => isSoftmax(op) || op.vjp !== undefined),
    ),
};

function isSoftmax({ name }: Op): boolean {
  return name === 'softmax';
}

/** Expands a composite and, in turn, the composites of its definition; those that `stays` says stay. */
function expandNode(
  node: Node,
  builder: Builder,
  stays: (op: Op) => boolean = () => false,
): readonly Value[] | undefined {
  const { body } = node.op;
  if (body.kind !== 'composite' || stays(node.op)) return undefined;
  const start = builder.nodes.length;
  const results = body.expand(builder, node.inputs, node.attributes);
  const added = builder.nodes.splice(start);
  const replacements = new Map<Value, Value>();
  const current = (value: Value): Value => replacements.get(value) ?? value;
  for (const inner of added) {
    const ready = { ...inner, inputs: inner.inputs.map(current) };
    const expanded = expandNode(ready, builder, stays);
    if (expanded) inner.results.forEach((result, at) => replacements.set(result, expanded[at]!));
    else builder.nodes.push(ready);
  }
  return results.map(current);
}
