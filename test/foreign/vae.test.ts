import { describe, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, conv2d, linear, map, sigmoid, sum, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly widths: readonly number[];
  readonly latent: number;
}

type Image = readonly [number, number, number, number];
const silu = (x: number): number => x * sigmoid(x);

/** By the mean and variance of a whole image, with a gain and a bias for every channel. */
function groupNorm(x: Plain, weights: Weights, name: string): Plain {
  const [gain, bias] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  const count = x.data.length / x.shape[0]!;
  const moments = Array.from({ length: x.shape[0]! }, (_, s) => {
    const mean = sum(count, (i) => x.data[s * count + i]!) / count;
    return { mean, variance: sum(count, (i) => (x.data[s * count + i]! - mean) ** 2) / count };
  });
  return tabulate(x.shape, (s, c, i, j) => {
    const { mean, variance } = moments[s]!;
    return ((at(x, s, c, i, j) - mean) / Math.sqrt(variance + 1e-5)) * at(gain, c) + at(bias, c);
  });
}

/** Kernel 3, stride 2, padding 1: every pixel adds its kernel to the result around twice its place. */
function upConvolution(x: Plain, weights: Weights, name: string, [height, width]: readonly [number, number]): Plain {
  const [w, bias] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  const [n, c, h, v] = x.shape as Image;
  const out = w.shape[1]!;
  const y = tabulate([n, out, height, width], (_, o) => at(bias, o));
  const data = y.data as Float64Array;
  for (const [s, k, i, j, p, q] of indices([n, c, h, v, 3, 3])) {
    const [row, column] = [2 * i! + p! - 1, 2 * j! + q! - 1];
    if (row < 0 || row >= height || column < 0 || column >= width) continue;
    for (let o = 0; o < out; o++)
      data[((s! * out + o) * height + row) * width + column]! += at(x, s!, k!, i!, j!) * at(w, k!, o, p!, q!);
  }
  return y;
}

function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (list, size) => list.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

interface Result {
  readonly [name: string]: Plain;
  readonly logits: Plain;
  readonly mu: Plain;
  readonly log_var: Plain;
}

function vae(setting: Setting, img: Plain, noise: Plain | undefined, weights: Weights, prefix = ''): Result {
  const { size, channels, widths, latent } = setting;
  let x = img;
  const sizes: (readonly [number, number])[] = [size];
  widths.forEach((_, i) => {
    const name = `${prefix}encoder.conv.${i}`;
    x = map(groupNorm(conv2d(x, weights, `${name}.0`, { stride: 2, padding: 1 }), weights, `${name}.1`), silu);
    sizes.push([x.shape[2]!, x.shape[3]!]);
  });
  const batch = img.shape[0]!;
  const flat: Plain = { shape: [batch, x.data.length / batch], data: x.data };
  const moments = linear(flat, weights, `${prefix}encoder.fc`);
  const mu = tabulate([batch, latent], (b, c) => at(moments, b, c));
  const log_var = tabulate([batch, latent], (b, c) => at(moments, b, latent + c));
  const z = tabulate(
    [batch, latent],
    (b, c) => at(mu, b, c) + (noise ? Math.exp(at(log_var, b, c) / 2) * at(noise, b, c) : 0),
  );
  let y: Plain = {
    shape: [batch, widths.at(-1)!, ...sizes.at(-1)!],
    data: linear(z, weights, `${prefix}decoder.fc`).data,
  };
  widths.forEach((_, k) => {
    y = upConvolution(map(y, silu), weights, `${prefix}decoder.deconv.${k}.conv`, sizes[widths.length - 1 - k]!);
  });
  if (y.shape[1] !== channels) throw new Error('the decoder gives as many channels as the image has');
  return { logits: y, mu, log_var };
}

describe.each<Setting>([
  { size: [11, 14], channels: 1, widths: [4, 7], latent: 3 },
  { size: [9, 6], channels: 3, widths: [5, 2, 3], latent: 1 },
])('variational autoencoder of %o', (setting) => {
  const images = (batch: number): Tensor =>
    randomTensor('f32', [batch, setting.channels, ...setting.size], randomNumbers(batch), [0, 1]);
  const noise = (batch: number): Tensor => randomTensor('f32', [batch, setting.latent], randomNumbers(batch + 1));

  test.each([true, false])('with noise: %s', async (noisy) => {
    const run = (batch: number) => ({ img: images(batch), ...(noisy && { noise: noise(batch) }) });
    await expectAsDefined({
      spec: 'vae.model',
      entry: 'VAE',
      settings: { ...setting },
      given: noisy ? ['noise'] : [],
      runs: [run(1), run(4)],
      definition: (inputs, weights) => vae(setting, inputs['img']!, inputs['noise'], weights),
    });
  });

  test('the evidence bound', async () => {
    await expectAsDefined({
      spec: 'vae.model',
      entry: 'TrainVAE',
      settings: { ...setting, beta: 0.5 },
      runs: [
        { img: images(2), noise: noise(2) },
        { img: images(5), noise: noise(5) },
      ],
      definition({ img, noise: drawn }, weights) {
        const { logits, mu, log_var } = vae(setting, img!, drawn, weights, 'vae.');
        const batch = img!.shape[0]!;
        const bits = sum(logits.data.length, (i) => {
          const [z, y] = [logits.data[i]!, img!.data[i]!];
          return -y * Math.log(sigmoid(z)) - (1 - y) * Math.log(sigmoid(-z));
        });
        const rest = sum(mu.data.length, (i) => Math.exp(log_var.data[i]!) + mu.data[i]! ** 2 - 1 - log_var.data[i]!);
        const scalar = (value: number): Plain => ({ shape: [], data: [value] });
        const [reconstruction, divergence] = [bits / batch, rest / 2 / batch];
        return {
          reconstruction: scalar(reconstruction),
          divergence: scalar(divergence),
          loss: scalar(reconstruction + 0.5 * divergence),
        };
      },
    });
  });
});
