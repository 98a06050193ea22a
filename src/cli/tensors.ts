/** Tensors between files, runtime and interpreter, and how the user is told what is in them. */
import type { Tensor } from '../compiler/index.ts';
import { ConversionError, storedType, toElements, toFloat64 } from '../program/convert.ts';
import type { ElementType } from '../program/program.ts';
import type { StoredTensor } from '../program/safetensors.ts';
import type { TensorData } from '../runtime/inputs.ts';
import { Failure } from './errors.ts';
import { count, formatNumber } from './table.ts';

/** A computed tensor: bool as bytes of 0 and 1; floats in the precision in which they were computed. */
export interface ResultTensor {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: ResultData;
}

export type ResultData =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** A stored tensor as the runtime takes it. `what` names it in errors: `the input img`. */
export function toRuntime(tensor: StoredTensor, dtype: ElementType, what: string): TensorData {
  const elements = converted(() => toElements(tensor, dtype), what);
  return dtype === 'bool' ? Uint8Array.from(elements) : elements;
}

/** A stored tensor as the interpreter takes it, in full precision. */
export function toInterpreter(tensor: StoredTensor, dtype: ElementType, what: string): Tensor {
  const data = converted(
    () => (dtype === 'f32' ? toFloat64(tensor) : Float64Array.from(toElements(tensor, dtype))),
    what,
  );
  return { dtype, shape: tensor.shape, data };
}

function converted<T>(convert: () => T, what: string): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof ConversionError) throw new Failure(`${what}: ${error.message}`);
    throw error;
  }
}

/** What the interpreter computed: floats stay f64, all else becomes what it stands for. */
export function fromInterpreter({ dtype, shape, data }: Tensor): ResultTensor {
  switch (dtype) {
    case 'f32':
      return { dtype, shape, data: new Float64Array(data) };
    case 'i32':
      return { dtype, shape, data: Int32Array.from(data) };
    case 'u32':
      return { dtype, shape, data: Uint32Array.from(data) };
    case 'bool':
      return { dtype, shape, data: Uint8Array.from(data) };
  }
}

export function toStored({ dtype, shape, data }: ResultTensor): StoredTensor {
  const type = data instanceof Float64Array ? 'F64' : storedType(dtype);
  return { dtype: type, shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** A tensor in a few numbers. */
export interface Summary {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly first: readonly number[];
  /** Of the numbers that are finite; absent when there are none. */
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly nan: number;
  readonly infinite: number;
}

export function summarize(name: string, { dtype, shape, data }: ResultTensor): Summary {
  let [min, max, sum, finite, nan] = [Infinity, -Infinity, 0, 0, 0];
  for (const value of data) {
    if (Number.isNaN(value)) nan++;
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    finite++;
  }
  return {
    name,
    dtype,
    shape,
    first: Array.from(data.subarray(0, 6)),
    ...(finite > 0 && { min, max, mean: sum / finite }),
    nan,
    infinite: data.length - finite - nan,
  };
}

/** The parts of a summary as cells of a table. */
export function summaryCells(summary: Summary, elements: number): string[] {
  const { name, dtype, shape, first, min, max, mean, nan, infinite } = summary;
  const values = first.map(formatNumber).join(', ') + (elements > first.length ? ', …' : '');
  const facts: string[] = [];
  if (min !== undefined) {
    facts.push(`min ${formatNumber(min)}`, `max ${formatNumber(max!)}`, `mean ${formatNumber(mean!)}`);
  }
  if (nan > 0) facts.push(`${count(nan, 'value')} NaN`);
  if (infinite > 0) facts.push(`${count(infinite, 'value')} infinite`);
  return [name, `${dtype}[${shape.join(', ')}]`, values === '' ? 'no elements' : values, facts.join(', ')];
}
