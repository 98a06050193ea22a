/** Attention on concrete tensors, row by row as it is defined. */
import type { Tensor } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';
import { rowMajor } from '../strided.ts';

export interface AttentionSettings {
  readonly causal: boolean;
  readonly scale: number;
}

/** `output` [..b, h, i, f] and `logSumExp` [..b, h, i]. */
export function evaluateAttention(
  [q, k, v, mask]: readonly Tensor[],
  { causal, scale }: AttentionSettings,
): { readonly output: Float64Array; readonly logSumExp: Float64Array } {
  const [heads, queries, width] = q!.shape.slice(-3) as [number, number, number];
  const [keyHeads, keys] = k!.shape.slice(-3, -1) as [number, number];
  const depth = v!.shape.at(-1)!;
  const rows = countOf(q!.shape.slice(0, -1));
  const output = new Float64Array(rows * depth);
  const logSumExp = new Float64Array(rows);
  const maskAt = mask && maskReader(mask, [...q!.shape.slice(0, -1), keys]);
  for (let row = 0; row < rows; row++) {
    const query = row % queries;
    const head = Math.floor(row / queries);
    const batch = Math.floor(head / heads);
    const keyHead = batch * keyHeads + Math.floor(((head % heads) * keyHeads) / heads);
    const seen = causal ? Math.min(keys, query + 1) : keys;
    const scores = Float64Array.from({ length: seen }, (_, key) => {
      let score = 0;
      const from = (keyHead * keys + key) * width;
      for (let e = 0; e < width; e++) score += q!.data[row * width + e]! * k!.data[from + e]!;
      return maskAt ? maskAt(score * scale, row, key) : score * scale;
    });
    const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
    const powers = scores.map((score) => Math.exp(score - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    powers.forEach((power, key) => {
      const from = (keyHead * keys + key) * depth;
      for (let at = 0; at < depth; at++) output[row * depth + at]! += (power / sum) * v!.data[from + at]!;
    });
    logSumExp[row] = largest === -Infinity ? largest : largest + Math.log(sum);
  }
  return { output, logSumExp };
}

/** The score of a row and key behind the mask, which repeats its axes of size 1 up to the shape of the scores. */
function maskReader(
  { dtype, shape, data }: Tensor,
  scores: readonly number[],
): (score: number, row: number, key: number) => number {
  const own = rowMajor(shape).map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
  const strides = [...scores.slice(shape.length).map(() => 0), ...own];
  const rowShape = scores.slice(0, -1);
  return (score, row, key) => {
    let at = key * strides.at(-1)!;
    let rest = row;
    for (let axis = rowShape.length - 1; axis >= 0; axis--) {
      at += (rest % rowShape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / rowShape[axis]!);
    }
    if (dtype === 'bool') return data[at] === 0 ? -Infinity : score;
    return score + data[at]!;
  };
}
