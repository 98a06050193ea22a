import fc from 'fast-check';
import { expect, test } from 'vitest';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { printGraph } from '../../src/compiler/ir/printer.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { randomGraph as mixedGraph } from '../support/graphs.ts';
import { largestDifference } from '../support/reference.ts';
import { randomGraph } from '../support/random-graphs.ts';
import { runnerOf, runOf, storedTensor } from '../support/specs.ts';
import { modelOnRanks } from '../support/threads.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

const STEPS = 14;
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

function shapeAt(graph: Graph, name: string, n: number): number[] {
  const value = graph.inputs.find((input) => input.name === name)!.value;
  return value.type.shape.map((dim) => constantValue(dim) ?? n);
}

function drawInputs(graph: Graph, n: number, seed: number): { [name: string]: Tensor } {
  const random = randomNumbers(seed + n);
  return Object.fromEntries(
    graph.inputs.map(({ name, value }) => [name, randomTensor(value.type.dtype, shapeAt(graph, name, n), random)]),
  );
}

function drawWeights(graph: Graph, seed: number): Map<string, Tensor> {
  const random = randomNumbers(seed ^ 0x5bd1e995);
  return new Map(
    graph.parameters.map(({ name, value }) => [
      name,
      randomTensor(
        'f32',
        value.type.shape.map((dim) => constantValue(dim)!),
        random,
      ),
    ]),
  );
}

function stored(weights: ReadonlyMap<string, Tensor>): Map<string, StoredTensor> {
  return new Map([...weights].map(([name, { shape, data }]) => [name, storedTensor(shape, data)]));
}

test('every pass keeps the meaning of random graphs and leaves them well formed', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const graph = randomGraph(seed, STEPS);
      const parameters = drawWeights(graph, seed);
      const inputs = new Map(Object.entries(drawInputs(graph, 3, seed)));
      runPasses(graph, passes, ops, { verify: true, check: { inputs, parameters } });
    }),
    { numRuns: Number(process.env.RANDOM_GRAPHS ?? 150) },
  );
});

test.each(['js', 'wasm', 'relaxed'] as const)('random graphs run on %s as they are interpreted', async (target) => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const graph = randomGraph(seed, STEPS);
      const parameters = drawWeights(graph, seed);
      const run = await runnerOf(graph, target, stored(parameters));
      for (const n of [1, 4, 7, 2]) {
        const inputs = drawInputs(graph, n, seed);
        const truth = interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters });
        const outputs = await run(inputs);
        for (const [name, wanted] of truth) {
          const got = outputs.get(name)!;
          expect(got.shape, name).toEqual(wanted.shape);
          const scale = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          expect(
            largestDifference(got.data, wanted.data),
            `${name} at n = ${n}\n${printGraph(graph)}`,
          ).toBeLessThanOrEqual(2e-4 * scale);
        }
      }
    }),
    { numRuns: Number(process.env.RANDOM_GRAPHS ?? 60) },
  );
});

test('random graphs give the same bits on any number of ranks', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.integer({ min: 2, max: 5 }), async (seed, ranks) => {
      const graph = randomGraph(seed, STEPS);
      const weights = stored(drawWeights(graph, seed));
      const alone = await runnerOf(graph, 'wasm', weights);
      const divided = runOf(graph, await modelOnRanks(graph, ranks, weights));
      for (const n of [1, 7]) {
        const inputs = drawInputs(graph, n, seed);
        expect(await divided(inputs), `n = ${n}\n${printGraph(graph)}`).toEqual(await alone(inputs));
      }
    }),
    { numRuns: Number(process.env.RANDOM_GRAPHS ?? 30) },
  );
});

test.each(['js', 'wasm', 'relaxed'] as const)(
  'random graphs of every kind of body, zero-size axes included, run on %s as they are interpreted',
  async (target) => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { graph, inputs, parameters } = mixedGraph(seed, STEPS);
        fc.pre(graph.outputs.length > 0);
        const truth = interpret(graph, { inputs, parameters });
        const run = await runnerOf(graph, target, stored(parameters));
        const outputs = await run(Object.fromEntries(inputs));
        for (const [name, { data }] of truth) {
          const scale = data.reduce(
            (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
            1,
          );
          expectClose(outputs.get(name)!.data, data, { absolute: 5e-4 * scale, relative: 0 }, printGraph(graph));
        }
      }),
      { numRuns: Number(process.env.RANDOM_GRAPHS ?? 60) },
    );
  },
);
