import { describe, expect, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, conv2d, map, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly channels: number;
  readonly classes: number;
  readonly features: number;
  readonly depth: number;
  readonly bilinear: boolean;
}

type Image = readonly [number, number, number, number];

function doubleConv(x: Plain, weights: Weights, name: string, padding: number): Plain {
  const step = (y: Plain, conv: string): Plain =>
    map(conv2d(y, weights, `${name}.${conv}`, { padding }), (value) => Math.max(value, 0));
  return step(step(x, 'conv1'), 'conv2');
}

/** Every pixel becomes 2 by 2 pixels. */
function upConvolution(x: Plain, weights: Weights, name: string): Plain {
  const [w, bias] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  const [n, c, height, width] = x.shape as Image;
  return tabulate([n, w.shape[1]!, 2 * height, 2 * width], (s, o, i, j) => {
    let total = at(bias, o);
    for (let k = 0; k < c; k++) total += at(x, s, k, i >> 1, j >> 1) * at(w, k, o, i % 2, j % 2);
    return total;
  });
}

/** Twice as large by linear interpolation between the centres of pixels; what lies beyond the border repeats it. */
function bilinear(x: Plain): Plain {
  const [n, c, height, width] = x.shape as Image;
  const sides = (place: number, size: number): readonly (readonly [number, number])[] => {
    const centre = (place + 0.5) / 2 - 0.5;
    const low = Math.floor(centre);
    const inside = (i: number): number => Math.min(Math.max(i, 0), size - 1);
    return [
      [inside(low), 1 - (centre - low)],
      [inside(low + 1), centre - low],
    ];
  };
  return tabulate([n, c, 2 * height, 2 * width], (s, k, i, j) => {
    let total = 0;
    for (const [y, above] of sides(i, height))
      for (const [z, beside] of sides(j, width)) total += above * beside * at(x, s, k, y, z);
    return total;
  });
}

function level(x: Plain, weights: Weights, name: string, depth: number, padding: number, setting: Setting): Plain {
  const skip = doubleConv(x, weights, `${name}.down`, padding);
  if (depth === 0) return skip;
  const [n, c, height, width] = skip.shape as Image;
  const pooled = tabulate([n, c, height >> 1, width >> 1], (s, k, i, j) =>
    Math.max(...[0, 1].flatMap((p) => [0, 1].map((q) => at(skip, s, k, 2 * i + p, 2 * j + q)))),
  );
  const below = level(pooled, weights, `${name}.below`, depth - 1, padding, setting);
  const up = setting.bilinear
    ? conv2d(bilinear(below), weights, `${name}.up.conv`)
    : upConvolution(below, weights, `${name}.up.conv`);
  const [, , h, w] = up.shape as Image;
  const [top, left] = [(height - h) >> 1, (width - w) >> 1];
  const joined = tabulate([n, 2 * c, h, w], (s, k, i, j) =>
    k < c ? at(skip, s, k, top + i, left + j) : at(up, s, k - c, i, j),
  );
  return doubleConv(joined, weights, `${name}.join`, padding);
}

function unet(setting: Setting, img: Plain, weights: Weights, padding: number): Plain {
  return conv2d(level(img, weights, 'unet', setting.depth, padding, setting), weights, 'head');
}

const SETTINGS: readonly (readonly [string, Setting])[] = [
  ['with up-convolutions', { channels: 1, classes: 2, features: 3, depth: 2, bilinear: false }],
  ['with interpolation', { channels: 3, classes: 5, features: 2, depth: 2, bilinear: true }],
];

describe.each(SETTINGS)('U-Net %s', (_, setting) => {
  const image = (batch: number, height: number, width: number) => ({
    img: randomTensor('f32', [batch, setting.channels, height, width], randomNumbers(height)),
  });

  test('crops what it passes on, for the sizes whose levels are even', async () => {
    await expectAsDefined({
      spec: 'unet.model',
      entry: 'UNet',
      settings: { ...setting },
      runs: [image(1, 44, 52), image(2, 48, 44)],
      definition: ({ img }, weights) => {
        const logits = unet(setting, img!, weights, 0);
        expect(logits.shape.slice(2)).toEqual(img!.shape.slice(2).map((size) => size - 40));
        return { logits };
      },
    });
  });

  test('cuts images of any size to what its levels leave', async () => {
    await expectAsDefined({
      spec: 'unet.model',
      entry: 'CutUNet',
      settings: { ...setting },
      runs: [image(1, 15, 21), image(2, 8, 7), image(1, 30, 13)],
      definition: ({ img }, weights) => ({ logits: unet(setting, img!, weights, 1) }),
    });
  });

  test('pads images of any size to what its levels need', async () => {
    await expectAsDefined({
      spec: 'unet.model',
      entry: 'PaddedUNet',
      settings: { ...setting },
      runs: [image(1, 13, 22), image(3, 8, 9), image(2, 1, 17)],
      definition: ({ img }, weights) => {
        const [n, c, height, width] = img!.shape as Image;
        const unit = 2 ** setting.depth;
        const whole = (size: number): number => Math.ceil(size / unit) * unit;
        const padded = tabulate([n, c, whole(height), whole(width)], (s, k, i, j) =>
          i < height && j < width ? at(img!, s, k, i, j) : 0,
        );
        const y = unet(setting, padded, weights, 1);
        return { logits: tabulate([n, setting.classes, height, width], (s, k, i, j) => at(y, s, k, i, j)) };
      },
    });
  });
});
