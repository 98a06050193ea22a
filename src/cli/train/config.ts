/** What a run was started with: all that it takes to go on with it. */
import type { RematerializationOption, Setting } from '../../compiler/index.ts';
import type { DataOptions } from '../../data/open.ts';
import type { SimdVariant } from '../../program/program.ts';

/** `--bind input=tensor` */
export interface FieldBinding {
  readonly input: string;
  readonly tensor: string;
}

/** `--cache field=RUN:output` */
export interface CacheRequest {
  readonly field: string;
  readonly run: string;
  /** An output of that run's entry or a path in it; the only output unless told. */
  readonly output?: string;
}

/** Where weights to begin with come from: `--weights into=FILE:prefix`. */
export interface GivenWeights {
  /** Put before their names. */
  readonly into: string;
  readonly source: string;
  /** The folder of the run that they are of, if they are of one. */
  readonly run?: string;
}

/** Paths are absolute, so that a run may be resumed from anywhere. */
export interface RunConfig {
  /** The version of the command that started the run. */
  readonly heddle: string;
  readonly spec: string;
  /** SHA-256 of all texts that the spec consists of. */
  readonly sources: { readonly [file: string]: string };
  readonly entry?: string;
  readonly settings: readonly Setting[];
  readonly given: readonly string[];
  readonly data: DataOptions;
  /** SHA-256 over the files of the data. */
  readonly dataDigest: string;
  readonly bind: readonly FieldBinding[];
  readonly caches: readonly CacheRequest[];
  readonly weights: readonly GivenWeights[];
  readonly rename?: string;
  readonly steps: number;
  readonly batch: number;
  readonly dropLast: boolean;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly logEvery: number;
  readonly evaluateEvery: number;
  readonly checkpointEvery: number;
  readonly keep: number;
  readonly target: TrainTarget;
  /** Of wasm: the two modules round differently, so a run stays with one. */
  readonly simd?: SimdVariant;
  readonly threads: number;
  readonly remat?: RematerializationOption;
}

export const TRAIN_TARGETS = ['wasm', 'js', 'webgpu'] as const;
export type TrainTarget = (typeof TRAIN_TARGETS)[number];
