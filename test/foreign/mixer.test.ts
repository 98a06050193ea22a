import { describe, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, gelu, layerNorm, linear, map, plus, sum, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly image: readonly [number, number];
  readonly patch: readonly [number, number];
  readonly channels: number;
  readonly classes: number;
  readonly dim: number;
  readonly depth: number;
  readonly tokens_hidden: number;
  readonly channels_hidden: number;
}

function turned(x: Plain): Plain {
  const [b, s, c] = x.shape as [number, number, number];
  return tabulate([b, c, s], (n, i, j) => at(x, n, j, i));
}

function mixer({ image, patch: [ph, pw], channels, depth }: Setting, img: Plain, weights: Weights): Plain {
  const columns = image[1] / pw;
  const tokens = (image[0] / ph) * columns;
  const mlp = (x: Plain, name: string): Plain =>
    linear(map(linear(x, weights, `${name}.dense0`), gelu), weights, `${name}.dense1`);
  const patches = tabulate([img.shape[0]!, tokens, ph * pw * channels], (n, t, k) => {
    const [p, q, c] = [Math.floor(k / channels / pw), Math.floor(k / channels) % pw, k % channels];
    return at(img, n, c, Math.floor(t / columns) * ph + p, (t % columns) * pw + q);
  });
  let x = linear(patches, weights, 'stem');
  for (let i = 0; i < depth; i++) {
    const name = `blocks.${i}.mixer`;
    x = plus(x, turned(mlp(turned(layerNorm(x, weights, `${name}.norm0`)), `${name}.token_mixing`)));
    x = plus(x, mlp(layerNorm(x, weights, `${name}.norm1`), `${name}.channel_mixing`));
  }
  const normed = layerNorm(x, weights, 'norm');
  const pooled = tabulate([x.shape[0]!, x.shape[2]!], (n, c) => sum(tokens, (t) => at(normed, n, t, c)) / tokens);
  return linear(pooled, weights, 'head');
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  [
    'patches of 3 by 5 in images of 15 by 35',
    {
      image: [15, 35],
      patch: [3, 5],
      channels: 3,
      classes: 5,
      dim: 13,
      depth: 2,
      tokens_hidden: 7,
      channels_hidden: 19,
    },
  ],
  [
    'one pixel a patch, one channel, one layer',
    { image: [5, 7], patch: [1, 1], channels: 1, classes: 1, dim: 4, depth: 1, tokens_hidden: 33, channels_hidden: 3 },
  ],
];

describe('MLP-Mixer', () => {
  test.each(SETTINGS)('%s', async (_, setting) => {
    const run = (batch: number) => ({
      img: randomTensor('f32', [batch, setting.channels, ...setting.image], randomNumbers(batch)),
    });
    await expectAsDefined({
      spec: 'mixer.model',
      settings: { ...setting },
      runs: [run(1), run(5), run(2)],
      definition: ({ img }, weights) => ({ logits: mixer(setting, img!, weights) }),
    });
  });
});
