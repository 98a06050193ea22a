/**
 * Finds attention that is written out, `softmax(q kᵀ * scale, axis: -1) v` with or without masks, and makes it the one
 * op, which never has all scores in memory. It looks at contractions by their labels, so the order of axes does not
 * matter. What anything else looks at, scores or weights, stays as it is written.
 */
import { ONE } from '../dims/dim.ts';
import { normalizeAxis } from '../ir/attributes.ts';
import type { Builder } from '../ir/builder.ts';
import type { Node, Value } from '../ir/graph.ts';
import { bodyOf, liveNodes, usesOf } from '../ir/walk.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type DefinitionOf } from './rewriter.ts';
import { uniformNumber, withoutExpand } from './uniform.ts';

export const recognizeAttention: Pass = {
  name: 'recognize_attention',
  doc: 'Makes one op of attention that is written out.',
  run(graph, context) {
    const body = bodyOf(graph);
    const uses = usesOf({ ...body, nodes: liveNodes(body) });
    const isPassedOn = (value: Value): boolean => {
      const all = uses.get(value) ?? [];
      return all.length === 1 && all[0]!.kind === 'operand';
    };
    return rewriteGraph(graph, context, (node, builder, definitionOf) => {
      const found = new Recognition(definitionOf, isPassedOn).attention(node);
      return found && [build(builder, found)];
    });
  },
};

/** An operand whose axes have labels. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

/** One whose axes have to be put into an order of labels. */
interface Arranged extends Labelled {
  readonly order: readonly string[];
}

/** Bool masks keep where they are true; there is an f32 mask or bool ones, never both. */
interface Scores {
  readonly q: Arranged;
  readonly k: Arranged;
  readonly scale: number;
  readonly keeps: readonly { readonly mask: Value; readonly negated: boolean }[];
  readonly added?: Value;
}

interface Written extends Scores {
  readonly v: Arranged;
  /** The labels of the output [..b, i, f], and the order that the product has them in. */
  readonly labels: readonly string[];
  readonly order: readonly string[];
}

/** Scales and masks between the product and the softmax; nobody writes more, and a search must end. */
const MOST_STEPS = 8;

class Recognition {
  readonly #definitionOf: DefinitionOf;
  /** Whether exactly one node reads a value, and no output is it. */
  readonly #isPassedOn: (value: Value) => boolean;

  constructor(definitionOf: DefinitionOf, isPassedOn: (value: Value) => boolean) {
    this.#definitionOf = definitionOf;
    this.#isPassedOn = isPassedOn;
  }

  /** `node` as the product of weights and values. */
  attention(node: Node): Written | undefined {
    const found = operandsOf(node);
    if (!found) return undefined;
    const [left, right] = found.operands;
    return this.#weighted(left, right, found.result) ?? this.#weighted(right, left, found.result);
  }

  #weighted(weights: Labelled, values: Labelled, result: readonly string[]): Written | undefined {
    const softmax = this.#definitionOf(weights.value);
    if (softmax?.op.name !== 'softmax' || !this.#isPassedOn(weights.value)) return undefined;
    const rank = weights.labels.length;
    if (rank < 2 || normalizeAxis(Number(softmax.attributes['axis']), rank) !== rank - 1) return undefined;
    const [batch, [query, key]] = split(weights.labels);
    const columns = values.labels.filter((label) => label !== key && !batch.includes(label));
    const fits =
      values.labels.length === rank &&
      values.labels.includes(key) &&
      batch.every((label) => values.labels.includes(label) && result.includes(label)) &&
      columns.length === 1 &&
      !columns.includes(query) &&
      !result.includes(key);
    const scores = fits ? this.#scores(softmax.inputs[0]!, MOST_STEPS) : undefined;
    if (!scores) return undefined;
    const [column] = columns as [string];
    const v = { ...values, order: [...batch, key, column] };
    // Several masks are one only in the shape they have in common; a single one broadcasts by itself.
    const [first, ...others] = scores.keeps;
    const keeps = first && others.length === 0 ? [{ ...first, mask: this.#withoutExpand(first.mask) }] : scores.keeps;
    return { ...scores, keeps, v, labels: [...batch, query, column], order: result };
  }

  /** What the softmax is taken of, from the outermost operation to the product of queries and keys. */
  #scores(value: Value, steps: number): Scores | undefined {
    const node = this.#isPassedOn(value) ? this.#definitionOf(value) : undefined;
    if (!node) return undefined;
    const product = this.#product(node);
    if (product || steps === 0) return product;
    const [a, b] = node.inputs;
    switch (node.op.name) {
      case 'mul':
        return this.#scaled(a!, this.#number(b!), steps - 1) ?? this.#scaled(b!, this.#number(a!), steps - 1);
      case 'div': {
        const divisor = this.#number(b!);
        return this.#scaled(a!, divisor === undefined ? undefined : 1 / divisor, steps - 1);
      }
      case 'where':
        return this.#kept(node, steps - 1);
      case 'add':
        return this.#biased(a!, b!, steps - 1) ?? this.#biased(b!, a!, steps - 1);
      default:
        return undefined;
    }
  }

  /** A factor outside of a bool mask may go inside if it leaves -inf what it is; outside of an added one it may not. */
  #scaled(value: Value, factor: number | undefined, steps: number): Scores | undefined {
    if (factor === undefined) return undefined;
    const inner = this.#scores(value, steps);
    if (!inner || inner.added || (inner.keeps.length > 0 && factor <= 0)) return undefined;
    const scale = inner.scale * factor;
    return Number.isFinite(Math.fround(scale)) ? { ...inner, scale } : undefined;
  }

