import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import {
  ELEMENT_BYTES,
  parseSafetensors,
  SafetensorsError,
  type SafetensorsType,
  type StoredTensor,
} from '../../src/program/safetensors.ts';

/** A file with the given header text and that many bytes of data. */
function fileWith(header: string, dataBytes = 0, headerLength?: number): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setUint32(0, headerLength ?? json.length, true);
  file.set(json, 8);
  return file;
}

function headerOf(entries: Record<string, [dtype: string, shape: unknown, offsets: unknown]>): string {
  const named = Object.entries(entries).map(([name, [dtype, shape, data_offsets]]) => [
    name,
    { dtype, shape, data_offsets },
  ]);
  return JSON.stringify(Object.fromEntries(named));
}

const tensor = (dtype: SafetensorsType, shape: number[], bytes: number[]): StoredTensor => ({
  dtype,
  shape,
  bytes: Uint8Array.from(bytes),
});

describe('a safetensors file', () => {
  test('is read back as it was written, with metadata', () => {
    const tensors = new Map([
      ['small', tensor('U8', [3], [1, 2, 3])],
      ['scalar', tensor('F64', [], [1, 2, 3, 4, 5, 6, 7, 8])],
      ['empty', tensor('F32', [2, 0, 5], [])],
      ['weight', tensor('F16', [1, 2], [1, 2, 3, 4])],
    ]);
    const file = parseSafetensors(writeSafetensors(tensors, { format: 'pt' }));
    expect(
      new Map([...file.tensors].map(([name, { dtype, shape, bytes }]) => [name, [dtype, shape, [...bytes]]])),
    ).toEqual(new Map([...tensors].map(([name, { dtype, shape, bytes }]) => [name, [dtype, shape, [...bytes]]])));
    expect(file.metadata).toEqual(new Map([['format', 'pt']]));
  });

  test('written here has every tensor aligned to its elements', () => {
    const tensors = Object.entries(ELEMENT_BYTES).map(
      ([dtype, size]) => [dtype, tensor(dtype as SafetensorsType, [1], Array(size).fill(1))] as const,
    );
    const file = parseSafetensors(writeSafetensors(tensors));
    for (const { dtype, bytes } of file.tensors.values()) expect(bytes.byteOffset % ELEMENT_BYTES[dtype]).toBe(0);
  });

  test('may hold nothing, and tensors in any order', () => {
    expect(parseSafetensors(fileWith('{}')).tensors.size).toBe(0);
    const swapped = headerOf({ b: ['U8', [1], [1, 2]], a: ['U8', [1], [0, 1]] });
    expect([...parseSafetensors(fileWith(swapped, 2)).tensors.keys()]).toEqual(['b', 'a']);
  });

  test('may be a view into a larger buffer', () => {
    const file = fileWith(headerOf({ a: ['U8', [2], [0, 2]] }), 2);
    const shifted = new Uint8Array(file.length + 5);
    shifted.set(file, 3);
    expect(parseSafetensors(shifted.subarray(3, 3 + file.length)).tensors.get('a')!.bytes.length).toBe(2);
  });
});

