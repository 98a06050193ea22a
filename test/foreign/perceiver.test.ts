import { describe, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import {
  at,
  attend,
  gelu,
  headsOf,
  joinHeads,
  layerNorm,
  linear,
  plus,
  sum,
  tabulate,
  type Plain,
  type Weights,
} from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly channels: number;
  readonly classes: number;
  readonly latents: number;
  readonly dim: number;
  readonly repeats: number;
  readonly depth: number;
  readonly cross_heads: number;
  readonly heads: number;
  readonly size: number;
  readonly bands: number;
  readonly max_freq: number;
}

/** Cross-attention where there is a context, self-attention where not, and the gated feed-forward behind it. */
function read(
  x: Plain,
  weights: Weights,
  name: string,
  heads: number,
  size: number,
  context?: Plain,
  mask?: Plain,
): Plain {
  const inner = `${name}.cross_attention`;
  const normed = layerNorm(x, weights, `${name}.norm`);
  const source = context ? layerNorm(context, weights, `${name}.norm_context`) : normed;
  const q = headsOf(linear(normed, weights, `${inner}.to_q`, false), heads);
  const kv = linear(source, weights, `${inner}.to_kv`, false);
  const mixed = attend(q, headsOf(kv, heads, 0, 2), headsOf(kv, heads, 1, 2), {
    scale: size ** -0.5,
    bias: (b, _, __, j) => (mask && at(mask, b, j) === 0 ? -Infinity : 0),
  });
  x = plus(x, linear(joinHeads(mixed), weights, `${inner}.to_out`));
  const up = linear(layerNorm(x, weights, `${name}.ff_norm`), weights, `${name}.ff.up`);
  const width = up.shape[2]! / 2;
  const gated = tabulate(
    [...up.shape.slice(0, 2), width],
    (b, i, c) => at(up, b, i, c) * gelu(at(up, b, i, width + c)),
  );
  return plus(x, linear(gated, weights, `${name}.ff.down`));
}

function perceiver(
  setting: Setting,
  data: Plain,
  mask: Plain | undefined,
  weights: Weights,
): { latent_out: Plain; logits: Plain } {
  const { latents, dim, repeats, depth, cross_heads, heads, size, bands, max_freq, channels } = setting;
  const [batch, length] = data.shape as [number, number];
  const context = tabulate([batch, length, channels + 2 * bands + 1], (b, i, c) => {
    if (c < channels) return at(data, b, i, c);
    const position = length === 1 ? -1 : -1 + (2 * i) / (length - 1);
    const k = c - channels;
    if (k === 2 * bands) return position;
    const band = k % bands;
    const frequency = bands === 1 ? 1 : 1 + ((max_freq / 2 - 1) * band) / (bands - 1);
    return (k < bands ? Math.sin : Math.cos)(Math.PI * position * frequency);
  });
  const latent = weights('latent');
  let x = tabulate([batch, latents, dim], (_, i, c) => at(latent, i, c));
  for (let i = 0; i < repeats; i++) {
    const set = i === 0 ? 0 : 1;
    x = read(x, weights, `cross.${set}`, cross_heads, size, context, mask);
    for (let j = 0; j < depth; j++) x = read(x, weights, `towers.${set}.${j}`, heads, size);
  }
  const pooled = tabulate([batch, dim], (b, c) => sum(latents, (i) => at(x, b, i, c)) / latents);
  return { latent_out: x, logits: linear(layerNorm(pooled, weights, 'norm'), weights, 'head') };
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  [
    'three repeats, the last two with one set of weights',
    {
      channels: 3,
      classes: 5,
      latents: 7,
      dim: 10,
      repeats: 3,
      depth: 2,
      cross_heads: 1,
      heads: 3,
      size: 5,
      bands: 4,
      max_freq: 9,
    },
  ],
  [
    'one repeat of one latent',
    {
      channels: 1,
      classes: 3,
      latents: 1,
      dim: 6,
      repeats: 1,
      depth: 1,
      cross_heads: 5,
      heads: 2,
      size: 3,
      bands: 1,
      max_freq: 4,
    },
  ],
];

describe.each(SETTINGS)('Perceiver: %s', (_, setting) => {
  const data = (batch: number, length: number): Tensor =>
    randomTensor('f32', [batch, length, setting.channels], randomNumbers(length));
  /** Some of every row may be read, whatever the numbers. */
  const mask = (batch: number, length: number): Tensor => {
    const drawn = randomTensor('bool', [batch, length], randomNumbers(batch + length));
    return { ...drawn, data: drawn.data.map((seen, i) => (i % length === length >> 1 ? 1 : seen)) };
  };

  test('reads a masked context of any length', async () => {
    await expectAsDefined({
      spec: 'perceiver.model',
      settings: { ...setting },
      given: ['mask'],
      runs: [
        { data: data(2, 37), mask: mask(2, 37) },
        { data: data(1, 1), mask: mask(1, 1) },
        { data: data(3, 130), mask: mask(3, 130) },
      ],
      definition: (inputs, weights) => perceiver(setting, inputs['data']!, inputs['mask'], weights),
    });
  });

  test('reads all of a context without a mask', async () => {
    await expectAsDefined({
      spec: 'perceiver.model',
      settings: { ...setting },
      runs: [{ data: data(2, 29) }, { data: data(1, 65) }],
      definition: (inputs, weights) => perceiver(setting, inputs['data']!, undefined, weights),
    });
  });
});
