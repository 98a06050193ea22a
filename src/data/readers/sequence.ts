/** A stored sequence of batches, `in.s1.x`, `in.s1.t`, `in.s2.x` … or `s0.x`, `s1.x` …: one for each step, in order. */
import type { FieldArray } from '../dataset.ts';
import { DataError } from '../files.ts';
import { elementsOfStored, type StoredTensors } from './tensors.ts';
import type { ElementType } from '../../program/program.ts';

export interface StoredBatchTensor {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: FieldArray;
}

/** One batch by the names of its tensors. */
export type StoredBatch = ReadonlyMap<string, StoredBatchTensor>;

export interface Sequence {
  readonly title: string;
  readonly batches: readonly StoredBatch[];
}

const STEP = /^(?:in\.)?s(\d+)\.(.+)$/;

/** Whether names of tensors tell of steps. */
export function isSequence(names: Iterable<string>): boolean {
  return [...names].some((name) => STEP.test(name));
}

/** The batches in the order of their numbers; tensors of other names are no part of it. Throws DataError. */
export function readSequence(title: string, tensors: StoredTensors): Sequence {
  const steps = new Map<number, Map<string, StoredBatchTensor>>();
  for (const [name, tensor] of tensors) {
    const [, number, own] = STEP.exec(name) ?? [];
    if (number === undefined || own === undefined) continue;
    const batch = steps.get(Number(number)) ?? new Map<string, StoredBatchTensor>();
    steps.set(Number(number), batch.set(own, { ...elementsOfStored(title, name, tensor), shape: tensor.shape }));
  }
  const numbers = [...steps.keys()].sort((a, b) => a - b);
  const first = numbers[0] ?? 0;
  const gap = numbers.findIndex((number, at) => number !== first + at);
  if (gap >= 0)
    throw new DataError(`${title}: step s${first + gap} is missing between s${first} and s${numbers.at(-1)}`);
  const batches = numbers.map((number) => steps.get(number)!);
  const names = [...(batches[0]?.keys() ?? [])].sort().join(', ');
  for (const [at, batch] of batches.entries()) {
    const own = [...batch.keys()].sort().join(', ');
    if (own !== names) throw new DataError(`${title}: step s${first + at} has ${own}, but step s${first} has ${names}`);
  }
  return { title, batches };
}
