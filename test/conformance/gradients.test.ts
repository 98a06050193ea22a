/**
 * Gradients, generated from the op records. Each sample is differentiated with random cotangents: in f64 against central
 * differences of its evaluation, and compiled for each backend against the interpreter.
 */
import { describe, expect, test } from 'vitest';
import { withDefaults } from '../../src/compiler/ir/attributes.ts';
import type { Graph, TensorType } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Op, Sample, Tensor, Tolerance } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { formula } from '../../src/compiler/ops/formula.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { checkGradients, gradientFault, gradientGraph } from '../support/gradients.ts';
import { modelOf, runOf, type CompiledTarget } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { inferAt, instantiate, nameSample } from './instances.ts';

/** Nothing, one, and odd sizes below and above a vector and a tile. */
const SIZES = [0, 1, 3, 5, 9] as const;

const isFloat = ({ dtype }: TensorType): boolean => dtype === 'f32';

/** Whether a gradient can flow from a result to an operand. */
function isDifferentiable(op: Op, sample: Sample): boolean {
  const inferred = op.infer(sample.inputs, withDefaults(op, sample.attributes), { bounds: new Map() });
  return sample.inputs.some(isFloat) && 'types' in inferred && inferred.types.some(isFloat);
}

function acceptedSizes(op: Op, sample: Sample): readonly number[] {
  return SIZES.filter((n) => !('error' in inferAt(op, sample, n)));
}

/** The sample at a size, differentiated, and what it runs on. */
function gradientsAt(op: Op, sample: Sample, n: number): { graph: Graph; inputs: Map<string, Tensor> } {
  const { graph, inputs, symbols } = instantiate(op, sample, n);
  const whole = gradientGraph(graph);
  const random = randomNumbers(n + 7);
  const given = new Map(inputs);
  for (const { name, value } of whole.inputs)
    if (!given.has(name)) given.set(name, randomTensor('f32', concreteShape(value.type.shape, symbols), random));
  return { graph: whole, inputs: given };
}

/** Gradients are sums of several terms, each of which is as exact as the op is. */
function toleranceOf({ tolerance: { absolute, relative } }: Op, wanted: Float64Array): Tolerance {
  const largest = wanted.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
  return { absolute: largest * (1e-6 + 4 * (absolute + relative)), relative: 0 };
}

const TARGETS: readonly CompiledTarget[] = ['js', 'wasm', 'relaxed'];

/** Compiled once with `n` symbolic, for all targets. */
async function checkBackends(op: Op, sample: Sample): Promise<void> {
  const sizes = acceptedSizes(op, sample);
  const { graph } = gradientsAt(op, sample, sizes[0]!);
  for (const target of TARGETS) {
    const model = await modelOf(graph, target);
    for (const n of sizes) {
      const { inputs } = gradientsAt(op, sample, n);
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols: new Map([['n', n]]) });
      const got = await runOf(graph, model)(Object.fromEntries(inputs) as { [name: string]: Tensor }, { n });
      for (const [name, { data }] of wanted)
        expectClose(got.get(name)!.data, data, toleranceOf(op, data), `${name} at n = ${n} on ${target}`);
    }
  }
}

const differentiable = [...ops.values()].flatMap((op) => {
  const samples = op.samples.filter((sample) => isDifferentiable(op, sample));
  return samples.length > 0 ? [{ name: op.name, op, samples }] : [];
});

test.each(differentiable)('$name has a gradient, or a reason why it has none', ({ op }) => {
  const hasGradient = op.vjp !== undefined || op.body.kind === 'composite';
  expect(hasGradient, op.noGradient).toBe(op.noGradient === undefined);
});

describe.each(differentiable.filter(({ op }) => op.noGradient === undefined))('$name', ({ op, samples }) => {
  const cases = samples.map((sample) => ({ name: nameSample(op, sample), sample }));
  test.each(cases.filter(({ sample }) => sample.smooth !== false))('$name agrees with differences', ({ sample }) => {
    for (const n of acceptedSizes(op, sample)) {
      const { graph, inputs, symbols } = instantiate(op, sample, n);
      checkGradients({ graph, inputs, symbols, seed: n + 1 });
    }
  });

  test.each(cases)('$name agrees on all backends', ({ sample }) => checkBackends(op, sample));
});

/** The op with a gradient of one operand that is a little too large. */
function exaggerated(op: Op, operand: number): Op {
  return {
    ...op,
    vjp(builder, node, cotangents) {
      const found = op.vjp!(builder, node, cotangents);
      const own = found[operand];
      return own ? found.with(operand, formula(builder)('mul', own, 1.001)) : found;
    },
  };
}

function isNoticed(op: Op, samples: readonly Sample[]): boolean {
  const size = 5;
  return samples.some((sample) => {
    if (sample.smooth === false || !acceptedSizes(op, sample).includes(size)) return false;
    const { graph, inputs, symbols } = instantiate(op, sample, size);
    return gradientFault({ graph, inputs, symbols }) !== undefined;
  });
}

/** Ops whose gradients are 0. */
const FLAT = ['floor', 'ceil', 'round', 'sign', 'stop_gradient'];

describe('a gradient that is wrong is noticed', () => {
  const ruled = differentiable.filter(({ op }) => op.vjp && !FLAT.includes(op.name));
  test.each(ruled)('$name', ({ op, samples }) => {
    const floats = Math.max(...samples.map(({ inputs }) => inputs.filter(isFloat).length));
    const noticed = op.operands.map((_, operand) => isNoticed(exaggerated(op, operand), samples));
    expect(noticed.filter((is) => is).length).toBe(Math.min(floats, op.operands.length));
  });
});