describe('a hostile file is refused', () => {
  const cases: [what: string, file: Uint8Array<ArrayBuffer>, message: string][] = [
    ['nothing', new Uint8Array(), 'the file has 0 bytes'],
    ['seven bytes', new Uint8Array(7), 'the file has 7 bytes'],
    ['eight bytes', new Uint8Array(8), 'the header is not valid JSON'],
    ['a header beyond the file', fileWith('{}', 0, 100), 'the header needs 100 bytes, but only 2 follow'],
    ['a huge header', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 255, 1), 'is beyond the limit'],
    ['no JSON', fileWith('{"a"'), 'the header is not valid JSON'],
    ['deeply nested JSON', fileWith('['.repeat(200_000)), 'the header is not valid JSON'],
    ['no UTF-8', new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]), 'not valid UTF-8'],
    ['a list', fileWith('[]'), 'the header is not a JSON object'],
    ['equal names', fileWith('{"a": 1, "b": 1, "\\u0061": 1}'), 'two entries named "a"'],
    [
      'equal fields',
      fileWith('{"a": {"dtype": "U8", "shape": [1], "shape": [2], "data_offsets": [0, 1]}}', 1),
      'two entries named "shape"',
    ],
    ['a prototype', fileWith('{"__proto__": {}}'), '"__proto__" cannot be a name'],
    ['a tensor that is no object', fileWith('{"a": [1]}'), 'tensor "a" is not described by an object'],
    ['metadata that is no object', fileWith('{"__metadata__": 3}'), '__metadata__ is not an object'],
    ['metadata that is no text', fileWith('{"__metadata__": {"a": 3}}'), '__metadata__ "a" is not a string'],
    ['an unknown dtype', fileWith(headerOf({ a: ['F7', [], [0, 4]] }), 4), 'unknown dtype "F7"'],
    ['a dtype of the prototype', fileWith(headerOf({ a: ['toString', [], [0, 4]] }), 4), 'unknown dtype'],
    ['a missing shape', fileWith('{"a": {"dtype": "U8", "data_offsets": [0, 1]}}', 1), 'has the shape undefined'],
    ['a negative shape', fileWith(headerOf({ a: ['U8', [-1], [0, 1]] }), 1), 'has the shape [-1]'],
    ['a fractional shape', fileWith(headerOf({ a: ['U8', [0.5], [0, 1]] }), 1), 'has the shape [0.5]'],
    ['a shape of text', fileWith(headerOf({ a: ['U8', ['1'], [0, 1]] }), 1), 'has the shape ["1"]'],
    ['an overflowing shape', fileWith(headerOf({ a: ['U8', [2 ** 40, 2 ** 40], [0, 1]] }), 1), 'which is too large'],
    ['missing offsets', fileWith('{"a": {"dtype": "U8", "shape": []}}'), 'has data_offsets undefined'],
    ['one offset', fileWith(headerOf({ a: ['U8', [], [0]] }), 1), 'has data_offsets [0]'],
    ['negative offsets', fileWith(headerOf({ a: ['U8', [], [-1, 0]] }), 1), 'has data_offsets [-1,0]'],
    ['backward offsets', fileWith(headerOf({ a: ['U8', [0], [1, 0]] }), 1), 'before it begins'],
    ['offsets beyond the file', fileWith(headerOf({ a: ['U8', [9], [0, 9]] }), 1), 'only 1 bytes of data'],
    [
      'a wrong length',
      fileWith(headerOf({ a: ['F32', [2], [0, 4]] }), 4),
      'needs 8 bytes, but its data_offsets hold 4',
    ],
    [
      'overlapping tensors',
      fileWith(headerOf({ a: ['U8', [2], [0, 2]], b: ['U8', [2], [1, 3]] }), 3),
      'tensor "b" begins at byte 1 and overlaps tensor "a"',
    ],
    [
      'a hole',
      fileWith(headerOf({ a: ['U8', [1], [0, 1]], b: ['U8', [1], [2, 3]] }), 3),
      'the 1 bytes between tensor "a" and tensor "b" belong to no tensor',
    ],
    ['unused data', fileWith(headerOf({ a: ['U8', [1], [0, 1]] }), 3), 'the last 2 bytes of the file'],
  ];

  test.each(cases)('%s', (_, file, message) => {
    expect(() => parseSafetensors(file)).toThrow(SafetensorsError);
    expect(() => parseSafetensors(file)).toThrow(message);
  });

  test('with a name of many megabytes, without exhausting the stack', () => {
    const file = fileWith(`{${JSON.stringify('a"\\'.repeat(3_000_000))}: 1}`);
    expect(() => parseSafetensors(file)).toThrow('is not described by an object');
  });

  test('whatever bytes of a sound file are changed, removed or repeated', () => {
    const sound = writeSafetensors(
      new Map([
        ['a.weight', tensor('F32', [2], [1, 2, 3, 4, 5, 6, 7, 8])],
        ['b', tensor('U8', [3, 1], [1, 2, 3])],
      ]),
      { note: 'x' },
    );
    const edits = fc.array(fc.record({ at: fc.nat(sound.length - 1), byte: fc.nat(255) }), { maxLength: 6 });
    const cut = fc.record({ from: fc.nat(sound.length), count: fc.integer({ min: -8, max: 8 }) });
    fc.assert(
      fc.property(edits, fc.option(cut), (changes, slice) => {
        let bytes = sound.slice();
        for (const { at, byte } of changes) bytes[at] = byte;
        if (slice) {
          const tail = bytes.subarray(Math.max(0, slice.from + slice.count));
          bytes = Uint8Array.from([...bytes.subarray(0, slice.from), ...tail]);
        }
        expectTensorsOrError(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('or when its header is any JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(64), (header, bytes) => expectTensorsOrError(fileWith(header, bytes))),
      { numRuns: 1000 },
    );
  });
});

function expectTensorsOrError(bytes: Uint8Array<ArrayBuffer>): void {
  try {
    for (const { dtype, shape, bytes: data } of parseSafetensors(bytes).tensors.values()) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1) * ELEMENT_BYTES[dtype]);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
  }
}
