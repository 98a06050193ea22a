/**
 * The gradients of attention. The probabilities are computed again from the log-sum-exp, so that nothing of the size of
 * the scores is kept from the forward pass (Dao et al. 2022, https://arxiv.org/abs/2205.14135, appendix B.2).
 */
import { constantValue, floorDiv, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, TensorType, Value } from '../../ir/graph.ts';
import { isOne } from '../../ir/types.ts';
import { formula, type Apply } from '../formula.ts';
import { broadcast, scalarOf } from '../reduce/composite.ts';

/** The axes of all tensors in here, in the order in which they have them; `r` counts the heads of q that share a `g`. */
type Labels = readonly string[];

class AttentionGradients {
  readonly #builder: Builder;
  readonly #apply: Apply;
  readonly #node: Node;
  readonly #batch: Labels;
  /** [..b, g, r, i, j] */
  readonly #scores: Shape;
  readonly #q: Value;
  readonly #k: Value;
  readonly #v: Value;
  readonly #scale: Value | number;

  constructor(builder: Builder, node: Node) {
    this.#builder = builder;
    this.#apply = formula(builder);
    this.#node = node;
    const [q, k, v] = node.inputs as [Value, Value, Value];
    this.#batch = q.type.shape.slice(0, -3).map((_, axis) => `b${axis}`);
    const [heads, keyHeads] = [q.type.shape.at(-3)!, k.type.shape.at(-3)!];
    const rows = [...q.type.shape.slice(0, -3), keyHeads, floorDiv(heads, keyHeads), q.type.shape.at(-2)!];
    this.#scores = [...rows, k.type.shape.at(-2)!];
    this.#q = this.#grouped(q, [q.type.shape.at(-1)!]);
    this.#k = k;
    this.#v = v;
    this.#scale = this.#factor(node.attributes['scale'] as number | null, q.type.shape.at(-1)!);
  }

  /** `operands` with the cotangents of the output [..b, h, i, f] and of the log-sum-exp [..b, h, i]. */
  of(output: Value | undefined, logSumExp: Value | undefined): readonly (Value | undefined)[] {
    const depth = this.#v.type.shape.at(-1)!;
    const given = output && this.#grouped(output, [depth]);
    const power = this.#probabilities();
    const slope = this.#scoreGradient(power, given, logSumExp && this.#grouped(logSumExp, []));
    const q = this.#apply('mul', this.#contract([slope, 'grij'], [this.#k, 'gje'], 'grie'), this.#scale);
    const k = this.#apply('mul', this.#contract([slope, 'grij'], [this.#q, 'grie'], 'gje'), this.#scale);
    const v = given && this.#contract([power, 'grij'], [given, 'grif'], 'gjf');
    const mask = this.#node.inputs[3];
    return [
      this.#one('reshape', [q], { shape: this.#node.inputs[0]!.type.shape }),
      k,
      v,
      mask?.type.dtype === 'f32' ? this.#maskGradient(slope, mask.type) : undefined,
    ];
  }

