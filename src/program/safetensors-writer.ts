/** Writes safetensors files; `safetensors.ts` reads them. */
import { ELEMENT_BYTES, elementCount, type StoredTensor } from './safetensors.ts';

/**
 * A whole file. Tensors with larger elements come first and the header is padded to 8 bytes, so that every tensor is
 * aligned; among equals the given order is kept. Throws RangeError when a tensor's bytes do not fit its shape.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const ordered = [...tensors].sort(([, a], [, b]) => ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype]);
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of ordered) {
    if (bytes.length !== elementCount(shape) * ELEMENT_BYTES[dtype])
      throw new RangeError(`${name} is ${dtype} [${shape.join(', ')}], but has ${bytes.length} bytes`);
    entries.push([name, { dtype, shape, data_offsets: [end, end + bytes.length] }]);
    end += bytes.length;
  }
  // Object.fromEntries would move names like "0" to the front, which is harmless: offsets tell the order.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end);
  new DataView(file.buffer).setUint32(0, headerLength, true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(json, 8);
  let at = 8 + headerLength;
  for (const [, { bytes }] of ordered) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
