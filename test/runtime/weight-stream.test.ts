import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import { ELEMENT_BYTES, type SafetensorsType, type StoredTensor } from '../../src/program/safetensors.ts';
import { heldWeights, openWeightStream, type WeightStream } from '../../src/runtime/weight-stream.ts';

/** Windows of so many bytes, which take turns in three places as those of a file do. */
async function* windowsOf(file: Uint8Array<ArrayBuffer>, bytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const places = [0, 1, 2].map(() => new Uint8Array(bytes));
  for (let at = 0, turn = 0; at < file.length; at += bytes, turn = (turn + 1) % 3) {
    const window = file.subarray(at, at + bytes);
    places[turn]!.set(window);
    yield places[turn]!.subarray(0, window.length);
  }
}

async function collected(stream: WeightStream): Promise<Map<string, number[]>> {
  const values = new Map<string, number[]>();
  for await (const { name, dtype, at, bytes } of stream.pieces()) {
    const before = values.get(name) ?? [];
    expect(before.length).toBe(at * ELEMENT_BYTES[dtype]);
    expect(bytes.length % ELEMENT_BYTES[dtype]).toBe(0);
    values.set(name, [...before, ...bytes]);
  }
  return values;
}

const stored = fc
  .record({
    dtype: fc.constantFrom<SafetensorsType>('F64', 'F32', 'F16', 'U8'),
    elements: fc.nat(40),
    seed: fc.nat(255),
  })
  .map(({ dtype, elements, seed }): StoredTensor => {
    const bytes = Uint8Array.from({ length: elements * ELEMENT_BYTES[dtype] }, (_, i) => (seed + 7 * i) % 256);
    return { dtype, shape: [elements], bytes };
  });

const valuesOf = (tensors: readonly StoredTensor[]): Map<string, number[]> =>
  new Map(tensors.map(({ bytes }, at) => [`t${at}`, [...bytes]]));

/** The same file with a longer header, so that the data is not aligned to its elements. */
function shifted(file: Uint8Array<ArrayBuffer>, by: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(file.buffer);
  const end = 8 + view.getUint32(0, true);
  const moved = new Uint8Array(file.length + by).fill(0x20);
  moved.set(file.subarray(0, end));
  moved.set(file.subarray(end), end + by);
  new DataView(moved.buffer).setUint32(0, end - 8 + by, true);
  return moved;
}

test('windows of any size give whole elements of all tensors in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stored, { maxLength: 6 }),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(7),
      fc.boolean(),
      async (tensors, bytes, shift, isKnown) => {
        const named = tensors.map((tensor, at) => [`t${at}`, tensor] as const);
        const file = shifted(writeSafetensors(named), shift);
        const stream = await openWeightStream(windowsOf(file, bytes), isKnown ? file.length : Infinity);
        expect(stream.tensors.size).toBe(tensors.length);
        const values = await collected(stream);
        expect(values).toEqual(valuesOf(tensors));
        expect([...values.keys()]).toEqual([...stream.tensors.keys()]);
      },
    ),
  );
});

test('tensors in memory are cut into pieces', async () => {
  const bytes = Uint8Array.from({ length: 2 ** 20 + 8 }, (_, i) => (i * 31) % 251);
  const tensor: StoredTensor = { dtype: 'F32', shape: [bytes.length / 4], bytes };
  const empty: StoredTensor = { dtype: 'F32', shape: [0], bytes: new Uint8Array(0) };
  const sizes: [string, number, number][] = [];
  for await (const piece of heldWeights(new Map(Object.entries({ empty, tensor }))).pieces()) {
    sizes.push([piece.name, piece.at, piece.bytes.length]);
    expect(Buffer.compare(piece.bytes, bytes.subarray(4 * piece.at, 4 * piece.at + piece.bytes.length))).toBe(0);
  }
  expect(sizes).toEqual([
    ['empty', 0, 0],
    ['tensor', 0, 2 ** 20],
    ['tensor', 2 ** 18, 8],
  ]);
});

const file = writeSafetensors([['t', { dtype: 'F32', shape: [6], bytes: new Uint8Array(24) }]]);

test.each<[what: string, bytes: Uint8Array<ArrayBuffer>, message: string]>([
  ['nothing', new Uint8Array(0), 'the file has 0 bytes'],
  ['less than the length of a header', file.slice(0, 5), 'the file has 5 bytes'],
  ['half a header', file.slice(0, 30), 'but only 22 follow its length'],
  ['half its data', file.slice(0, -9), 'ends at byte 24, but the file has only 15 bytes of data'],
  ['more data than tensors', Uint8Array.of(...file, 1), 'the last 1 bytes of the file belong to no tensor'],
])('a file with %s is refused, whether its length is known or not', async (_, bytes, message) => {
  for (const length of [bytes.length, Infinity]) {
    const reading = openWeightStream(windowsOf(bytes, 16), length).then(collected);
    await expect(reading).rejects.toMatchObject({ code: 'weights-malformed' });
    await expect(reading).rejects.toThrow(message);
  }
});
