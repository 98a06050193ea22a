/** `config.json` of a run: written, and read back with every field looked at. */
import { REMATERIALIZATIONS } from '../../compiler/index.ts';
import { type DataOptions, FORMATS } from '../../data/open.ts';
import { SIMD_VARIANTS } from '../../program/program.ts';
import { Failure } from '../errors.ts';
import { type FieldBinding, type CacheRequest, type GivenWeights, type RunConfig, TRAIN_TARGETS } from './config.ts';

const VERSION = 1;

/** The field that is not as it must be, as in `data.seed`, and what it must be. */
interface ConfigFault {
  readonly field: string;
  readonly wanted: string;
}

type Check = (value: unknown, field: string) => ConfigFault | undefined;
type Fields<T> = { readonly [key in keyof Required<T>]: Check };

function that(wanted: string, holds: (value: unknown) => boolean): Check {
  return (value, field) => (holds(value) ? undefined : { field, wanted });
}

function optional(check: Check): Check {
  return (value, field) => (value === undefined ? undefined : check(value, field));
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function oneOf(values: readonly string[]): Check {
  return that(`one of ${values.join(', ')}`, (value) => typeof value === 'string' && values.includes(value));
}

function listOf(check: Check): Check {
  return (value, field) => {
    if (!Array.isArray(value)) return { field, wanted: 'a list' };
    for (const [at, item] of value.entries()) {
      const fault = check(item, `${field}[${at}]`);
      if (fault) return fault;
    }
    return undefined;
  };
}

function object<T>(fields: Fields<T>): Check {
  return (value, field) => {
    if (!isObject(value)) return { field, wanted: 'an object' };
    for (const [name, check] of Object.entries<Check>(fields)) {
      const fault = check(value[name], field === '' ? name : `${field}.${name}`);
      if (fault) return fault;
    }
    return undefined;
  };
}

const text = that('a text', (value) => typeof value === 'string');
const flag = that('true or false', (value) => typeof value === 'boolean');
const number = that('a number', (value) => typeof value === 'number');
const count = that('a whole number from 1 on', (value) => isWhole(value, 1));
const seed = that('a whole number from 0 on', (value) => isWhole(value, 0));
const texts = listOf(text);
const numbers = listOf(number);
const pixels = that(
  'two whole numbers from 1 on',
  (value) => Array.isArray(value) && value.length === 2 && value.every((side) => isWhole(side, 1)),
);

const DATA = object<DataOptions>({
  paths: texts,
  format: optional(oneOf(FORMATS)),
  evaluation: optional(texts),
  holdOut: optional(number),
  splitSeed: optional(seed),
  block: optional(count),
  length: optional(count),
  minCount: optional(count),
  maxWords: optional(count),
  vocabulary: optional(that('an object', isObject)),
  size: optional(pixels),
  decode: optional(pixels),
  channels: optional(that('1 or 3', (value) => value === 1 || value === 3)),
  mean: optional(numbers),
  std: optional(numbers),
  augment: optional(text),
  seed,
  prefix: optional(text),
});

const CONFIG = object<RunConfig>({
  heddle: text,
  spec: text,
  sources: that('an object of texts', (value) => isObject(value) && texts(Object.values(value), '') === undefined),
  entry: optional(text),
  settings: listOf(object<RunConfig['settings'][number]>({ name: text, text })),
  given: texts,
  data: DATA,
  dataDigest: text,
  bind: listOf(object<FieldBinding>({ input: text, tensor: text })),
  caches: listOf(object<CacheRequest>({ field: text, run: text, output: optional(text) })),
  weights: listOf(object<GivenWeights>({ into: text, source: text, run: optional(text) })),
  rename: optional(text),
  steps: count,
  batch: count,
  dropLast: flag,
  shuffle: flag,
  seed,
  logEvery: count,
  evaluateEvery: count,
  checkpointEvery: count,
  keep: count,
  target: oneOf(TRAIN_TARGETS),
  simd: optional(oneOf(SIMD_VARIANTS)),
  threads: count,
  remat: optional(oneOf(REMATERIALIZATIONS)),
});

export function printConfig(config: RunConfig): string {
  return `${JSON.stringify({ version: VERSION, ...config }, undefined, 2)}\n`;
}

/** Throws Failure where the text is none of this version, or has a field that is missing or of another kind. */
export function parseConfig(path: string, text: string): RunConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { version, ...config } = (typeof value === 'object' ? (value ?? {}) : {}) as RunConfig & { version?: unknown };
  if (version !== VERSION)
    throw new Failure(`${path} has the version ${String(version)}; this command reads version ${VERSION}`);
  const fault = CONFIG(config, '');
  if (fault)
    throw new Failure(`${path}: ${fault.field} is missing or not ${fault.wanted}`, {
      hint: 'the file was changed since heddle train wrote it',
    });
  return config;
}
