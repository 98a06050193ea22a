/**
 * What the runtime has to know of a program that continues texts beside its steps. Such a program has the routines `run`,
 * `prefill`, which takes whole prompts, and `step`, which takes one token more. A leaf, as `program.ts` is.
 */

/** Names of the routines that generate. */
export const PREFILL = 'prefill';
export const STEP = 'step';

/** i32[batch] input of `prefill`: how many of the tokens of each row there are; what stands behind is not looked at. */
export const LENGTHS = 'generate.lengths';

/** i32[batch] input of `step`: how many tokens each row has before this one. */
export const PAST = 'generate.past';

/** f32[batch, vocabulary], kept: which tokens each row has had. */
export const SEEN = 'generate.seen';

/** Scalar inputs of both routines; a temperature of 0 takes the likeliest token. `top_k` is i32, the others are f32. */
export const SAMPLE = {
  temperature: 'sample.temperature',
  topK: 'sample.top_k',
  topP: 'sample.top_p',
  penalty: 'sample.penalty',
} as const;

/** Outputs of both routines: f32[batch, vocabulary] of the token that comes next, and i32[batch], which it is. */
export const LOGITS = 'logits';
export const TOKEN = 'token';

/** Of a model with `generate`. */
export interface GenerationSpec {
  /** The i32 input of tokens: [batch, time] in `run` and `prefill`, [batch, 1] in `step`. */
  readonly input: string;
  /** The dimension that grows. */
  readonly along: string;
  /** The output of `run` that has the scores of the next token. */
  readonly output: string;
  /** The most tokens at once. */
  readonly max: number;
  /** Tokens are below. */
  readonly vocabulary: number;
  /** Names of the other inputs that a caller gives; both routines take them. */
  readonly inputs: readonly string[];
}
