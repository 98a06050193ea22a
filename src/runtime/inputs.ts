/**
 * Reads what the caller passes as inputs: checks kinds and values, and brings every accepted form into one. Knows no
 * dimensions and no memory.
 */
import type { ElementType, TensorSpec } from '../program/program.ts';
import { elementCount } from '../program/safetensors.ts';
import { printShape } from '../program/size.ts';
import { USAGE, type GpuBuffer } from './devices/webgpu/api.ts';
import { HeddleError } from './errors.ts';

/** Values of a tensor in row-major order. Plain arrays are checked element by element. */
export type TensorData = Float32Array | Int32Array | Uint32Array | Uint8Array | readonly number[] | readonly boolean[];

/**
 * A scalar, values whose shape follows from their length, values with their shape, or a buffer of the GPU that runs the
 * program: elements from its beginning in row-major order, four bytes each, bool as 0 or 1.
 */
export type TensorInput =
  | TensorData
  | number
  | boolean
  | { readonly data: TensorData; readonly shape?: readonly number[] }
  | { readonly buffer: GpuBuffer; readonly shape: readonly number[] };

/** One input as given. Without `shape`, the length must tell it. */
export interface GivenTensor {
  readonly spec: TensorSpec;
  readonly data: TensorData;
  readonly shape: readonly number[] | undefined;
  /** In place of `data`, which is then empty. */
  readonly buffer?: GpuBuffer;
}

/** The typed array that holds elements of each type. */
const ARRAY_OF: Readonly<Record<ElementType, string>> = {
  f32: 'Float32Array',
  i32: 'Int32Array',
  u32: 'Uint32Array',
  bool: 'Uint8Array',
};

/** `f32[batch, 3, 32, 32]` */
export function describeSpec({ dtype, shape }: TensorSpec): string {
  return dtype + printShape(shape);
}

/** All inputs in the order of `specs`. Throws HeddleError 'input-missing', '-unknown', '-dtype', '-shape' or '-value'. */
export function readInputs(specs: readonly TensorSpec[], inputs: unknown): GivenTensor[] {
  if (typeof inputs !== 'object' || inputs === null) {
    const names = specs.map(({ name }) => name).join(', ');
    throw new HeddleError('input-missing', `run takes an object with the inputs ${names}`);
  }
  for (const name of Object.keys(inputs)) {
    if (specs.some((spec) => spec.name === name)) continue;
    const names = specs.map((spec) => spec.name).join(', ');
    throw new HeddleError('input-unknown', `there is no input ${name}; the inputs are ${names}`);
  }
  return specs.map((spec) => {
    const given: unknown = Object.hasOwn(inputs, spec.name)
      ? (inputs as Record<string, unknown>)[spec.name]
      : undefined;
    if (given === undefined || given === null)
      throw new HeddleError('input-missing', `the input ${spec.name} (${describeSpec(spec)}) is missing`);
    return readTensor(spec, given);
  });
}

function readTensor(spec: TensorSpec, given: unknown): GivenTensor {
  if (typeof given === 'number') return { spec, data: checkArray(spec, [given]), shape: [] };
  if (typeof given === 'boolean') return { spec, data: checkArray(spec, [given]), shape: [] };
  if (Array.isArray(given) || ArrayBuffer.isView(given))
    return { spec, data: checkData(spec, given), shape: undefined };
  const { data, shape, buffer } = given as { readonly [part in 'data' | 'shape' | 'buffer']?: unknown };
  if (data === undefined && buffer !== undefined) return readBuffer(spec, buffer, shape);
  if (!Array.isArray(data) && !ArrayBuffer.isView(data)) {
    const wanted = `${ARRAY_OF[spec.dtype]}, or { data, shape }`;
    throw new HeddleError('input-dtype', `the input ${spec.name} is ${nameOf(given)}; pass a ${wanted}`);
  }
  const values = checkData(spec, data);
  if (shape === undefined) return { spec, data: values, shape: undefined };
  return { spec, data: values, shape: checkShape(spec, values, shape) };
}

