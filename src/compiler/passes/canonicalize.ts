/** Brings movements into one form: those that move nothing vanish, those in a row that can be one become one. */
import { symbol, ZERO } from '../dims/dim.ts';
import { sameShape } from '../dims/shape.ts';
import type { Builder } from '../ir/builder.ts';
import type { Node, Value } from '../ir/graph.ts';
import { moveIndex } from '../ir/movement.ts';
import { isOne } from '../ir/types.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type DefinitionOf } from './rewriter.ts';

export const canonicalize: Pass = {
  name: 'canonicalize',
  doc: 'Removes movements that move nothing, merges reshapes in a row, and makes trees of wide concatenations.',
  run: (graph, context) =>
    rewriteGraph(
      graph,
      context,
      (node, builder, definitionOf) =>
        identity(node, builder) ?? mergeReshapes(node, builder, definitionOf) ?? splitConcat(node, builder),
    ),
};

/** A movement whose every element stays in its place is its operand. */
function identity(node: Node, builder: Builder): readonly Value[] | undefined {
  const [input] = node.inputs;
  const [result] = node.results;
  if (node.op.body.kind !== 'movement' || node.inputs.length !== 1 || node.results.length !== 1) return undefined;
  if (!sameShape(input!.type.shape, result!.type.shape)) return undefined;
  const index = result!.type.shape.map((size, axis) => (isOne(size) ? ZERO : symbol(`$${axis}`)));
  const moved = moveIndex(node, index, builder.bounds);
  return moved && sameShape(moved.index, index) ? [input!] : undefined;
}

/** Only the last shape counts. */
function mergeReshapes(node: Node, builder: Builder, definitionOf: DefinitionOf): readonly Value[] | undefined {
  if (node.op.name !== 'reshape') return undefined;
  const before = definitionOf(node.inputs[0]!);
  return before?.op.name === 'reshape' ? builder.apply('reshape', before.inputs, node.attributes) : undefined;
}

/** Every element of a concatenation asks which piece it is in, so kernels of more pieces are large and slow. */
const MAX_PIECES = 8;

/** A wide concatenation in groups, and those again if need be. */
function splitConcat(node: Node, builder: Builder): readonly Value[] | undefined {
  if (node.op.name !== 'concat' || node.inputs.length <= MAX_PIECES) return undefined;
  let pieces: readonly Value[] = node.inputs;
  while (pieces.length > MAX_PIECES) {
    const all = pieces;
    const starts = Array.from({ length: Math.ceil(all.length / MAX_PIECES) }, (_, group) => group * MAX_PIECES);
    pieces = starts.map((start) => concat(all.slice(start, start + MAX_PIECES), node, builder));
  }
  return [concat(pieces, node, builder)];
}

function concat(pieces: readonly Value[], { attributes }: Node, builder: Builder): Value {
  return pieces.length === 1 ? pieces[0]! : builder.one('concat', pieces, attributes);
}
