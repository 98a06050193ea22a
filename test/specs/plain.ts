/** Layers in plain loops over doubles: what the specs are held against where no other implementation is at hand. */

/** Rows of features, one a token. */
export type Rows = readonly (readonly number[])[];

/** Parameters by path. */
export type Parameters = (path: string) => ArrayLike<number>;

export function linear(x: Rows, parameters: Parameters, path: string, bias = true): number[][] {
  const weight = parameters(`${path}.weight`);
  const offsets = bias ? parameters(`${path}.bias`) : undefined;
  return x.map((row) => {
    const outs = weight.length / row.length;
    return Array.from({ length: outs }, (_, out) =>
      row.reduce((sum, value, at) => sum + value * weight[out * row.length + at]!, offsets?.[out] ?? 0),
    );
  });
}

export function layerNorm(x: Rows, parameters: Parameters, path: string, eps: number): number[][] {
  const [weight, bias] = [parameters(`${path}.weight`), parameters(`${path}.bias`)];
  return x.map((row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map((value, at) => ((value - mean) / Math.sqrt(variance + eps)) * weight[at]! + bias[at]!);
  });
}

/** Softmax attention; `bias` is added to the scores of each key. */
export function attend(q: Rows, k: Rows, v: Rows, heads: number, bias?: readonly number[]): number[][] {
  const width = q[0]!.length / heads;
  return q.map((query) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (row: readonly number[]): readonly number[] => row.slice(head * width, (head + 1) * width);
      const dot = (a: readonly number[], b: readonly number[]): number =>
        a.reduce((sum, value, at) => sum + value * b[at]!, 0);
      const scores = k.map((key, at) => dot(part(query), part(key)) / Math.sqrt(width) + (bias?.[at] ?? 0));
      const most = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - most));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return part(v[0]!).map((_, e) => v.reduce((sum, row, at) => sum + (weights[at]! / total) * part(row)[e]!, 0));
    }).flat(),
  );
}

export function plus(a: Rows, b: Rows): number[][] {
  return a.map((row, at) => row.map((value, column) => value + b[at]![column]!));
}

export function each(x: Rows, f: (value: number) => number): number[][] {
  return x.map((row) => row.map(f));
}

export function gelu(x: number): number {
  return (x * (1 + erf(x / Math.SQRT2))) / 2;
}

export function geluTanh(x: number): number {
  return (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2;
}

/** 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms all have one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** An image, [channels][rows][columns] in one list. */
export interface Image {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

interface Window {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

/** Convolution by its definition, without a bias. */
export function convolve(x: Image, weight: ArrayLike<number>, { kernel, stride = 1, padding = 0 }: Window): Image {
  const channels = weight.length / (x.channels * kernel * kernel);
  return slide(x, channels, { kernel, stride, padding }, false, (channel, top, left) => {
    let sum = 0;
    for (let c = 0; c < x.channels; c++)
      for (let i = Math.max(0, -top); i < kernel && top + i < x.height; i++)
        for (let j = Math.max(0, -left); j < kernel && left + j < x.width; j++)
          sum +=
            weight[((channel * x.channels + c) * kernel + i) * kernel + j]! *
            x.data[(c * x.height + top + i) * x.width + left + j]!;
    return sum;
  });
}

/** The largest element of each window; with `ceil`, a last one may reach beyond the image. */
export function maxPool(x: Image, { kernel, stride = kernel, padding = 0 }: Window, ceil = false): Image {
  return slide(x, x.channels, { kernel, stride, padding }, ceil, (channel, top, left) => {
    let most = -Infinity;
    for (let i = Math.max(0, top); i < Math.min(x.height, top + kernel); i++)
      for (let j = Math.max(0, left); j < Math.min(x.width, left + kernel); j++)
        most = Math.max(most, x.data[(channel * x.height + i) * x.width + j]!);
    return most;
  });
}

function slide(
  x: Image,
  channels: number,
  { kernel, stride, padding }: Required<Window>,
  ceil: boolean,
  valueAt: (channel: number, top: number, left: number) => number,
): Image {
  const count = (size: number): number => {
    const steps = (size + 2 * padding - kernel) / stride;
    if (!ceil) return Math.floor(steps) + 1;
    // A window must begin inside of the image or of the padding before it.
    return (Math.ceil(steps) * stride >= size + padding ? Math.ceil(steps) - 1 : Math.ceil(steps)) + 1;
  };
  const [height, width] = [count(x.height), count(x.width)];
  const data = new Float64Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++)
        data[(channel * height + i) * width + j] = valueAt(channel, i * stride - padding, j * stride - padding);
  return { channels, height, width, data };
}

/** By the running statistics. */
export function batchNorm(x: Image, parameters: Parameters, path: string, eps: number): Image {
  const of = (name: string, channel: number): number => parameters(`${path}.${name}`)[channel]!;
  return mapImage(x, (value, channel) => {
    const normed = (value - of('running_mean', channel)) / Math.sqrt(of('running_var', channel) + eps);
    return normed * of('weight', channel) + of('bias', channel);
  });
}

export function mapImage(x: Image, f: (value: number, channel: number, at: number) => number): Image {
  const area = x.height * x.width;
  return { ...x, data: x.data.map((value, at) => f(value, Math.floor(at / area), at)) };
}

export const relu = (value: number): number => Math.max(0, value);

export function stackImages(images: readonly Image[]): Image {
  const data = Float64Array.from(images.flatMap((image) => [...image.data]));
  return { ...images[0]!, channels: images.reduce((sum, image) => sum + image.channels, 0), data };
}

/** The mean of each channel. */
export function poolMean({ channels, data }: Image): number[] {
  const area = data.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const part = data.subarray(channel * area, (channel + 1) * area);
    return part.reduce((sum, value) => sum + value, 0) / area;
  });
}
