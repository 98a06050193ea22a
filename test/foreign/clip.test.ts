import { describe, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import {
  at,
  attend,
  conv2d,
  headsOf,
  joinHeads,
  layerNorm,
  linear,
  map,
  plus,
  rows,
  sigmoid,
  sum,
  tabulate,
  type Plain,
  type Weights,
} from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly image: readonly [number, number];
  readonly channels: number;
  readonly patch: number;
  readonly vocab: number;
  readonly context: number;
  readonly joint: number;
  /** Width, layers and heads. */
  readonly vision: readonly [number, number, number];
  readonly language: readonly [number, number, number];
}

function transformer(
  x: Plain,
  weights: Weights,
  name: string,
  [dim, depth, heads]: Setting['vision'],
  causal: boolean,
): Plain {
  for (let i = 0; i < depth; i++) {
    const block = `${name}.transformer.resblocks.${i}.block`;
    const qkv = linear(layerNorm(x, weights, `${block}.ln_1`), weights, `${block}.attn.in_proj`);
    const mixed = attend(headsOf(qkv, heads, 0, 3), headsOf(qkv, heads, 1, 3), headsOf(qkv, heads, 2, 3), {
      scale: (dim / heads) ** -0.5,
      bias: (_, __, query, key) => (causal && key > query ? -Infinity : 0),
    });
    x = plus(x, linear(joinHeads(mixed), weights, `${block}.attn.out_proj`));
    const hidden = map(
      linear(layerNorm(x, weights, `${block}.ln_2`), weights, `${block}.mlp.c_fc`),
      (u) => u * sigmoid(1.702 * u),
    );
    x = plus(x, linear(hidden, weights, `${block}.mlp.c_proj`));
  }
  return x;
}

/** x P with rows of length one. */
function projected(x: Plain, projection: Plain): Plain {
  const y = rows(x, (row) =>
    Array.from({ length: projection.shape[1]! }, (_, o) => sum(row.length, (i) => row[i]! * at(projection, i, o))),
  );
  return rows(y, (row) => row.map((value) => value / Math.hypot(...row)));
}

function imageFeatures({ patch, vision }: Setting, img: Plain, weights: Weights, name: string): Plain {
  const conv = conv2d(img, weights, `${name}.conv1`, { stride: patch }, false);
  const [n, dim, height, width] = conv.shape as [number, number, number, number];
  const [first, positions] = [weights(`${name}.class_embedding`), weights(`${name}.positional_embedding`)];
  const tokens = tabulate(
    [n, 1 + height * width, dim],
    (s, t, c) =>
      (t === 0 ? at(first, c) : at(conv, s, c, Math.floor((t - 1) / width), (t - 1) % width)) + at(positions, t, c),
  );
  const x = transformer(layerNorm(tokens, weights, `${name}.ln_pre`), weights, name, vision, false);
  const pooled = tabulate([n, dim], (s, c) => at(x, s, 0, c));
  return projected(layerNorm(pooled, weights, `${name}.ln_post`), weights(`${name}.proj`));
}

function textFeatures({ language }: Setting, text: Plain, weights: Weights, name: string): Plain {
  const [n, length] = text.shape as [number, number];
  const [words, positions] = [weights(`${name}.token_embedding`), weights(`${name}.positional_embedding`)];
  const tokens = tabulate([n, length, language[0]], (s, t, c) => at(words, at(text, s, t), c) + at(positions, t, c));
  const x = layerNorm(transformer(tokens, weights, name, language, true), weights, `${name}.ln_final`);
  const ends = Array.from({ length: n }, (_, s) => {
    const row = Array.from({ length }, (__, t) => at(text, s, t));
    return row.indexOf(Math.max(...row));
  });
  return projected(
    tabulate([n, language[0]], (s, c) => at(x, s, ends[s]!, c)),
    weights(`${name}.text_projection`),
  );
}

function similarities(setting: Setting, img: Plain, text: Plain, weights: Weights, prefix = ''): Plain {
  const i = imageFeatures(setting, img, weights, `${prefix}visual`);
  const t = textFeatures(setting, text, weights, `${prefix}language`);
  const scale = Math.exp(at(weights(`${prefix}logit_scale`)));
  return tabulate(
    [img.shape[0]!, text.shape[0]!],
    (a, b) => scale * sum(setting.joint, (c) => at(i, a, c) * at(t, b, c)),
  );
}

function turned(x: Plain): Plain {
  return tabulate([x.shape[1]!, x.shape[0]!], (i, j) => at(x, j, i));
}

/** -log softmax at the row's own number, on average. */
function contrast(logits: Plain): number {
  const n = logits.shape[0]!;
  return sum(n, (i) => Math.log(sum(n, (j) => Math.exp(at(logits, i, j) - at(logits, i, i))))) / n;
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  [
    'towers of different widths',
    {
      image: [9, 15],
      channels: 3,
      patch: 3,
      vocab: 23,
      context: 11,
      joint: 7,
      vision: [10, 2, 5],
      language: [6, 1, 2],
    },
  ],
  [
    'a deep tower beside one without layers',
    { image: [5, 5], channels: 1, patch: 5, vocab: 9, context: 17, joint: 3, vision: [3, 0, 1], language: [9, 3, 3] },
  ],
];

describe.each(SETTINGS)('CLIP: %s', (_, setting) => {
  const images = (count: number): Tensor =>
    randomTensor('f32', [count, setting.channels, ...setting.image], randomNumbers(count));
  /** The largest token, which ends a text, stands anywhere, and in the first text twice. */
  const texts = (count: number, length: number): Tensor => {
    const drawn = randomTensor('i32', [count, length], randomNumbers(length), [0, setting.vocab - 2]).data;
    for (let i = 0; i < count; i++) drawn[i * length + ((3 * i + 1) % length)] = setting.vocab - 1;
    drawn[length - 1] = setting.vocab - 1;
    return tensorOf('i32', [count, length], drawn);
  };

  test('any number of images and of texts', async () => {
    await expectAsDefined({
      spec: 'clip.model',
      entry: 'CLIP',
      settings: { ...setting },
      runs: [
        { img: images(2), text: texts(5, 11) },
        { img: images(3), text: texts(1, 4) },
        { img: images(1), text: texts(3, 1) },
      ],
      definition({ img, text }, weights) {
        const logits = similarities(setting, img!, text!, weights);
        return { per_image: logits, per_text: turned(logits) };
      },
    });
  });

  test('the contrastive loss', async () => {
    await expectAsDefined({
      spec: 'clip.model',
      entry: 'TrainCLIP',
      settings: { ...setting },
      runs: [
        { img: images(5), text: texts(5, 7) },
        { img: images(3), text: texts(3, 9) },
      ],
      definition({ img, text }, weights) {
        const logits = similarities(setting, img!, text!, weights, 'clip.');
        const n = logits.shape[0]!;
        const right = sum(n, (i) => {
          const row = Array.from({ length: n }, (__, j) => at(logits, i, j));
          return row.indexOf(Math.max(...row)) === i ? 1 : 0;
        });
        return {
          loss: { shape: [], data: [(contrast(logits) + contrast(turned(logits))) / 2] },
          recall: { shape: [], data: [right / n] },
        };
      },
    });
  });
});
