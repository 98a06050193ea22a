/** Compiled gradients of the samples of ops against interpreted ones. */
import { withDefaults } from '../../src/compiler/ir/attributes.ts';
import type { Graph, TensorType } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Op, Sample, Tensor, Tolerance } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { gradientGraph } from '../support/gradients.ts';
import { modelOf, runOf, type CompiledTarget } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { inferAt, instantiate } from './instances.ts';

/** Nothing, one, and odd sizes below and above a vector and a tile. */
const SIZES = [0, 1, 3, 5, 9] as const;

export const isFloat = ({ dtype }: TensorType): boolean => dtype === 'f32';

/** Whether a gradient can flow from a result to an operand. */
function isDifferentiable(op: Op, sample: Sample): boolean {
  const inferred = op.infer(sample.inputs, withDefaults(op, sample.attributes), { bounds: new Map() });
  return sample.inputs.some(isFloat) && 'types' in inferred && inferred.types.some(isFloat);
}

export function acceptedSizes(op: Op, sample: Sample): readonly number[] {
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

/** Compiled once with `n` symbolic, for all targets. */
export async function checkCompiledGradients(
  op: Op,
  sample: Sample,
  targets: readonly CompiledTarget[],
): Promise<void> {
  const sizes = acceptedSizes(op, sample);
  const { graph } = gradientsAt(op, sample, sizes[0]!);
  for (const target of targets) {
    const model = await modelOf(graph, target);
    for (const n of sizes) {
      const { inputs } = gradientsAt(op, sample, n);
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols: new Map([['n', n]]) });
      const got = await runOf(graph, model)(Object.fromEntries(inputs) as { [name: string]: Tensor }, { n });
      for (const [name, { data }] of wanted)
        expectClose(got.get(name)!.data, data, toleranceOf(op, data), `${name} at n = ${n} on ${target}`);
    }
    model.dispose();
  }
}

/** Ops with those samples through which a gradient can flow. */
export const differentiable = [...ops.values()].flatMap((op) => {
  const samples = op.samples.filter((sample) => isDifferentiable(op, sample));
  return samples.length > 0 ? [{ name: op.name, op, samples }] : [];
});
