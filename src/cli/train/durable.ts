/** Files that survive a crash: written whole beside their place, brought to the disk, then put there. */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../errors.ts';
import { systemReason } from '../files.ts';

/** What temporary files end with; one that is left was never complete. */
export const TEMPORARY = '.tmp';

/** What was at `path` stays until the new file is on the disk. Throws Failure. */
export function writeDurably(path: string, content: string | Uint8Array): void {
  const place = join(dirname(path), `.${basename(path)}.${randomUUID()}${TEMPORARY}`);
  try {
    const file = openSync(place, 'wx');
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(place, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(place, { force: true });
    throw new Failure(`${path} cannot be written: ${systemReason(error)}`);
  }
}

/** Brings the names in a folder to the disk. Windows has no such thing, and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
