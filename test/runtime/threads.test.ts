/** Models on several threads: real workers over shared memory. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Worker as NodeWorker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { artifactFiles } from '../../src/compiler/artifact/files.ts';
import { emitWasm } from '../../src/compiler/codegen/wasm/emit.ts';
import { encodeModule } from '../../src/compiler/codegen/wasm/encoder.ts';
import { constant, scale, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import { binary, literal, load } from '../../src/compiler/kernel/build.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { assembleProgram, plan } from '../../src/compiler/plan/plan.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { teamWords } from '../../src/program/team.ts';
import { withSharedMemory } from '../../src/runtime/devices/threads/module.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { HeddleError } from '../../src/runtime/errors.ts';
import { createModel, LoadedModel, type Model, type ModelParts } from '../../src/runtime/model.ts';
import { openSession } from '../../src/runtime/open-session.ts';
import { sampleParts, useFolders } from '../artifact/support.ts';
import { buffer, kernel, store } from '../codegen/dsl.ts';
import { call, lowered } from '../plan/programs.ts';
import { graphOf, modelOf, settings, specFile, storedTensor } from '../support/specs.ts';
import { randomNumbers } from '../support/tensors.ts';
import { useThreads } from '../support/threads.ts';
import { sampleKernels, sampleProgram, sampleWeights } from './sample.ts';

const threads = useThreads();
const models: Model[] = [];
afterEach(() => models.splice(0).forEach((model) => model.dispose()));

const draw = (count: number, seed = 1): Float32Array => {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => random() - 0.5);
};

const perceptron = graphOf(specFile('mlp.model'), { entry: 'MLP' });
const weights = new Map<string, StoredTensor>(
  perceptron.parameters.map(({ name, value }, at) => {
    const shape = value.type.shape.map((dim) => dim.terms[0]!.coefficient);
    const elements = shape.reduce((product, size) => product * size, 1);
    return [name, storedTensor(shape, draw(elements, at))];
  }),
);

async function loadPerceptron(count: number, changes?: Partial<Threads>): Promise<Model> {
  const model = await modelOf(perceptron, 'wasm', weights, count > 1 ? threads(count, changes) : undefined);
  models.push(model);
  return model;
}

const resultOf = (model: Model, rows: number, seed = 2): number[] => [
  ...model.runSync({ x: draw(64 * rows, seed) })['y']!.data,
];

describe('a model on several threads', () => {
  test('gives the same bits as on one, for every batch, with its memory growing', async () => {
    const [one, two, three] = [await loadPerceptron(1), await loadPerceptron(2), await loadPerceptron(3)];
    expect([one, two, three].map((model) => model.threads)).toEqual([1, 2, 3]);
    for (const rows of [1, 7, 0, 300, 5, 20_000, 7, 1]) {
      const wanted = resultOf(one, rows);
      expect(wanted).toHaveLength(10 * rows);
      expect(resultOf(two, rows), `${rows} rows`).toEqual(wanted);
      expect(resultOf(three, rows), `${rows} rows`).toEqual(wanted);
    }
  });

  test('runs again and again, at once and asynchronously, into the same views', async () => {
    const [one, two] = [await loadPerceptron(1), await loadPerceptron(2)];
    const first = two.runSync({ x: draw(64) });
    expect(first['y']!.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    for (let seed = 0; seed < 200; seed++) {
      const x = draw(64, seed);
      expect(two.runSync({ x })).toBe(first);
      expect(await two.run({ x })).toBe(first);
      expect([...first['y']!.data]).toEqual([...one.runSync({ x })['y']!.data]);
    }
  });

  test('takes its earlier outputs as inputs, after its memory has grown too', async () => {
    const square = graphOf(specFile('mlp.model'), { entry: 'MLP', settings: settings({ classes: 64 }) });
    const own = new Map(weights).set('out.weight', storedTensor([64, 128], draw(64 * 128)));
    own.set('out.bias', storedTensor([64], draw(64)));
    const [one, two] = [await modelOf(square, 'wasm', own), await modelOf(square, 'wasm', own, threads(2))];
    models.push(one, two);
    const x = draw(64 * 3);
    const wanted = one.runSync({ x: one.runSync({ x })['y']!.data.slice() as Float32Array })['y']!.data.slice();
    const earlier = two.runSync({ x })['y']!.data as Float32Array;
    const kept = earlier.slice();
    resultOf(two, 30_000);
    earlier.set(kept);
    expect([...two.runSync({ x: earlier })['y']!.data]).toEqual([...wanted]);
  });

  test('lives beside others, and goes before the next', async () => {
    const wanted = resultOf(await loadPerceptron(1), 4);
    const [a, b] = [await loadPerceptron(2), await loadPerceptron(2)];
    for (let round = 0; round < 20; round++) {
      expect(resultOf(a, 4)).toEqual(wanted);
      expect(resultOf(b, 4)).toEqual(wanted);
    }
    for (let times = 0; times < 10; times++) {
      const model = await loadPerceptron(2);
      expect(resultOf(model, 4)).toEqual(wanted);
      model.dispose();
    }
  });

  test('ends its workers when it is disposed, which may be twice', async () => {
    const { workers, startWorker } = watched();
    const model = await loadPerceptron(3, { startWorker });
    expect(workers).toHaveLength(2);
    model.dispose();
    model.dispose();
    await Promise.all(workers.map(ended));
    expect(() => resultOf(model, 1)).toThrow(expect.objectContaining({ code: 'disposed' }));
  });

  test('ends its workers when its load is aborted', async () => {
    const { workers, startWorker } = watched();
    const signal = AbortSignal.abort(new Error('left'));
    const parts = { ...partsOf(strays(0)), threads: threads(2, { startWorker }), signal };
    await expect(createModel(parts)).rejects.toThrow('left');
    expect(workers).toHaveLength(1);
    await ended(workers[0]!);
  });
});

describe('parts of a run', () => {
  /** Two points that count how often they are computed, behind steps that the first rank does alone. */
  function counting(): LoweredProgram {
    const i = symbol('i');
    const once = binary('add', load('y', i, 'f32'), literal(1));
    const count = kernel({
      name: 'count',
      buffers: [buffer('y')],
      grid: [['i', constant(2)]],
      body: [store('y', i, once)],
    });
    const mark = kernel({ name: 'mark', buffers: [buffer('z')], body: [store('z', 0, literal(1))] });
    const reset = kernel({
      name: 'reset',
      buffers: [buffer('y')],
      body: [0, 1].map((at) => store('y', at, literal(0))),
    });
    return lowered({
      sizes: [2, 1],
      outputs: [0, 1],
      calls: [call(reset, [0]), call(mark, [1]), call(mark, [1]), call(count, [0])],
    });
  }

  test('keep the ranks in step where the first rank does a part alone, or a part is empty', async () => {
    const model = new LoadedModel(await openSession({ ...partsOf(counting()), threads: threads(2) }));
    models.push(model);
    const ROUNDS = 100;
    const outputs = model.runBySteps({}, {}, (runSteps) => {
      runSteps(0, 1);
      for (let round = 0; round < ROUNDS; round++) {
        // By now the other rank sleeps, so that it is late for what begins.
        const start = performance.now();
        while (performance.now() < start + 0.3);
        if (round % 2 === 0) runSteps(1, 2);
        else runSteps(0, 0);
        runSteps(3, 4);
      }
    });
    expect([...outputs['output0']!.data]).toEqual([ROUNDS, ROUNDS]);
  });
});

