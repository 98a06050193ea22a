/** What `heddle generate` may be told, and which of it goes together. */
import type { Setting } from '../../compiler/index.ts';
import { TARGET_NAMES } from '../../program/program.ts';
import type { SimdVariant } from '../../program/program.ts';
import { AUTO } from '../auto.ts';
import { UsageError } from '../errors.ts';

export const GENERATION_TARGETS = [...TARGET_NAMES, AUTO, 'reference'] as const;
export type GenerationTarget = (typeof GENERATION_TARGETS)[number];

export interface GenerateOptions {
  readonly prompt?: readonly string[];
  readonly promptIds?: readonly (readonly number[])[];
  readonly tokens?: number;
  readonly tokenizer?: string;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  /** False where `--no-echo` is given. */
  readonly echo?: boolean;
  readonly ids?: boolean;
  readonly json?: boolean;
  readonly entry?: string;
  readonly set?: readonly Setting[];
  readonly given?: readonly string[];
  readonly weights?: string;
  readonly rename?: string;
  readonly inputs?: string;
  /** False where `--no-cache` is given. */
  readonly cache?: boolean;
  readonly target?: GenerationTarget;
  readonly simd?: SimdVariant;
  readonly threads?: number;
  readonly verbose?: boolean;
}

/** Throws UsageError. */
export function checkOptions(options: GenerateOptions): void {
  const { prompt, promptIds, ids, json, stop, tokenizer, target } = options;
  if (prompt && promptIds)
    throw new UsageError('--prompt and --prompt-ids cannot be combined', 'all texts are given in one way');
  if (ids && json)
    throw new UsageError('--ids and --json cannot be combined', 'with --json there are the numbers, too');
  if (ids && stop) throw new UsageError('--stop is for texts, but with --ids there are numbers');
  if (stop?.includes('')) throw new UsageError('--stop is empty', 'give it what must not follow');
  if (ids && promptIds && tokenizer !== undefined)
    throw new UsageError('--tokenizer is for texts, but there are numbers only');
  const wrongEngine = (['simd', 'threads'] as const).find((name) => options[name] !== undefined);
  if (wrongEngine && (target ?? 'wasm') !== 'wasm' && !(target === AUTO && wrongEngine === 'threads'))
    throw new UsageError(`--${wrongEngine} is for wasm and cannot be combined with --target ${target}`);
}

/** Throws UsageError where options are given that are for specs. */
export function checkSpecOptions(options: GenerateOptions, path: string, what: string): void {
  const names = ['entry', 'set', 'given', 'weights', 'rename'] as const;
  const wrong = names.find((name) => options[name] !== undefined);
  if (wrong) throw new UsageError(`--${wrong} is for specs, but ${path} is ${what}`);
}
