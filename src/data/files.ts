/** Reads the files of a data set, each once, and remembers what they were. */
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Data that cannot be used; the message says where and what was expected. */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Something is wrong at a byte of a file. */
export function malformed(path: string, offset: number, expected: string, found: string): DataError {
  return new DataError(`${path}, byte ${offset}: expected ${expected}, found ${found}`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'permission denied',
};

function cannotRead(path: string, error: unknown): DataError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) throw error;
  return new DataError(`${path} cannot be read: ${REASONS[code] ?? code}`);
}

export class DataFiles {
  readonly #cwd: string;
  readonly #read = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  readonly #digests = new Map<string, string>();

  /** Relative paths are relative to `cwd`. */
  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  /** The bytes of a file as they are. Rejects with DataError. */
  bytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
    let bytes = this.#read.get(path);
    if (!bytes) this.#read.set(path, (bytes = this.#load(path)));
    return bytes;
  }

  async #load(path: string): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const bytes = await readFile(resolve(this.#cwd, path));
      this.#digests.set(path, createHash('sha256').update(bytes).digest('hex'));
      return bytes;
    } catch (error) {
      throw cannotRead(path, error);
    }
  }

  /** The bytes of a file, unpacked where it is gzipped. Rejects with DataError. */
  async unpacked(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.bytes(path);
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
    try {
      return gunzipSync(bytes);
    } catch (error) {
      throw new DataError(`${path} is gzipped, but damaged: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Names in a folder, sorted. Throws DataError. */
  names(folder: string): string[] {
    try {
      return readdirSync(resolve(this.#cwd, folder)).sort();
    } catch (error) {
      throw cannotRead(folder, error);
    }
  }

  /** Throws DataError where there is neither file nor folder. */
  isFolder(path: string): boolean {
    try {
      return statSync(resolve(this.#cwd, path)).isDirectory();
    } catch (error) {
      throw cannotRead(path, error);
    }
  }

  /** Forgets the bytes of what was read, not its digest. */
  forget(): void {
    this.#read.clear();
  }

  /** SHA-256 over all files that were read, by their names without folders: a moved data set is the same one. */
  digest(): string {
    const all = [...this.#digests].map(([path, digest]) => `${digest} ${basename(path)}`).sort();
    return createHash('sha256').update(all.join('\n')).digest('hex');
  }
}

/** Paths of the files in a folder whose names match. Throws DataError as `names` does. */
export function filesIn(files: DataFiles, folder: string, pattern: RegExp): string[] {
  return files
    .names(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}
