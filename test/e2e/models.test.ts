import { describe, expect, test } from 'vitest';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { largestDifference } from '../support/reference.ts';
import { graphOf, graphOfText, modelOf, runnerOf, settings, specFile, storedTensor } from '../support/specs.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';

const SMALL = {
  image: '8,12',
  patch: 4,
  channels: 2,
  classes: 5,
  dim: 12,
  depth: 2,
  heads: 2,
  dim_head: 5,
  mlp_dim: 17,
};

/** A transformer over sequences of any length. */
const SEQUENCE = `
import { LayerNorm, Linear } from "std/nn"
import { Attention, FeedForward } from "std/transformer"
model Sequence() {
  dims batch, seq <= 64
  input x: f32[batch, seq, 10]
  for i in 0..2 as layers {
    x = x + (x |> LayerNorm() as norm1 |> Attention(2, 6) as attn)
    x = x + (x |> LayerNorm() as norm2 |> FeedForward(14) as ff)
  }
  output tokens = x
  output pooled: f32[batch, 3] = mean(x, axis: 1) |> Linear(3) as head
  output last: f32[batch, 10] = x[:, -1]
}`;

const models: readonly (readonly [string, () => Graph])[] = [
  ['ViT with a class token', () => graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(SMALL) })],
  [
    'ViT pooled by the mean, with ReLU',
    () =>
      graphOf(specFile('vit.model'), {
        entry: 'ViT',
        settings: settings({ ...SMALL, pool: 'mean', activation: 'relu' }),
      }),
  ],
  [
    'ViT of one head as wide as its tokens',
    () => graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings({ ...SMALL, heads: 1, dim_head: 12 }) }),
  ],
  ['ViTHead', () => graphOf(specFile('vit.model'), { entry: 'ViTHead', settings: settings(SMALL) })],
  [
    'ViTHead without a class token',
    () => graphOf(specFile('vit.model'), { entry: 'ViTHead', settings: settings({ ...SMALL, pool: 'mean' }) }),
  ],
  [
    'MLP',
    () =>
      graphOf(specFile('mlp.model'), {
        entry: 'MLP',
        settings: settings({ features: 13, hidden: 9, classes: 3, activation: 'tanh' }),
      }),
  ],
  ['a transformer over sequences of any length', () => graphOfText(SEQUENCE)],
];

function drawWeights(graph: Graph): Map<string, ReturnType<typeof storedTensor>> {
  const random = randomNumbers(7);
  return new Map(
    graph.parameters.map(({ name, value }) => {
      const { shape, data } = randomTensor(
        'f32',
        value.type.shape.map((dim) => constantValue(dim)!),
        random,
        [-0.5, 0.5],
      );
      return [name, storedTensor(shape, data)];
    }),
  );
}

describe.each(models)('%s', (_, make) => {
  const graph = make();
  const weights = drawWeights(graph);
  const symbols = graph.dims.map((dim) => dim.name);

  test.each(['js', 'wasm'] as const)('runs on %s as it is interpreted, whatever the dimensions', async (target) => {
    const truth = await runnerOf(graph, 'reference', weights);
    const run = await runnerOf(graph, target, weights);
    for (const sizes of [
      [1, 1],
      [2, 5],
      [3, 8],
      [7, 4],
      [1, 33],
      [2, 5],
    ]) {
      const shapeOf = (dims: Graph['inputs'][number]['value']['type']['shape']): number[] =>
        dims.map((dim) => constantValue(dim) ?? sizes[symbols.indexOf(dim.key)]!);
      const inputs = Object.fromEntries(
        graph.inputs.map(({ name, value }) => [
          name,
          randomTensor('f32', shapeOf(value.type.shape), randomNumbers(sizes[0]! + sizes[1]!)),
        ]),
      );
      const [wanted, got] = [await truth(inputs), await run(inputs)];
      for (const [name, { shape, data }] of wanted) {
        expect(got.get(name)!.shape, name).toEqual(shape);
        expect(largestDifference(got.get(name)!.data, data), `${name} at ${sizes}`).toBeLessThanOrEqual(2e-5);
      }
    }
  });
});

test('the output projection is left out where there is nothing to mix', () => {
  const names = (values: object): string[] =>
    graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings({ ...SMALL, ...values }) }).parameters.map(
      ({ name }) => name,
    );
  expect(names({})).toContain('layers.0.attn.to_out.weight');
  expect(names({ heads: 1, dim_head: 12 }).filter((name) => name.includes('to_out'))).toEqual([]);
  expect(names({ heads: 1 })).toContain('layers.0.attn.to_out.weight');
});

test.each(['js', 'wasm'] as const)('after the first run, runs on %s allocate no buffers', async (target) => {
  const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(SMALL) });
  const model = await modelOf(graph, target, drawWeights(graph));
  const img = { data: new Float32Array(3 * 2 * 8 * 12).fill(0.5), shape: [3, 2, 8, 12] };
  const first = (await model.run({ img })).logits!;
  const { buffer } = first.data;
  const before = process.memoryUsage().arrayBuffers;
  for (let run = 0; run < 500; run++) {
    const { logits } = model.runSync({ img });
    expect(logits!.data.buffer).toBe(buffer);
  }
  // Garbage of earlier tests may go meanwhile; 500 outputs of this one would not go unnoticed.
  expect(process.memoryUsage().arrayBuffers).toBeLessThanOrEqual(before);
});
