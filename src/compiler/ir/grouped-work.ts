/** The multiply-adds of products whose rows are in groups: what they are, and what they would be if every group took all. */
import { add, constant, exactly, multiply, product, ZERO, type Dim } from '../dims/dim.ts';
import { fusionOf } from './fusion.ts';
import type { Graph, Node, Value } from './graph.ts';

/** Undefined numbers are beyond 2^53. */
export interface GroupedWork {
  /** Each row with its own group: the most that has to be computed. */
  readonly sparse: Dim | undefined;
  /** Each token, of which there may be several rows, with every group. */
  readonly dense: Dim | undefined;
}

/** Undefined where a graph has no such products; it may be fused or not. */
export function groupedWork(graph: Pick<Graph, 'nodes'>): GroupedWork | undefined {
  const all = groupedProducts(graph.nodes, (value) => value, new Map(graph.nodes.flatMap(definitions)));
  if (all.length === 0) return undefined;
  return {
    sparse: exactly(() => add(ZERO, ...all.map(({ rows, each }) => multiply(rows, each)))),
    dense: exactly(() => add(ZERO, ...all.map(({ tokens, groups, each }) => multiply(tokens, groups, each)))),
  };
}

interface GroupedProduct {
  readonly rows: Dim;
  /** The rows before they were repeated for each group that they are in. */
  readonly tokens: Dim;
  readonly groups: Dim;
  /** Multiply-adds of a row with one group. */
  readonly each: Dim;
}

type Definition = readonly [result: Value, place: { readonly node: Node; readonly at: number }];

function definitions(node: Node): Definition[] {
  return node.results.map((result, at) => [result, { node, at }]);
}

/** `outside` tells what a region's parameter is in the graph. */
function groupedProducts(
  nodes: readonly Node[],
  outside: (value: Value) => Value,
  made: ReadonlyMap<Value, Definition[1]>,
): GroupedProduct[] {
  return nodes.flatMap((node) => {
    const region = fusionOf(node)?.body;
    if (!region) return groupedProduct(node, outside, made);
    const given = new Map(region.parameters.map((parameter, at) => [parameter, node.inputs[at]!]));
    return groupedProducts(region.nodes, (value) => given.get(value) ?? value, made);
  });
}

function groupedProduct(
  { op, inputs, attributes }: Node,
  outside: (value: Value) => Value,
  made: ReadonlyMap<Value, Definition[1]>,
): GroupedProduct[] {
  const ragged = op.body.kind === 'contraction' ? op.body.ragged?.(attributes) : undefined;
  if (!ragged || op.body.kind !== 'contraction') return [];
  const labels = op.body.labels(attributes);
  const sizes = new Map<string, Dim>();
  [labels.left, labels.right].forEach((list, operand) =>
    list.forEach((label, axis) => sizes.set(label, inputs[operand]!.type.shape[axis]!)),
  );
  const rows = sizes.get(ragged.rows)!;
  const groups = add(inputs[ragged.offsets]!.type.shape[0]!, constant(-1));
  for (const label of [ragged.rows, ragged.group]) sizes.delete(label);
  const tokens = tokensOf(outside(inputs[ragged.offsets]!), made) ?? rows;
  return [{ rows, tokens, groups, each: product([...sizes.values()]) }];
}

/** The tokens that were put into groups, by the offsets of these; undefined where that was not done by `group_rows`. */
function tokensOf(offsets: Value, made: ReadonlyMap<Value, Definition[1]>): Dim | undefined {
  const place = made.get(offsets);
  const region = place && fusionOf(place.node)?.body;
  const inner = region && region.nodes.find(({ results }) => results.includes(region.results[place.at]!));
  const maker = inner ?? place?.node;
  return maker?.op.name === 'group_rows' ? maker.inputs[0]!.type.shape[0]! : undefined;
}
