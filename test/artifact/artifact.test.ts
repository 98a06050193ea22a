import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles, type ArtifactFile } from '../../src/compiler/artifact/files.ts';
import { writeSafetensors } from '../../src/compiler/interop/safetensors.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { LoadOptions } from '../../src/runtime/artifact.ts';
import { readBytes } from '../../src/runtime/files.ts';
import type { Model } from '../../src/runtime/model.ts';
import { expectedScaled, sampleKernels, sampleModule, sampleProgram, sampleWeights } from '../runtime/sample.ts';

const run = promisify(execFile);

interface ArtifactModule {
  readonly load: (options?: LoadOptions) => Promise<Model>;
  readonly HeddleError: new () => Error;
}

const folders: string[] = [];
let runtimeSource: string;
let wasm: Uint8Array<ArrayBuffer>;
// The kernels' text has no types: it is what this module was compiled to.
const js = `export const kernels = ${String(sampleKernels)};\n`;

beforeAll(async () => {
  runtimeSource = (await bundleRuntime())!;
  wasm = await sampleModule();
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function folderWith(files: readonly ArtifactFile[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-artifact-'));
  folders.push(folder);
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  for (const { name, bytes } of files) await writeFile(join(folder, name), bytes);
  return folder;
}

async function importFrom(folder: string): Promise<ArtifactModule> {
  return (await import(pathToFileURL(join(folder, 'index.js')).href)) as ArtifactModule;
}

const complete = (): ArtifactFile[] =>
  artifactFiles({ program: sampleProgram, wasm, js, weights: sampleWeights, runtimeSource });

describe('an artifact', () => {
  test('consists of the files that its targets need', () => {
    const names = (files: ArtifactFile[]): string[] => files.map(({ name }) => name).sort();
    const all = [
      'index.d.ts',
      'index.js',
      'kernels.js',
      'package.json',
      'program.json',
      'program.wasm',
      'weights.safetensors',
    ];
    expect(names(complete())).toEqual(all);
    const program = { ...sampleProgram, targets: { js: sampleProgram.targets.js! } };
    expect(names(artifactFiles({ program, js, runtimeSource }))).toEqual([
      'index.d.ts',
      'index.js',
      'kernels.js',
      'package.json',
      'program.json',
    ]);
  });

  test.each(['wasm', 'js'] as const)('runs from its folder on %s', async (target) => {
    const { load } = await importFrom(await folderWith(complete()));
    const model = await load({ target });
    expect(model.target).toBe(target);
    const { scaled } = await model.run({ x: [1, 2, 3], limit: 0 });
    expect([...scaled!.data]).toEqual(expectedScaled([1, 2, 3]));
  });

  test('prefers WebAssembly, and takes other weights', async () => {
    const { load } = await importFrom(await folderWith(complete()));
    expect((await load()).target).toBe('wasm');
    const w = { dtype: 'F32', shape: [3], bytes: new Uint8Array(Float32Array.of(5, 5, 5).buffer) } as const;
    const file = writeSafetensors(new Map<string, StoredTensor>([['w', w]]));
    const folder = await folderWith([{ name: 'other.safetensors', bytes: file }]);
    const path = join(folder, 'other.safetensors');
    for (const weights of [file, file.buffer, path, pathToFileURL(path), pathToFileURL(path).href]) {
      const model = await load({ weights });
      expect([...model.runSync({ x: [1, 1, 1], limit: 0 })['scaled']!.data]).toEqual([11, 11, 11]);
    }
  });

  test('keeps only the weights that its program uses', async () => {
    const unused: StoredTensor = { dtype: 'U8', shape: [1000], bytes: new Uint8Array(1000) };
    const weights = new Map([...sampleWeights, ['unused', unused]]);
    const files = artifactFiles({ program: sampleProgram, wasm, js, weights, runtimeSource });
    expect(files.find(({ name }) => name === 'weights.safetensors')!.bytes.length).toBeLessThan(200);
  });

  test('needs no code generation from text', async () => {
    const folder = await folderWith(complete());
    const script = `import { load } from './index.js';
      for (const target of ['wasm', 'js']) {
        const model = await load({ target });
        console.log(model.runSync({ x: [1, 2, 3], limit: 0 }).scaled.data.join());
      }`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script];
    const { stdout, stderr } = await run(process.execPath, flags, { cwd: folder });
    expect(stdout).toBe('3,9,19\n3,9,19\n');
    expect(stderr).toBe('');
  });

  test('runs in a worker', async () => {
    const folder = await folderWith(complete());
    const script = `import { parentPort } from 'node:worker_threads';
      import { load } from ${JSON.stringify(pathToFileURL(join(folder, 'index.js')).href)};
      const { scaled } = await (await load()).run({ x: [1, 2, 3], limit: 0 });
      parentPort.postMessage([...scaled.data]);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const message = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
    expect(message).toEqual([3, 9, 19]);
    await worker.terminate();
  });

  test('leaves room for a program in a budget of 40 KB', () => {
    const text = new TextDecoder().decode(complete().find(({ name }) => name === 'index.js')!.bytes);
    expect(gzipSync(text).length).toBeLessThan(12_000);
  });
});

describe('an artifact that is not whole fails with a code', () => {
  async function refusal(files: readonly ArtifactFile[], options?: unknown): Promise<[code: string, message: string]> {
    const { load, HeddleError } = await importFrom(await folderWith(files));
    const error: unknown = await load(options as LoadOptions).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HeddleError);
    const { code, message } = error as Error & { readonly code: string };
    return [code, message];
  }
  const replaced = (name: string, text: string): ArtifactFile[] => [
    ...complete().filter((file) => file.name !== name),
    { name, bytes: new TextEncoder().encode(text) },
  ];
  const without = (name: string): ArtifactFile[] => complete().filter((file) => file.name !== name);

  test.each(['program.json', 'program.wasm', 'weights.safetensors'])('without %s', async (name) => {
    const [code, message] = await refusal(without(name));
    expect(code).toBe('file');
    expect(message).toContain(`/${name} cannot be read: ENOENT`);
  });

  test('without kernels.js', async () => {
    const [code, message] = await refusal(without('kernels.js'), { target: 'js' });
    expect(code).toBe('file');
    expect(message).toContain('kernels.js cannot be imported');
  });

  test('with a malformed program.json', async () => {
    expect((await refusal(replaced('program.json', '{')))[0]).toBe('program-malformed');
    expect((await refusal(replaced('program.json', '[]')))[0]).toBe('program-malformed');
    expect((await refusal(replaced('program.json', '{"version": 2}')))[0]).toBe('program-version');
  });

  test('with malformed weights', async () => {
    expect((await refusal(replaced('weights.safetensors', 'x')))[0]).toBe('weights-malformed');
  });

  test('with a module that no engine takes', async () => {
    const [code] = await refusal(replaced('program.wasm', 'x'), { target: 'wasm' });
    expect(code).toBe('unsupported');
  });

  test('but takes the js target when WebAssembly is not to be had', async () => {
    const { load } = await importFrom(await folderWith(replaced('program.wasm', 'x')));
    expect((await load()).target).toBe('js');
  });

  test('with options that mean nothing', async () => {
    expect(await refusal(complete(), { target: 'gpu' })).toEqual([
      'option',
      'the option target is gpu; it can be wasm or js',
    ]);
    expect((await refusal(complete(), { weights: 3 }))[0]).toBe('option');
  });

  test('without weights that are asked for', async () => {
    const files = artifactFiles({ program: sampleProgram, wasm, runtimeSource });
    expect(await refusal(files)).toEqual(['weights-missing', 'the weights lack w (f32[3])']);
    expect(await refusal(files, { target: 'js' })).toEqual(['target', 'the artifact was not compiled for js']);
  });
});

test('files are fetched from a server', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/here' ? 200 : 404;
    response.end('abc');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect([...(await readBytes(new URL(`${base}/here`)))]).toEqual([97, 98, 99]);
  await expect(readBytes(`${base}/gone`)).rejects.toMatchObject({
    code: 'file',
    message: `${base}/gone cannot be read: the server answered 404`,
  });
  server.close();
});

describe('the types of an artifact', () => {
  const declarations = (): string =>
    new TextDecoder().decode(complete().find(({ name }) => name === 'index.d.ts')!.bytes);

  test('name inputs, outputs and dimensions', () => {
    const text = declarations();
    expect(text).toContain(`export interface Inputs {
  /** f32[batch, 3] */
  readonly x: Tensor<Float32Array | readonly number[]>;
  /** f32[] */
  readonly limit: number | Tensor<Float32Array | readonly number[]>;
}`);
    expect(text).toContain('readonly large: { readonly data: Uint8Array; readonly shape: readonly [number, 3] };');
    expect(text).toContain('readonly dims?: { readonly batch?: number; };');
    expect(text).toContain(`readonly target?: 'wasm' | 'js';`);
  });

  test('are taken by the TypeScript compiler, which finds wrong names', async () => {
    const folder = await folderWith(complete());
    await writeFile(
      join(folder, 'use.ts'),
      `import { load, HeddleError, type Outputs } from './index.js';
const model = await load({ target: 'wasm' });
const outputs: Outputs = await model.run({ x: { data: Float32Array.of(1), shape: [1, 3] }, limit: 3 }, { dims: { batch: 1 } });
const three: 3 = outputs.large.shape[1];
const data: Float32Array = outputs.scaled.data;
// @ts-expect-error: no such input
model.runSync({ y: data, limit: three });
// @ts-expect-error: doubles
model.runSync({ x: new Float64Array(3), limit: 1 });
// @ts-expect-error: no such output
outputs.logits;
export const isOurs = (error: unknown) => error instanceof HeddleError && error.code === 'input-shape';
`,
    );
    const tsc = new URL('../../node_modules/.bin/tsc', import.meta.url).pathname;
    const flags = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2022,dom',
      'use.ts',
    ];
    const { stdout } = await run(tsc, flags, { cwd: folder }).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toBe('');
  });
});
