/**
 * What fused graphs compute, in f64, kernel by kernel: exactly, and with every op off by as much as it may be. How far the
 * second is from the first tells what errors are to be expected of a value, whatever came before it: stochastic arithmetic,
 * Vignes, A stochastic arithmetic for reliable scientific computation, 1993.
 */
import { fusionOf } from '../../ir/fusion.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { type BoundArguments, evaluateNode } from '../../ir/interpret.ts';
import type { Tensor } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';

type Symbols = ReadonlyMap<string, number>;

/** How a node that is no fusion is evaluated. */
export type Arithmetic = (node: Node, inputs: readonly Tensor[], symbols: Symbols) => Tensor[];

export const exact: Arithmetic = evaluateNode;

/** The values of all results, and of all that is given. */
export function evaluateGraph(
  { nodes }: Graph,
  { values: given, symbols }: BoundArguments,
  arithmetic: Arithmetic,
): ReadonlyMap<Value, Tensor> {
  const values = new Map(given);
  for (const node of nodes) {
    const results = evaluateKernel(
      node,
      node.inputs.map((input) => values.get(input)!),
      symbols,
      arithmetic,
    );
    node.results.forEach((result, at) => values.set(result, results[at]!));
  }
  return values;
}

/** The results of a fused node, or of any other. */
export function evaluateKernel(
  node: Node,
  inputs: readonly Tensor[],
  symbols: Symbols,
  arithmetic: Arithmetic,
): Tensor[] {
  const region = fusionOf(node)?.body;
  if (!region) return arithmetic(node, inputs, symbols);
  const values = new Map(region.parameters.map((parameter, at) => [parameter, inputs[at]!]));
  for (const inner of region.nodes) {
    const results = arithmetic(
      inner,
      inner.inputs.map((input) => values.get(input)!),
      symbols,
    );
    inner.results.forEach((result, at) => values.set(result, results[at]!));
  }
  return region.results.map((result) => values.get(result)!);
}

/** What f32 rounds by, relatively: half of the distance of neighbours. */
const ROUNDING = 2 ** -24;

/** The least normal number of f32; devices may take what is smaller for 0. */
export const LEAST_NORMAL = 2 ** -126;

/**
 * Each op is off by up to its tolerance, and the operands of sums by what the rounding of so many terms amounts to.
 * `random` answers numbers from 0 to 1.
 */
export function disturbed(random: () => number): Arithmetic {
  const off = (): number => 2 * random() - 1;
  return (node, inputs, symbols) => {
    const terms = termsOf(node, inputs);
    const amount = ROUNDING * terms;
    const operands =
      terms === 1 ? inputs : inputs.map((input) => mapped(input, (value) => value * (1 + amount * off())));
    const results = evaluateNode(node, operands, symbols);
    if (isMovement(node)) return results;
    const { absolute, relative } = node.op.tolerance;
    return results.map((result) => {
      const sizeAt = node.op.body.kind === 'pointwise' ? largestAt(inputs) : always(typicalSize(result));
      return mapped(result, (value, at) => {
        const size = Math.abs(value);
        // Absolute tolerances are meant for values around 1: what is smaller, as gradients are, is not to drown in them, nor
        // to change its sign, since a square root may follow.
        const amount = Math.min(relative * size + absolute * Math.min(1, sizeAt(at)), size / 2);
        return value + amount * off();
      });
    });
  };
}

/** The largest operand of each element. */
function largestAt(inputs: readonly Tensor[]): (at: number) => number {
  return (at) => inputs.reduce((most, { data }) => Math.max(most, Math.abs(data[at]!)), 0);
}

function always(value: number): () => number {
  return () => value;
}

/** Nothing is computed, only moved; what draws random numbers is a movement too. */
function isMovement({ op }: Node): boolean {
  return op.body.kind === 'movement' && !op.random;
}

/**
 * About as many roundings as a sum of products of an op adds up to: the partial sums of k terms are of the size of the square root of
 * k of them, and the roundings of all of them add up to that of k terms, against the square root of k when each term is rounded once.
 */
function termsOf({ op: { body }, attributes, results }: Node, inputs: readonly Tensor[]): number {
  switch (body.kind) {
    case 'contraction': {
      const { left, result } = body.labels(attributes);
      const summed = left.map((label, axis) => (result.includes(label) ? 1 : inputs[0]!.shape[axis]!));
      return Math.sqrt(Math.max(1, countOf(summed)));
    }
    case 'reduction': {
      const axes = body.axes(attributes);
      return Math.sqrt(Math.max(1, countOf(axes.map((axis) => inputs[0]!.shape[axis]!))));
    }
    case 'attention':
    case 'composite':
    case 'structured':
      return results.some(({ type }) => type.dtype === 'f32')
        ? Math.sqrt(Math.max(1, ...inputs.flatMap(({ shape }) => shape)))
        : 1;
    case 'pointwise':
    case 'movement':
    case 'fusion':
      return 1;
  }
}

/** The square root of the mean square of what is finite. */
function typicalSize({ data }: Tensor): number {
  let [sum, count] = [0, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    sum += value * value;
    count++;
  }
  return count === 0 ? 0 : Math.sqrt(sum / count);
}

/** Numbers of other types than f32 are exact. */
function mapped(tensor: Tensor, map: (value: number, at: number) => number): Tensor {
  return tensor.dtype === 'f32' ? { ...tensor, data: tensor.data.map((value, at) => map(value, at)) } : tensor;
}

/** The tensor as a device is given it. */
export function rounded(tensor: Tensor): Tensor {
  return mapped(tensor, Math.fround);
}
