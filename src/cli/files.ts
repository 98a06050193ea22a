/** Reading and writing single files, with errors that say which file and why. */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, realpathSync, rmSync, statSync, type Stats } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from './errors.ts';
import type { Io } from './io.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'permission denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'there are too many symbolic links',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB',
};

/** What the system says, in words. Anything but an error of the system is thrown on. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) throw error;
  return REASONS[code] ?? code;
}

export async function readBytes(path: string, io: Io): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(resolve(io.cwd, path));
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${systemReason(error)}`);
  }
}

export async function readText(path: string, io: Io): Promise<string> {
  return decodeText(path, await readBytes(path, io));
}

/** The text in UTF-8 that the bytes of a file are. */
export function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Failure(`${path} is not a text in UTF-8`);
  }
}

/** Whether there is a file or folder of that name. */
export function exists(path: string, io: Io): boolean {
  return existsSync(resolve(io.cwd, path));
}

export function isFolder(path: string, io: Io): boolean {
  return stats(path, io)?.isDirectory() ?? false;
}

function stats(path: string, io: Io): Stats | undefined {
  try {
    return statSync(resolve(io.cwd, path));
  } catch {
    return undefined;
  }
}

/** Throws Failure when `writeWhole` cannot write there; call it before the long work. */
export function checkWritable(path: string, io: Io): void {
  const found = stats(path, io);
  const folder = dirname(found ? realpathSync(resolve(io.cwd, path)) : resolve(io.cwd, path));
  if (found?.isDirectory()) throw new Failure(`${path} cannot be written: ${REASONS['EISDIR']}`);
  try {
    if (!found || found.isFile()) accessSync(folder, constants.W_OK);
  } catch (error) {
    throw cannotWrite(path, folder, error);
  }
  if (!statSync(folder).isDirectory()) throw new Failure(`${path} cannot be written: ${REASONS['ENOTDIR']}`);
}

function cannotWrite(path: string, folder: string, error: unknown): Failure {
  const reason = existsSync(folder) ? systemReason(error) : 'its folder does not exist';
  return new Failure(`${path} cannot be written: ${reason}`);
}

/** Writes a file whole or not at all: what was there before stays until the new one is complete. */
export async function writeWhole(path: string, bytes: Uint8Array, io: Io): Promise<void> {
  const found = stats(path, io);
  const target = found ? realpathSync(resolve(io.cwd, path)) : resolve(io.cwd, path);
  // A device or a pipe cannot be replaced, only written to.
  const place = found && !found.isFile() ? target : join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  const clean = (): void => {
    if (place !== target) rmSync(place, { force: true });
  };
  const release = io.onInterrupt(clean);
  try {
    await writeFile(place, bytes);
    if (place !== target) await rename(place, target);
  } catch (error) {
    clean();
    throw cannotWrite(path, dirname(target), error);
  } finally {
    release();
  }
}
