import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeReference, largestDifference, readTensors, referenceRoot } from '../support/reference.ts';
import { describeGpu } from '../support/webgpu.ts';
import { graphOf, modelOf, renamed, runnerOf, settings, specFile, TARGETS } from '../support/specs.ts';

/** The network of ../shared/data/vit-mnist: trained on MNIST by its author, with ReLU. */
const SETTINGS = {
  image: 28,
  patch: 4,
  channels: 1,
  classes: 10,
  dim: 64,
  depth: 6,
  heads: 4,
  dim_head: 64,
  mlp_dim: 128,
  activation: 'relu',
};

function normalise(pixels: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(pixels, (pixel) => (pixel / 255 - 0.1307) / 0.3081);
}

describeReference('the MNIST ViT', 'data/vit-mnist', () => {
  const folder = join(referenceRoot, 'data/vit-mnist');
  const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(SETTINGS) });
  const weights = renamed('vit-pytorch', readTensors(join(folder, 'vit_mnist.safetensors')));
  const images = normalise(new Uint8Array(readFileSync(join(folder, 'ref64_x.u8'))));
  const logits = new Float32Array(new Uint8Array(readFileSync(join(folder, 'ref64_logits.f32'))).buffer);

  test.each(TARGETS)('reproduces the 64 stored logits on %s', async (target) => {
    const run = await runnerOf(graph, target, weights);
    const outputs = await run({ img: { dtype: 'f32', shape: [64, 1, 28, 28], data: Float64Array.from(images) } });
    expect(largestDifference(outputs.get('logits')!.data, logits)).toBeLessThanOrEqual(1e-4);
  });

  test.each(['js', 'wasm'] as const)('one program serves batches 1, 7 and 64 on %s', async (target) => {
    const model = await modelOf(graph, target, weights);
    for (const batch of [1, 7, 64, 7, 1]) {
      const img = { data: images.subarray(0, batch * 784), shape: [batch, 1, 28, 28] };
      const { data, shape } = (await model.run({ img })).logits!;
      expect(shape).toEqual([batch, 10]);
      expect(largestDifference(data, logits.subarray(0, batch * 10)), `batch ${batch}`).toBeLessThanOrEqual(1e-4);
    }
  });

  describeGpu('on webgpu', () => {
    test('one program serves batches 1, 3 and 2', async () => {
      const model = await modelOf(graph, 'webgpu', weights);
      for (const batch of [1, 3, 2]) {
        const img = { data: images.subarray(0, batch * 784), shape: [batch, 1, 28, 28] };
        const { data, shape } = (await model.run({ img })).logits!;
        expect(shape).toEqual([batch, 10]);
        expect(largestDifference(data, logits.subarray(0, batch * 10)), `batch ${batch}`).toBeLessThanOrEqual(1e-4);
      }
      model.dispose();
    });
  });

  test('classifies at least 95.7 % of the 3,000 test images right', async () => {
    const idx = (name: string): Uint8Array =>
      new Uint8Array(gunzipSync(readFileSync(join(referenceRoot, 'data/mnist', name))));
    const pixels = normalise(idx('t10k-first3000-images-idx3-ubyte.gz').subarray(16));
    const labels = idx('t10k-first3000-labels-idx1-ubyte.gz').subarray(8);
    const model = await modelOf(graph, 'wasm', weights);
    let right = 0;
    for (let first = 0; first < labels.length; first += 100) {
      const img = { data: pixels.subarray(first * 784, (first + 100) * 784), shape: [100, 1, 28, 28] };
      const { data } = (await model.run({ img })).logits!;
      for (let i = 0; i < 100; i++) {
        const scores = Array.from(data.subarray(i * 10, i * 10 + 10));
        if (scores.indexOf(Math.max(...scores)) === labels[first + i]) right++;
      }
    }
    expect(labels.length).toBe(3000);
    expect(right / labels.length).toBeGreaterThanOrEqual(0.957);
  });
});
