/** Loads leave no file open, however they end: Node ends a process that leaves that to the garbage collector. */
import { promises, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import type { LoadOptions } from '../../src/runtime/artifact.ts';
import { readBytes } from '../../src/runtime/files.ts';
import { importFrom, sampleArtifact, useFolders } from './support.ts';

const folderWith = useFolders();
let complete: ArtifactFile[];

beforeAll(async () => {
  complete = await sampleArtifact();
});

const open = promises.open.bind(promises);
/** All that was opened in a test, which may settle after its load. */
let opened: Promise<FileHandle>[];
/** Comes before a file is opened, and after that. */
let around: {
  readonly before?: (name: string) => unknown;
  readonly after?: (file: FileHandle, name: string) => unknown;
};

beforeEach(() => {
  opened = [];
  around = {};
  vi.spyOn(promises, 'open').mockImplementation((path, ...rest) => {
    const name = basename(String(path));
    const opening = (async () => {
      await around.before?.(name);
      const file = await open(path, ...rest);
      await around.after?.(file, name);
      return file;
    })();
    opened.push(opening);
    return opening;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A closed file has the descriptor -1. */
async function expectAllClosed(atLeast: number): Promise<void> {
  const settled = await Promise.allSettled(opened);
  const files = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(files.length).toBeGreaterThanOrEqual(atLeast);
  await vi.waitFor(() => expect(files.map(({ fd }) => fd)).toEqual(files.map(() => -1)));
}

/** How a load ends from a folder that `change` has made worse. */
async function outcome(options: LoadOptions, change?: (folder: string) => void): Promise<unknown> {
  const folder = folderWith(complete);
  change?.(folder);
  const { load } = await importFrom(folder);
  return load({ simd: 'strict', ...options }).then(
    (model) => model.dispose(),
    (error: { code?: string }) => error.code ?? error,
  );
}

const FILES = ['manifest.json', 'program.json', 'program.wasm', 'worker.js', 'weights.safetensors'];

describe('no file stays open after a load', () => {
  test('that succeeds', async () => {
    expect(await outcome({})).toBeUndefined();
    await expectAllClosed(4);
  });

  test('that fails when all has been read', async () => {
    // The sample's module, written by hand, has no place for threads.
    expect(await outcome({ threads: 2 })).toBe('unsupported');
    await expectAllClosed(5);
  });

  test.each(FILES)('that fails without %s, with the others still being opened', async (missing) => {
    let letOthers!: () => void;
    const end = new Promise<void>((resolve) => (letOthers = resolve));
    around = { before: (name) => (name === missing || name === 'manifest.json' ? undefined : end) };
    expect(await outcome({ threads: 2 }, (folder) => rmSync(join(folder, missing)))).toBe('file');
    letOthers();
    await expectAllClosed(missing === 'manifest.json' ? 0 : 4);
  });

  test.each(FILES)('that fails with a damaged %s', async (damaged) => {
    const change = (folder: string): void => writeFileSync(join(folder, damaged), 'damaged');
    expect(await outcome({ threads: 2 }, change)).toBe('file-corrupted');
    await expectAllClosed(1);
  });

  test('that fails because weights of its own are missing, or none', async () => {
    expect(await outcome({ weights: '/nowhere' })).toBe('file');
    await expectAllClosed(3);
    const weights = join(folderWith([{ name: 'weights', bytes: new Uint8Array(100) }]), 'weights');
    expect(await outcome({ weights })).toBe('weights-malformed');
    await expectAllClosed(7);
  });

  test.each(FILES)('that is aborted while %s is being opened', async (at) => {
    const controller = new AbortController();
    around = { after: (_, name) => name === at && controller.abort('enough') };
    expect(await outcome({ threads: 2, signal: controller.signal })).toBe('enough');
    await expectAllClosed(1);
  });

  test.each(['program', 'kernels', 'weights', 'prepare'])('that is aborted in its phase %s', async (at) => {
    const controller = new AbortController();
    const { signal } = controller;
    expect(await outcome({ signal, onProgress: ({ phase }) => phase === at && controller.abort('enough') })).toBe(
      'enough',
    );
    await expectAllClosed(2);
  });

  test('that cannot learn how long a file is', async () => {
    around = { after: (file) => vi.spyOn(file, 'stat').mockRejectedValue(new Error('lost')) };
    expect(await outcome({})).toBe('file');
    await expectAllClosed(1);
  });
});

test('a file that cannot be read is closed without a signal too', async () => {
  await expect(readBytes(folderWith([]))).rejects.toMatchObject({ code: 'file' });
  await expectAllClosed(1);
});
