/** The options of `heddle train`, and the configuration of a run that they make. */
import { resolve } from 'node:path';
import type { RematerializationOption, Setting } from '../../compiler/index.ts';
import type { DataOptions, Format } from '../../data/open.ts';
import type { SimdVariant } from '../../program/program.ts';
import { AUTO } from '../auto.ts';
import { UsageError } from '../errors.ts';
import { exists } from '../files.ts';
import type { Io } from '../io.ts';
import { readVersion } from '../provenance.ts';
import type { CacheRequest, FieldBinding, GivenWeights, RunConfig, TrainTarget } from './config.ts';
import { runOf, weightFile } from './run-weights.ts';

export interface TrainOptions {
  readonly entry?: string;
  readonly set?: readonly Setting[];
  readonly given?: readonly string[];
  readonly data?: readonly string[];
  readonly format?: Format;
  readonly evalData?: readonly string[];
  readonly holdOut?: number;
  readonly splitSeed?: number;
  readonly bind?: readonly FieldBinding[];
  readonly cache?: readonly CacheRequest[];
  readonly block?: number;
  readonly length?: number;
  readonly minCount?: number;
  readonly maxWords?: number;
  readonly vocabulary?: string;
  readonly size?: readonly [number, number];
  readonly decode?: readonly [number, number];
  readonly channels?: 1 | 3;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly augment?: string;
  readonly prefix?: string;
  readonly steps?: number;
  readonly batch?: number;
  readonly seed?: number;
  /** False where `--no-shuffle` is given. */
  readonly shuffle?: boolean;
  readonly dropLast?: boolean;
  readonly out?: string;
  readonly resume?: string;
  readonly weights?: readonly string[];
  readonly rename?: string;
  readonly logEvery?: number;
  readonly evalEvery?: number;
  readonly checkpointEvery?: number;
  readonly keep?: number;
  /** `auto` is settled before the run is described. */
  readonly target?: TrainTarget | typeof AUTO;
  readonly simd?: SimdVariant;
  readonly threads?: number;
  readonly remat?: RematerializationOption;
}

/** What may be said beside `--resume`. */
const WITH_RESUME: readonly string[] = ['resume', 'steps', 'threads'];

/** Throws UsageError. */
export function checkOptions(spec: string | undefined, options: TrainOptions): void {
  if (options.resume === undefined) {
    if (spec === undefined) throw new UsageError('there is no spec to train', 'heddle train SPEC --data … -o RUN');
    if (!options.data) throw new UsageError('there are no data to train on', 'give them with --data FILE…');
    if (options.out === undefined) throw new UsageError('there is no folder for the run', 'give it with -o RUN');
    if (options.target !== undefined) checkEngine(options, options.target);
    return;
  }
  if (spec !== undefined)
    throw new UsageError('a resumed run has its spec already', `heddle train --resume ${options.resume}`);
  // Options that are on unless switched off are always there.
  const others = Object.entries(options).filter(([name, value]) => !(name === 'shuffle' && value === true));
  const wrong = others.find(([name, value]) => value !== undefined && !WITH_RESUME.includes(name));
  if (wrong)
    throw new UsageError(
      `--${flagOf(wrong[0])} cannot be changed when a run is resumed`,
      'all but --steps and --threads is as the run began',
    );
}

/** Throws UsageError for options that are for wasm only. */
export function checkEngine({ threads, simd }: TrainOptions, target: TrainTarget | typeof AUTO): void {
  if (target === 'wasm' || (target === AUTO && simd === undefined)) return;
  const option = threads !== undefined ? '--threads' : simd !== undefined ? '--simd' : undefined;
  if (option) throw new UsageError(`${option} is for wasm, but the target is ${target}`);
}

/** What a stored sequence of batches leaves no choice of. */
const NOT_WITH_SEQUENCE = ['batch', 'cache', 'shuffle', 'dropLast', 'evalEvery'] as const;

/** Throws UsageError for options that mean nothing where stored batches are replayed. */
export function checkReplayOptions(options: TrainOptions): void {
  const isOn = (name: (typeof NOT_WITH_SEQUENCE)[number]): boolean =>
    name === 'shuffle' ? options.shuffle === false : options[name] !== undefined;
  const wrong = NOT_WITH_SEQUENCE.find(isOn);
  if (wrong)
    throw new UsageError(
      `--${flagOf(wrong)} means nothing here: the data are a stored sequence of batches`,
      'they are replayed as they are, in order',
    );
}

