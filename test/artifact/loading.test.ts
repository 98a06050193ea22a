import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import { sha256 } from '../../src/program/sha256.ts';
import { loadArtifact, type LoadOptions, type LoadProgress } from '../../src/runtime/artifact.ts';
import { expectedScaled, sampleWeights } from '../runtime/sample.ts';
import { bytesOf, importFrom, sampleArtifact, useFolders } from './support.ts';

const folderWith = useFolders();
let complete: ArtifactFile[];

beforeAll(async () => {
  complete = await sampleArtifact();
});

/** The last of each phase. */
function lastOf(seen: readonly LoadProgress[]): { readonly [phase: string]: LoadProgress } {
  return Object.fromEntries(seen.map((progress) => [progress.phase, progress]));
}

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Served {
  readonly url: string;
  /** Settles when a client has hung up. */
  readonly gone: Promise<void>;
}

async function serve(answer: (response: ServerResponse, path: string) => void): Promise<Served> {
  const server = createServer();
  const gone = new Promise<void>((resolve) => {
    server.on('request', ({ url = '' }, response) => {
      response.on('close', () => response.writableFinished || resolve());
      answer(response, url);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, gone };
}

describe('onProgress', () => {
  test('is told of every phase until all has arrived', async () => {
    const { load } = await importFrom(folderWith(complete));
    const seen: LoadProgress[] = [];
    await load({ simd: 'strict', onProgress: (progress) => seen.push(progress) });
    const whole = (name: string): { loaded: number; total: number } => {
      const { length } = bytesOf(complete, name);
      return { loaded: length, total: length };
    };
    expect(lastOf(seen)).toEqual({
      program: { phase: 'program', ...whole('program.json') },
      kernels: { phase: 'kernels', ...whole('program.wasm') },
      weights: { phase: 'weights', ...whole('weights.safetensors') },
      prepare: { phase: 'prepare', loaded: 1, total: 1 },
    });
    expect(seen[0]!.loaded).toBe(0);
    for (const phase of ['program', 'kernels', 'weights']) {
      const loaded = seen.filter((progress) => progress.phase === phase).map((progress) => progress.loaded);
      expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
    }
  });

  test('follows weights from a server as they arrive, with their length where it is told', async () => {
    const { load } = await importFrom(folderWith(complete));
    const file = writeSafetensors(sampleWeights);
    for (const isTold of [true, false]) {
      let arrived: (() => void) | undefined;
      const { url } = await serve((response) => {
        if (isTold) response.setHeader('content-length', file.length);
        response.write(file.subarray(0, 50));
        // The rest is only sent when the first part has been reported.
        arrived = () => response.end(file.subarray(50));
      });
      const seen: LoadProgress[] = [];
      const onProgress = (progress: LoadProgress): void => {
        if (progress.phase !== 'weights') return;
        seen.push(progress);
        if (progress.loaded === 50) arrived!();
      };
      const model = await load({ weights: url, onProgress });
      const total = isTold ? { total: file.length } : {};
      expect(seen).toEqual([0, 50, file.length].map((loaded) => ({ phase: 'weights', loaded, ...total })));
      expect([...model.runSync({ x: [1, 2, 3], limit: 0 })['scaled']!.data]).toEqual(expectedScaled([1, 2, 3]));
    }
  });

  test('ends the load with what it throws', async () => {
    const { load } = await importFrom(folderWith(complete));
    const mine = new Error('mine');
    for (const at of ['program', 'weights', 'prepare']) {
      const loading = load({
        onProgress: ({ phase }) => {
          if (phase === at) throw mine;
        },
      });
      await expect(loading).rejects.toBe(mine);
    }
  });
});

describe('a signal', () => {
  test('that is aborted already ends the load before it begins', async () => {
    const { load } = await importFrom(folderWith(complete));
    let reports = 0;
    const reason = new Error('never mind');
    await expect(load({ signal: AbortSignal.abort(reason), onProgress: () => reports++ })).rejects.toBe(reason);
    expect(reports).toBe(0);
    await expect(load({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('ends a request that is under way', async () => {
    const { load } = await importFrom(folderWith(complete));
    const { url, gone } = await serve((response) => response.write('the beginning of very much'));
    const controller = new AbortController();
    const reason = { because: 'the page was left' };
    const onProgress = ({ phase, loaded }: LoadProgress): void => {
      if (phase === 'weights' && loaded > 0) controller.abort(reason);
    };
    await expect(load({ weights: url, signal: controller.signal, onProgress })).rejects.toBe(reason);
    await gone;
  });

  test.each(['program', 'kernels', 'weights', 'prepare'])('ends the phase %s', async (at) => {
    const { load } = await importFrom(folderWith(complete));
    const controller = new AbortController();
    const loading = load({
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase === at) controller.abort('enough');
      },
    });
    await expect(loading).rejects.toBe('enough');
  });

  test('may be aborted later without harm, and keeps no listener', async () => {
    const { load } = await importFrom(folderWith(complete));
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = { count: 0 };
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...given: Parameters<typeof add>) => (listeners.count++, add(...given));
    signal.removeEventListener = (...given: Parameters<typeof remove>) => (listeners.count--, remove(...given));
    const model = await load({ signal });
    expect(listeners.count).toBe(0);
    controller.abort();
    expect(model.runSync({ x: [1, 2, 3], limit: 0 })['scaled']!.shape).toEqual([1, 3]);
  });
});

test('a load that fails ends the requests of the others', async () => {
  const pending: ServerResponse[] = [];
  let isRefusing = false;
  const refuse = (): void => pending.splice(0).forEach((response) => response.writeHead(404).end());
  const { url, gone } = await serve((response, path) => {
    const name = path.slice(1);
    if (name === 'manifest.json') response.end(bytesOf(complete, name));
    else if (name === 'weights.safetensors') response.write('the beginning of very much');
    else pending.push(response);
    if (isRefusing) refuse();
  });
  const at = (name: string): URL => new URL(name, url);
  const loading = loadArtifact(
    {
      manifest: at('manifest.json'),
      digest: await sha256(bytesOf(complete, 'manifest.json')),
      program: at('program.json'),
      wasm: { strict: at('program.wasm'), relaxed: at('program.relaxed.wasm') },
      weights: at('weights.safetensors'),
    },
    {
      onProgress({ phase, loaded }) {
        if (phase !== 'weights' || loaded === 0) return;
        isRefusing = true;
        refuse();
      },
    },
  );
  await expect(loading).rejects.toMatchObject({ code: 'file' });
  await gone;
});

describe('the script of threads', () => {
  /** The warning of a load with two threads and without the script. */
  async function warned(options: LoadOptions): Promise<string> {
    const folder = folderWith(complete);
    rmSync(join(folder, 'worker.js'));
    const { load } = await importFrom(folder);
    const warnings: string[] = [];
    const model = await load({ ...options, threads: 2, onWarning: (message) => warnings.push(message) });
    expect(model.threads).toBe(1);
    expect(warnings).toHaveLength(1);
    return warnings[0]!;
  }

  test('is not read where there can be no threads', async () => {
    expect(await warned({ target: 'js' })).toMatch(/js has no others$/);
    vi.stubGlobal('crossOriginIsolated', false);
    expect(await warned({}).finally(() => vi.unstubAllGlobals())).toMatch(/not cross-origin isolated/);
  });

  test('has to be there where they are possible', async () => {
    await expect(warned({})).rejects.toMatchObject({ code: 'file' });
  });
});
