/** Evaluates pointwise ops on scalar constants. Larger constants are left to the load-time steps of the program. */
import type { Node, Value } from '../ir/graph.ts';
import type { Tensor } from '../ir/op.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph } from './rewriter.ts';

export const fold: Pass = {
  name: 'fold',
  doc: 'Evaluates pointwise ops on scalar constants.',
  run: (graph, context) =>
    rewriteGraph(graph, context, (node, builder, definitionOf) => {
      if (node.op.body.kind !== 'pointwise') return undefined;
      const scalars = node.inputs.map((input) => scalarConstant(input, definitionOf));
      if (scalars.includes(undefined)) return undefined;
      const [result] = node.results;
      const type = { dtype: result!.type.dtype, shape: [] };
      const [data] = node.op.evaluate(scalars as Tensor[], node.attributes, [type], new Map());
      const folded = builder.one('constant', [], { dtype: type.dtype, shape: [], data: [data![0]!] });
      return [
        result!.type.shape.length === 0 ? folded : builder.one('expand', [folded], { shape: result!.type.shape }),
      ];
    }),
};

/** The scalar behind a constant, or behind one repeated to a shape; undefined for anything else. */
function scalarConstant(value: Value, definitionOf: (value: Value) => Node | undefined): Tensor | undefined {
  let node = definitionOf(value);
  if (node?.op.name === 'expand') node = definitionOf(node.inputs[0]!);
  if (node?.op.name !== 'constant' || node.results[0]!.type.shape.length > 0) return undefined;
  const { data } = node.attributes as { readonly data: readonly number[] };
  return { dtype: value.type.dtype, shape: [], data: Float64Array.from(data) };
}
