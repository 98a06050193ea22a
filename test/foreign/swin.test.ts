import { describe, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, attend, gelu, layerNorm, linear, map, plus, sum, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly image: readonly [number, number];
  readonly patch: number;
  readonly channels: number;
  readonly classes: number;
  readonly dim: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly window: readonly [number, number];
  readonly mlp_ratio: number;
}

/**
 * Shifted-window attention without rolling, windows or tables of indices: a token sees the tokens whose shifted
 * coordinates lie in the same window and that were on the same side of the image's border before the shift.
 */
function windowAttention(
  x: Plain,
  weights: Weights,
  name: string,
  heads: number,
  window: readonly number[],
  shift: readonly number[],
): Plain {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const size = [h, w];
  const table = weights(`${name}.relative_position_bias_table`);
  const qkv = linear(
    tabulate([b, h * w, c], (s, t, i) => at(x, s, Math.floor(t / w), t % w, i)),
    weights,
    `${name}.qkv`,
  );
  const width = c / heads;
  const part = (which: number): Plain =>
    tabulate([b, heads, h * w, width], (s, g, t, e) => at(qkv, s, t, (which * heads + g) * width + e));
  const places = Array.from({ length: h * w }, (_, t) => {
    const place = [Math.floor(t / w), t % w];
    const rolled = place.map((p, axis) => (p - shift[axis]! + size[axis]!) % size[axis]!);
    const wrapped = place.map((p, axis) => p < shift[axis]!);
    return {
      group: [...rolled.map((p, axis) => Math.floor(p / window[axis]!)), ...wrapped].join(),
      window: rolled.map((p, axis) => Math.floor(p / window[axis]!)).join(),
      inside: rolled.map((p, axis) => p % window[axis]!),
    };
  });
  const mixed = attend(part(0), part(1), part(2), {
    scale: width ** -0.5,
    bias(_, g, i, j) {
      const [one, other] = [places[i]!, places[j]!];
      if (one.window !== other.window) return -Infinity;
      const [dy, dx] = one.inside.map((p, axis) => p - other.inside[axis]! + window[axis]! - 1) as [number, number];
      return at(table, dy * (2 * window[1]! - 1) + dx, g) + (one.group === other.group ? 0 : -100);
    },
  });
  const joined = tabulate([b, h, w, c], (s, i, j, k) => at(mixed, s, Math.floor(k / width), i * w + j, k % width));
  return linear(joined, weights, `${name}.proj`);
}

function swin(setting: Setting, img: Plain, weights: Weights): Plain {
  const { image, patch, channels, depths, heads, window } = setting;
  const [gh, gw] = [image[0] / patch, image[1] / patch];
  const patches = tabulate([img.shape[0]!, gh, gw, channels * patch * patch], (s, i, j, k) => {
    const [c, p, q] = [Math.floor(k / patch / patch), Math.floor(k / patch) % patch, k % patch];
    return at(img, s, c, i * patch + p, j * patch + q);
  });
  let x = layerNorm(linear(patches, weights, 'patch_embed.proj'), weights, 'patch_embed.norm');
  depths.forEach((depth, stage) => {
    if (stage > 0) {
      const [b, h, w, c] = x.shape as [number, number, number, number];
      const joined = tabulate([b, h / 2, w / 2, 4 * c], (s, i, j, k) => {
        const corner = Math.floor(k / c);
        return at(x, s, 2 * i + (corner % 2), 2 * j + Math.floor(corner / 2), k % c);
      });
      const normed = layerNorm(joined, weights, `layers.${stage}.downsample.norm`);
      x = linear(normed, weights, `layers.${stage}.downsample.reduction`, false);
    }
    for (let i = 0; i < depth; i++) {
      const name = `layers.${stage}.blocks.${i}`;
      const size = x.shape.slice(1, 3);
      const shift = window.map((length, axis) => (i % 2 === 1 && size[axis]! > length ? Math.floor(length / 2) : 0));
      x = plus(
        x,
        windowAttention(layerNorm(x, weights, `${name}.norm1`), weights, `${name}.attn`, heads[stage]!, window, shift),
      );
      const hidden = map(linear(layerNorm(x, weights, `${name}.norm2`), weights, `${name}.mlp.fc1`), gelu);
      x = plus(x, linear(hidden, weights, `${name}.mlp.fc2`));
    }
  });
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const normed = layerNorm(x, weights, 'norm');
  const pooled = tabulate([b, c], (s, k) => sum(h, (i) => sum(w, (j) => at(normed, s, i, j, k))) / (h * w));
  return linear(pooled, weights, 'head');
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  [
    'windows of 5 on 10 by 15 tokens',
    {
      image: [20, 30],
      patch: 2,
      channels: 3,
      classes: 7,
      dim: 6,
      depths: [2],
      heads: [2],
      window: [5, 5],
      mlp_ratio: 3,
    },
  ],
  [
    'windows of 3 by 5 on 6 by 10 tokens, then 3 by 5 in one window',
    {
      image: [6, 10],
      patch: 1,
      channels: 1,
      classes: 3,
      dim: 9,
      depths: [2, 2],
      heads: [3, 9],
      window: [3, 5],
      mlp_ratio: 1,
    },
  ],
  [
    'windows that shift along one axis only',
    {
      image: [18, 27],
      patch: 3,
      channels: 2,
      classes: 5,
      dim: 4,
      depths: [2],
      heads: [4],
      window: [6, 3],
      mlp_ratio: 2,
    },
  ],
];

describe('Swin Transformer', () => {
  test.each(SETTINGS)('%s', async (_, setting) => {
    const run = (batch: number) => ({
      img: randomTensor('f32', [batch, setting.channels, ...setting.image], randomNumbers(batch)),
    });
    await expectAsDefined({
      spec: 'swin.model',
      settings: { ...setting },
      runs: [run(1), run(3), run(2)],
      definition: ({ img }, weights) => ({ logits: swin(setting, img!, weights) }),
    });
  });
});
