/** Specs with drawn weights and inputs, on every target, against results computed in the test. */
import { expect } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import { toFloat64 } from '../../src/program/convert.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { runnerOf, storedTensor, type TargetUnderTest } from '../support/specs.ts';
import { randomNumbers } from '../support/tensors.ts';
import type { Parameters } from './plain.ts';

export interface DrawnWeights {
  readonly stored: ReadonlyMap<string, StoredTensor>;
  /** The same as numbers; throws at a path without a parameter, and notes which were read. */
  readonly read: Parameters;
  readonly seen: ReadonlySet<string>;
}

/** Matrices and filters as large as keeps signals alive through many layers; scales and variances around 1. */
export function drawWeights(graph: Graph, seed: number): DrawnWeights {
  const random = randomNumbers(seed);
  const stored = new Map(
    parameterTensors(graph.parameters).map(({ name, type }) => {
      const shape = concreteShape(type.shape, new Map());
      const spread = shape.length > 1 ? Math.sqrt((3 * shape[0]!) / countOf(shape)) * 1.4 : 0.4;
      const centre = /(norm\w*|Norm|norm|bn\d?|downsample\.1)\.weight$|running_var$/.test(name) ? 1 : 0;
      const values = Array.from({ length: countOf(shape) }, () => centre + spread * (2 * random() - 1));
      return [name, storedTensor(shape, values)];
    }),
  );
  const numbers = new Map([...stored].map(([name, tensor]) => [name, toFloat64(tensor)]));
  const seen = new Set<string>();
  const read = (path: string): Float64Array => {
    const found = numbers.get(path);
    if (!found) throw new Error(`there is no parameter ${path}`);
    seen.add(path);
    return found;
  };
  return { stored, read, seen };
}

/** Runs the graph and compares its outputs with `wanted`, all of whose parameters must have been read. */
export async function expectResults(
  graph: Graph,
  { stored, seen }: DrawnWeights,
  inputs: { readonly [name: string]: Tensor },
  wanted: { readonly [output: string]: readonly number[] },
  target: TargetUnderTest,
): Promise<void> {
  expect([...stored.keys()].filter((name) => !seen.has(name))).toEqual([]);
  const outputs = await (await runnerOf(graph, target, stored))(inputs);
  for (const [name, values] of Object.entries(wanted)) {
    const got = outputs.get(name)!.data;
    const size = Math.max(...values.map(Math.abs));
    const limit = (target === 'reference' ? 1e-11 : 2e-5) * size;
    expect(got.length, name).toBe(values.length);
    expect(Math.max(...values.map((value, at) => Math.abs(value - got[at]!))), name).toBeLessThan(limit);
    // Results that hardly vary would hide mistakes.
    expect(Math.max(...values) - Math.min(...values), name).toBeGreaterThan(0.1 * size);
  }
}