describe('workers that wait', () => {
  const write = useFolders();

  /** What a script prints that is run beside an artifact, in a process that has to end by itself. */
  async function printed(script: string): Promise<string> {
    const { program, facts, wasm } = compileGraph(perceptron, { targets: ['wasm'] });
    const sample = await sampleParts();
    const folder = write(await artifactFiles({ ...sample, program, facts, wasm, js: undefined, weights }));
    writeFileSync(join(folder, 'script.mjs'), script);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', 'script.mjs'], {
      cwd: folder,
      timeout: 20_000,
    });
    expect(stderr).toBe('');
    return stdout;
  }

  test('do not keep a process alive', async () => {
    const script = `
      import { load } from './index.js';
      const model = await load({ threads: 3, simd: 'strict' });
      const { y } = await model.run({ x: new Float32Array(128) });
      console.log(model.threads, y.data.length);`;
    expect(await printed(script)).toBe('3 20\n');
  });

  test('end when their model is garbage', async () => {
    const script = `
      import { load } from './index.js';
      import { syncBuiltinESMExports } from 'node:module';
      import workerThreads from 'node:worker_threads';
      let ends = 0;
      workerThreads.Worker = class extends workerThreads.Worker {
        constructor(...given) {
          super(...given);
          this.on('exit', () => ends++);
        }
      };
      syncBuiltinESMExports();
      const use = async () => {
        const model = await load({ threads: 3, simd: 'strict' });
        await model.run({ x: new Float32Array(64) });
        return model.threads;
      };
      const threads = await use();
      for (let tries = 0; ends < 2 && tries < 500; tries++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(threads, ends);`;
    expect(await printed(script)).toBe('3 2\n');
  });
});

