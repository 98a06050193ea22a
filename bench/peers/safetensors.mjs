/** Reads the safetensors files of f32 and i32 that prepare.mjs writes: `{ shape, data }` by name, without copying. */
const ARRAYS = { F32: Float32Array, I32: Int32Array };

export function readSafetensors(bytes) {
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const { __metadata__: _about, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  const start = bytes.byteOffset + 8 + headerBytes;
  const tensors = Object.entries(header).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ]) => {
      const data = new ARRAYS[dtype](bytes.buffer, start + begin, (end - begin) / 4);
      return [name, { shape, data }];
    },
  );
  return new Map(tensors);
}
