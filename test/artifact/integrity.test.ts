import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import type { LoadOptions } from '../../src/runtime/artifact.ts';
import { readBytes } from '../../src/runtime/files.ts';
import { sampleProgram } from '../runtime/sample.ts';
import { importFrom, sampleArtifact, useFolders } from './support.ts';

const folderWith = useFolders();
let complete: ArtifactFile[];

beforeAll(async () => {
  complete = await sampleArtifact();
});

interface Refusal {
  readonly code: string;
  readonly message: string;
}

async function refusalOf(folder: string, options?: unknown): Promise<Refusal> {
  const { load, HeddleError } = await importFrom(folder);
  const error: unknown = await load(options as LoadOptions).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeddleError);
  const { code, message } = error as Error & { readonly code: string };
  return { code, message };
}

/** Files that a load reads, and options for which it does. */
const READ = [
  ['manifest.json', { target: 'wasm' }],
  ['program.json', { target: 'wasm' }],
  ['program.wasm', { simd: 'strict' }],
  ['program.relaxed.wasm', { simd: 'relaxed' }],
  ['kernels.js', { target: 'js' }],
  ['weights.safetensors', { target: 'wasm' }],
] as const;

describe.each(READ)('an artifact whose %s', (name, options) => {
  const damaged = (damage: (path: string) => void): Promise<Refusal> => {
    const folder = folderWith(complete);
    damage(join(folder, name));
    return refusalOf(folder, options);
  };

  test('is missing fails with the code file', async () => {
    const { code, message } = await damaged((path) => rmSync(path));
    expect(code).toBe('file');
    expect(message).toContain(`/${name} cannot be read: ENOENT`);
  });

  test.each([0, 0.5, 1])('has one wrong bit fails, naming the file (%d)', async (where) => {
    const { code, message } = await damaged((path) => {
      const bytes = readFileSync(path);
      bytes[Math.round(where * (bytes.length - 1))]! ^= 4;
      writeFileSync(path, bytes);
    });
    expect(code).toBe('file-corrupted');
    const what = name === 'weights.safetensors' ? 'the SHA-256 of its bytes 0 to ' : 'its SHA-256 is ';
    expect(message).toContain(`/${name} is damaged, or of another compilation: ${what}`);
  });

  test('is cut off or continued fails, naming the file', async () => {
    const { length } = complete.find((file) => file.name === name)!.bytes;
    for (const other of [0, length - 1, length + 1]) {
      const { code, message } = await damaged((path) => truncateSync(path, other));
      expect(code).toBe('file-corrupted');
      expect(message).toContain(`/${name} is damaged`);
      if (name !== 'manifest.json') expect(message).toContain(`: it has ${other} bytes instead of ${length}`);
    }
  });
});

test('files of two compilations do not mix', async () => {
  const other = await sampleArtifact({ program: { ...sampleProgram, name: 'Simple' } });
  const program = other.find(({ name }) => name === 'program.json')!;
  const folder = folderWith([...complete.filter(({ name }) => name !== 'program.json'), program]);
  expect(await refusalOf(folder)).toMatchObject({ code: 'file-corrupted' });
});

test('a program of another version is refused', async () => {
  const folder = folderWith(await sampleArtifact({ program: { ...sampleProgram, version: 1 } }));
  expect(await refusalOf(folder)).toEqual({
    code: 'program-version',
    message: 'the program has format version 1, this runtime reads 5',
  });
});

test('a module that the engine refuses fails for wasm by name, and gives way to js otherwise', async () => {
  const damaged = Uint8Array.of(1, 2, 3);
  const folder = folderWith(await sampleArtifact({ wasm: { strict: damaged, relaxed: damaged } }));
  expect((await refusalOf(folder, { target: 'wasm' })).code).toBe('unsupported');
  const { load } = await importFrom(folder);
  expect((await load()).target).toBe('js');
  expect((await refusalOf(folder, { simd: 'relaxed' })).code).toBe('unsupported');
});

test.each<[options: unknown, code: string, message: string]>([
  [{ target: 'gpu' }, 'option', 'the option target is gpu; it can be wasm or js'],
  [{ target: 'toString' }, 'option', 'the option target is toString'],
  [{ simd: 'fast' }, 'option', 'the option simd is fast; it can be strict or relaxed'],
  [{ simd: 'strict', target: 'js' }, 'option', 'the option simd is for wasm, not for js'],
  [{ weights: 3 }, 'option', 'the option weights is neither a location nor bytes'],
  [{ weights: Uint8Array.of(1) }, 'weights-malformed', 'the weights are no safetensors file'],
  [{ onProgress: 'yes' }, 'option', 'the option onProgress is no function'],
  [{ signal: {} }, 'option', 'the option signal is no AbortSignal'],
  [{ signal: null }, 'option', 'the option signal is no AbortSignal'],
])('load refuses the options %j', async (options, code, message) => {
  const refusal = await refusalOf(folderWith(complete), options);
  expect(refusal.code).toBe(code);
  expect(refusal.message).toContain(message);
});

test('weights that are not bundled have to be given', async () => {
  const folder = folderWith(await sampleArtifact({ weights: undefined, js: undefined }));
  expect(await refusalOf(folder)).toEqual({ code: 'weights-missing', message: 'the weights lack w (f32[3])' });
  const message = 'the artifact was not compiled for js';
  expect(await refusalOf(folder, { target: 'js' })).toEqual({ code: 'target', message });
  const scripted = folderWith(await sampleArtifact({ wasm: undefined }));
  const lacking = { code: 'target', message: 'the artifact was not compiled for wasm' };
  expect(await refusalOf(scripted, { simd: 'strict' })).toEqual(lacking);
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