describe('a thread that fails', () => {
  test.each([0, 1])('ends the run with an error when it is rank %i, and the model', async (rank) => {
    const { workers, startWorker } = watched();
    const model = await createModel({ ...partsOf(strays(rank)), threads: threads(2, { startWorker }) });
    models.push(model);
    const inputs = { input0: Float32Array.of(1, 2) };
    const internal = expect.objectContaining({ code: 'internal' });
    expect(() => model.runSync(inputs)).toThrow(internal);
    await ended(workers[0]!);
    expect(() => model.runSync(inputs)).toThrow(internal);
    await expect(model.run(inputs)).rejects.toBeInstanceOf(HeddleError);
  });

  test('ends the model when it is killed between runs', async () => {
    const { workers, startWorker } = watched();
    const model = await loadPerceptron(2, { startWorker });
    resultOf(model, 2);
    await workers[0]!.terminate();
    await ended(workers[0]!);
    expect(() => resultOf(model, 2)).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('without threads, the model runs on one and says so once', () => {
  const loadWarned = async (changes: Partial<Threads>): Promise<string[]> => {
    const warnings: string[] = [];
    const model = await loadPerceptron(2, { onWarning: (message) => warnings.push(message), ...changes });
    expect(model.threads).toBe(1);
    expect(resultOf(model, 3)).toEqual(resultOf(await loadPerceptron(1), 3));
    return warnings;
  };

  test('where workers cannot be started', async () => {
    const missing = pathToFileURL('/nowhere/worker.js');
    const [warning, ...others] = await loadWarned({ startWorker: (Worker) => new Worker(missing, { type: 'module' }) });
    expect(warning).toMatch(/^the model runs on one thread instead of 2: Cannot find module .*nowhere/);
    expect(others).toEqual([]);
    const broken = (): never => {
      throw new Error('forbidden');
    };
    expect(await loadWarned({ startWorker: broken })).toEqual(['the model runs on one thread instead of 2: forbidden']);
  });

  test('where there is no shared memory, or a page may not share it', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    expect(await loadWarned({})).toEqual([
      'the model runs on one thread instead of 2: this engine has no shared memory',
    ]);
    vi.unstubAllGlobals();
    vi.stubGlobal('crossOriginIsolated', false);
    expect((await loadWarned({}))[0]).toMatch(/not cross-origin isolated/);
    vi.unstubAllGlobals();
  });

  test('on a target without them', async () => {
    const warnings: string[] = [];
    const model = await createModel({
      program: sampleProgram,
      target: 'js',
      kernels: sampleKernels,
      weights: (name) => sampleWeights.get(name),
      threads: threads(2, { onWarning: (message) => warnings.push(message) }),
    });
    expect(model.threads).toBe(1);
    expect(warnings).toEqual(['the model runs on one thread instead of 2: js has no others']);
  });
});

test('shared memory is declared by a bit in the flags of its import, and nothing else', () => {
  const module = (shared: boolean) =>
    encodeModule({
      memory: { module: 'a module', name: 'a memory', minimum: 300, maximum: 65536, shared },
      functions: [],
      exports: [],
      globals: [{ module: 'env', name: 'rank' }],
    });
  expect(withSharedMemory(module(false))).toEqual(module(true));
  expect(() => withSharedMemory(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))).toThrow('imports no memory');
});

/** Starts workers and remembers them. */
function watched(): { readonly workers: NodeWorker[]; readonly startWorker: Threads['startWorker'] } {
  const workers: NodeWorker[] = [];
  const startWorker: Threads['startWorker'] = (Worker) => {
    const worker = threads(2).startWorker!(Worker);
    workers.push(worker as NodeWorker);
    return worker;
  };
  return { workers, startWorker };
}

/** Threads that have ended have no number any more. */
async function ended(worker: NodeWorker): Promise<void> {
  if (worker.threadId !== -1) await once(worker, 'exit');
}

/** Copies two elements, one a point of the grid; of two ranks, `rank` reaches far beyond the memory. */
function strays(rank: number): LoweredProgram {
  const i = symbol('i');
  const point = rank === 1 ? i : subtract(constant(1), i);
  const copy = kernel({
    name: 'copy',
    buffers: [buffer('x'), buffer('y')],
    grid: [['i', constant(2)]],
    body: [store('y', scale(point, 2e8), load('x', i, 'f32'))],
  });
  return lowered({ sizes: [2, 2], inputs: [0], outputs: [1], calls: [call(copy, [0, 1])] });
}

function partsOf(program: LoweredProgram): Pick<ModelParts, 'program' | 'target' | 'kernels' | 'weights'> {
  const planned = plan(program);
  const kernels = emitWasm({
    kernels: planned.kernels,
    steps: planned.runArguments,
    tableAddress: 0,
    team: teamWords(planned.tableSlots),
    exported: planned.exportedKernels,
  });
  return {
    program: assembleProgram('Copy', program.dims, { wasm: planned }),
    target: 'wasm',
    kernels,
    weights: () => undefined,
  };
}
