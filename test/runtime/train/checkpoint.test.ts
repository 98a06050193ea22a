import { describe, expect, test } from 'vitest';
import type { WeightSpec } from '../../../src/program/program.ts';
import { parseSafetensors, type StoredTensor } from '../../../src/program/safetensors.ts';
import { writeSafetensors } from '../../../src/program/safetensors-writer.ts';
import { readCheckpoint, writeCheckpoint, type Progress } from '../../../src/runtime/train/checkpoint.ts';

const weights: readonly WeightSpec[] = [
  { name: 'fc.weight', dtype: 'f32', shape: [2, 2], buffer: 0 },
  { name: 'norm.seen', dtype: 'i32', shape: [], buffer: 1, state: true },
  { name: 'norm.mask', dtype: 'bool', shape: [3], buffer: 2, state: true },
];
const values: { readonly [name: string]: Float32Array | Int32Array } = {
  'fc.weight': Float32Array.of(1, -2.5, NaN, 1e-40),
  'norm.seen': Int32Array.of(-7),
  'norm.mask': Int32Array.of(1, 0, 1),
};
const progress: Progress = { update: 12, batches: 25, seed: 2 ** 32 - 1 };

function written(): Uint8Array<ArrayBuffer> {
  return writeCheckpoint('Train', progress, weights, ({ name }) => values[name]!);
}

/** The file with other tensors and metadata. */
function altered(
  tensors: { readonly [name: string]: StoredTensor | undefined },
  metadata: { readonly [name: string]: string } = {},
): Uint8Array<ArrayBuffer> {
  const file = parseSafetensors(written());
  const all = { ...Object.fromEntries(file.tensors), ...tensors };
  const kept = Object.entries(all).flatMap(([name, tensor]) => (tensor ? [[name, tensor] as const] : []));
  return writeSafetensors(kept, { ...Object.fromEntries(file.metadata), ...metadata });
}

const f32 = (...shape: number[]): StoredTensor => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)),
});

describe('a checkpoint', () => {
  test('gives back what was written, bit for bit', () => {
    const read = readCheckpoint(written(), 'Train', weights);
    expect(read.progress).toEqual(progress);
    expect(read.values).toEqual(weights.map(({ name }) => values[name]));
  });

  test('is a safetensors file that tells how far the training is', () => {
    const { tensors, metadata } = parseSafetensors(written());
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ['fc.weight', 'F32', [2, 2]],
      ['norm.seen', 'I32', []],
      ['norm.mask', 'BOOL', [3]],
    ]);
    expect(Object.fromEntries(metadata)).toEqual({
      'heddle.entry': 'Train',
      'heddle.update': '12',
      'heddle.batches': '25',
      'heddle.seed': '4294967295',
    });
  });

  test.each<[string, Uint8Array<ArrayBuffer>, string, string]>([
    ['no safetensors file', new Uint8Array(3), 'weights-malformed', 'the weights are no safetensors file: '],
    ['without metadata', writeSafetensors([]), 'checkpoint', 'the file is no checkpoint: it has no heddle.entry'],
    [
      'of another entry',
      altered({}, { 'heddle.entry': 'Other' }),
      'checkpoint',
      'the checkpoint is of Other, not of Train',
    ],
    [
      'with a seed that is none',
      altered({}, { 'heddle.seed': '4294967296' }),
      'checkpoint',
      "the checkpoint's heddle.seed is 4294967296",
    ],
    [
      'of a number of updates that is none',
      altered({}, { 'heddle.update': '1e3' }),
      'checkpoint',
      "the checkpoint's heddle.update is 1e3",
    ],
    [
      'with other tensors, of which all are named',
      altered({ 'fc.weight': f32(4), 'norm.seen': undefined, 'norm.mask': f32(3), a: f32(), b: f32(0) }),
      'checkpoint',
      'the checkpoint does not fit Train: norm.seen (i32[]) is missing; there is no a; there is no b; ' +
        'fc.weight is F32 [4] instead of f32[2, 2]; norm.mask is F32 [3] instead of bool[3]',
    ],
  ])('that is %s is refused', (_, bytes, code, message) => {
    expect(() => readCheckpoint(bytes, 'Train', weights)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
