import { describe, expect, test } from 'vitest';
import { storeWeights } from '../../src/compiler/interop/store.ts';
import { quantizeChannels } from '../../src/compiler/ops/quantize/channels.ts';
import { toFloat32 } from '../../src/program/convert.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { expandBytes } from '../../src/runtime/expand-bytes.ts';
import { heldWeights } from '../../src/runtime/weight-stream.ts';
import { storedTensor } from '../support/specs.ts';
import { randomNumbers } from '../support/tensors.ts';

/** What the runtime makes of stored tensors. */
async function loaded(tensors: ReadonlyMap<string, StoredTensor>): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for await (const { name, dtype, bytes } of expandBytes(heldWeights(tensors)).pieces())
    found.set(name, [...(found.get(name) ?? []), ...toFloat32({ dtype, bytes })]);
  return found;
}

function drawn(shape: readonly number[], seed: number): StoredTensor {
  const random = randomNumbers(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return storedTensor(
    shape,
    Array.from({ length: count }, () => (random() - 0.5) * 2 ** Math.round(random() * 20 - 15)),
  );
}

describe('f16', () => {
  const half = (...values: number[]): number[] => {
    const [[, tensor]] = [
      ...storeWeights(new Map([['x', storedTensor([values.length], values)]]), 'f16', new Map()),
    ] as [[string, StoredTensor]];
    expect(tensor.dtype).toBe('F16');
    return [...toFloat32(tensor)];
  };

  test('keeps what it can hold', () => {
    const values = [
      0,
      -0,
      1,
      -2,
      65504,
      -65504,
      2 ** -14,
      2 ** -24,
      1023 * 2 ** -24,
      1 / 1024,
      Infinity,
      -Infinity,
      NaN,
    ];
    expect(half(...values)).toEqual(values);
  });

  test('rounds to nearest, ties to even', () => {
    expect(half(1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20)).toEqual([1, 1 + 2 ** -9, 1 + 2 ** -10]);
    expect(half(2048 + 1, -2048 - 3, 65519)).toEqual([2048, -2052, 65504]);
  });

  test('rounds to multiples of the least number below the normal ones', () => {
    const least = 2 ** -24;
    expect(half(0.5 * least, 1.5 * least, -2.51 * least, 1023.5 * least)).toEqual([0, 2 * least, -3 * least, 2 ** -14]);
  });

  test('every number of 16 bits comes back', () => {
    const bits = Uint16Array.from({ length: 2 ** 16 }, (_, at) => at);
    const all = toFloat32({ dtype: 'F16', bytes: new Uint8Array(bits.buffer) });
    const back = storeWeights(new Map([['x', storedTensor([2 ** 16], all)]]), 'f16', new Map()).get('x')!;
    expect(toFloat32(back)).toEqual(all);
  });

  test('a tensor with a value beyond its range stays as it is', () => {
    const tensor = storedTensor([2], [1, 65520]);
    expect(storeWeights(new Map([['x', tensor]]), 'f16', new Map()).get('x')).toBe(tensor);
  });
});

describe('int8', () => {
  const shapes: [shape: number[], axes: number[]][] = [
    [[5, 33], [0]],
    [[7, 6], [1]],
    [
      [3, 4, 5],
      [0, 2],
    ],
    [[2, 3, 4], [1]],
    [[6], []],
  ];

  test.each(shapes)('%j by the axes %j is within half a step of each channel', async (shape, axes) => {
    const tensor = drawn(shape, 3);
    const stored = storeWeights(new Map([['w', tensor]]), 'int8', new Map([['w', axes]]));
    expect(stored.get('w')!.dtype).toBe('I8');
    expect(stored.get('w.absmax')!.shape).toEqual(shape.map((size, axis) => (axes.includes(axis) ? size : 1)));
    const values = toFloat32(tensor);
    const got = (await loaded(stored)).get('w')!;
    const channelOf = (at: number): string => {
      let rest = at;
      const index = shape.map(() => 0);
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        index[axis] = rest % shape[axis]!;
        rest = Math.floor(rest / shape[axis]!);
      }
      return axes.map((axis) => index[axis]).join();
    };
    const most = new Map<string, number>();
    values.forEach((value, at) => {
      const channel = channelOf(at);
      most.set(channel, Math.max(most.get(channel) ?? 0, Math.abs(value)));
    });
    values.forEach((value, at) => {
      const step = most.get(channelOf(at))! / 127;
      expect(Math.abs(got[at]! - value)).toBeLessThanOrEqual(step * 0.50001);
    });
  });

  test('what is loaded is made the same bytes and scales as the original', async () => {
    const [rows, columns] = [400, 37];
    const tensor = drawn([rows, columns], 11);
    const got = (await loaded(storeWeights(new Map([['w', tensor]]), 'int8', new Map([['w', [0]]])))).get('w')!;
    const quantized = (data: ArrayLike<number>): readonly Float64Array[] => {
      const words = { dtype: 'i32' as const, shape: [rows, Math.ceil(columns / 4)] };
      const one = { dtype: 'f32' as const, shape: [rows, 1] };
      const w = { dtype: 'f32' as const, shape: [rows, columns], data: Float64Array.from(data) };
      return quantizeChannels.evaluate([w], {}, [words, one, one], new Map());
    };
    expect(got).not.toEqual([...toFloat32(tensor)]);
    expect(quantized(got)).toEqual(quantized(toFloat32(tensor)));
  });

  test('weights that are not finite, and those of no product, stay as they are', () => {
    const wild = storedTensor([2, 2], [1, NaN, 3, 4]);
    const bias = storedTensor([2], [1, 2]);
    const tensors = new Map([
      ['w', wild],
      ['bias', bias],
    ]);
    expect([...storeWeights(tensors, 'int8', new Map([['w', [0]]]))]).toEqual([...tensors]);
  });
});
