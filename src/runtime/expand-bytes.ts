/** Weights that are stored as bytes, as f32, while they arrive. */
import { absmaxName, areChannelsOf, MOST, runsOf } from '../program/channels.ts';
import { toFloat32 } from '../program/convert.ts';
import { elementCount } from '../program/safetensors.ts';
import { HeddleError } from './errors.ts';
import type { StoredType, WeightPiece, WeightStream } from './weight-stream.ts';

/**
 * The stream with f32 in place of each I8 that has an `absmax`, which has to come before it. Throws HeddleError
 * 'weights-mismatch' where it does not, or does not fit.
 */
export function expandBytes(stream: WeightStream): WeightStream {
  const { tensors } = stream;
  const bytes = [...tensors].filter(([name, { dtype }]) => dtype === 'I8' && tensors.has(absmaxName(name)));
  if (bytes.length === 0) return stream;
  const order = [...tensors.keys()];
  const magnitudes = new Set<string>();
  for (const [name, type] of bytes) {
    const absmax = absmaxName(name);
    checkChannels(name, type, tensors.get(absmax)!);
    if (order.indexOf(absmax) > order.indexOf(name))
      throw new HeddleError('weights-mismatch', `${absmax} has to come before ${name} in the weights`);
    magnitudes.add(absmax);
  }
  const seen = [...tensors].filter(([name]) => !magnitudes.has(name));
  const expanded = new Map(seen.map(([name, type]) => [name, tensors.has(absmaxName(name)) ? asF32(type) : type]));
  return { tensors: expanded, pieces: () => expandedPieces(stream, magnitudes) };
}

function asF32(type: StoredType): StoredType {
  return type.dtype === 'I8' ? { ...type, dtype: 'F32' } : type;
}

function checkChannels(name: string, { shape }: StoredType, absmax: StoredType): void {
  if (absmax.dtype === 'F32' && areChannelsOf(absmax.shape, shape)) return;
  const found = `${absmax.dtype} [${absmax.shape.join(', ')}]`;
  throw new HeddleError(
    'weights-mismatch',
    `${absmaxName(name)} is ${found} instead of F32 with the sizes of ${name}, [${shape.join(', ')}], or 1`,
  );
}

async function* expandedPieces(
  { tensors, pieces }: WeightStream,
  magnitudes: ReadonlySet<string>,
): AsyncGenerator<WeightPiece> {
  const known = new Map<string, Float32Array>();
  let buffer = new Float32Array(0);
  for await (const piece of pieces()) {
    const { name, dtype, at, bytes } = piece;
    if (magnitudes.has(name)) {
      const values = known.get(name) ?? new Float32Array(elementCount(tensors.get(name)!.shape));
      values.set(toFloat32({ dtype, bytes }), at);
      known.set(name, values);
      continue;
    }
    const absmax = known.get(absmaxName(name));
    if (dtype !== 'I8' || !absmax) {
      yield piece;
      continue;
    }
    if (buffer.length < bytes.length) buffer = new Float32Array(bytes.length);
    const values = buffer.subarray(0, bytes.length);
    const channels = tensors.get(absmaxName(name))!.shape;
    expandInto(values, piece, tensors.get(name)!.shape, channels, absmax);
    const { buffer: memory, byteOffset, byteLength } = values;
    yield { name, dtype: 'F32', at, bytes: new Uint8Array(memory, byteOffset, byteLength) };
  }
}

function expandInto(
  values: Float32Array,
  { at, bytes }: WeightPiece,
  shape: readonly number[],
  channels: readonly number[],
  absmax: Float32Array,
): void {
  const stored = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const { start, end, channel, step } of runsOf(shape, channels, at, at + stored.length)) {
    for (let i = start, from = channel; i < end; i++, from += step)
      values[i - at] = (stored[i - at]! * absmax[from]!) / MOST;
  }
}
