/** Evaluates pointwise ops on scalar constants. Larger constants are left to the load-time steps of the program. */
import type { Value } from '../ir/graph.ts';
import type { Tensor } from '../ir/op.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type DefinitionOf } from './rewriter.ts';
import { uniformNumber } from './uniform.ts';

export const fold: Pass = {
  name: 'fold',
  doc: 'Evaluates pointwise ops on scalar constants.',
  run: (graph, context) =>
    rewriteGraph(graph, context, (node, builder, definitionOf) => {
      if (node.op.body.kind !== 'pointwise') return undefined;
      const scalars = node.inputs.map((input) => scalarOf(input, definitionOf));
      if (!scalars.every((scalar) => scalar !== undefined)) return undefined;
      const [result] = node.results;
      const type = { dtype: result!.type.dtype, shape: [] };
      const [data] = node.op.evaluate(scalars, node.attributes, [type], new Map());
      const folded = builder.one('constant', [], { dtype: type.dtype, shape: [], data: [data![0]!] });
      return [
        result!.type.shape.length === 0 ? folded : builder.one('expand', [folded], { shape: result!.type.shape }),
      ];
    }),
};

function scalarOf(value: Value, definitionOf: DefinitionOf): Tensor | undefined {
  const number = uniformNumber(value, definitionOf);
  return number === undefined ? undefined : { dtype: value.type.dtype, shape: [], data: Float64Array.of(number) };
}
