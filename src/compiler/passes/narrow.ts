/**
 * Contractions to which one operand brings no axes of its own, such as `b n d, b d -> b n` or the windows of a single
 * channel, would leave the rows or the columns of every tile empty but for one. They are multiplied and summed instead.
 */
import { ONE } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { Node, Value } from '../ir/graph.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph } from './rewriter.ts';

export const narrow: Pass = {
  name: 'narrow',
  doc: 'Makes products that are summed of contractions to which one operand brings no axes of its own.',
  run: (graph, context) => rewriteGraph(graph, context, narrowNode),
};

interface Operand {
  readonly value: Value;
  readonly labels: readonly string[];
}

function narrowNode(node: Node, builder: Builder): readonly Value[] | undefined {
  const { body } = node.op;
  if (body.kind !== 'contraction' || body.ragged) return undefined;
  const labels = body.labels(node.attributes);
  const left: Operand = { value: node.inputs[0]!, labels: labels.left };
  const right: Operand = { value: node.inputs[1]!, labels: labels.right };
  const covers = (wide: Operand, other: Operand): boolean => other.labels.every((label) => wide.labels.includes(label));
  const wide = covers(left, right) ? left : covers(right, left) ? right : undefined;
  if (!wide) return undefined;
  return [summed(builder, wide, wide === left ? right : left, labels.result)];
}

/** The sum of products over the axes that the result lacks, which `wide` and the other operand both have. */
function summed(builder: Builder, wide: Operand, other: Operand, result: readonly string[]): Value {
  const products = builder.one('mul', [wide.value, spread(builder, other, wide)]);
  const axes = wide.labels.flatMap((label, axis) => (result.includes(label) ? [] : [axis]));
  const left = wide.labels.filter((label) => result.includes(label));
  const { shape } = wide.value.type;
  const sum =
    axes.length === 0
      ? products
      : builder.one('reshape', [builder.one('reduce_sum', [products], { axes })], {
          shape: shape.filter((_, axis) => !axes.includes(axis)),
        });
  return builder.one('transpose', [sum], { permutation: result.map((label) => left.indexOf(label)) });
}

/** `other` in the axes of `wide`, repeated along those it lacks. */
function spread(builder: Builder, other: Operand, wide: Operand): Value {
  const order = wide.labels.filter((label) => other.labels.includes(label));
  const inOrder = builder.one('transpose', [other.value], {
    permutation: order.map((label) => other.labels.indexOf(label)),
  });
  const { shape } = wide.value.type;
  const column = builder.one('reshape', [inOrder], {
    shape: shape.map((size, axis) => (order.includes(wide.labels[axis]!) ? size : ONE)),
  });
  return builder.one('expand', [column], { shape });
}
