import { expect, test } from 'vitest';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { expandBytes } from '../../src/runtime/expand-bytes.ts';
import { heldWeights } from '../../src/runtime/weight-stream.ts';

const bytes = (shape: number[], values: number[]): StoredTensor => ({
  dtype: 'I8',
  shape,
  bytes: new Uint8Array(Int8Array.from(values).buffer),
});
const f32 = (shape: number[], values: number[]): StoredTensor => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
const held = (...tensors: [string, StoredTensor][]): ReturnType<typeof heldWeights> => heldWeights(new Map(tensors));

test('bytes become f32 by the magnitude of their channel, in however many pieces they come', async () => {
  const { tensors } = held(['w.absmax', f32([2, 1], [127, 254])], ['w', bytes([2, 3], [1, -2, 127, -127, 0, 3])]);
  const stream = expandBytes({
    tensors,
    async *pieces() {
      yield { name: 'w.absmax', dtype: 'F32', at: 0, bytes: f32([1], [127]).bytes };
      yield { name: 'w.absmax', dtype: 'F32', at: 1, bytes: f32([1], [254]).bytes };
      yield { name: 'w', dtype: 'I8', at: 0, bytes: bytes([2], [1, -2]).bytes };
      yield { name: 'w', dtype: 'I8', at: 2, bytes: bytes([4], [127, -127, 0, 3]).bytes };
    },
  });
  expect([...stream.tensors]).toMatchObject([['w', { dtype: 'F32', shape: [2, 3] }]]);
  const found: [number, number[]][] = [];
  for await (const piece of stream.pieces()) {
    const { buffer, byteOffset, length } = piece.bytes;
    found.push([piece.at, [...new Float32Array(buffer, byteOffset, length / 4)]]);
  }
  expect(found).toEqual([
    [0, [1, -2]],
    [2, [127, -254, 0, 6]],
  ]);
});

test('bytes without a magnitude, and tensors that are no bytes, stay as they are', () => {
  const stream = held(['w', bytes([2], [1, 2])], ['x.absmax', f32([1], [1])], ['x', f32([1], [1])]);
  expect(expandBytes(stream)).toBe(stream);
});

test.each<[string, [string, StoredTensor][], string]>([
  [
    'after their tensor',
    [
      ['w', bytes([2], [1, 2])],
      ['w.absmax', f32([1], [1])],
    ],
    'w.absmax has to come before w in the weights',
  ],
  [
    'of another shape',
    [
      ['w.absmax', f32([2, 2], [1, 1, 1, 1])],
      ['w', bytes([2, 3], [1, 2, 3, 4, 5, 6])],
    ],
    'w.absmax is F32 [2, 2] instead of F32 with the sizes of w, [2, 3], or 1',
  ],
  [
    'of another type',
    [
      ['w.absmax', bytes([1], [1])],
      ['w', bytes([2], [1, 2])],
    ],
    'w.absmax is I8 [1] instead of F32 with the sizes of w, [2], or 1',
  ],
])('magnitudes %s are refused', (_, tensors, message) => {
  expect(() => expandBytes(held(...tensors))).toThrow(expect.objectContaining({ code: 'weights-mismatch', message }));
});
