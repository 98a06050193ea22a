/** How far int8 products, and weights stored in fewer bytes, are from f32: classes of images, and distances of logits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { channelsOf } from '../../src/compiler/driver.ts';
import { storeWeights, type Storage } from '../../src/compiler/interop/store.ts';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Quantization } from '../../src/compiler/options.ts';
import { toFloat32 } from '../../src/program/convert.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { readGeneratedCase } from '../support/generated.ts';
import { ENGINES, quantizedModel, type Engine } from '../support/quantized.ts';
import { describeReference, readTensors, referenceRoot } from '../support/reference.ts';
import { avoidWrongDotProducts, enableRelaxedSimd } from '../support/relaxed.ts';
import { graphOf, renamed, settings, specFile } from '../support/specs.ts';

type Tensors = ReadonlyMap<string, StoredTensor>;

beforeAll(() => {
  avoidWrongDotProducts();
  enableRelaxedSimd();
});

/** The root of the mean square of the differences, as a part of that of the values. */
function relativeDistance(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const squares = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);
  const all = Array.from(wanted);
  return Math.sqrt(squares(all.map((value, at) => got[at]! - value)) / squares(all));
}

async function outputOf(
  graph: Graph,
  engine: Engine,
  weights: Tensors,
  quantize: Quantization | undefined,
  input: { readonly data: Float32Array; readonly shape: readonly number[] },
): Promise<Float32Array> {
  const model = await quantizedModel(graph, engine, weights, quantize ? { quantize } : {});
  const result = (await model.run({ [graph.inputs[0]!.name]: input }))[graph.outputs[0]!.name]!.data.slice();
  model.dispose();
  return result as Float32Array;
}

/**
 * Limits well above what is measured: right classes of the 3,000 images, the relative distance of the logits of that
 * trained network, and of two that were never trained, whose errors nothing makes small.
 */
const FORMS: readonly {
  readonly quantize?: Quantization;
  readonly storage: Storage;
  readonly classes: number;
  readonly trained: number;
  readonly untrained: number;
}[] = [
  { storage: 'f16', classes: 2870, trained: 1e-3, untrained: 4e-3 },
  { storage: 'int8', classes: 2865, trained: 6e-3, untrained: 5e-2 },
  { quantize: 'int8', storage: 'int8', classes: 2860, trained: 2e-2, untrained: 0.15 },
];

describeReference('the MNIST ViT in fewer bits', 'data/vit-mnist', () => {
  const network = {
    image: 28,
    patch: 4,
    channels: 1,
    classes: 10,
    dim: 64,
    depth: 6,
    heads: 4,
    dim_head: 64,
    mlp_dim: 128,
  };
  const graph = graphOf(specFile('vit.model'), {
    entry: 'ViT',
    settings: settings({ ...network, activation: 'relu' }),
  });
  const weights = renamed('vit-pytorch', readTensors(join(referenceRoot, 'data/vit-mnist/vit_mnist.safetensors')));
  const idx = (name: string): Uint8Array =>
    new Uint8Array(gunzipSync(readFileSync(join(referenceRoot, 'data/mnist', name))));
  const pixels = Float32Array.from(
    idx('t10k-first3000-images-idx3-ubyte.gz').subarray(16),
    (pixel) => (pixel / 255 - 0.1307) / 0.3081,
  );
  const labels = idx('t10k-first3000-labels-idx1-ubyte.gz').subarray(8);
  const images = { data: pixels, shape: [labels.length, 1, 28, 28] };

  const rightOf = (logits: Float32Array): number =>
    labels.filter((label, at) => {
      const scores = Array.from(logits.subarray(10 * at, 10 * at + 10));
      return scores.indexOf(Math.max(...scores)) === label;
    }).length;
  let wanted: Float32Array;
  beforeAll(async () => {
    wanted = await outputOf(graph, 'relaxed', weights, undefined, images);
  }, 120_000);

  test.each(FORMS)(
    'stored as $storage, computed in $quantize',
    { timeout: 120_000 },
    async ({ quantize, storage, classes, trained }) => {
      const stored = storeWeights(weights, storage, channelsOf(graph));
      const logits = await outputOf(graph, 'relaxed', stored, quantize, images);
      expect(rightOf(logits)).toBeGreaterThanOrEqual(classes);
      expect(relativeDistance(logits, wanted)).toBeGreaterThan(0);
      expect(relativeDistance(logits, wanted)).toBeLessThan(trained);
    },
  );

  test('weights that were stored in bytes give the results of those that are made bytes when they are loaded', async () => {
    const stored = storeWeights(weights, 'int8', channelsOf(graph));
    expect(stored.size).toBeGreaterThan(weights.size);
    const few = { data: pixels.subarray(0, 64 * 784), shape: [64, 1, 28, 28] };
    const [once, twice] = [
      await outputOf(graph, 'relaxed', weights, 'int8', few),
      await outputOf(graph, 'relaxed', stored, 'int8', few),
    ];
    expect(twice).toEqual(once);
  });

  test.each(ENGINES)('%s computes in int8 what the others do', async (engine) => {
    const few = { data: pixels.subarray(0, 64 * 784), shape: [64, 1, 28, 28] };
    const logits = await outputOf(graph, engine, weights, 'int8', few);
    // Roundings of f32 before a row is made bytes move some of them by one.
    expect(relativeDistance(logits, wanted.subarray(0, 640))).toBeLessThan(2e-2);
  });
});

describe('full-size models in fewer bits', () => {
  describeReference('the ViT', 'oracle/shared/vit_seed_shape', () => {
    const { tensors } = readGeneratedCase('vit_seed_shape/cls');
    const graph = graphOf(specFile('vit.model'), { entry: 'ViT' });
    formsOf(graph, renamed('vit-pytorch', withoutPrefix(tensors, 'param.')), tensors);
  });

  describeReference('the InLine-DeiT', 'oracle/shared/inline_seed_shape', () => {
    const { tensors, config } = readGeneratedCase('inline_seed_shape/deit_tiny_cifar10');
    const set = settings({ num_classes: config.num_classes });
    const graph = graphOf(specFile('inline_deit.model'), { entry: 'InLineDeiT', settings: set });
    formsOf(graph, withoutPrefix(tensors, 'param.'), tensors);
  });
});

function formsOf(graph: Graph, weights: Tensors, tensors: Tensors): void {
  const input = tensors.get(`in.${graph.inputs[0]!.name}`)!;
  const image = { data: toFloat32(input), shape: input.shape };
  const wanted = toFloat32(tensors.get('out.logits')!);
  test.each(FORMS)(
    'stored as $storage, computed in $quantize',
    { timeout: 120_000 },
    async ({ quantize, storage, untrained }) => {
      const stored = storeWeights(weights, storage, channelsOf(graph));
      const logits = await outputOf(graph, 'relaxed', stored, quantize, image);
      expect(relativeDistance(logits, wanted)).toBeGreaterThan(0);
      expect(relativeDistance(logits, wanted)).toBeLessThan(untrained);
    },
  );
}
