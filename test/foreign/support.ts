/** Runs a spec of this folder on all targets against an evaluation in plain doubles. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { storedTensor, graphOf, runnerOf, settings, TARGETS, type TargetUnderTest } from '../support/specs.ts';
import { projectRoot } from '../support/reference.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import type { Plain, Weights } from './plain.ts';

export interface Case {
  readonly spec: string;
  readonly entry?: string;
  readonly settings?: { readonly [name: string]: unknown };
  readonly given?: readonly string[];
  /** Inputs of one run each; all runs use one compiled model. */
  readonly runs: readonly { readonly [name: string]: Tensor }[];
  /** The outputs by the paper's definitions. */
  readonly definition: (
    inputs: { readonly [name: string]: Tensor },
    weights: Weights,
  ) => { readonly [output: string]: Plain };
}

/** Largest difference, relative to the largest value of an output: f32 targets, and the interpreter in f64. */
const toleranceOf = (target: TargetUnderTest): number => (target === 'reference' ? 1e-12 : 1e-5);

export async function expectAsDefined({
  spec,
  entry,
  settings: values = {},
  given,
  runs,
  definition,
}: Case): Promise<void> {
  const path = join(projectRoot, 'test/foreign', spec);
  const graph = graphOf(path, { ...(entry && { entry }), ...(given && { given }), settings: settings(values) });
  const parameters = drawParameters(graph);
  const used = new Set<string>();
  const weights = (name: string): Plain => {
    const tensor = parameters.get(name);
    if (!tensor) throw new Error(`no parameter ${name}; there are ${[...parameters.keys()].join(', ')}`);
    used.add(name);
    return tensor;
  };
  const stored = new Map([...parameters].map(([name, { shape, data }]) => [name, storedTensor(shape, data)]));
  const wanted = runs.map((inputs) => definition(inputs, weights));
  expect(
    [...parameters.keys()].filter((name) => !used.has(name)),
    'parameters that the definition does not read',
  ).toEqual([]);
  for (const target of TARGETS) {
    const run = await runnerOf(graph, target, stored);
    for (const [i, inputs] of runs.entries()) {
      const got = await run(inputs);
      expect([...got.keys()].sort()).toEqual(Object.keys(wanted[i]!).sort());
      for (const [name, tensor] of Object.entries(wanted[i]!)) {
        expectClose(got.get(name)!, tensor, toleranceOf(target), `${target}, run ${i}, ${name}`);
      }
    }
  }
}

function expectClose(got: Tensor, wanted: Plain, tolerance: number, what: string): void {
  expect(got.shape, what).toEqual(wanted.shape);
  const largest = Array.from(wanted.data).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // An output of zeros or of NaN would prove nothing.
  expect(largest, what).toBeGreaterThan(1e-3);
  let error = 0;
  for (let i = 0; i < wanted.data.length; i++) {
    const difference = Math.abs(got.data[i]! - wanted.data[i]!);
    if (!(difference <= error)) error = difference;
  }
  expect(error / largest, what).toBeLessThanOrEqual(tolerance);
}

/** Weights of moderate size, centred on 1 for the gains of norms, so that no path vanishes. */
export function drawParameters(graph: Graph): Map<string, Tensor> {
  const tensors = parameterTensors(graph.parameters);
  const random = randomNumbers(tensors.length);
  return new Map(
    tensors.map(({ name, type }) => {
      const shape = type.shape.map((dim) => constantValue(dim)!);
      const fanIn = shape.slice(1).reduce((count, size) => count * size, 1);
      const half = 1.5 / Math.sqrt(fanIn);
      return [name, randomTensor(type.dtype, shape, random, shape.length > 1 ? [-half, half] : [0.25, 1.25])];
    }),
  );
}
