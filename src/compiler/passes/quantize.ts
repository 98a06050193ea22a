/**
 * Products with weights in bytes, if the compilation asks for it: the weights by output channel, once when they are
 * loaded, and the rows of the other operand in every run. With w ≈ s q and x ≈ t p + o,
 *
 *     Σ x w ≈ t s Σ p q + o s Σ q,
 *
 * where Σ p q is exact in i32 and s Σ q a number for each channel. This is dynamic quantisation as of ONNX's
 * DynamicQuantizeLinear and MatMulInteger, but by rows, and with the least element of a row for its zero.
 */
import { constantValue, multiply, ONE, product, type Dim } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph } from './rewriter.ts';

/** Sums of fewer products gain nothing: each row is read twice more to be quantised. */
const FEWEST_SUMMED = 32;
/** Neither do products of fewer channels. */
const FEWEST_CHANNELS = 32;

export const quantize: Pass = {
  name: 'quantize',
  doc: 'With --quantize, computes products with weights in bytes.',
  approximates: true,
  run(graph, context) {
    if (context.quantize === undefined) return graph;
    const isWeight = weightsOf(graph);
    return rewriteGraph(graph, context, (node, builder) => {
      if (node.op.body.kind !== 'contraction') return undefined;
      const { product: found, reason } = judge(node, isWeight);
      return found && reason === undefined ? [quantizedProduct(builder, found)] : undefined;
    });
  },
};

/** Which values depend on parameters alone, and on one at least. */
function weightsOf(graph: Graph): (value: Value) => boolean {
  const found = new Set(graph.parameters.map(({ value }) => value));
  const fixed = new Set(found);
  for (const { inputs, results } of graph.nodes) {
    if (!inputs.every((input) => fixed.has(input))) continue;
    const isWeight = inputs.some((input) => found.has(input));
    for (const result of results) {
      fixed.add(result);
      if (isWeight) found.add(result);
    }
  }
  return (value) => found.has(value);
}

interface Operand {
  readonly value: Value;
  readonly labels: readonly string[];
}

/** A product of activations with weights, its labels by role. */
export interface WeightedProduct {
  readonly activations: Operand;
  readonly weights: Operand;
  readonly result: readonly string[];
  readonly sizes: ReadonlyMap<string, Dim>;
  readonly batch: readonly string[];
  readonly rows: readonly string[];
  readonly channels: readonly string[];
  readonly summed: readonly string[];
}

/** The products of a graph whose weights lose little as bytes: those that the pass computes in bytes, and ragged ones. */
export function weightedProducts(graph: Graph): WeightedProduct[] {
  return judgedProducts(graph).flatMap(({ product: found }) => found ?? []);
}

/** A node with a product. */
export interface JudgedProduct {
  readonly node: Node;
  /** Absent unless its weights lose little as bytes. */
  readonly product?: WeightedProduct;
  /** Why it stays in f32; absent where it can be computed in bytes. */
  readonly reason?: string;
}

/** All products of a graph and attentions, in order. */
export function judgedProducts(graph: Graph): JudgedProduct[] {
  const isWeight = weightsOf(graph);
  return graph.nodes.flatMap((node): JudgedProduct[] => {
    const { kind } = node.op.body;
    if (kind === 'attention') return [{ node, reason: BOTH }];
    return kind === 'contraction' ? [judge(node, isWeight)] : [];
  });
}

const BOTH = 'both operands are activations';

function judge(node: Node, isWeight: (value: Value) => boolean): JudgedProduct {
  const { body } = node.op;
  if (body.kind !== 'contraction') throw new Error(`internal: ${node.op.name} is no contraction`);
  const labels = body.labels(node.attributes);
  const operands: readonly Operand[] = [
    { value: node.inputs[0]!, labels: labels.left },
    { value: node.inputs[1]!, labels: labels.right },
  ];
  const [weights, ...others] = operands.filter(({ value }) => isWeight(value));
  if (!weights) return { node, reason: BOTH };
  if (others.length > 0) return { node, reason: 'both operands are weights, and it is computed when they are loaded' };
  const activations = operands.find((operand) => operand !== weights)!;
  const sizes = new Map(
    operands.flatMap(({ value, labels: names }) => names.map((name, axis) => [name, value.type.shape[axis]!] as const)),
  );
  const { result } = labels;
  const inBoth = (label: string): boolean => weights.labels.includes(label) && activations.labels.includes(label);
  const found = {
    activations,
    weights,
    result,
    sizes,
    batch: result.filter(inBoth),
    rows: result.filter((label) => !weights.labels.includes(label)),
    channels: result.filter((label) => !activations.labels.includes(label)),
    summed: weights.labels.filter((label) => !result.includes(label)),
  };
  const countOf = (names: readonly string[]): number =>
    constantValue(product(names.map((name) => sizes.get(name)!))) ?? 0;
  if (countOf(found.summed) < FEWEST_SUMMED) return { node, reason: `it sums fewer than ${FEWEST_SUMMED} products` };
  if (countOf(found.channels) < FEWEST_CHANNELS)
    return { node, reason: `it has fewer than ${FEWEST_CHANNELS} channels` };
  if (body.ragged?.(node.attributes)) return { node, product: found, reason: 'its rows are in groups' };
  return { node, product: found };
}

/** No axis of a product has this label. */
const WORDS = '$words';

function quantizedProduct(builder: Builder, whole: WeightedProduct): Value {
  const { activations, weights, batch, rows, channels, result, sizes } = whole;
  const sizesOf = (labels: readonly string[]): Dim[] => labels.map((label) => sizes.get(label)!);
  const [p, t, o] = builder.apply('quantize_rows', [arranged(builder, activations, [...batch, ...rows], whole)]);
  const [q, s, sum] = builder.apply('quantize_channels', [arranged(builder, weights, [...batch, ...channels], whole)]);
  const all = [...batch, ...rows, ...channels];
  const products = builder.one('contract_words', [p!, q!], {
    left: [...batch, ...rows, WORDS],
    right: [...batch, ...channels, WORDS],
    result: all,
  });
  const shape = sizesOf(all);
  const spread = (value: Value, labels: readonly string[]): Value => {
    const column = all.map((label) => (labels.includes(label) ? sizes.get(label)! : ONE));
    return builder.one('expand', [builder.one('reshape', [value], { shape: column })], { shape });
  };
  const perRow = (value: Value): Value => spread(value, [...batch, ...rows]);
  const perChannel = (value: Value): Value => spread(value, [...batch, ...channels]);
  const exact = builder.one('cast', [products], { dtype: 'f32' });
  const scaled = builder.one('mul', [builder.one('mul', [exact, perChannel(s!)]), perRow(t!)]);
  const shifted = builder.one('add', [scaled, builder.one('mul', [perRow(o!), perChannel(sum!)])]);
  return builder.one('transpose', [shifted], { permutation: result.map((label) => all.indexOf(label)) });
}

/** An operand with its axes in the order of `outer`, and all that is summed as the last one. */
function arranged(
  builder: Builder,
  operand: Operand,
  outer: readonly string[],
  { summed, sizes }: WeightedProduct,
): Value {
  const order = [...outer, ...summed];
  const permutation = order.map((label) => operand.labels.indexOf(label));
  const ordered = builder.one('transpose', [operand.value], { permutation });
  const depth = multiply(...summed.map((label) => sizes.get(label)!));
  return builder.one('reshape', [ordered], { shape: [...outer.map((label) => sizes.get(label)!), depth] });
}