  #kept({ inputs }: Node, steps: number): Scores | undefined {
    const [condition, then, otherwise] = inputs as [Value, Value, Value];
    const negated = this.#number(then) === -Infinity;
    if (!negated && this.#number(otherwise) !== -Infinity) return undefined;
    const inner = this.#scores(negated ? otherwise : then, steps);
    if (!inner || inner.added) return undefined;
    return { ...inner, keeps: [...inner.keeps, { mask: condition, negated }] };
  }

  #biased(value: Value, bias: Value, steps: number): Scores | undefined {
    const inner = this.#scores(value, steps);
    if (!inner || inner.added || inner.keeps.length > 0) return undefined;
    return { ...inner, added: this.#withoutExpand(bias) };
  }

  #product(node: Node): Scores | undefined {
    const found = operandsOf(node);
    if (!found || found.result.length < 2) return undefined;
    const [batch, [query, key]] = split(found.result);
    const arranged = (own: string): Arranged | undefined => {
      const operand = found.operands.find(({ labels }) => labels.includes(own));
      const [summed, ...others] = operand?.labels.filter((label) => label !== own && !batch.includes(label)) ?? [];
      if (!operand || summed === undefined || others.length > 0 || found.result.includes(summed)) return undefined;
      if (!batch.every((label) => operand.labels.includes(label))) return undefined;
      return { ...operand, order: [...batch, own, summed] };
    };
    const [q, k] = [arranged(query), arranged(key)];
    return q && k && { q, k, scale: 1, keeps: [] };
  }

  #number(value: Value): number | undefined {
    return uniformNumber(value, this.#definitionOf);
  }

  #withoutExpand(value: Value): Value {
    return withoutExpand(value, this.#definitionOf);
  }
}

/** The batch labels, then those of the last two axes. */
function split(labels: readonly string[]): readonly [readonly string[], readonly [string, string]] {
  return [labels.slice(0, -2), labels.slice(-2) as [string, string]];
}

/** The two operands of a contraction and the labels of its result. */
function operandsOf({ op, inputs, attributes }: Node) {
  if (op.body.kind !== 'contraction') return undefined;
  const { left, right, result } = op.body.labels(attributes);
  const operands: readonly [Labelled, Labelled] = [
    { value: inputs[0]!, labels: left },
    { value: inputs[1]!, labels: right },
  ];
  return { operands, result };
}

function build(builder: Builder, written: Written): Value {
  const operands = [written.q, written.k, written.v].map((operand) => withHead(builder, arrange(builder, operand)));
  const mask = maskOf(builder, written);
  const attributes = { causal: false, scale: written.scale };
  const [output] = builder.apply('attend', mask ? [...operands, mask] : operands, attributes);
  const value =
    written.labels.length > 2 ? output! : builder.one('reshape', [output!], { shape: output!.type.shape.slice(1) });
  return arrange(builder, { value, labels: written.labels, order: written.order });
}

function arrange(builder: Builder, { value, labels, order }: Arranged): Value {
  if (order.every((label, axis) => label === labels[axis])) return value;
  return builder.one('transpose', [value], { permutation: order.map((label) => labels.indexOf(label)) });
}

/** Attention has an axis of heads; a single head may have been written without. */
function withHead(builder: Builder, value: Value): Value {
  const { shape } = value.type;
  return shape.length > 2 ? value : builder.one('reshape', [value], { shape: [ONE, ...shape] });
}

function maskOf(builder: Builder, { keeps, added }: Scores): Value | undefined {
  const masks = keeps.map(({ mask, negated }) => (negated ? builder.one('not', [mask]) : mask));
  return (
    added ?? masks.reduce<Value | undefined>((all, mask) => (all ? builder.one('and', [all, mask]) : mask), undefined)
  );
}
