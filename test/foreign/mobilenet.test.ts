import { describe, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, conv2d, linear, map, plus, sum, tabulate, type Geometry, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

/** Kernel, expansion, channels, squeeze and excitation, hard swish, stride. */
type Layer = readonly [number, number, number, boolean, boolean, number];

interface Setting {
  readonly channels: number;
  readonly classes: number;
  readonly stem: number;
  readonly last: number;
  readonly layers: readonly Layer[];
}

const relu = (x: number): number => Math.max(x, 0);
const hardSigmoid = (x: number): number => Math.min(Math.max(x + 3, 0), 6) / 6;
const hardSwish = (x: number): number => x * hardSigmoid(x);
const same = (x: number): number => x;

function unit(x: Plain, weights: Weights, name: string, geometry: Geometry, activation: (x: number) => number): Plain {
  const y = conv2d(x, weights, `${name}.0`, geometry, false);
  const [mean, variance, gain, bias] = ['running_mean', 'running_var', 'weight', 'bias'].map((one) =>
    weights(`${name}.1.${one}`),
  );
  return tabulate(y.shape, (s, c, i, j) =>
    activation(((at(y, s, c, i, j) - at(mean!, c)) / Math.sqrt(at(variance!, c) + 1e-3)) * at(gain!, c) + at(bias!, c)),
  );
}

/** The mean of every channel, as an image of one pixel. */
function pooled(x: Plain): Plain {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return tabulate([n, c, 1, 1], (s, k) => sum(h, (i) => sum(w, (j) => at(x, s, k, i, j))) / (h * w));
}

function residual(x: Plain, weights: Weights, name: string, [kernel, expanded, out, se, hard, stride]: Layer): Plain {
  const activation = hard ? hardSwish : relu;
  const channels = x.shape[1]!;
  let u = expanded === channels ? x : unit(x, weights, `${name}.expand`, {}, activation);
  u = unit(u, weights, `${name}.depthwise`, { stride, padding: (kernel - 1) >> 1, groups: expanded }, activation);
  if (se) {
    const hidden = map(conv2d(pooled(u), weights, `${name}.se.fc1`), relu);
    const scale = map(conv2d(hidden, weights, `${name}.se.fc2`), hardSigmoid);
    const squeezed = u;
    u = tabulate(u.shape, (s, c, i, j) => at(scale, s, c, 0, 0) * at(squeezed, s, c, i, j));
  }
  u = unit(u, weights, `${name}.project`, {}, same);
  return stride === 1 && channels === out ? plus(x, u) : u;
}

function mobileNet({ layers }: Setting, img: Plain, weights: Weights): Plain {
  let x = unit(img, weights, 'stem', { stride: 2, padding: 1 }, hardSwish);
  layers.forEach((layer, i) => (x = residual(x, weights, `features.${i}.block`, layer)));
  const features = pooled(x);
  const flat = { shape: features.shape.slice(0, 2), data: features.data };
  return linear(map(linear(flat, weights, 'classifier.0'), hardSwish), weights, 'classifier.3');
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  [
    'every kind of layer',
    {
      channels: 3,
      classes: 5,
      stem: 6,
      last: 11,
      layers: [
        [3, 6, 6, true, false, 1],
        [5, 10, 7, false, true, 2],
        [3, 9, 7, true, true, 1],
      ],
    },
  ],
  ['one layer', { channels: 1, classes: 2, stem: 3, last: 1, layers: [[7, 4, 3, true, true, 1]] }],
];

const text = (layers: readonly Layer[]): string => `[${layers.map((layer) => `(${layer.join(', ')})`).join(', ')}]`;

describe('MobileNetV3', () => {
  test.each(SETTINGS)('of %s, for images of any size', async (_, setting) => {
    const run = (batch: number, height: number, width: number) => ({
      img: randomTensor('f32', [batch, setting.channels, height, width], randomNumbers(width)),
    });
    await expectAsDefined({
      spec: 'mobilenet.model',
      settings: { ...setting, layers: text(setting.layers) },
      runs: [run(1, 15, 22), run(3, 9, 9), run(2, 1, 31)],
      definition: ({ img }, weights) => ({ logits: mobileNet(setting, img!, weights) }),
    });
  });
});