function flagOf(option: string): string {
  return option === 'shuffle' ? 'no-shuffle' : option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How the data are read, with absolute paths. The vocabulary is read by the caller. */
export function dataOptions(options: TrainOptions, io: Io): DataOptions {
  const absolute = (path: string): string => resolve(io.cwd, path);
  const { paths, prefix } = dataPaths(options, io);
  return {
    ...defined({
      format: options.format,
      evaluation: options.evalData?.map(absolute),
      holdOut: options.holdOut,
      splitSeed: options.splitSeed,
      block: options.block,
      length: options.length,
      minCount: options.minCount,
      maxWords: options.maxWords,
      size: options.size,
      decode: options.decode,
      channels: options.channels,
      mean: options.mean,
      std: options.std,
      augment: options.augment,
      prefix,
    }),
    paths: paths.map(absolute),
    seed: options.seed ?? 0,
  };
}

/** `FILE.safetensors:prefix` is a file and a prefix, where there is no file of the whole name. */
function dataPaths({ data = [] }: TrainOptions, io: Io): { paths: readonly string[]; prefix: string | undefined } {
  const [path = '', ...others] = data;
  const [, file, prefix] = /^(.*\.safetensors):(.*)$/.exec(path) ?? [];
  if (file === undefined || exists(path, io)) return { paths: data, prefix: undefined };
  return { paths: [file, ...others], prefix };
}

/** What is there. */
function defined<T extends object>(values: T): { [key in keyof T]?: Exclude<T[key], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [key in keyof T]?: Exclude<T[key], undefined> };
}

/** What the data and the spec tell of a run. */
export interface Known {
  readonly data: DataOptions;
  readonly dataDigest: string;
  readonly sources: RunConfig['sources'];
  /** Batches of a stored sequence. */
  readonly stored: number | undefined;
  /** Batches of an update. */
  readonly accumulate: number;
}

/** Throws UsageError for numbers that are missing. */
export function configOf(
  spec: string,
  options: TrainOptions & { readonly target?: TrainTarget },
  known: Known,
  io: Io,
): RunConfig {
  const { stored, accumulate } = known;
  const steps = options.steps ?? (stored === undefined ? undefined : Math.max(1, Math.floor(stored / accumulate)));
  if (steps === undefined) throw new UsageError('how long to train is not told', 'for 1000 updates: --steps 1000');
  if (stored !== undefined) checkStored(steps, accumulate, stored);
  if (stored === undefined && options.batch === undefined)
    throw new UsageError('how many examples a batch has is not told', 'for 32: --batch 32');
  return {
    heddle: readVersion(io),
    spec: resolve(io.cwd, spec),
    sources: known.sources,
    ...defined({ entry: options.entry, simd: options.simd, remat: options.remat }),
    settings: options.set ?? [],
    given: options.given ?? [],
    data: known.data,
    dataDigest: known.dataDigest,
    bind: options.bind ?? [],
    caches: (options.cache ?? []).map((cache) => ({ ...cache, run: resolve(io.cwd, cache.run) })),
    weights: givenWeights(options, io),
    ...defined({ rename: options.rename === undefined ? undefined : resolve(io.cwd, options.rename) }),
    steps,
    batch: options.batch ?? 1,
    dropLast: options.dropLast ?? false,
    shuffle: options.shuffle ?? true,
    seed: options.seed ?? 0,
    logEvery: options.logEvery ?? 1,
    evaluateEvery: options.evalEvery ?? Math.ceil(steps / 20),
    checkpointEvery: options.checkpointEvery ?? Math.ceil(steps / 10),
    keep: options.keep ?? 2,
    target: options.target ?? 'wasm',
    threads: options.threads ?? 1,
  };
}

/** Throws UsageError where a stored sequence of batches is too short. */
export function checkStored(steps: number, accumulate: number, stored: number): void {
  const needed = steps * accumulate;
  if (needed > stored)
    throw new UsageError(
      `--steps ${steps} needs ${needed} ${needed === 1 ? 'batch' : 'batches'}, but ${stored} are stored`,
    );
}

/** `into=FILE:prefix`; what stands before the sign is the path of an instance, and no part of an existing file's name. */
function givenWeights({ weights = [] }: TrainOptions, io: Io): readonly GivenWeights[] {
  return weights.map((text) => {
    const [, path, rest] = /^([\w.]+)=(.+)$/.exec(text) ?? [];
    const [into, source] = path === undefined || exists(text, io) ? ['', text] : [`${path}.`, rest!];
    const file = weightFile(source, io);
    const run = runOf(source, io);
    return {
      into,
      source: file.prefix === '' ? resolve(io.cwd, file.path) : `${resolve(io.cwd, file.path)}:${file.prefix}`,
      ...(run && { run: resolve(io.cwd, run.path) }),
    };
  });
}
