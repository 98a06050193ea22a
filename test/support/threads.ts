/** Threads for the models of a test file, and modules that run as several ranks on one thread. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, vi } from 'vitest';
import { bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { compileGraph } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { tableStarts } from '../../src/program/table.ts';
import { teamWords } from '../../src/program/team.ts';
import { wasmApi, type WasmApi, type WasmInstance, type WasmMemory } from '../../src/runtime/devices/platform.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { createModel, type Model } from '../../src/runtime/model.ts';

/** Bundles the worker's script once for the tests around; answers what asks for threads and fails on warnings. */
export function useThreads(): (count: number, changes?: Partial<Threads>) => Threads {
  let folder = '';
  let script: URL;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-worker-'));
    const outfile = join(folder, 'worker.js');
    await bundleWorker({ outfile });
    script = pathToFileURL(outfile);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (count, changes) => ({
    count,
    startWorker: (Worker) => new Worker(script, { type: 'module' }),
    onWarning: (message) => {
      throw new Error(message);
    },
    ...changes,
  });
}

type Run = (first: number, last: number) => void;

/**
 * A model whose steps run as those of several ranks, one rank after the other: no rank finds the others missing, because
 * each is told that they have arrived.
 */
export async function modelOnRanks(
  graph: Graph,
  ranks: number,
  weights: ReadonlyMap<string, StoredTensor> = new Map(),
): Promise<Model> {
  const { program, wasm } = compileGraph(graph, { targets: ['wasm'] });
  const slots = tableStarts(program.targets.wasm!.routines).at(-1)!;
  const arrived = teamWords(slots).arrived / 4;
  const api = wasmApi()!;
  const instantiate: WasmApi['instantiate'] = async (module, imports) => {
    const memory = imports['env']!['memory'] as WasmMemory;
    const solo = await api.instantiate(module, imports);
    const runs = Array.from({ length: ranks }, (_, rank): Run => {
      const instance: WasmInstance = new api.Instance(module, { env: { memory, rank, ranks } });
      return instance.exports['run'] as Run;
    });
    const run: Run = (first, last) => {
      for (let step = first; step < last; step++) {
        for (const runOne of runs) {
          new Int32Array(memory.buffer)[arrived] = ranks - 1;
          runOne(step, step + 1);
        }
      }
    };
    return { exports: { ...solo.exports, run } };
  };
  vi.stubGlobal('WebAssembly', Object.assign(Object.create(api), { instantiate }));
  try {
    return await createModel({ program, target: 'wasm', kernels: wasm!.strict, weights: (name) => weights.get(name) });
  } finally {
    vi.unstubAllGlobals();
  }
}
