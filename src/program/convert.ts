/**
 * Stored tensors as typed arrays. Floating types convert to each other; integers convert to integers when every value
 * fits; nothing turns silently from one kind into the other.
 */
import type { ElementType } from './program.ts';
import { ELEMENT_BYTES, type SafetensorsType, type StoredTensor } from './safetensors.ts';

/** Elements of a tensor, in row-major order. */
type StoredElements = Pick<StoredTensor, 'dtype' | 'bytes'>;

/** A tensor's dtype or a value in it cannot become the wanted type. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
}

export type ElementArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

type Kind = 'float' | 'integer' | 'bool';

function kindOf(dtype: SafetensorsType): Kind {
  if (dtype === 'BOOL') return 'bool';
  return dtype.startsWith('I') || dtype.startsWith('U') ? 'integer' : 'float';
}

/** Whether `dtype` may be read as `element`, apart from values out of range. */
export function isConvertible(dtype: SafetensorsType, element: ElementType): boolean {
  switch (element) {
    case 'f32':
      return kindOf(dtype) === 'float';
    case 'i32':
    case 'u32':
      return kindOf(dtype) === 'integer';
    case 'bool':
      return kindOf(dtype) === 'bool';
  }
}

/** The stored type that has exactly the elements of `element`. */
export function storedType(element: ElementType): SafetensorsType {
  return ({ f32: 'F32', i32: 'I32', u32: 'U32', bool: 'BOOL' } as const)[element];
}

/** The tensor as four-byte elements; bool as an i32 of 0 or 1. Throws ConversionError. */
export function toElements(tensor: StoredElements, element: ElementType): ElementArray {
  switch (element) {
    case 'f32':
      return toFloat32(tensor);
    case 'i32':
      return toInt32(tensor);
    case 'u32':
      return toUint32(tensor);
    case 'bool':
      if (tensor.dtype !== 'BOOL') throw mismatch(tensor, 'bool');
      return Int32Array.from(tensor.bytes, (value) => (value === 0 ? 0 : 1));
  }
}

/** Floating tensors as f32, rounded to nearest. A view of the tensor's own bytes where they are aligned F32. */
export function toFloat32(tensor: StoredElements): Float32Array<ArrayBuffer> {
  switch (tensor.dtype) {
    case 'F32':
      return new Float32Array(...aligned(tensor));
    case 'F64':
      return Float32Array.from(new Float64Array(...aligned(tensor)));
    case 'F16':
      return fromHalves(new Uint16Array(...aligned(tensor)));
    case 'BF16': {
      const words = new Uint16Array(...aligned(tensor));
      return new Float32Array(Uint32Array.from(words, (bits) => bits * 0x10000).buffer);
    }
    default:
      throw mismatch(tensor, 'f32');
  }
}

/** Floating tensors as f64, exactly. A view of the tensor's own bytes where they are aligned F64. */
export function toFloat64(tensor: StoredElements): Float64Array<ArrayBuffer> {
  return tensor.dtype === 'F64' ? new Float64Array(...aligned(tensor)) : Float64Array.from(toFloat32(tensor));
}

/** Integer tensors as i32. Throws ConversionError on floating tensors and on values out of range. */
export function toInt32(tensor: StoredElements): Int32Array<ArrayBuffer> {
  if (tensor.dtype === 'I32') return new Int32Array(...aligned(tensor));
  return Int32Array.from(integers(tensor, 'i32', -(2 ** 31), 2 ** 31 - 1));
}

/** Integer tensors as u32. Throws ConversionError on floating tensors and on values out of range. */
export function toUint32(tensor: StoredElements): Uint32Array<ArrayBuffer> {
  if (tensor.dtype === 'U32') return new Uint32Array(...aligned(tensor));
  return Uint32Array.from(integers(tensor, 'u32', 0, 2 ** 32 - 1));
}

/** Arguments of a typed-array constructor over the tensor's bytes, which are copied when they are not aligned. */
function aligned(tensor: StoredElements): [ArrayBuffer, number, number] {
  const size = ELEMENT_BYTES[tensor.dtype];
  const bytes = tensor.bytes.byteOffset % size === 0 ? tensor.bytes : new Uint8Array(tensor.bytes);
  return [bytes.buffer, bytes.byteOffset, bytes.length / size];
}

function integers(tensor: StoredElements, wanted: ElementType, low: number, high: number): number[] {
  return Array.from(storedIntegers(tensor, wanted), (value) => {
    if (value < low || value > high) throw new ConversionError(`the value ${value} does not fit into ${wanted}`);
    return Number(value);
  });
}

function storedIntegers(tensor: StoredElements, wanted: ElementType): Iterable<number | bigint> {
  switch (tensor.dtype) {
    case 'I64':
      return new BigInt64Array(...aligned(tensor));
    case 'U64':
      return new BigUint64Array(...aligned(tensor));
    case 'I32':
      return new Int32Array(...aligned(tensor));
    case 'U32':
      return new Uint32Array(...aligned(tensor));
    case 'I16':
      return new Int16Array(...aligned(tensor));
    case 'U16':
      return new Uint16Array(...aligned(tensor));
    case 'I8':
      return new Int8Array(...aligned(tensor));
    case 'U8':
      return tensor.bytes;
    default:
      throw mismatch(tensor, wanted);
  }
}

function mismatch(tensor: StoredElements, wanted: ElementType): ConversionError {
  return new ConversionError(`${tensor.dtype} does not convert to ${wanted}`);
}

/** IEEE 754 binary16, given as their bits. */
function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    // Exponent and fraction in their places for f32, whose exponents are 112 greater; subnormal ones are scaled alike.
    bits[i] = (half & 0x7fff) << 13;
    if ((half & 0x7c00) === 0x7c00) bits[i]! |= 0x7f800000;
    else values[i]! *= 2 ** 112;
    bits[i]! |= (half & 0x8000) << 16;
  }
  return values;
}