  #one(op: string, inputs: readonly Value[], attributes: Node['attributes'] = {}): Value {
    return this.#builder.one(op, inputs, attributes);
  }

  /** [..b, h, i, …] as [..b, g, r, i, …]. */
  #grouped(x: Value, rest: readonly Dim[]): Value {
    return this.#one('reshape', [x], { shape: [...this.#scores.slice(0, -1), ...rest] });
  }

  #contract([a, left]: readonly [Value, string], [b, right]: readonly [Value, string], result: string): Value {
    const labels = (axes: string): Labels => [...this.#batch, ...axes];
    return this.#one('contract', [a, b], { left: labels(left), right: labels(right), result: labels(result) });
  }

  #factor(scale: number | null, width: Dim): Value | number {
    const known = constantValue(width);
    if (scale !== null || known !== undefined) return scale ?? 1 / Math.sqrt(known!);
    return this.#one('rsqrt', [scalarOf(this.#builder, width)]);
  }

  /** The rows of which no key is left: their probabilities and gradients are 0. */
  #isEmpty(logSumExp: Value): Value {
    return this.#apply('equal', logSumExp, -Infinity);
  }

  /** exp(scale q kᵀ + mask - logSumExp), [..b, g, r, i, j]. */
  #probabilities(): Value {
    const mask = this.#node.inputs[3];
    const logSumExp = this.#grouped(this.#node.results[1]!, []);
    const product = this.#apply('mul', this.#contract([this.#q, 'grie'], [this.#k, 'gje'], 'grij'), this.#scale);
    const score = mask?.type.dtype === 'f32' ? this.#apply('add', product, this.#spread(mask)) : product;
    // Less an infinity, so that nothing is left of any score.
    const shift = this.#apply('where', this.#isEmpty(logSumExp), Infinity, logSumExp);
    const power = this.#apply('exp', this.#apply('sub', score, this.#alongRow(shift)));
    const seen = mask?.type.dtype === 'bool' ? this.#apply('where', this.#spread(mask), power, 0) : power;
    if (this.#node.attributes['causal'] !== true) return seen;
    const [rows, columns] = this.#scores.slice(-2) as [Dim, Dim];
    return this.#apply('where', this.#one('tri', [], { rows, columns }), seen, 0);
  }

  /** A value of each row, [..b, g, r, i], beside the scores. */
  #alongRow(x: Value): Value {
    return this.#one('unsqueeze', [x], { axis: -1 });
  }

  /** The mask for all scores, [..b, g, r, i, j]. */
  #spread(mask: Value): Value {
    return this.#one('reshape', [broadcast(this.#builder, mask, this.#whole())], { shape: this.#scores });
  }

  /** [..b, h, i, j] */
  #whole(): Shape {
    return [...this.#node.inputs[0]!.type.shape.slice(0, -1), this.#scores.at(-1)!];
  }

  /** power (output vᵀ - rowsum(output result) + logSumExp), the gradient of what the softmax is taken of. */
  #scoreGradient(power: Value, output: Value | undefined, logSumExp: Value | undefined): Value {
    if (!output) return this.#apply('mul', power, this.#alongRow(logSumExp!));
    const result = this.#grouped(this.#node.results[0]!, [this.#v.type.shape.at(-1)!]);
    const products = this.#apply('mul', output, result);
    const sum = this.#one('reduce_sum', [products], { axes: [products.type.shape.length - 1] });
    const mean = this.#one('reshape', [sum], { shape: this.#scores.slice(0, -1) });
    const less = logSumExp ? this.#apply('sub', mean, logSumExp) : mean;
    // The output of a row without keys is NaN.
    const shift = this.#apply('where', this.#isEmpty(this.#grouped(this.#node.results[1]!, [])), 0, less);
    const product = this.#contract([output, 'grif'], [this.#v, 'gjf'], 'grij');
    return this.#apply('mul', power, this.#apply('sub', product, this.#alongRow(shift)));
  }

  /** What the scores' gradients add up to along the axes that the mask repeats. */
  #maskGradient(slope: Value, mask: TensorType): Value {
    const whole = this.#whole();
    const all = this.#one('reshape', [slope], { shape: whole });
    const added = whole.length - mask.shape.length;
    const axes = whole.flatMap((size, axis) =>
      axis < added || (isOne(mask.shape[axis - added]!) && !isOne(size)) ? [axis] : [],
    );
    const sum = axes.length === 0 ? all : this.#one('reduce_sum', [all], { axes });
    return this.#one('reshape', [sum], { shape: mask.shape });
  }
}

/** The vector-Jacobian product of `attend`: gradients of q, k, v and of a mask that is added. */
export function attentionGradients(
  builder: Builder,
  node: Node,
  [output, logSumExp]: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  return new AttentionGradients(builder, node).of(output, logSumExp);
}
