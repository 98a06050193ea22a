/** Reads files of an artifact: through fetch, or from the disk where there is one. */
import type { FileFacts } from '../program/manifest.ts';
import { sha256 } from '../program/sha256.ts';
import { HeddleError, reasonOf } from './errors.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Node's own modules, without an import that bundlers for browsers would trip over. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs'): { readonly promises: { open(path: URL | string): Promise<DiskFile> } };
}

interface DiskFile {
  stat(): Promise<{ readonly size: number }>;
  read(into: Bytes, offset: number, length: number): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

export interface Reading {
  /** How long the file should be. */
  readonly size?: number;
  readonly signal?: AbortSignal;
  /** Told of the bytes read so far, and of their number in all where it is known. */
  readonly onBytes?: (loaded: number, total: number | undefined) => void;
}

/** Some bytes of a file, into an array that has room for at least one; 0 at the end. */
type Read = (into: Bytes) => Promise<number>;

interface Source {
  readonly read: Read;
  readonly close: () => Promise<unknown>;
  /** Bytes, where they are known before they are read. */
  readonly size: number | undefined;
}

/**
 * The bytes behind a URL. A string without a scheme is relative to the page, or a path where there is a file system.
 * Rejects with HeddleError 'file', or with the signal's reason.
 */
export async function readBytes(location: URL | string, reading: Reading = {}): Promise<Bytes> {
  return (await openFile(location, reading)).all();
}

/** Throws HeddleError 'file-corrupted' unless the bytes are those that were compiled. */
export async function checkBytes(location: URL | string, bytes: Bytes, facts: FileFacts): Promise<void> {
  const found = bytes.length === facts.bytes ? await sha256(bytes) : undefined;
  if (found !== facts.sha256)
    throw damaged(location, found ? `its SHA-256 is ${found}` : describeLength(bytes.length, facts));
}

export function describeLength(found: number, { bytes }: FileFacts): string {
  return `it has ${found} bytes instead of ${bytes}`;
}

export function damaged(location: URL | string, difference: string): HeddleError {
  const message = `${String(location)} is damaged, or of another compilation: ${difference}`;
  return new HeddleError('file-corrupted', message);
}

/** Rejects as `readBytes` does. What is not read to its end is closed by the signal, which may come before it is open. */
export async function openFile(location: URL | string, reading: Reading): Promise<OpenFile> {
  const { signal, onBytes } = reading;
  return guarded(location, signal, async () => {
    const file = new OpenFile(location, await openSource(location, reading), reading);
    onBytes?.(0, file.size);
    signal?.throwIfAborted();
    return file;
  });
}

/** A file to be read once, from its beginning to its end. */
export class OpenFile {
  readonly location: URL | string;
  /** Bytes; undefined where they are not known before all has been read. */
  readonly size: number | undefined;
  readonly #source: Source;
  readonly #reading: Reading;
  #loaded = 0;

  constructor(location: URL | string, source: Source, reading: Reading) {
    this.location = location;
    this.size = source.size;
    this.#source = source;
    this.#reading = reading;
    const { signal } = reading;
    // A signal that has been aborted tells nobody any more.
    if (signal?.aborted) this.#close();
    else signal?.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Filled in place when the size is known. Rejects as `readBytes` does. */
  async all(): Promise<Bytes> {
    let bytes = new Uint8Array(this.size ?? 0);
    try {
      for (let loaded = 0; ;) {
        loaded += await this.#fill(bytes.subarray(loaded));
        if (loaded < bytes.length) return bytes.subarray(0, loaded);
        const larger = new Uint8Array(2 * bytes.length + 1024);
        larger.set(bytes);
        bytes = larger;
      }
    } finally {
      this.#close();
    }
  }

  /**
   * Consecutive windows of so many bytes, the last with what is left. They take turns in three places, so that one can be
   * read and one checked while another is used. Rejects as `readBytes` does.
   */
  async *windows(bytes: number): AsyncGenerator<Bytes> {
    const length = Math.max(1, Math.min(bytes, this.size ?? bytes));
    const places: Bytes[] = [];
    try {
      for (let at = 0; ; at = (at + 1) % 3) {
        const place = (places[at] ??= new Uint8Array(length));
        const filled = await this.#fill(place);
        if (filled > 0) yield place.subarray(0, filled);
        if (filled < length) return;
      }
    } finally {
      this.#close();
    }
  }

  /** As many bytes as there are and fit. */
  async #fill(into: Bytes): Promise<number> {
    const { signal, onBytes } = this.#reading;
    return guarded(this.location, signal, async () => {
      let filled = 0;
      while (filled < into.length) {
        const count = await this.#source.read(into.subarray(filled));
        signal?.throwIfAborted();
        if (count === 0) break;
        filled += count;
        this.#loaded += count;
        onBytes?.(this.#loaded, this.size !== undefined && this.#loaded <= this.size ? this.size : undefined);
      }
      return filled;
    });
  }

  #close(): void {
    this.#source.close().catch(() => undefined);
  }
}

async function guarded<T>(
  location: URL | string,
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await action();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new HeddleError('file', `${String(location)} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

async function openSource(location: URL | string, { size, signal }: Reading): Promise<Source> {
  const { process } = globalThis as { readonly process?: NodeProcess };
  const disk = process?.getBuiltinModule?.('node:fs');
  if (disk && !isRemote(location)) return onDisk(await disk.promises.open(toPath(location)));
  const response = await fetch(location, signal ? { signal } : {});
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const { body, headers } = response;
  // The length is that of what was sent, which is less than what arrives when it was compressed.
  const length = headers.has('content-encoding') ? 0 : Number(headers.get('content-length') ?? 0);
  const known = size ?? (length > 0 ? length : undefined);
  return body
    ? fromReader(body.getReader(), known)
    : { read: async () => 0, close: async () => undefined, size: known };
}

async function onDisk(file: DiskFile): Promise<Source> {
  try {
    const { size } = await file.stat();
    return {
      read: async (into) => (await file.read(into, 0, into.length)).bytesRead,
      close: () => file.close(),
      size,
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function fromReader(reader: ReadableStreamDefaultReader<Uint8Array>, size: number | undefined): Source {
  /** What has arrived and is not read yet. */
  let chunk = new Uint8Array(0);
  return {
    async read(into) {
      while (chunk.length === 0) {
        const { done, value } = await reader.read();
        if (done) return 0;
        chunk = value as Bytes;
      }
      const taken = chunk.subarray(0, into.length);
      into.set(taken);
      chunk = chunk.subarray(taken.length);
      return taken.length;
    },
    close: () => reader.cancel(),
    size,
  };
}

/** A letter and a colon may be a drive; a scheme is longer. */
function isRemote(location: URL | string): boolean {
  return /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(String(location));
}

function toPath(location: URL | string): URL | string {
  return typeof location === 'string' && location.startsWith('file:') ? new URL(location) : location;
}
