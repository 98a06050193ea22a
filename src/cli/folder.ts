/**
 * Writes the folder of an artifact whole or not at all: into a temporary sibling, which then takes the place of the
 * folder. What was there before stays until the new files are complete.
 */
import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { ArtifactFile } from '../compiler/artifact/files.ts';
import { Failure, UsageError } from './errors.ts';
import { systemReason } from './files.ts';
import type { Io } from './io.ts';

/** Every file that an artifact may have. A folder with others was not made here alone, and is never replaced. */
const ARTIFACT_FILES = [
  'index.js',
  'index.d.ts',
  'package.json',
  'program.json',
  'program.wasm',
  'kernels.js',
  'weights.safetensors',
] as const;

/** Throws UsageError or Failure when `folder` must not be written; call it before the long work. */
export function checkFolder(folder: string, io: Io): void {
  const target = realTarget(folder, io);
  const fromTarget = relative(target, realpathSync(io.cwd));
  if (fromTarget === '' || !fromTarget.startsWith('..'))
    throw new UsageError(`${folder} holds the working directory; the artifact needs a folder of its own`);
  const stats = lstatSync(target, { throwIfNoEntry: false });
  if (!stats) return;
  if (!stats.isDirectory()) throw new Failure(`${folder} exists, and it is no folder`);
  const found = readdirSync(target);
  if (found.length === 0) return;
  const hint = 'choose another folder, or remove this one';
  if (!found.includes('program.json'))
    throw new Failure(`${folder} is neither empty nor an artifact, so it is not replaced`, { hint });
  const foreign = found.filter((name) => !(ARTIFACT_FILES as readonly string[]).includes(name));
  if (foreign.length === 0) return;
  const others = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ' …' : '');
  throw new Failure(`${folder} holds an artifact, but also ${others}, so it is not replaced`, { hint });
}

/** Writes the files. Throws Failure, and then leaves everything as it was. */
export async function writeFolder(folder: string, files: readonly ArtifactFile[], io: Io): Promise<void> {
  checkFolder(folder, io);
  const target = realTarget(folder, io);
  const sibling = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  const [made, old] = [`${sibling}.new`, `${sibling}.old`];
  let firstMade: string | undefined;
  const clean = (): void => {
    rmSync(made, { recursive: true, force: true });
    if (firstMade !== undefined) removeEmpty(dirname(target), firstMade);
  };
  const release = io.onInterrupt(clean);
  try {
    firstMade = await mkdir(dirname(target), { recursive: true });
    await mkdir(made);
    for (const { name, bytes } of files) await writeFile(join(made, name), bytes, { flag: 'wx' });
    await replace(target, made, old);
  } catch (error) {
    clean();
    throw new Failure(`${folder} cannot be written: ${systemReason(error)}`);
  } finally {
    release();
  }
  rmSync(old, { recursive: true, force: true });
}

/** Puts `made` in the place of `target`, which is kept as `old`; puts it back when that fails. */
async function replace(target: string, made: string, old: string): Promise<void> {
  const isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
  if (isThere) await rename(target, old);
  try {
    await rename(made, target);
  } catch (error) {
    if (isThere) await rename(old, target);
    throw error;
  }
}

/** Where the folder really is, when it is reached through a link. */
function realTarget(folder: string, io: Io): string {
  const path = resolve(io.cwd, folder);
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Removes empty folders from `from` up to and including `last`. */
function removeEmpty(from: string, last: string): void {
  try {
    for (let folder = from; folder.length >= last.length; folder = dirname(folder)) rmdirSync(folder);
  } catch {
    // Somebody else has put something there: it stays.
  }
}
