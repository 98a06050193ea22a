import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { engine } from '../codegen/engine.ts';
import { assemble, expectedScaled, sampleModule, sampleProgram, sampleWeights } from '../runtime/sample.ts';
import { bytesOf, importFrom, sampleArtifact, useFolders } from './support.ts';
import { avoidWrongDotProducts } from '../support/relaxed.ts';

const run = promisify(execFile);
const folderWith = useFolders();
let complete: ArtifactFile[];

beforeAll(async () => {
  complete = await sampleArtifact();
});

describe('an artifact', () => {
  test('consists of the files that its targets need', async () => {
    const names = (files: readonly ArtifactFile[]): string[] => files.map(({ name }) => name).sort();
    const always = ['index.d.ts', 'index.js', 'manifest.json', 'package.json', 'program.json'];
    const optional = ['kernels.js', 'program.relaxed.wasm', 'program.wasm', 'weights.safetensors', 'worker.js'];
    expect(names(complete)).toEqual([...always, ...optional].sort());
    const program = { ...sampleProgram, targets: { js: sampleProgram.targets.js! } };
    const small = await sampleArtifact({ program, wasm: undefined, weights: undefined });
    expect(names(small)).toEqual([...always, 'kernels.js'].sort());
  });

  test.each(['wasm', 'js'] as const)('runs from its folder on %s', async (target) => {
    const { load } = await importFrom(folderWith(complete));
    const model = await load({ target });
    expect(model.target).toBe(target);
    const { scaled } = await model.run({ x: [1, 2, 3], limit: 0 });
    expect([...scaled!.data]).toEqual(expectedScaled([1, 2, 3]));
  });

  test('runs the relaxed module where the engine does, and the one that is asked for', async () => {
    avoidWrongDotProducts();
    const other = await sampleModule();
    // The two differ, to tell which one runs: this one has no function for a load step.
    const relaxed = await assemble('(module (func (export "run") (param i32 i32)))');
    const { load } = await importFrom(folderWith(await sampleArtifact({ wasm: { strict: other, relaxed } })));
    expect((await load({ simd: 'strict' })).simd).toBe('strict');
    await expect(load()).rejects.toMatchObject({ code: 'program-malformed' });
    await expect(load({ simd: 'relaxed' })).rejects.toMatchObject({ code: 'program-malformed' });
    const { load: loadSample } = await importFrom(folderWith(complete));
    expect((await loadSample()).simd).toBe('relaxed');
    expect((await loadSample({ target: 'js' })).simd).toBeUndefined();
  });

  test('says so where the relaxed module is wanted and the engine lacks relaxed SIMD', async () => {
    const { load } = await importFrom(folderWith(complete));
    const { validate } = engine;
    engine.validate = () => false;
    try {
      await expect(load({ simd: 'relaxed' })).rejects.toMatchObject({ code: 'unsupported' });
      expect((await load()).simd).toBe('strict');
    } finally {
      engine.validate = validate;
    }
  });

  test('prefers WebAssembly, and takes other weights', async () => {
    const { load } = await importFrom(folderWith(complete));
    expect((await load()).target).toBe('wasm');
    const w = { dtype: 'F32', shape: [3], bytes: new Uint8Array(Float32Array.of(5, 5, 5).buffer) } as const;
    const file = writeSafetensors(new Map<string, StoredTensor>([['w', w]]));
    const path = join(folderWith([{ name: 'other.safetensors', bytes: file }]), 'other.safetensors');
    for (const weights of [file, file.buffer, path, pathToFileURL(path), pathToFileURL(path).href]) {
      const model = await load({ weights });
      expect([...model.runSync({ x: [1, 1, 1], limit: 0 })['scaled']!.data]).toEqual([11, 11, 11]);
    }
  });

  test('keeps only the weights that its program uses', async () => {
    const unused: StoredTensor = { dtype: 'U8', shape: [1000], bytes: new Uint8Array(1000) };
    const files = await sampleArtifact({ weights: new Map([...sampleWeights, ['unused', unused]]) });
    expect(bytesOf(files, 'weights.safetensors').length).toBeLessThan(200);
  });

  test('runs in any working directory, and needs no code generation from text', async () => {
    const script = `import { load } from ${JSON.stringify(pathToFileURL(join(folderWith(complete), 'index.js')).href)};
      for (const target of ['wasm', 'js']) {
        const model = await load({ target });
        console.log(model.runSync({ x: [1, 2, 3], limit: 0 }).scaled.data.join());
      }`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script];
    const { stdout, stderr } = await run(process.execPath, flags, { cwd: '/' });
    expect(stdout).toBe('3,9,19\n3,9,19\n');
    expect(stderr).toBe('');
  });

  test('runs in a worker', async () => {
    const script = `import { parentPort } from 'node:worker_threads';
      import { load } from ${JSON.stringify(pathToFileURL(join(folderWith(complete), 'index.js')).href)};
      const { scaled } = await (await load()).run({ x: [1, 2, 3], limit: 0 });
      parentPort.postMessage([...scaled.data]);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const message = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
    expect(message).toEqual([3, 9, 19]);
    await worker.terminate();
  });
});
