/**
 * Writes the folder of an artifact whole or not at all: into a temporary sibling, which then takes the place of the
 * folder. What was there before stays until the new files are complete.
 */
import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, realpathSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { ArtifactFile } from '../compiler/artifact/files.ts';
import { Failure, UsageError } from './errors.ts';
import { systemReason } from './files.ts';
import type { Io } from './io.ts';

/** Every file that an artifact may have. A folder with others was not made here alone, and is never replaced. */
const ARTIFACT_FILES = [
  'index.js',
  'index.d.ts',
  'manifest.json',
  'package.json',
  'program.json',
  'program.wasm',
  'program.relaxed.wasm',
  'worker.js',
  'kernels.js',
  'shaders.json',
  'profile.json',
  'self-test.json',
  'weights.safetensors',
] as const;

/**
 * Throws UsageError or Failure when `folder` must not be written; call it before the long work. Files of other names
 * than `names` and those of every artifact would be lost; that is checked when the names are known.
 */
export function checkFolder(folder: string, io: Io, names?: readonly string[]): void {
  const target = realTarget(folder, io);
  const fromTarget = relative(target, realpathSync(io.cwd));
  if (fromTarget.split(sep)[0] !== '..')
    throw new UsageError(`${folder} holds the working directory; the artifact needs a folder of its own`);
  const found = entriesOf(target, folder);
  if (!found || found.length === 0) return;
  const hint = 'choose another folder, or remove this one';
  if (!found.includes('program.json'))
    throw new Failure(`${folder} is neither empty nor an artifact, so it is not replaced`, { hint });
  const own = new Set<string>([...ARTIFACT_FILES, ...(names ?? found)]);
  const foreign = found.filter((name) => !own.has(name));
  if (foreign.length === 0) return;
  const others = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ' …' : '');
  throw new Failure(`${folder} holds an artifact, but also ${others}, so it is not replaced`, { hint });
}

/** What is in the folder; undefined when there is none. */
function entriesOf(target: string, folder: string): string[] | undefined {
  try {
    const stats = lstatSync(target, { throwIfNoEntry: false });
    if (!stats || stats.isDirectory()) return stats && readdirSync(target);
  } catch (error) {
    throw new Failure(`${folder} cannot be written: ${systemReason(error)}`);
  }
  throw new Failure(`${folder} exists, and it is no folder`);
}

/** Writes the files. Throws Failure, and then leaves everything as it was. */
export async function writeFolder(folder: string, files: readonly ArtifactFile[], io: Io): Promise<void> {
  checkFolder(
    folder,
    io,
    files.map(({ name }) => name),
  );
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
    replace(target, made, old);
  } catch (error) {
    clean();
    throw new Failure(`${folder} cannot be written: ${systemReason(error)}`);
  } finally {
    release();
  }
}

/**
 * Puts `made` in the place of `target`, which is put back when that fails. All at once: no signal is handled between the
 * steps.
 */
function replace(target: string, made: string, old: string): void {
  const isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
  if (isThere) renameSync(target, old);
  try {
    renameSync(made, target);
  } catch (error) {
    if (isThere) renameSync(old, target);
    throw error;
  }
  rmSync(old, { recursive: true, force: true });
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
