/** A training as a safetensors file: its tensors, and in the metadata how far it is. */
import { ConversionError, storedType, toElements, type ElementArray } from '../../program/convert.ts';
import type { WeightSpec } from '../../program/program.ts';
import { parseSafetensors, type SafetensorsFile, type StoredTensor } from '../../program/safetensors.ts';
import { writeSafetensors } from '../../program/safetensors-writer.ts';
import { HeddleError } from '../errors.ts';
import { isSeed } from '../random-key.ts';
import type { ReadWeight } from '../session.ts';
import { asMalformed } from '../weight-stream.ts';
import { describeWeight, mismatchOf } from '../weights.ts';

/** How far a training is. */
export interface Progress {
  /** Updates done. */
  readonly update: number;
  /** Batches trained on. */
  readonly batches: number;
  readonly seed: number;
}

/** A whole file, which shares nothing with the memory that is read. */
export function writeCheckpoint(
  entry: string,
  { update, batches, seed }: Progress,
  weights: readonly WeightSpec[],
  read: ReadWeight,
): Uint8Array<ArrayBuffer> {
  const tensors = weights.map((weight) => [weight.name, stored(weight, read(weight))] as const);
  return writeSafetensors(tensors, {
    'heddle.entry': entry,
    'heddle.update': String(update),
    'heddle.batches': String(batches),
    'heddle.seed': String(seed),
  });
}

function stored({ dtype, shape }: WeightSpec, elements: ReturnType<ReadWeight>): StoredTensor {
  // Shared memory too is only looked at until the file has been written.
  const { buffer, byteOffset, byteLength } = elements as Float32Array<ArrayBuffer>;
  const bytes = dtype === 'bool' ? Uint8Array.from(elements) : new Uint8Array(buffer, byteOffset, byteLength);
  return { dtype: storedType(dtype), shape, bytes };
}

export interface Checkpoint {
  readonly progress: Progress;
  /** In the order of the weights. */
  readonly values: readonly ElementArray[];
}

/**
 * Reads what `writeCheckpoint` wrote for the same entry. Throws HeddleError 'weights-malformed' where it is no safetensors
 * file, and 'checkpoint' where it is no checkpoint of these weights, with every tensor that is missing, surplus or of
 * another shape or type.
 */
export function readCheckpoint(
  bytes: Uint8Array<ArrayBuffer>,
  entry: string,
  weights: readonly WeightSpec[],
): Checkpoint {
  const file = parsed(bytes);
  const progress = progressOf(file.metadata, entry);
  const wrong = differences(file, weights);
  if (wrong.length > 0)
    throw new HeddleError('checkpoint', `the checkpoint does not fit ${entry}: ${wrong.join('; ')}`);
  return { progress, values: weights.map((weight) => elementsOf(weight, file.tensors.get(weight.name)!)) };
}

function parsed(bytes: Uint8Array<ArrayBuffer>): SafetensorsFile {
  try {
    return parseSafetensors(bytes);
  } catch (error) {
    throw asMalformed(error);
  }
}

function progressOf(metadata: SafetensorsFile['metadata'], entry: string): Progress {
  const found = metadata.get('heddle.entry');
  if (found === undefined) throw new HeddleError('checkpoint', 'the file is no checkpoint: it has no heddle.entry');
  if (found !== entry) throw new HeddleError('checkpoint', `the checkpoint is of ${found}, not of ${entry}`);
  const count = (name: string, isGood: (value: unknown) => boolean): number => {
    const text = metadata.get(name);
    if (text !== undefined && /^\d+$/.test(text) && isGood(Number(text))) return Number(text);
    throw new HeddleError('checkpoint', `the checkpoint's ${name} is ${text ?? 'missing'}`);
  };
  return {
    update: count('heddle.update', Number.isSafeInteger),
    batches: count('heddle.batches', Number.isSafeInteger),
    seed: count('heddle.seed', isSeed),
  };
}

/** What is wrong with each tensor: first those that are missing, then those that are surplus, then misshapen ones. */
function differences({ tensors }: SafetensorsFile, weights: readonly WeightSpec[]): string[] {
  const names = new Set(weights.map(({ name }) => name));
  const missing = weights.filter(({ name }) => !tensors.has(name));
  const surplus = [...tensors.keys()].filter((name) => !names.has(name));
  return [
    ...missing.map((weight) => `${weight.name} (${describeWeight(weight)}) is missing`),
    ...surplus.map((name) => `there is no ${name}`),
    ...weights.flatMap((weight) => {
      const tensor = tensors.get(weight.name);
      return tensor ? mismatchOf(weight, tensor) : [];
    }),
  ];
}

function elementsOf({ name, dtype }: WeightSpec, tensor: StoredTensor): ElementArray {
  try {
    return toElements(tensor, dtype);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    throw new HeddleError('checkpoint', `${name}: ${error.message}`, { cause: error });
  }
}
