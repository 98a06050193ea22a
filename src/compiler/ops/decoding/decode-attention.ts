/** `decode_attention`: the attention of one new token to the keys that are kept. */
import { equal, floorDiv, multiply, ONE, print, type Dim } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { gives, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { shapeFault, type Described } from './shapes.ts';
import { writeAttention } from './write-attention.ts';

type DecodeAttention = { readonly scale: number | null };

const described: readonly Described[] = [
  { name: 'q', dtype: 'f32', axes: ['b', 'h', 1, 'e'] },
  { name: 'k', dtype: 'f32', axes: ['b', 'g', 'm', 'e'] },
  { name: 'v', dtype: 'f32', axes: ['b', 'g', 'm', 'f'] },
  { name: 'past', dtype: 'i32', axes: ['b'] },
];

function headFault(inputs: readonly TensorType[]): Mismatch | undefined {
  const [heads, keyHeads] = [inputs[0]!.shape[1]!, inputs[1]!.shape[1]!];
  if (equal(multiply(floorDiv(heads, keyHeads), keyHeads), heads)) return undefined;
  const message = `\`decode_attention\` needs the ${print(heads)} heads of q to be a multiple of the ${print(keyHeads)} of k and v`;
  return { message, operand: 1 };
}

function evaluateDecoding([q, k, v, past]: readonly Tensor[], { scale }: DecodeAttention): Float64Array {
  const [batch, heads, , width] = q!.shape as [number, number, number, number];
  const [, keyHeads, size, depth] = v!.shape as [number, number, number, number];
  const factor = scale ?? 1 / Math.sqrt(width);
  const output = new Float64Array(batch * heads * depth);
  for (let row = 0; row < batch * heads; row++) {
    const [b, h] = [Math.floor(row / heads), row % heads];
    const first = (b * keyHeads + Math.floor((h * keyHeads) / heads)) * size;
    const count = Math.min(Math.max(past!.data[b]!, 0) + 1, size);
    const scores = Float64Array.from({ length: count }, (_, key) => {
      let score = 0;
      for (let e = 0; e < width; e++) score += q!.data[row * width + e]! * k!.data[(first + key) * width + e]!;
      return score * factor;
    });
    const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
    const powers = scores.map((score) => Math.exp(score - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    powers.forEach((power, key) => {
      for (let at = 0; at < depth; at++)
        output[row * depth + at]! += (power / sum) * v!.data[(first + key) * depth + at]!;
    });
  }
  return output;
}

const own: DecodeAttention = { scale: null };
const past = (batch: number | Dim): TensorType => tensor('i32', batch);

const samples: readonly Sample[] = [
  { inputs: [f32(1, 2, 1, 4), f32(1, 2, n, 4), f32(1, 2, n, 4), past(1)], attributes: own, range: [0, 0] },
  {
    inputs: [f32(1, 2, 1, 8), f32(1, 2, n, 8), f32(1, 2, n, 8), past(1)],
    attributes: { scale: 1e-3 },
    range: [-2, 40],
  },
  { inputs: [f32(3, 4, 1, 6), f32(3, 1, n, 6), f32(3, 1, n, 5), past(3)], attributes: own, range: [-3, 9] },
  { inputs: [f32(3, 4, 1, n), f32(3, 2, 9, n), f32(3, 2, 9, n), past(3)], attributes: { scale: 0.5 } },
  { inputs: [f32(n, 2, 1, 3), f32(n, 2, 5, 3), f32(n, 2, 5, 32), past(n)], attributes: { scale: -0.25 } },
  {
    inputs: [f32(2, 3, 1, 32), f32(2, 3, n, 32), f32(2, 3, n, 16), past(2)],
    attributes: { scale: 1e-3 },
    range: [-1, 20],
  },
];

export const decodeAttention: Op = defineOp<DecodeAttention>({
  name: 'decode_attention',
  doc:
    '`attention` of one query q f32[b, h, 1, e] to the keys k f32[b, g, m, e] and values v f32[b, g, m, f] 0 … past[b] ' +
    '(i32[b], limited to 0 … m - 1), giving f32[b, h, 1, f]; nothing beyond them is read. h is a multiple of g.',
  internal: true,
  operands: described.map(({ name }) => ({ name })),
  attributes: [{ name: 'scale', kind: 'float', default: null, doc: 'The factor of q kᵀ; none: 1 / sqrt(e).' }],
  infer(inputs) {
    const error = shapeFault('decode_attention', described, inputs) ?? headFault(inputs);
    if (error) return { error };
    const [batch, heads] = inputs[0]!.shape as [Dim, Dim];
    return gives({ dtype: 'f32', shape: [batch, heads, ONE, inputs[2]!.shape[3]!] });
  },
  evaluate: (inputs, attributes) => [evaluateDecoding(inputs, attributes)],
  body: { kind: 'structured', write: (nest, { scale }) => writeAttention(nest, scale) },
  noGradient: 'it stands in generation alone, which is not differentiated',
  tolerance: { absolute: 1e-5, relative: 2e-5 },
  samples,
});
