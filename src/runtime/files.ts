/** Reads files of an artifact: through fetch, or from the disk where there is one. */
import type { FileFacts } from '../program/manifest.ts';
import { sha256 } from '../program/sha256.ts';
import { HeddleError, reasonOf } from './errors.ts';

/** Node's own modules, without an import that bundlers for browsers would trip over. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs'): {
    createReadStream(path: URL | string, options: { highWaterMark: number }): AsyncIterable<Uint8Array>;
  };
}

export interface Reading {
  /** How long the file should be. */
  readonly size?: number;
  readonly signal?: AbortSignal;
  /** Told of the bytes read so far, and of their number in all where it is known. */
  readonly onBytes?: (loaded: number, total: number | undefined) => void;
}

interface Source {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly size: number | undefined;
}

/**
 * The bytes behind a URL. A string without a scheme is relative to the page, or a path where there is a file system.
 * Rejects with HeddleError 'file', or with the signal's reason.
 */
export async function readBytes(location: URL | string, reading: Reading = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = reading;
  try {
    signal?.throwIfAborted();
    return await collect(await open(location, reading), reading);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new HeddleError('file', `${String(location)} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

/** Throws HeddleError 'file-corrupted' unless the bytes are those that were compiled. */
export async function checkBytes(
  location: URL | string,
  bytes: Uint8Array<ArrayBuffer>,
  facts: FileFacts,
): Promise<void> {
  const found = bytes.length === facts.bytes ? await sha256(bytes) : undefined;
  if (found === facts.sha256) return;
  const difference = found ? `its SHA-256 is ${found}` : `it has ${bytes.length} bytes instead of ${facts.bytes}`;
  const message = `${String(location)} is damaged, or of another compilation: ${difference}`;
  throw new HeddleError('file-corrupted', message);
}

async function open(location: URL | string, { size, signal }: Reading): Promise<Source> {
  const { process } = globalThis as { readonly process?: NodeProcess };
  const disk = process?.getBuiltinModule?.('node:fs');
  if (disk && !isRemote(location))
    return { chunks: disk.createReadStream(toPath(location), { highWaterMark: 2 ** 20 }), size };
  const response = await fetch(location, signal ? { signal } : {});
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const { body, headers } = response;
  // The length is that of what was sent, which is less than what arrives when it was compressed.
  const length = headers.has('content-encoding') ? 0 : Number(headers.get('content-length') ?? 0);
  return { chunks: body ? chunksOf(body) : noChunks(), size: size ?? (length > 0 ? length : undefined) };
}

/** Not every browser can iterate over a stream. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function* noChunks(): AsyncGenerator<Uint8Array> {}

/** One array, filled in place when the size is known. */
async function collect({ chunks, size }: Source, { signal, onBytes }: Reading): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(size ?? 0);
  let loaded = 0;
  onBytes?.(0, size);
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    if (loaded + chunk.length > bytes.length) {
      const larger = new Uint8Array(2 * (loaded + chunk.length));
      larger.set(bytes.subarray(0, loaded));
      bytes = larger;
    }
    bytes.set(chunk, loaded);
    loaded += chunk.length;
    onBytes?.(loaded, size !== undefined && loaded <= size ? size : undefined);
  }
  return bytes.subarray(0, loaded);
}

/** A letter and a colon may be a drive; a scheme is longer. */
function isRemote(location: URL | string): boolean {
  return /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(String(location));
}

function toPath(location: URL | string): URL | string {
  return typeof location === 'string' && location.startsWith('file:') ? new URL(location) : location;
}
