/** The choice of the next token, which both routines of generation end with. */
import { RANDOM_KEY } from '../../program/training.ts';
import { SAMPLE, SEEN, TOKEN } from '../../program/generation.ts';
import { constant, type Dim } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { DType, GraphInput, GraphOutput, KeptTensor, Value } from '../ir/graph.ts';
import { formula } from '../ops/formula.ts';

/** What a routine has when its sampler is added. */
export interface Sampled {
  /** f32[batch, vocabulary] */
  readonly logits: Value;
  /** The tokens of this run, i32[batch, n]. */
  readonly tokens: Value;
  /** How many of them there are in each row, i32[batch]; absent in a routine that goes on with what is kept. */
  readonly lengths?: Value;
  /** The key of the routine's random numbers, if it has one. */
  readonly key?: Value;
  /** The number of the sampler's draw, which no other has. */
  readonly call: number;
}

/** What a routine gets by its sampler. */
export interface SamplerParts {
  readonly inputs: readonly GraphInput[];
  readonly kept: readonly KeptTensor[];
  readonly outputs: readonly GraphOutput[];
}

/** Appends nodes that mark the run's tokens as seen and choose the next one. */
export function appendSampler(builder: Builder, sampled: Sampled): SamplerParts {
  const { logits, call } = sampled;
  const [batch] = logits.type.shape as [Dim, Dim];
  const inputs: GraphInput[] = [];
  const input = (name: string, dtype: DType, ...shape: readonly Dim[]): Value => {
    const value = builder.value({ dtype, shape });
    inputs.push({ name, value });
    return value;
  };
  const kept = builder.value(logits.type);
  const seen = sampled.lengths
    ? seenInPrompts(builder, logits, sampled.tokens, sampled.lengths)
    : marked(builder, kept, sampled.tokens);
  const settings = [
    input(SAMPLE.temperature, 'f32'),
    input(SAMPLE.topK, 'i32'),
    input(SAMPLE.topP, 'f32'),
    input(SAMPLE.penalty, 'f32'),
  ];
  const key = sampled.key ?? input(RANDOM_KEY, 'u32', constant(2));
  const uniform = builder.one('random_uniform', [key], { shape: [batch], call });
  const token = builder.one('sample_token', [logits, seen, ...settings, uniform]);
  return {
    inputs,
    kept: [{ name: SEEN, value: kept }],
    outputs: [
      { name: TOKEN, value: token },
      { name: `next.${SEEN}`, value: seen, into: SEEN },
    ],
  };
}

/** `seen` with the tokens i32[batch, n] marked; those that are out of range are passed over. */
function marked(builder: Builder, seen: Value, tokens: Value): Value {
  const ones = builder.one('ones', [], { shape: tokens.type.shape });
  return builder.one('scatter', [seen, tokens, ones], { axis: 1 });
}

/** The tokens of the prompts, without what stands behind the length of a row. */
function seenInPrompts(builder: Builder, logits: Value, tokens: Value, lengths: Value): Value {
  const apply = formula(builder);
  const [, vocabulary] = logits.type.shape as [Dim, Dim];
  const places = builder.one('arange', [], { stop: tokens.type.shape[1]! });
  const isInside = apply('less', places, builder.one('unsqueeze', [lengths], { axis: 1 }));
  const none = builder.one('size', [], { size: vocabulary, dtype: 'i32' });
  const zeros = builder.one('zeros', [], { shape: logits.type.shape });
  return marked(builder, zeros, apply('where', isInside, tokens, none));
}
