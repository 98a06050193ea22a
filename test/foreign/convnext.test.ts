import { describe, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, conv2d, gelu, layerNorm, linear, map, plus, sum, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly channels: number;
  readonly classes: number;
  readonly depths: readonly number[];
  readonly dims: readonly number[];
  readonly patch: number;
  readonly kernel: number;
  readonly scale_init: number | 'none';
}

function channelsLast(x: Plain): Plain {
  const [b, c, h, w] = x.shape as [number, number, number, number];
  return tabulate([b, h, w, c], (s, i, j, k) => at(x, s, k, i, j));
}

function channelsFirst(x: Plain): Plain {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  return tabulate([b, c, h, w], (s, k, i, j) => at(x, s, i, j, k));
}

function convNeXt(setting: Setting, img: Plain, weights: Weights): { features: Plain; logits: Plain } {
  let x = img;
  setting.depths.forEach((depth, stage) => {
    const down = `downsample_layers.${stage}`;
    const norm = (y: Plain, name: string): Plain => channelsFirst(layerNorm(channelsLast(y), weights, name, 1e-6));
    x =
      stage === 0
        ? norm(conv2d(x, weights, `${down}.0`, { stride: setting.patch }), `${down}.1`)
        : conv2d(norm(x, `${down}.0`), weights, `${down}.1`, { stride: 2 });
    for (let i = 0; i < depth; i++) {
      const name = `stages.${stage}.${i}`;
      const groups = x.shape[1]!;
      const mixed = conv2d(x, weights, `${name}.dwconv`, { padding: Math.floor(setting.kernel / 2), groups });
      const normed = layerNorm(channelsLast(mixed), weights, `${name}.norm`, 1e-6);
      const y = linear(map(linear(normed, weights, `${name}.pwconv1`), gelu), weights, `${name}.pwconv2`);
      const gamma = setting.scale_init === 'none' ? undefined : weights(`${name}.gamma`);
      x = plus(x, channelsFirst(tabulate(y.shape, (s, j, k, c) => at(y, s, j, k, c) * (gamma ? at(gamma, c) : 1))));
    }
  });
  const [b, c, h, w] = x.shape as [number, number, number, number];
  const pooled = tabulate([b, c], (s, k) => sum(h, (i) => sum(w, (j) => at(x, s, k, i, j))) / (h * w));
  return { features: x, logits: linear(layerNorm(pooled, weights, 'norm', 1e-6), weights, 'head') };
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  [
    'three stages of odd widths',
    { channels: 3, classes: 7, depths: [1, 2, 1], dims: [5, 9, 11], patch: 4, kernel: 7, scale_init: 1e-6 },
  ],
  [
    'without layer scale, with kernels of 5 on patches of 3',
    { channels: 1, classes: 2, depths: [2, 1], dims: [3, 16], patch: 3, kernel: 5, scale_init: 'none' },
  ],
];

describe('ConvNeXt', () => {
  test.each(SETTINGS)('%s, for images of any size', async (_, setting) => {
    const run = (batch: number, height: number, width: number) => ({
      img: randomTensor('f32', [batch, setting.channels, height, width], randomNumbers(batch)),
    });
    await expectAsDefined({
      spec: 'convnext.model',
      settings: { ...setting },
      runs: [run(1, 33, 47), run(2, 16, 21), run(3, 40, 19)],
      definition: ({ img }, weights) => convNeXt(setting, img!, weights),
    });
  });
});
