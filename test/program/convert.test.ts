import { describe, expect, test } from 'vitest';
import {
  ConversionError,
  isConvertible,
  toElements,
  toFloat32,
  toFloat64,
  toInt32,
  toUint32,
} from '../../src/program/convert.ts';
import type { SafetensorsType, StoredTensor } from '../../src/program/safetensors.ts';

/** A tensor over the bytes of a typed array, at an odd offset. */
function unaligned(dtype: SafetensorsType, values: ArrayBufferView & { readonly length: number }): StoredTensor {
  const bytes = new Uint8Array(values.byteLength + 1);
  bytes.set(new Uint8Array(values.buffer as ArrayBuffer), 1);
  return { dtype, shape: [values.length], bytes: bytes.subarray(1) };
}

describe('floating tensors', () => {
  test('become f32 wherever their bytes lie', () => {
    expect([...toFloat32(unaligned('F32', Float32Array.of(1.5, -2)))]).toEqual([1.5, -2]);
    expect([...toFloat32(unaligned('F64', Float64Array.of(0.1, -2)))]).toEqual([Math.fround(0.1), -2]);
    expect([...toFloat64(unaligned('F64', Float64Array.of(0.1)))]).toEqual([0.1]);
    expect([...toFloat64(unaligned('F32', Float32Array.of(0.1)))]).toEqual([Math.fround(0.1)]);
  });

  test('of half precision are converted exactly', () => {
    const bits = Uint16Array.of(0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x7e00);
    const expected = [0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN];
    expect([...toFloat32(unaligned('F16', bits))]).toEqual(expected);
  });

  test('of bfloat16 are converted exactly', () => {
    const bits = Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0000, 0x4049);
    expect([...toFloat32(unaligned('BF16', bits))]).toEqual([1, -2, Infinity, 0, 3.140625]);
  });

  test('never become integers, nor integers floating', () => {
    const float = unaligned('F32', Float32Array.of(1));
    const integer = unaligned('I32', Int32Array.of(1));
    expect(() => toInt32(float)).toThrow(new ConversionError('F32 does not convert to i32'));
    expect(() => toFloat32(integer)).toThrow(new ConversionError('I32 does not convert to f32'));
    expect(() => toElements(integer, 'bool')).toThrow(ConversionError);
    expect(isConvertible('F16', 'f32')).toBe(true);
    expect(isConvertible('BOOL', 'i32')).toBe(false);
    expect(isConvertible('U8', 'bool')).toBe(false);
  });
});

describe('integer tensors', () => {
  test('become i32 and u32 from every width', () => {
    const sources: [SafetensorsType, ArrayBufferView & { readonly length: number }][] = [
      ['I64', BigInt64Array.of(7n)],
      ['U64', BigUint64Array.of(7n)],
      ['I32', Int32Array.of(7)],
      ['U32', Uint32Array.of(7)],
      ['I16', Int16Array.of(7)],
      ['U16', Uint16Array.of(7)],
      ['I8', Int8Array.of(7)],
      ['U8', Uint8Array.of(7)],
    ];
    for (const [dtype, values] of sources) {
      expect([...toInt32(unaligned(dtype, values))]).toEqual([7]);
      expect([...toUint32(unaligned(dtype, values))]).toEqual([7]);
    }
  });

  test('are refused when a value does not fit', () => {
    const large = unaligned('I64', BigInt64Array.of(1n, 2n ** 31n));
    expect(() => toInt32(large)).toThrow(new ConversionError('the value 2147483648 does not fit into i32'));
    expect([...toUint32(large)]).toEqual([1, 2 ** 31]);
    expect(() => toUint32(unaligned('I8', Int8Array.of(-1)))).toThrow('the value -1 does not fit into u32');
  });

  test('of truth values become zeros and ones', () => {
    expect([...toElements(unaligned('BOOL', Uint8Array.of(0, 1, 255)), 'bool')]).toEqual([0, 1, 1]);
  });
});
