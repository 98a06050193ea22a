/** Writes the types of generation in the `index.d.ts` of a model that has it. */
import type { GenerationSpec } from '../../program/generation.ts';
import type { TensorSpec } from '../../program/program.ts';
import { members, quoted } from './declaration-text.ts';

/** What `generate` takes and yields. `inputs` are those of `run`. */
export function generationTypes(inputs: readonly TensorSpec[], spec: GenerationSpec): string {
  const others = inputs.filter(({ name }) => spec.inputs.includes(name)).map(({ name }) => quoted(name));
  return `/** Tokens by number, from 0 to ${spec.vocabulary - 1}. */
export type Prompt = readonly number[] | Int32Array;

export interface GenerateOptions ${members([
    '/** How many tokens are made for each prompt; without it, as many as are asked for until all prompts are finished. */',
    'readonly tokens?: number;',
    '/** 0, the default, takes the likeliest token; otherwise scores are divided by it. */',
    'readonly temperature?: number;',
    '/** Draws from that many of the likeliest tokens alone; 0, the default, from all. */',
    'readonly topK?: number;',
    '/** Draws from the fewest likeliest tokens whose probabilities add up to it: above 0, up to 1, the default. */',
    'readonly topP?: number;',
    '/** Makes tokens that are in the context less likely where it is above 1, the default. */',
    'readonly repetitionPenalty?: number;',
    '/** The same seed, from 0, the default, to 2^32 - 1, draws the same tokens. */',
    'readonly seed?: number;',
    '/** Tokens that finish a text. They are given out too. */',
    'readonly stop?: readonly number[];',
    ...(others.length > 0
      ? [`/** The inputs beside ${spec.input}. */`, `readonly inputs: Pick<Inputs, ${others.join(' | ')}>;`]
      : []),
    '/** Ends the generation, which then rejects with the reason. */',
    'readonly signal?: AbortSignal;',
    `/** What to do with a text of more than ${spec.max} tokens: go on from its last ones, the default, or throw. */`,
    "readonly overflow?: 'crop' | 'error';",
    '/** Whether the scores of all tokens are given out too. */',
    'readonly logits?: boolean;',
  ])}

/** One token for each prompt. */
export interface Generated {
  /** The token of each prompt; one that is finished repeats its last. */
  readonly tokens: Int32Array;
  /** The token of a prompt that was given by itself. */
  readonly token?: number;
  /** How many tokens were made before. */
  readonly position: number;
  /** Whether each prompt has had one of the tokens to stop at. */
  readonly finished: readonly boolean[];
  /** f32[batch, ${spec.vocabulary}], where they were asked for. */
  readonly logits?: Float32Array;
}

/** What prompts give. */
export type GeneratedFor<Given> = Given extends Prompt ? Generated & { readonly token: number } : Generated;`;
}

export function generateMethod({ inputs }: GenerationSpec): string {
  const options = `options${inputs.length > 0 ? '' : '?'}: GenerateOptions`;
  return `  /**
   * Continues a prompt, or several side by side, which may differ in length: one token for each at a time. Tokens are made
   * as they are asked for, so that nothing goes on behind a \`break\`. Throws HeddleError.
   */
  generate<Given extends Prompt | readonly Prompt[]>(prompts: Given, ${options}): AsyncGenerator<GeneratedFor<Given>, void>;
`;
}
