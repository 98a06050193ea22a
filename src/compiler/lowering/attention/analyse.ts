/** What a region around an attention is made of. */
import { constantValue, equal, floorDiv, ONE, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import { binary, convert, literal, position, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';

export interface Attention {
  readonly region: Region;
  readonly node: Node;
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly mask: Value | undefined;
  readonly causal: boolean;
  /** Undefined: 1 / sqrt(width). */
  readonly scale: number | undefined;
  readonly batch: Shape;
  /** Heads of keys and values; `group` neighbouring heads of queries share one. */
  readonly keyHeads: Dim;
  readonly group: Dim;
  readonly queries: Dim;
  readonly keys: Dim;
  /** Of a query and a key. */
  readonly width: Dim;
  /** Of a value. */
  readonly depth: Dim;
  /** What the region makes of the output; undefined where only the logarithms are wanted. */
  readonly final: Value | undefined;
  /** The second result, if the region gives it. */
  readonly logSumExp: Value | undefined;
}

export function analyseAttention(region: Region): Attention {
  const node = region.nodes.find((one) => one.op.body.kind === 'attention');
  if (node?.op.body.kind !== 'attention') throw new Error('internal: an attention region without an attention');
  const [q, k, v, mask] = node.inputs as [Value, Value, Value, Value?];
  const [keyHeads, keys] = k.type.shape.slice(-3) as [Dim, Dim];
  const [heads, queries, width] = q.type.shape.slice(-3) as [Dim, Dim, Dim];
  const [, logSumExp] = node.results;
  return {
    region,
    node,
    q,
    k,
    v,
    mask,
    causal: node.op.body.causal(node.attributes),
    scale: node.op.body.scale(node.attributes),
    batch: q.type.shape.slice(0, -3),
    keyHeads,
    group: equal(heads, keyHeads) ? ONE : floorDiv(heads, keyHeads),
    queries,
    keys,
    width,
    depth: v.type.shape.at(-1)!,
    final: region.results.find((result) => result !== logSumExp),
    logSumExp: region.results.find((result) => result === logSumExp),
  };
}

/** What scores are multiplied by. */
export function scaleOf({ scale, width }: Attention): Expr {
  const known = constantValue(width);
  if (scale !== undefined || known !== undefined) return literal(scale ?? 1 / Math.sqrt(known!));
  return binary('div', literal(1), unary('sqrt', convert(position(width), 'f32')));
}
