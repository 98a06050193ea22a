/** Loads what was compiled for training, as `modelOf` does for models. */
import type { Emitted } from '../../compiler/index.ts';
import { storedType } from '../../program/convert.ts';
import type { ElementType } from '../../program/program.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import type { OutputData } from '../../runtime/model.ts';
import { createTrainer, type Trainer } from '../../runtime/train/trainer.ts';
import { threadsOf } from '../built.ts';
import type { Io } from '../io.ts';
import { asDriverFailure, partsOf } from '../runnable.ts';
import type { Tensors } from '../spec.ts';
import type { RunConfig } from './config.ts';

/** What the loop uses of a trainer. */
export type LoopTrainer = Pick<Trainer, 'update' | 'batches' | 'step' | 'evaluate' | 'save' | 'weights'> &
  Partial<Pick<Trainer, 'multiplyAdds'>>;

/** The engine that a run keeps. */
export type Engine = Pick<RunConfig, 'target' | 'simd' | 'threads' | 'seed'>;

/** A trainer with the given weights; the others are drawn. Rejects with HeddleError, and Failure where there is no GPU. */
export async function openTrainer(
  emitted: Emitted,
  weights: Tensors,
  { target, simd, threads, seed }: Engine,
  io: Io,
): Promise<Trainer> {
  const parts = await partsOf(emitted, target, weights, { ...(simd && { simd }) }, threadsOf(threads, io));
  try {
    return await createTrainer({ ...parts, seed });
  } catch (error) {
    throw target === 'webgpu' ? asDriverFailure(error) : error;
  }
}

/** The parameters and states of a trainer, frozen ones aside, as they are stored. */
export async function storedWeights(trainer: Pick<Trainer, 'weights'>): Promise<Tensors> {
  return new Map(
    [...(await trainer.weights())].map(([name, { data, shape }]): [string, StoredTensor] => {
      const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      return [name, { dtype: storedType(elementTypeOf(data)), shape, bytes }];
    }),
  );
}

function elementTypeOf(data: OutputData): ElementType {
  if (data instanceof Float32Array) return 'f32';
  if (data instanceof Int32Array) return 'i32';
  return data instanceof Uint32Array ? 'u32' : 'bool';
}
