/**
 * Weights in fewer bytes than they are computed with. f16 rounds each value to nearest, ties to even: to 11 bits, or to a
 * multiple of 2⁻²⁴ below 2⁻¹⁴. int8 takes the weights of products alone and rounds them to multiples of a 127th of the
 * greatest magnitude of their output channel. All else, and what has values that a type cannot hold, stays as it is.
 */
import { absmaxName, MOST, runsOf } from '../../program/channels.ts';
import { toFloat32 } from '../../program/convert.ts';
import { writeHalves } from '../../program/half.ts';
import { elementCount, type StoredTensor } from '../../program/safetensors.ts';

export const STORAGES = ['f32', 'f16', 'int8'] as const;

export type Storage = (typeof STORAGES)[number];

/** Axes of a weight that tell its output channels apart, by the weight's name. */
export type WeightChannels = ReadonlyMap<string, readonly number[]>;

/** The tensors as they are stored, each `absmax` before its tensor of bytes. Tensors that are not F32 stay. */
export function storeWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  storage: Storage,
  channels: WeightChannels,
): ReadonlyMap<string, StoredTensor> {
  return new Map([...tensors].flatMap(([name, tensor]) => stored(name, tensor, storage, channels.get(name))));
}

type Named = readonly (readonly [name: string, tensor: StoredTensor])[];

function stored(name: string, tensor: StoredTensor, storage: Storage, axes: readonly number[] | undefined): Named {
  if (tensor.dtype !== 'F32') return [[name, tensor]];
  switch (storage) {
    case 'f32':
      return [[name, tensor]];
    case 'f16':
      return [[name, asHalf(tensor) ?? tensor]];
    case 'int8':
      return (axes && asBytes(name, tensor, axes)) ?? [[name, tensor]];
  }
}

/** Undefined where a finite value is beyond the range of f16. */
function asHalf(tensor: StoredTensor): StoredTensor | undefined {
  const values = toFloat32(tensor);
  const halves = new Uint16Array(values.length);
  writeHalves(halves, 0, values);
  if (halves.some((half, at) => (half & 0x7fff) === 0x7c00 && Number.isFinite(values[at]))) return undefined;
  return { ...tensor, dtype: 'F16', bytes: new Uint8Array(halves.buffer) };
}

/** Undefined where a value is not finite. */
function asBytes(name: string, tensor: StoredTensor, axes: readonly number[]): Named | undefined {
  const values = toFloat32(tensor);
  const shape = tensor.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  const absmax = new Float32Array(elementCount(shape));
  for (const { start, end, channel, step } of runsOf(tensor.shape, shape, 0, values.length)) {
    for (let i = start, at = channel; i < end; i++, at += step)
      absmax[at] = Math.max(absmax[at]!, Math.abs(values[i]!));
  }
  if (!absmax.every(Number.isFinite)) return undefined;
  const bytes = new Int8Array(values.length);
  for (const { start, end, channel, step } of runsOf(tensor.shape, shape, 0, values.length)) {
    for (let i = start, at = channel; i < end; i++, at += step) bytes[i] = byteOf(values[i]!, absmax[at]!);
  }
  return [
    [absmaxName(name), { dtype: 'F32', shape, bytes: new Uint8Array(absmax.buffer) }],
    [name, { dtype: 'I8', shape: tensor.shape, bytes: new Uint8Array(bytes.buffer) }],
  ];
}

/** Less has no factor to 0 … 127 in f32. The same number decides where weights are made bytes while loading. */
const SMALLEST = 2 ** -100;

/** 1.5 · 2⁵²: a double near it has no fraction. */
const ROUNDER = 1.5 * 2 ** 52;

/** By the same arithmetic in f32 as weights are made bytes while loading. */
function byteOf(value: number, absmax: number): number {
  const factor = absmax > SMALLEST ? Math.fround(MOST / absmax) : 0;
  return Math.fround(value * factor) + ROUNDER - ROUNDER;
}
