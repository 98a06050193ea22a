/** The peers of decoding: weights in the form that libraries with an op at a time are given. */
import { expect, test } from 'vitest';
import { mergedWeights } from '../../bench/peers/decoding-weights.mjs';

const CONFIG = { dim: 8, depth: 1, heads: 2, kvHeads: 1, length: 7, theta: 100 };
const [HIDDEN, VOCABULARY, SIZE, ROTATED] = [3, 5, 4, 12];

/** Numbers without a pattern; `seed` tells tensors apart. */
const draw = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(seed + 12.9898 * at));

const SHAPES: Record<string, readonly [rows: number, columns: number]> = {
  tok_embeddings: [VOCABULARY, 8],
  norm: [1, 8],
  'layers.0.attention_norm': [1, 8],
  'layers.0.ffn_norm': [1, 8],
  'layers.0.attention.wq': [8, 8],
  'layers.0.attention.wk': [SIZE, 8],
  'layers.0.attention.wv': [SIZE, 8],
  'layers.0.attention.wo': [8, 8],
  'layers.0.feed_forward.w1': [HIDDEN, 8],
  'layers.0.feed_forward.w2': [8, HIDDEN],
  'layers.0.feed_forward.w3': [HIDDEN, 8],
};

const WEIGHTS = new Map(
  Object.entries(SHAPES).map(([name, [rows, columns]], at) => [`${name}.weight`, { data: draw(rows * columns, at) }]),
);
const weight = (name: string): Float32Array => WEIGHTS.get(`${name}.weight`)!.data;

/** W x, of W [out, in]. */
function multiply(matrix: Float32Array, x: readonly number[]): number[] {
  return Array.from({ length: matrix.length / x.length }, (_, row) =>
    x.reduce((sum, value, column) => sum + value * matrix[row * x.length + column]!, 0),
  );
}

/** x M, of M [in, out]. */
function product(x: readonly number[], { data, shape }: { data: Float32Array; shape: readonly number[] }): number[] {
  expect(shape[0]).toBe(x.length);
  const columns = shape[1]!;
  return Array.from({ length: columns }, (_, column) =>
    x.reduce((sum, value, row) => sum + value * data[row * columns + column]!, 0),
  );
}

/** Pairs (2i, 2i + 1) of each head turned by the angle of a position. */
function rotate(x: readonly number[], position: number): number[] {
  return x.map((value, at) => {
    const angle = position * CONFIG.theta ** (-(2 * Math.floor((at % SIZE) / 2)) / SIZE);
    const other = at % 2 === 0 ? -x[at + 1]! : x[at - 1]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

const scaled = (x: readonly number[], by: string): number[] => x.map((value, at) => value * weight(by)[at]!);

function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  for (const [at, value] of found.entries()) expect(value).toBeCloseTo(wanted[at]!, 5);
}

test('one product and its two halves by the rows of a position are rotated queries, which are scaled, and keys; then values', () => {
  const { layers, rotations } = mergedWeights(WEIGHTS, CONFIG);
  const normed = [...draw(8, 50)];
  const inner = scaled(normed, 'layers.0.attention_norm');
  const all = product(normed, layers[0]!.attention);
  const position = 5;
  expect(rotations.shape).toEqual([CONFIG.length, 2 * ROTATED]);
  const row = rotations.data.subarray(position * 2 * ROTATED, (position + 1) * 2 * ROTATED);
  const rotated = Array.from(
    { length: ROTATED },
    (_, at) => all[at]! * row[at]! + all[ROTATED + at]! * row[ROTATED + at]!,
  );
  const query = rotate(multiply(weight('layers.0.attention.wq'), inner), position).map(
    (value) => value / Math.sqrt(SIZE),
  );
  const key = rotate(multiply(weight('layers.0.attention.wk'), inner), position);
  expectClose(rotated, [...query, ...key]);
  expectClose(all.slice(2 * ROTATED), multiply(weight('layers.0.attention.wv'), inner));
});

test('the other matrices are transposed, with the normalisation before them', () => {
  const { layers, table, head } = mergedWeights(WEIGHTS, CONFIG);
  const normed = [...draw(8, 60)];
  const hidden = [...draw(HIDDEN, 70)];
  const inner = scaled(normed, 'layers.0.ffn_norm');
  const halves = ['w1', 'w3'].flatMap((part) => multiply(weight(`layers.0.feed_forward.${part}`), inner));
  expectClose(product(normed, layers[0]!.halves), halves);
  expectClose(product(normed, layers[0]!.out), multiply(weight('layers.0.attention.wo'), normed));
  expectClose(product(hidden, layers[0]!.down), multiply(weight('layers.0.feed_forward.w2'), hidden));
  expectClose(product(normed, head), multiply(weight('tok_embeddings'), scaled(normed, 'norm')));
  expect(table).toEqual({ data: weight('tok_embeddings'), shape: [VOCABULARY, 8] });
});
