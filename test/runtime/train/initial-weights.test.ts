import { expect, test } from 'vitest';
import type { WeightSpec } from '../../../src/program/program.ts';
import type { StoredTensor } from '../../../src/program/safetensors.ts';
import type { Distribution } from '../../../src/program/training.ts';
import { withInitial } from '../../../src/runtime/train/initial-weights.ts';
import { heldWeights } from '../../../src/runtime/weight-stream.ts';

const normal: Distribution = { kind: 'normal', mean: 0, std: 1 };
const zero: Distribution = { kind: 'constant', value: 0 };
const one: Distribution = { kind: 'constant', value: 1 };
const weights: readonly WeightSpec[] = [
  { name: 'a', dtype: 'f32', shape: [2], buffer: 0, initial: normal },
  { name: 'b', dtype: 'f32', shape: [300, 300], buffer: 1, initial: normal },
  { name: 'empty', dtype: 'f32', shape: [0, 3], buffer: 2, initial: normal },
  { name: 'teacher', dtype: 'f32', shape: [1], buffer: 3, initial: normal, frozen: true },
  { name: 'bare', dtype: 'f32', shape: [1], buffer: 4 },
  { name: 'flags', dtype: 'bool', shape: [3], buffer: 5, initial: one, state: true },
  { name: 'optimizer.sum.a', dtype: 'f32', shape: [2], buffer: 6, initial: zero, state: true },
];
const f32 = (...values: number[]): StoredTensor => ({
  dtype: 'F32',
  shape: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

async function bytesOf(
  given: readonly [string, StoredTensor][],
  seed = 1,
): Promise<{ readonly [name: string]: Uint8Array }> {
  const stream = withInitial(heldWeights(new Map(given)), weights, seed);
  const found: { [name: string]: number[] } = {};
  for await (const { name, at, bytes } of stream.pieces()) {
    const list = (found[name] ??= []);
    expect(at * (stream.tensors.get(name)!.dtype === 'BOOL' ? 1 : 4)).toBe(list.length);
    for (const byte of bytes) list.push(byte);
  }
  expect(Object.keys(found)).toEqual([...stream.tensors.keys()]);
  return Object.fromEntries(Object.entries(found).map(([name, list]) => [name, Uint8Array.from(list)]));
}

test('a training begins with what is given, and draws the rest but what is frozen', async () => {
  const found = await bytesOf([['a', f32(3, 4)]]);
  expect(Object.keys(found)).toEqual(['a', 'b', 'empty', 'flags', 'optimizer.sum.a']);
  expect(new Float32Array(found['a']!.buffer)).toEqual(Float32Array.of(3, 4));
  expect(found['b']!.length).toBe(4 * 300 * 300);
  expect(found['empty']!.length).toBe(0);
  expect(found['flags']).toEqual(Uint8Array.of(1, 1, 1));
});

test('states of an optimizer are not taken over from a checkpoint', async () => {
  const found = await bytesOf([['optimizer.sum.a', f32(5, 5)]]);
  expect(new Float32Array(found['optimizer.sum.a']!.buffer)).toEqual(Float32Array.of(0, 0));
});

test('what is drawn does not depend on what is given, but on the seed', async () => {
  const { b } = await bytesOf([]);
  expect((await bytesOf([['a', f32(3, 4)]]))['b']).toEqual(b);
  expect((await bytesOf([], 2))['b']).not.toEqual(b);
});