/** Of a buffer nothing is known but its size and what it may be used for. */
function readBuffer(spec: TensorSpec, given: unknown, shape: unknown): GivenTensor {
  const buffer = given as Partial<GpuBuffer> | null;
  if (typeof buffer?.size !== 'number' || typeof buffer.usage !== 'number')
    throw new HeddleError('input-dtype', `the buffer of the input ${spec.name} is no GPUBuffer`);
  if ((buffer.usage & USAGE.copySource) === 0)
    throw new HeddleError('input-dtype', `the buffer of the input ${spec.name} lacks the usage COPY_SRC`);
  return { spec, data: [], shape: checkSizes(spec, shape), buffer: buffer as GpuBuffer };
}

function checkShape(spec: TensorSpec, data: TensorData, shape: unknown): readonly number[] {
  const sizes = checkSizes(spec, shape);
  if (elementCount(sizes) === data.length) return sizes;
  const at = `the input ${spec.name} has shape [${sizes.join(', ')}]`;
  const message = `${at}, which is ${elementCount(sizes)} elements, but its data has ${data.length}`;
  throw new HeddleError('input-shape', message);
}

function checkSizes(spec: TensorSpec, shape: unknown): readonly number[] {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    const message = `the shape of the input ${spec.name} is not a list of non-negative integers`;
    throw new HeddleError('input-shape', message);
  }
  const sizes = shape as readonly number[];
  const at = `the input ${spec.name} has shape [${sizes.join(', ')}]`;
  if (sizes.length !== spec.shape.length)
    throw new HeddleError('input-shape', `${at}; ${describeSpec(spec)} has ${spec.shape.length} axes`);
  return sizes;
}

function checkData(spec: TensorSpec, data: unknown[] | ArrayBufferView): TensorData {
  if (Array.isArray(data)) return checkArray(spec, data);
  const wanted = ARRAY_OF[spec.dtype];
  // By tag, not by class: the array may come from another realm.
  const found = nameOf(data);
  if (isDetached(data)) {
    const message = `the input ${spec.name} is an array whose memory was transferred elsewhere`;
    throw new HeddleError('input-value', message);
  }
  if (found === wanted) return spec.dtype === 'bool' ? checkBytes(spec, data as Uint8Array) : (data as Float32Array);
  throw new HeddleError(
    'input-dtype',
    `the input ${spec.name} is ${spec.dtype} and was given as a ${found}; pass ${wanted}.from(data) instead`,
  );
}

/** Such an array has the length 0, but is no empty one: no view of its memory can be made. */
function isDetached({ byteLength, buffer }: ArrayBufferView): boolean {
  if (byteLength > 0) return false;
  try {
    void new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Kernels count on bytes of 0 or 1: a mask of 255s would be summed as such. */
function checkBytes({ name }: TensorSpec, data: Uint8Array): Uint8Array {
  const at = data.findIndex((byte) => byte > 1);
  if (at === -1) return data;
  throw new HeddleError('input-value', `element ${at} of the input ${name} is ${data[at]}, no bool: it is 0 or 1`);
}

const LIMITS = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

function isValue(dtype: ElementType, value: unknown): boolean {
  switch (dtype) {
    case 'f32':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean' || value === 0 || value === 1;
    case 'i32':
    case 'u32':
      return Number.isInteger(value) && (value as number) >= LIMITS[dtype][0] && (value as number) <= LIMITS[dtype][1];
  }
}

function checkArray(spec: TensorSpec, data: readonly unknown[]): TensorData {
  for (let at = 0; at < data.length; at++) {
    if (isValue(spec.dtype, data[at])) continue;
    const nested = Array.isArray(data[at]) ? '; pass the values in one flat array, as { data, shape }' : '';
    const value = Array.isArray(data[at]) ? 'an array' : String(data[at]);
    throw new HeddleError(
      'input-value',
      `element ${at} of the input ${spec.name} is ${value}, no ${spec.dtype}${nested}`,
    );
  }
  return data as readonly number[];
}

function nameOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
