/**
 * Tensors in plain doubles, for evaluating a network a second time by the definitions of its paper. Nothing here comes
 * from the compiler: every function is a loop over indices.
 */
export interface Plain {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export type Weights = (name: string) => Plain;

/** The tensor whose element at each index is `element(...index)`. */
export function tabulate(shape: readonly number[], element: (...index: number[]) => number): Plain {
  const data = new Float64Array(shape.reduce((count, size) => count * size, 1));
  const index = shape.map(() => 0);
  for (let at = 0; at < data.length; at++) {
    data[at] = element(...index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape: [...shape], data };
}

/** One element. Throws where the index has the wrong length or lies outside, so that no slip goes unnoticed. */
export function at({ shape, data }: Plain, ...index: readonly number[]): number {
  let position = 0;
  if (index.length !== shape.length) throw new Error(`${index.length} indices for [${shape.join(', ')}]`);
  for (let axis = 0; axis < index.length; axis++) {
    const i = index[axis]!;
    if (!(i >= 0 && i < shape[axis]!)) throw new Error(`index ${index.join(', ')} of [${shape.join(', ')}]`);
    position = position * shape[axis]! + i;
  }
  return data[position]!;
}

export function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

export function map(x: Plain, f: (value: number) => number): Plain {
  return { shape: x.shape, data: Float64Array.from(x.data, f) };
}

export function plus(a: Plain, b: Plain): Plain {
  if (a.shape.join() !== b.shape.join()) throw new Error(`[${a.shape.join()}] plus [${b.shape.join()}]`);
  return { shape: a.shape, data: Float64Array.from(a.data, (value, i) => value + b.data[i]!) };
}

/** Rows of the last axis, each changed by `f`. */
export function rows(x: Plain, f: (row: number[]) => readonly number[]): Plain {
  const width = x.shape.at(-1)!;
  const all = Array.from(x.data);
  const changed = Array.from({ length: all.length / width }, (_, i) => f(all.slice(i * width, (i + 1) * width)));
  return { shape: [...x.shape.slice(0, -1), changed[0]!.length], data: Float64Array.from(changed.flat()) };
}

/** `x Wᵀ + b` over the last axis. */
export function linear(x: Plain, weights: Weights, name: string, bias = true): Plain {
  const w = weights(`${name}.weight`);
  const b = bias ? weights(`${name}.bias`) : undefined;
  return rows(x, (row) =>
    Array.from({ length: w.shape[0]! }, (_, o) => sum(row.length, (i) => row[i]! * at(w, o, i)) + (b ? at(b, o) : 0)),
  );
}

export function layerNorm(x: Plain, weights: Weights, name: string, eps = 1e-5): Plain {
  const [w, b] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  return rows(x, (row) => {
    const mean = sum(row.length, (i) => row[i]!) / row.length;
    const variance = sum(row.length, (i) => (row[i]! - mean) ** 2) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + eps)) * at(w, i) + at(b, i));
  });
}

export function rmsNorm(x: Plain, weights: Weights, name: string, eps = 1e-6): Plain {
  const w = weights(`${name}.weight`);
  return rows(x, (row) => {
    const size = Math.sqrt(sum(row.length, (i) => row[i]! ** 2) / row.length + eps);
    return row.map((value, i) => (value / size) * at(w, i));
  });
}

export function softmaxRow(row: readonly number[]): number[] {
  const largest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - largest));
  const total = sum(row.length, (i) => powers[i]!);
  return powers.map((power) => power / total);
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** x Φ(x), with the error function by a series of positive terms (Abramowitz & Stegun 7.1.6). */
export function gelu(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let [term, total] = [z, z];
  for (let n = 1; term > total * 1e-17; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    total += term;
  }
  const erf = (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total;
  return 0.5 * x * (1 + Math.sign(x) * erf);
}

export interface Geometry {
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

/** Cross-correlation of [batch, channels, height, width], zeros around it; a weight is [out, channels / groups, kh, kw]. */
export function conv2d(x: Plain, weights: Weights, name: string, geometry: Geometry = {}, bias = true): Plain {
  const { stride = 1, padding = 0, groups = 1 } = geometry;
  const w = weights(`${name}.weight`);
  const b = bias ? weights(`${name}.bias`) : undefined;
  const [n, , height, width] = x.shape as [number, number, number, number];
  const [out, inner, kh, kw] = w.shape as [number, number, number, number];
  const places = (size: number, kernel: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return tabulate([n, out, places(height, kh), places(width, kw)], (s, o, i, j) => {
    const first = Math.floor(o / (out / groups)) * inner;
    let total = b ? at(b, o) : 0;
    for (let c = 0; c < inner; c++) {
      for (let p = 0; p < kh; p++) {
        for (let q = 0; q < kw; q++) {
          const [y, z] = [i * stride + p - padding, j * stride + q - padding];
          if (y >= 0 && y < height && z >= 0 && z < width) total += at(x, s, first + c, y, z) * at(w, o, c, p, q);
        }
      }
    }
    return total;
  });
}

/** softmax(q kᵀ scale + bias) v for [batch, heads, tokens, width]; `bias` may be -Infinity for keys that are hidden. */
export function attend(
  q: Plain,
  k: Plain,
  v: Plain,
  { scale, bias = () => 0 }: { scale: number; bias?: (b: number, h: number, i: number, j: number) => number },
): Plain {
  const [n, heads, queries, width] = q.shape as [number, number, number, number];
  const keys = k.shape[2]!;
  const scores = tabulate(
    [n, heads, queries, keys],
    (b, h, i, j) => scale * sum(width, (e) => at(q, b, h, i, e) * at(k, b, h, j, e)) + bias(b, h, i, j),
  );
  const probabilities = rows(scores, softmaxRow);
  return tabulate([n, heads, queries, v.shape[3]!], (b, h, i, e) =>
    sum(keys, (j) => at(probabilities, b, h, i, j) * at(v, b, h, j, e)),
  );
}

/** The `part`-th third of a projection [batch, tokens, 3 · heads · width], by heads. */
export function headsOf(x: Plain, heads: number, part = 0, parts = 1): Plain {
  const [b, n, all] = x.shape as [number, number, number];
  const width = all / parts / heads;
  return tabulate([b, heads, n, width], (s, h, i, e) => at(x, s, i, (part * heads + h) * width + e));
}

/** The inverse of `headsOf`: [batch, tokens, heads · width]. */
export function joinHeads(x: Plain): Plain {
  const [b, heads, n, width] = x.shape as [number, number, number, number];
  return tabulate([b, n, heads * width], (s, i, c) => at(x, s, Math.floor(c / width), i, c % width));
}
