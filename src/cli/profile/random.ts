/** Values for inputs and weights where none are given: the same in every run, and tame enough to stay numbers. */
import { storedType } from '../../program/convert.ts';
import type { ElementType } from '../../program/program.ts';
import { elementCount, type StoredTensor } from '../../program/safetensors.ts';
import { seededElement, uniform } from '../../program/seeded.ts';
import { HeddleError } from '../../runtime/errors.ts';

/**
 * An input: f32 from -1 to 1, integers from 0 up to but not including `limit`, and bool that is mostly true, since masks
 * that keep nothing make no sense.
 */
export function drawInput(name: string, dtype: ElementType, shape: readonly number[], limit: number): StoredTensor {
  return tensorOf(ARRAYS[dtype], dtype, shape, seededElement(name, dtype, limit));
}

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const;

/**
 * A weight: matrices that keep the size of what they are applied to, uniform with the variance 1 / fan-in (LeCun et al.,
 * Efficient BackProp, 1998), and vectors around 1, which scales and variances have to be.
 */
export function drawWeight(name: string, dtype: ElementType, shape: readonly number[]): StoredTensor {
  if (dtype !== 'f32') return drawInput(name, dtype, shape, 2);
  const next = uniform(name);
  if (shape.length < 2) return tensorOf(Float32Array, dtype, shape, () => 0.5 + next());
  const width = Math.sqrt(3 / Math.max(1, elementCount(shape.slice(1))));
  return tensorOf(Float32Array, dtype, shape, () => width * (2 * next() - 1));
}

interface Elements {
  readonly buffer: ArrayBuffer;
  [at: number]: number;
}

function tensorOf(
  Type: new (length: number) => Elements,
  dtype: ElementType,
  shape: readonly number[],
  draw: () => number,
): StoredTensor {
  const length = elementCount(shape);
  const data = allocated(Type, length);
  for (let at = 0; at < length; at++) data[at] = draw();
  return { dtype: storedType(dtype), shape, bytes: new Uint8Array(data.buffer) };
}

/** Throws HeddleError 'memory'. */
function allocated(Type: new (length: number) => Elements, length: number): Elements {
  try {
    return new Type(length);
  } catch (error) {
    throw new HeddleError('memory', `the engine gives no memory for ${length} random elements`, { cause: error });
  }
}
