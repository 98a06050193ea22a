/** Gradients by differentiation against central differences, both in f64. */
import { expect } from 'vitest';
import { pullBack } from '../../src/compiler/autodiff/differentiate.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { boundsOf } from '../../src/compiler/ir/types.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { nextId } from '../../src/compiler/ir/walk.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { randomNumbers, randomTensor } from './tensors.ts';

export type Symbols = ReadonlyMap<string, number>;

/**
 * The graph with outputs `loss`, the sum over its f32 outputs, or some of them, of sum(output * cot.output) with an input
 * `cot.…` for each, and `grad.…` for each f32 input and parameter that the loss depends on.
 */
export function gradientGraph(graph: Graph, isWeighed: (output: string) => boolean = () => true): Graph {
  const builder = new Builder(ops, boundsOf(graph), nextId(graph));
  builder.nodes.push(...graph.nodes);
  const weighed = graph.outputs.flatMap(({ name, value }) =>
    value.type.dtype === 'f32' && isWeighed(name)
      ? [{ name: `cot.${name}`, value: builder.value(value.type), output: value }]
      : [],
  );
  const terms = weighed.map(({ value, output }) => builder.one('sum', [builder.one('mul', [output, value])]));
  const loss = terms.reduce((sum, term) => builder.one('add', [sum, term]));
  const wrt = [...graph.inputs, ...graph.parameters].filter(({ value }) => value.type.dtype === 'f32');
  const gradients = pullBack(
    builder,
    graph.nodes,
    seedsOf(builder, weighed),
    wrt.map(({ value }) => value),
  );
  const found = wrt.flatMap(({ name, value }) => {
    const gradient = gradients.get(value);
    return gradient ? [{ name: `grad.${name}`, value: gradient }] : [];
  });
  return {
    ...graph,
    inputs: [...graph.inputs, ...weighed.map(({ name, value }) => ({ name, value }))],
    nodes: builder.nodes,
    outputs: [{ name: 'loss', value: loss }, ...found],
  };
}

/** Several outputs may be one value. */
function seedsOf(
  builder: Builder,
  weighed: readonly { readonly value: Value; readonly output: Value }[],
): Map<Value, Value> {
  const seeds = new Map<Value, Value>();
  for (const { output, value } of weighed) {
    const known = seeds.get(output);
    seeds.set(output, known ? builder.one('add', [known, value]) : value);
  }
  return seeds;
}

export interface GradientCheck {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly symbols?: Symbols;
  readonly seed?: number;
  /** Step of the differences, relative to elements above 1, and how far the gradient may be from them, relative to the largest of its tensor. */
  readonly step?: number;
  readonly tolerance?: number;
  /** Elements tried of each input at most, spread over it. */
  readonly most?: number;
}

/**
 * Compares d loss / d input with central differences for each f32 input, where loss weighs the finite elements of all
 * outputs at random. An input that gets no gradient must not change the loss. Elements with a kink nearby are passed over;
 * they may not be more than half of an input's.
 */
export function checkGradients(check: GradientCheck): void {
  expect(verify(gradientGraph(check.graph), ops)).toEqual([]);
  expect(gradientFault(check)).toBe(undefined);
}

/** The first difference that `checkGradients` finds. */
export function gradientFault(check: GradientCheck): string | undefined {
  const { graph, inputs, symbols = new Map(), seed = 1, step = 1e-5, tolerance = 1e-6, most = 40 } = check;
  const whole = gradientGraph(graph);
  const random = randomNumbers(seed);
  const weights = finiteWeights(interpret(graph, { inputs, parameters: new Map(), symbols }), random);
  // A result without a number tells nothing of slopes.
  if ([...weights.values()].every(({ data }) => data.every((weight) => weight === 0))) return undefined;
  const given = new Map([...inputs, ...[...weights].map(([name, tensor]) => [`cot.${name}`, tensor] as const)]);
  const gradients = interpret(whole, { inputs: given, parameters: new Map(), symbols });
  const lossAt = (moved: ReadonlyMap<string, Tensor>): number =>
    weighed(interpret(graph, { inputs: moved, parameters: new Map(), symbols }), weights);
  for (const { name, value } of graph.inputs) {
    if (value.type.dtype !== 'f32') continue;
    const tensor = inputs.get(name)!;
    const got = gradients.get(`grad.${name}`)?.data ?? new Float64Array(tensor.data.length);
    const wanted = differences(tensor, most, step, (moved) => lossAt(new Map(inputs).set(name, moved)));
    const smooth = [...wanted].filter(([, difference]) => !Number.isNaN(difference));
    if (smooth.length < wanted.size / 2)
      return `${smooth.length} of ${wanted.size} elements of ${name} are not at kinks`;
    const scale = Math.max(1, ...smooth.map(([, difference]) => Math.abs(difference)));
    for (const [at, difference] of smooth) {
      if (Math.abs(got[at]! - difference) <= tolerance * scale) continue;
      return `d loss / d ${name}[${at}] is ${got[at]}, central differences say ${difference}`;
    }
  }
  return undefined;
}

type Results = ReadonlyMap<string, Tensor>;

/** Random weights for the elements of f32 results, 0 for those that are no numbers. */
function finiteWeights(results: Results, random: () => number): Results {
  const floats = [...results].filter(([, { dtype }]) => dtype === 'f32');
  return new Map(
    floats.map(([name, { dtype, shape, data }]) => {
      const weights = randomTensor(dtype, shape, random, [0.25, 1]).data;
      return [name, { dtype, shape, data: weights.map((weight, at) => (Number.isFinite(data[at]!) ? weight : 0)) }];
    }),
  );
}

function weighed(results: Results, weights: Results): number {
  let sum = 0;
  for (const [name, { data }] of weights)
    data.forEach((weight, at) => (sum += weight === 0 ? 0 : weight * results.get(name)!.data[at]!));
  return sum;
}

/** How much the slopes of two steps may differ, relative to the slope, for there to be no kink in between. */
const BEND = 1e-3;

/** Central differences of the fourth order, from two steps (Richardson); NaN where the function has a kink. */
function differences(
  tensor: Tensor,
  most: number,
  step: number,
  lossWith: (moved: Tensor) => number,
): Map<number, number> {
  const count = tensor.data.length;
  const stride = Math.max(1, Math.ceil(count / most));
  const found = new Map<number, number>();
  for (let at = 0; at < count; at += stride) {
    const moved = (move: number): number =>
      lossWith({ ...tensor, data: tensor.data.with(at, tensor.data[at]! + move) });
    const slope = (size: number): number => (moved(size) - moved(-size)) / (2 * size);
    const size = step * Math.max(1, Math.abs(tensor.data[at]!));
    const [near, far] = [slope(size), slope(2 * size)];
    const isSmooth = Math.abs(near - far) <= BEND * Math.max(1, Math.abs(near));
    found.set(at, isSmooth ? (4 * near - far) / 3 : NaN);
  }
  return found;
}
