/**
 * Reads safetensors files. Shared by compiler and runtime; it knows neither parameters nor programs. A file is never
 * trusted: whatever its bytes, the result is a consistent set of tensors or a `SafetensorsError`.
 */

export type SafetensorsType =
  'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL';

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<SafetensorsType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** One tensor: row-major, little-endian. `bytes` may be unaligned and usually is a view of the whole file. */
export interface StoredTensor {
  readonly dtype: SafetensorsType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface SafetensorsFile {
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The bytes are no safetensors file; the message says what is wrong with them. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** What a header says of a tensor; `begin` and `end` count the bytes of data, which follow the header. */
export interface StoredEntry {
  readonly name: string;
  readonly dtype: SafetensorsType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly entries: readonly StoredEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

function fail(message: string): never {
  throw new SafetensorsError(message);
}

/**
 * Parses a whole file; tensors are views of `bytes`. Throws SafetensorsError when the file is malformed: tensors must
 * cover its data exactly, without overlaps and holes.
 */
export function parseSafetensors(bytes: Uint8Array<ArrayBuffer>): SafetensorsFile {
  const dataStart = headerEnd(bytes, bytes.length);
  const { entries, metadata } = parseHeader(bytes.subarray(0, dataStart));
  checkCoverage(entries, bytes.length - dataStart);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) });
  }
  return { tensors, metadata };
}

/**
 * Where the data begins in a file of `fileLength` bytes, which is Infinity when unknown. `bytes` is its beginning, at
 * least 8 bytes if it has so many. Throws SafetensorsError.
 */
export function headerEnd(bytes: Uint8Array<ArrayBuffer>, fileLength: number): number {
  if (bytes.length < 8)
    fail(`the file has ${bytes.length} bytes, but a safetensors file begins with 8 bytes of header length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER_BYTES)
    fail(`the header length ${length} is beyond the limit of ${MAX_HEADER_BYTES} bytes; this is no safetensors file`);
  if (length > fileLength - 8) fail(`the header needs ${length} bytes, but only ${fileLength - 8} follow its length`);
  return 8 + length;
}

/** Parses what lies before the data. Throws SafetensorsError; `checkCoverage` is left to the caller. */
export function parseHeader(bytes: Uint8Array): SafetensorsHeader {
  const entries: StoredEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(parseJson(bytes.subarray(8)))) {
    if (name === '__metadata__') metadata = parseMetadata(value);
    else entries.push(parseEntry(name, value));
  }
  return { entries, metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    fail('the header is not valid UTF-8');
  }
  try {
    header = JSON.parse(text);
  } catch (error) {
    fail(`the header is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(header)) fail('the header is not a JSON object');
  checkKeys(text);
  return header;
}

/** JSON.parse keeps the last of several equal keys; here they are an error. `text` is valid JSON. */
function checkKeys(text: string): void {
  const open: Set<string>[] = [];
  // Strings are passed in a loop: on long ones a regular expression would exhaust the stack.
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '{') open.push(new Set());
    else if (sign === '}') open.pop();
    else if (sign === '"') {
      const start = at++;
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      const isKey = /\s*:/y;
      isKey.lastIndex = at + 1;
      if (isKey.test(text)) addKey(open.at(-1)!, String(JSON.parse(text.slice(start, at + 1))));
    }
  }
}

function addKey(keys: Set<string>, key: string): void {
  if (keys.has(key)) fail(`the header has two entries named ${JSON.stringify(key)}`);
  if (key === '__proto__') fail('"__proto__" cannot be a name in the header');
  keys.add(key);
}

function parseMetadata(value: unknown): ReadonlyMap<string, string> {
  if (!isRecord(value)) fail('__metadata__ is not an object');
  return new Map(
    Object.entries(value).map(([key, text]) => {
      if (typeof text !== 'string') fail(`__metadata__ ${JSON.stringify(key)} is not a string`);
      return [key, text];
    }),
  );
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseEntry(name: string, value: unknown): StoredEntry {
  const at = `tensor ${JSON.stringify(name)}`;
  if (!isRecord(value)) fail(`${at} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_BYTES, dtype))
    fail(`${at} has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isSize))
    fail(`${at} has the shape ${JSON.stringify(shape)}; a list of non-negative integers is needed`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    fail(`${at} has data_offsets ${JSON.stringify(offsets)}; two non-negative integers are needed`);
  const [begin, end] = offsets as [number, number];
  const type = dtype as SafetensorsType;
  const length = elementCount(shape) * ELEMENT_BYTES[type];
  if (!Number.isSafeInteger(length)) fail(`${at} has the shape ${JSON.stringify(shape)}, which is too large`);
  if (begin > end) fail(`${at} ends at byte ${end}, before it begins at ${begin}`);
  if (end - begin !== length)
    fail(
      `${at} is ${dtype} ${JSON.stringify(shape)} and needs ${length} bytes, but its data_offsets hold ${end - begin}`,
    );
  return { name, dtype: type, shape, begin, end };
}

/** Elements of a shape; 1 for the empty one. An inexact product is not a safe integer. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** In the order of their data, empty ones before others that begin where they lie. */
export function inDataOrder(entries: readonly StoredEntry[]): StoredEntry[] {
  return [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
}

/**
 * Throws SafetensorsError unless the tensors cover the data exactly. While its length is not known it is Infinity, and
 * only overlaps and holes are found.
 */
export function checkCoverage(entries: readonly StoredEntry[], dataLength: number): void {
  let end = 0;
  let previous = 'the start of the data';
  for (const entry of inDataOrder(entries)) {
    const at = `tensor ${JSON.stringify(entry.name)}`;
    if (entry.begin < end) fail(`${at} begins at byte ${entry.begin} and overlaps ${previous}, which ends at ${end}`);
    if (entry.begin > end) fail(`the ${entry.begin - end} bytes between ${previous} and ${at} belong to no tensor`);
    if (entry.end > dataLength)
      fail(`${at} ends at byte ${entry.end}, but the file has only ${dataLength} bytes of data`);
    end = entry.end;
    previous = at;
  }
  if (end !== dataLength && dataLength !== Infinity)
    fail(`the last ${dataLength - end} bytes of the file belong to no tensor`);
}
