/**
 * The weights of a decoder in the form that suits libraries which compute op by op: few and large products, matrices
 * [in, out]. What multiplies a product's operand or result from the outside, as normalisations and the scale of attention
 * do, is in its matrix already.
 */
import { transposed } from '../onnx/matrices.mjs';
import { rotaryTables } from './decoding.mjs';

/**
 * `{ table, head, layers, rotations }`, of matrices `{ data, shape }`. The one before attention gives queries and keys
 * (`rotated` columns together), then the same turned by a quarter, then values; the first of the feed-forward both halves.
 * Row p of `rotations` holds the cosines of position p by column of queries and keys, then the sines.
 */
export function mergedWeights(weights, { dim, depth, heads, kvHeads, length, theta }) {
  const weight = (name) => weights.get(`${name}.weight`).data;
  const size = dim / heads;
  const kept = kvHeads * size;
  const rotated = dim + kept;
  const layers = Array.from({ length: depth }, (_, at) => {
    const of = (part) => weight(`layers.${at}.${part}`);
    const q = of('attention.wq').map((value) => value * size ** -0.5);
    const k = of('attention.wk');
    const before = [q, k, turned(q, dim), turned(k, dim), of('attention.wv')];
    const halves = ['w1', 'w3'].map((part) => of(`feed_forward.${part}`));
    return {
      attention: matrix(before, of('attention_norm')),
      out: matrix([of('attention.wo')], ones(dim)),
      halves: matrix(halves, of('ffn_norm')),
      down: matrix([of('feed_forward.w2')], ones(halves[0].length / dim)),
    };
  });
  const table = weight('tok_embeddings');
  return {
    table: { data: table, shape: [table.length / dim, dim] },
    head: matrix([table], weight('norm')),
    layers,
    rotations: rotationRows(length, size, theta, rotated),
  };
}

const ones = (count) => new Float32Array(count).fill(1);

/** The transpose of weights [out, in] on top of each other, with each row scaled. */
function matrix(parts, scales) {
  const columns = scales.length;
  const data = Float32Array.from(parts.flatMap((part) => [...part]));
  for (let at = 0; at < data.length; at++) data[at] *= scales[at % columns];
  const shape = [data.length / columns, columns];
  return { data: transposed(data, shape), shape: shape.toReversed() };
}

/** Rows (2i, 2i + 1) as (-(2i + 1), 2i). */
function turned(weight, columns) {
  const result = new Float32Array(weight.length);
  for (let even = 0; even < weight.length; even += 2 * columns) {
    const odd = even + columns;
    for (let column = 0; column < columns; column++) {
      result[even + column] = -weight[odd + column];
      result[odd + column] = weight[even + column];
    }
  }
  return result;
}

function rotationRows(length, size, theta, rotated) {
  const { cos, sin } = rotaryTables(length, size, theta);
  const half = size / 2;
  const data = new Float32Array(length * 2 * rotated);
  for (let position = 0; position < length; position++) {
    for (let column = 0; column < rotated; column++) {
      const angle = position * half + Math.floor((column % size) / 2);
      const at = position * 2 * rotated + column;
      data[at] = cos[angle];
      data[at + rotated] = sin[angle];
    }
  }
  return { data, shape: [length, 2 * rotated] };
}
