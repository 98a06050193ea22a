/**
 * Heads with projections of their own, `stack([for h in 0..heads => x |> Linear(size)])`, are as many products of one
 * tensor with small matrices. Each would fill few panels, and its gradient would sum over few columns.
 */
import { constant, ONE } from '../dims/dim.ts';
import { sameShape } from '../dims/shape.ts';
import type { Builder } from '../ir/builder.ts';
import type { Node, Value } from '../ir/graph.ts';
import { sameType } from '../ir/types.ts';
import { bodyOf, usesOf } from '../ir/walk.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type DefinitionOf } from './rewriter.ts';

export const joinProducts: Pass = {
  name: 'join_products',
  doc: 'Makes one product of those of a tensor with several parameters whose results are laid side by side.',
  run(graph, context) {
    const parameters = new Set(graph.parameters.map(({ value }) => value));
    const uses = usesOf(bodyOf(graph));
    const isUsedOnce = (value: Value): boolean => uses.get(value)?.length === 1;
    return rewriteGraph(graph, context, (node, builder, definitionOf) => {
      if (node.op.name !== 'concat' || node.inputs.length < 2 || !node.inputs.every(isUsedOnce)) return undefined;
      const sides = sidesOf(node, definitionOf);
      if (!sides || !sides.products.every(({ results }) => isUsedOnce(results[0]!))) return undefined;
      return sides.products.every(({ inputs }) => parameters.has(inputs[1]!)) ? [joined(builder, sides)] : undefined;
    });
  },
};

/** Products that differ in their right operands alone. */
interface Sides {
  readonly products: readonly Node[];
  /** Where the columns are in the result of a product, and in its right operand. */
  readonly column: number;
  readonly rightColumn: number;
  /** The axis along which the results are stacked; undefined where their columns are concatenated. */
  readonly stacked: number | undefined;
}

function sidesOf({ inputs, attributes }: Node, definitionOf: DefinitionOf): Sides | undefined {
  const axis = Number(attributes['axis']);
  const makers = inputs.map((input) => definitionOf(input));
  const isStack = makers.every((maker) => maker?.op.name === 'reshape');
  const products = isStack ? makers.map((maker) => definitionOf(maker!.inputs[0]!)) : makers;
  const [first] = products;
  if (first?.op.name !== 'contract' || first.op.body.kind !== 'contraction') return undefined;
  const { left, right, result } = first.op.body.labels(first.attributes);
  const own = right.filter((label) => !left.includes(label));
  if (own.length !== 1 || !products.every((product) => isLike(product, first))) return undefined;
  const column = result.indexOf(own[0]!);
  const { shape } = first.results[0]!.type;
  const insertsAxis = inputs.every(({ type }) => sameShape(type.shape, shape.toSpliced(axis, 0, ONE)));
  if (isStack ? !insertsAxis : axis !== column) return undefined;
  const rightColumn = right.indexOf(own[0]!);
  return { products: products as readonly Node[], column, rightColumn, stacked: isStack ? axis : undefined };
}

/** Whether a node is the product of the same tensor with another one of the same type. */
function isLike(node: Node | undefined, { op, inputs, attributes }: Node): boolean {
  if (node?.op !== op || node.inputs[0] !== inputs[0] || !sameType(node.inputs[1]!.type, inputs[1]!.type)) return false;
  return JSON.stringify(node.attributes) === JSON.stringify(attributes);
}

function joined(builder: Builder, { products, column, rightColumn, stacked }: Sides): Value {
  const [first] = products as readonly [Node];
  const rights = products.map(({ inputs }) => inputs[1]!);
  const matrix = builder.one('concat', rights, { axis: rightColumn });
  const product = builder.one('contract', [first.inputs[0]!, matrix], first.attributes);
  if (stacked === undefined) return product;
  const { shape } = first.results[0]!.type;
  const parts = shape.toSpliced(column, 0, constant(products.length));
  const split = builder.one('reshape', [product], { shape: parts });
  const others = [...parts.keys()].filter((axis) => axis !== column);
  return builder.one('transpose', [split], { permutation: others.toSpliced(stacked, 0, column) });
}
