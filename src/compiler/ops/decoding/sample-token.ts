/** `sample_token`: the choice of the next token, on the device. */
import { constant, isAtLeast, ONE, print, subtract, type Dim } from '../../dims/dim.ts';
import type { ShapeContext, TensorType } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { f32, n, tensor } from '../samples.ts';
import { fails } from '../rules.ts';
import { chooseToken } from './choose.ts';
import { shapeFault, type Described } from './shapes.ts';
import { writeSampling } from './write-sampling.ts';

const described: readonly Described[] = [
  { name: 'logits', dtype: 'f32', axes: ['b', 'v'] },
  { name: 'seen', dtype: 'f32', axes: ['b', 'v'] },
  { name: 'temperature', dtype: 'f32', axes: [] },
  { name: 'top_k', dtype: 'i32', axes: [] },
  { name: 'top_p', dtype: 'f32', axes: [] },
  { name: 'penalty', dtype: 'f32', axes: [] },
  { name: 'uniform', dtype: 'f32', axes: ['b'] },
];

function infer(inputs: readonly TensorType[], { bounds }: ShapeContext): Inference {
  const error = shapeFault('sample_token', described, inputs);
  if (error) return { error };
  const [batch, vocabulary] = inputs[0]!.shape as [Dim, Dim];
  const types: readonly TensorType[] = [{ dtype: 'i32', shape: [batch] }];
  if (isAtLeast(vocabulary, ONE, bounds)) return { types };
  const message = `\`sample_token\` chooses from ${print(vocabulary)} tokens`;
  const atLeastZero = subtract(vocabulary, ONE);
  if (isAtLeast(constant(-1), atLeastZero, bounds)) return fails(message, { operand: 0 });
  return { types, conditions: [{ atLeastZero, message }] };
}

function sampleTokens([logits, seen, ...settings]: readonly Tensor[]): Float64Array {
  const [temperature, topK, topP, penalty] = settings.slice(0, 4).map(({ data }) => data[0]!) as [
    number,
    number,
    number,
    number,
  ];
  const [batch, vocabulary] = logits!.shape as [number, number];
  return Float64Array.from({ length: batch }, (_, b) => {
    const row = ({ data }: Tensor): number[] => [...data.subarray(b * vocabulary, (b + 1) * vocabulary)];
    const sampling = { temperature, topK, topP, penalty };
    return chooseToken(row(logits!), row(seen!), sampling, settings[4]!.data[b]!);
  });
}

/** Of `b` rows and `v` tokens. */
function sample(b: number | Dim, v: number | Dim, ...range: readonly [number, number]): Sample {
  const scalar = f32();
  return {
    inputs: [f32(b, v), f32(b, v), scalar, tensor('i32'), scalar, scalar, f32(b)],
    attributes: {},
    range,
  };
}

export const sampleToken: Op = defineOp<Record<string, never>>({
  name: 'sample_token',
  doc:
    'A token i32[b] for each row of logits f32[b, v], which are finite or -inf. Logits of tokens with seen f32[b, v] ' +
    'above 0 are divided by the penalty f32[] if positive, else multiplied by it (Keskar et al. 2019, ' +
    'https://arxiv.org/abs/1909.05858). With the temperature f32[] 0, the largest is chosen. Otherwise they are divided ' +
    'by it; of the most likely tokens top_k i32[] are kept (0: all; Fan et al. 2018, https://arxiv.org/abs/1805.04833), ' +
    'and of these the fewest with a share of at least top_p f32[] of their probability, but one (Holtzman et al. 2019, ' +
    'https://arxiv.org/abs/1904.09751). The token is the first whose probability, with those of lower index, is above ' +
    'uniform f32[b], a number from 0 up to 1. Of equal logits the lower index comes first.',
  internal: true,
  operands: described.map(({ name }) => ({ name })),
  attributes: [],
  infer: (inputs, _, context) => infer(inputs, context),
  evaluate: (inputs) => [sampleTokens(inputs)],
  body: { kind: 'structured', write: writeSampling },
  tolerance: { absolute: 0, relative: 1e-9 },
  samples: [
    sample(1, n, 0, 0),
    sample(3, n, -2, 0),
    sample(3, n, 0.1, 4),
    sample(n, 9, 0.1, 1),
    sample(2, n, 0.5, 0.9),
    sample(n, 300, 0.3, 0.49),
    sample(2, 600, 2, 7),
  ],
});
