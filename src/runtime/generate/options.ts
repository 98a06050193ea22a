/** What a caller may ask of a generation, checked. */
import type { GenerationSpec } from '../../program/generation.ts';
import { HeddleError } from '../errors.ts';
import type { Inputs } from '../model.ts';
import { isSeed } from '../random-key.ts';
import { isToken } from './prompts.ts';

export interface GenerateOptions {
  /** How many tokens are made for each prompt; without it, as many as are asked for until all prompts are finished. */
  readonly tokens?: number;
  /** 0, the default, takes the likeliest token; otherwise scores are divided by it. */
  readonly temperature?: number;
  /** Draws from that many of the likeliest tokens alone; 0, the default, from all. */
  readonly topK?: number;
  /** Draws from the fewest likeliest tokens whose probabilities add up to it: above 0, up to 1, the default. */
  readonly topP?: number;
  /** Makes tokens that are in the context less likely where it is above 1, the default; at least 0.001. */
  readonly repetitionPenalty?: number;
  /** The same seed, a u32, draws the same tokens; by default 0. */
  readonly seed?: number;
  /** Tokens that finish a text. They are given out too. */
  readonly stop?: readonly number[];
  /** The model's other inputs. */
  readonly inputs?: Inputs;
  /** Ends the generation, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * What happens when a text is longer than the model allows: `crop`, the default, computes from its last tokens alone, all
   * of them for each new one; `error` throws.
   */
  readonly overflow?: 'crop' | 'error';
  /** Whether the scores of all tokens are given out too. */
  readonly logits?: boolean;
}

export type Checked = Required<Omit<GenerateOptions, 'signal'>> & Pick<GenerateOptions, 'signal'>;

const DEFAULTS = {
  tokens: Infinity,
  temperature: 0,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
  seed: 0,
  stop: [] as readonly number[],
  inputs: {} as Inputs,
  overflow: 'crop' as const,
  logits: false,
};

const LARGEST_I32 = 2 ** 31 - 1;

/** For each option what it can be, and whether a value is that. */
const ALLOWED: {
  readonly [name in keyof Required<GenerateOptions>]: readonly [
    what: string,
    test: (value: unknown, spec: GenerationSpec) => boolean,
  ];
} = {
  tokens: ['an integer from 0', (value) => value === Infinity || isInteger(value)],
  temperature: ['a number from 0', (value) => Number.isFinite(value) && (value as number) >= 0],
  topK: ['an integer from 0', (value) => isInteger(value) && (value as number) <= LARGEST_I32],
  topP: ['a number above 0 and at most 1', (value) => isPositive(value) && value <= 1],
  // With less, scores would leave the range of f32.
  repetitionPenalty: ['a number from 0.001', (value) => isPositive(value) && value >= 1e-3],
  seed: ['an integer from 0 to 4294967295', isSeed],
  stop: [
    'a list of tokens',
    (value, { vocabulary }) => Array.isArray(value) && value.every((token) => isToken(token, vocabulary)),
  ],
  inputs: ['an object of tensors', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
  // By what it can do, not by class: it may come from another realm.
  signal: ['an AbortSignal', (value) => typeof (value as AbortSignal | null)?.throwIfAborted === 'function'],
  overflow: ['crop or error', (value) => value === 'crop' || value === 'error'],
  logits: ['true or false', (value) => typeof value === 'boolean'],
};

function isInteger(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPositive(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) > 0;
}

/** The options with their defaults. Throws HeddleError 'option', 'input-missing' or 'input-unknown'. */
export function readOptions(options: unknown, spec: GenerationSpec): Checked {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new HeddleError('option', 'generate takes its options as an object');
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(ALLOWED, name)) {
      const names = Object.keys(ALLOWED).join(', ');
      throw new HeddleError('option', `generate has no option ${name}; it has ${names}`);
    }
    const [what, test] = ALLOWED[name as keyof GenerateOptions];
    if (!test(value, spec)) throw new HeddleError('option', `the option ${name} is ${shown(value)}; it is ${what}`);
  }
  const checked: Checked = { ...DEFAULTS, ...(Object.fromEntries(given) as GenerateOptions) };
  checkInputs(checked.inputs, spec);
  return checked;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(String).join(', ')}]`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Their values are checked when they are put in place. */
function checkInputs(given: Inputs, { input, inputs }: GenerationSpec): void {
  const wanted =
    inputs.length > 0 ? `the inputs beside ${input} are ${inputs.join(', ')}` : `${input} is the only input`;
  const unknown = Object.keys(given).find((name) => !inputs.includes(name));
  if (unknown !== undefined)
    throw new HeddleError('input-unknown', `there is no input ${unknown} to generate from; ${wanted}`);
  const missing = inputs.find((name) => given[name] === undefined);
  if (missing !== undefined)
    throw new HeddleError('input-missing', `the input ${missing} is missing; pass it in the option inputs`);
}
