/**
 * `attention`, scaled dot-product attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762), and `attend`, the
 * same with the logarithms of the softmax's denominators, which a gradient needs.
 */
import { defineOp, type AttributeSpec, type Inference, type Op, type OperandSpec, type Sample } from '../../ir/op.ts';
import type { TensorType } from '../../ir/graph.ts';
import { gives } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { evaluateAttention, type AttentionSettings } from './evaluate.ts';
import { attentionGradients } from './gradients.ts';
import { attentionTypes, type AttentionTypes } from './types.ts';

type Attention = { readonly causal: boolean; readonly scale: number | null };

const operands: readonly OperandSpec[] = [
  { name: 'q' },
  { name: 'k' },
  { name: 'v' },
  { name: 'mask', optional: true },
];

const attributes: readonly AttributeSpec[] = [
  { name: 'causal', kind: 'bool', default: false, doc: 'Whether query i sees keys 0 … i only.' },
  { name: 'scale', kind: 'float', default: null, doc: 'The factor of q kᵀ; none: 1 / sqrt(e).' },
];

const tolerance = { absolute: 1e-5, relative: 2e-5 };

function infer(inputs: readonly TensorType[], results: (types: AttentionTypes) => readonly TensorType[]): Inference {
  const types = attentionTypes(inputs);
  return 'error' in types ? types : gives(...results(types));
}

function settings({ causal, scale }: Attention, width: number): AttentionSettings {
  return { causal, scale: scale ?? 1 / Math.sqrt(width) };
}

const plain: Attention = { causal: false, scale: null };
const causal: Attention = { causal: true, scale: null };

const samples: readonly Sample[] = [
  { inputs: [f32(2, 3, n, 4), f32(2, 3, n, 4), f32(2, 3, n, 4)], attributes: plain },
  { inputs: [f32(2, n, 5), f32(2, n, 5), f32(2, n, 3)], attributes: causal, range: [-6, 6] },
  { inputs: [f32(1, n, 3), f32(1, 6, 3), f32(1, 6, 2)], attributes: causal },
  { inputs: [f32(1, 2, 6, 3), f32(1, 2, n, 3), f32(1, 2, n, 2)], attributes: causal },
  { inputs: [f32(n, 4, 5, 3), f32(n, 2, 6, 3), f32(n, 2, 6, 3)], attributes: plain },
  { inputs: [f32(2, n, 3, 4), f32(2, 1, 5, 4), f32(2, 1, 5, 4)], attributes: { causal: false, scale: 1 } },
  { inputs: [f32(n, 3, 4), f32(n, 5, 4), f32(n, 5, 4)], attributes: { causal: false, scale: -0.25 } },
  { inputs: [f32(2, 3, n), f32(2, 5, n), f32(2, 5, 4)], attributes: plain },
  { inputs: [f32(2, 3, 4), f32(2, 5, 4), f32(2, 5, n)], attributes: plain },
  { inputs: [f32(2, 2, n, 3), f32(2, 2, 7, 3), f32(2, 2, 7, 3), tensor('bool', n, 7)], attributes: plain },
  { inputs: [f32(2, 4, 9, 3), f32(2, 2, n, 3), f32(2, 2, n, 3), tensor('bool', 2, 1, 1, n)], attributes: causal },
  { inputs: [f32(2, 2, n, 3), f32(2, 2, n, 3), f32(2, 2, n, 3), f32(2, n, n)], attributes: plain },
  { inputs: [f32(2, n, 3), f32(2, n, 3), f32(2, n, 3), f32(n, 1)], attributes: plain },
];

export const attend: Op = defineOp<Attention>({
  name: 'attend',
  doc: '`attention` with a second result f32[..b, h, i]: log(sum(exp(scores))) of each query, -inf where no key is left.',
  internal: true,
  operands,
  attributes,
  infer: (inputs) => infer(inputs, ({ output, logSumExp }) => [output, logSumExp]),
  evaluate(inputs, given) {
    const { output, logSumExp } = evaluateAttention(inputs, settings(given, inputs[0]!.shape.at(-1)!));
    return [output, logSumExp];
  },
  body: {
    kind: 'attention',
    causal: (given) => given.causal,
    scale: (given) => given.scale ?? undefined,
  },
  vjp: attentionGradients,
  tolerance,
  // The rest is tried through `attention`.
  samples: samples.slice(0, 6),
});

export const attention: Op = defineOp<Attention>({
  name: 'attention',
  doc:
    'softmax(scale · q kᵀ + mask) v of q f32[..b, h, i, e], k f32[..b, g, j, e] and v f32[..b, g, j, f], giving ' +
    'f32[..b, h, i, f], as PyTorch: h is a multiple of g, and h / g neighbouring heads of q share a head of k and v ' +
    '(Ainslie et al. 2023, https://arxiv.org/abs/2305.13245). The mask broadcasts to [..b, h, i, j]; bool keeps where ' +
    'true, f32 is added. With `causal`, query i sees keys 0 … i, counted from the first key also where i and j ' +
    'differ. Queries that see none of their keys are NaN, as those of softmax; without any key they are 0. What v ' +
    'holds for unseen keys has to be finite. The scores are never in memory as a whole (Milakov and Gimelshein 2018, ' +
    'https://arxiv.org/abs/1805.02867; Dao et al. 2022, https://arxiv.org/abs/2205.14135).',
  operands,
  attributes,
  infer: (inputs) => infer(inputs, ({ output }) => [output]),
  evaluate: (inputs, given) => [evaluateAttention(inputs, settings(given, inputs[0]!.shape.at(-1)!)).output],
  body: {
    kind: 'composite',
    expand: (builder, inputs, given) => [builder.apply('attend', inputs, given)[0]!],
  },
  tolerance,
  samples,
});

export const attentions: readonly Op[] = [attention, attend];
