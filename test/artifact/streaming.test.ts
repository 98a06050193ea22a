import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import { alignUp } from '../../src/program/layout.ts';
import { WINDOW_BYTES, type Manifest } from '../../src/program/manifest.ts';
import { placePersistent } from '../../src/program/memory.ts';
import type { TargetName, TargetProgram } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { sha256 } from '../../src/program/sha256.ts';
import { loadArtifact, type ArtifactFiles } from '../../src/runtime/artifact.ts';
import type { Device } from '../../src/runtime/devices/device.ts';
import type { JsKernelFactory } from '../../src/runtime/devices/js.ts';
import type { Model } from '../../src/runtime/model.ts';
import { heldWeights } from '../../src/runtime/weight-stream.ts';
import { loadWeights } from '../../src/runtime/weights.ts';
import { graphOf, modelOf, specFile } from '../support/specs.ts';
import { sampleArtifact, textOf, useFolders } from './support.ts';

const folderWith = useFolders();

/** A perceptron with 6 MiB of weights, all in two tensors but for the biases. */
const graph = graphOf(specFile('mlp.model'), {
  entry: 'MLP',
  settings: Object.entries({ features: 900, hidden: 1024, classes: 600 }).map(([name, value]) => ({
    name,
    text: String(value),
  })),
});

const weights: ReadonlyMap<string, StoredTensor> = new Map(
  graph.parameters.map(({ name, value }, seed) => {
    const shape = value.type.shape.map((dim) => dim.terms[0]!.coefficient);
    const elements = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: elements }, (_, i) => (((i * (7 + seed)) % 201) - 100) / 1000);
    return [name, { dtype: 'F32' as const, shape, bytes: new Uint8Array(data.buffer) }];
  }),
);

const x = Float32Array.from({ length: 900 }, (_, i) => Math.sin(i));
let complete: ArtifactFile[];
/** What the model computes with all weights in memory; targets add up in another order. */
const wanted = new Map<TargetName, readonly number[]>();
let target: TargetProgram;

const outputOf = (model: Model): readonly number[] => [...model.runSync({ x })['y']!.data];

beforeAll(async () => {
  const { program, facts, wasm, js } = compileGraph(graph, { targets: ['wasm', 'js'] });
  complete = await sampleArtifact({ program, facts, wasm, js, weights });
  target = program.targets.wasm!;
  for (const name of ['wasm', 'js'] as const) wanted.set(name, outputOf(await modelOf(graph, name, weights)));
});

/** The artifact in a folder, loaded by the sources rather than by the bundle. */
async function filesIn(base: URL, folder: string): Promise<ArtifactFiles> {
  const at = (name: string): URL => new URL(name, base);
  const importJs = (): Promise<{ readonly kernels: JsKernelFactory }> =>
    import(pathToFileURL(join(folder, 'kernels.js')).href) as Promise<{ readonly kernels: JsKernelFactory }>;
  return {
    manifest: at('manifest.json'),
    digest: await sha256(new TextEncoder().encode(textOf(complete, 'manifest.json'))),
    program: at('program.json'),
    wasm: { strict: at('program.wasm'), relaxed: at('program.relaxed.wasm') },
    js: at('kernels.js'),
    importJs,
    weights: at('weights.safetensors'),
  };
}

async function inFolder(): Promise<{ folder: string; files: ArtifactFiles }> {
  const folder = folderWith(complete);
  return { folder, files: await filesIn(pathToFileURL(`${folder}/`), folder) };
}

afterEach(() => vi.unstubAllGlobals());

/** Lengths of the byte arrays that are made from now on, not as views of others. */
function watchArrays(): number[] {
  const made: number[] = [];
  const watched = new Proxy(Uint8Array, {
    construct(type, given: unknown[], newTarget) {
      const array = Reflect.construct(type, given, newTarget) as Uint8Array;
      if (!(given[0] instanceof ArrayBuffer) && !(given[0] instanceof SharedArrayBuffer)) made.push(array.length);
      return array;
    },
  });
  vi.stubGlobal('Uint8Array', watched);
  return made;
}

test('the manifest has a digest of each window of the weights', async () => {
  const { files } = JSON.parse(textOf(complete, 'manifest.json')) as Manifest;
  const { bytes, windows } = files['weights.safetensors']!;
  expect(bytes).toBeGreaterThan(2 * WINDOW_BYTES);
  expect(windows!.bytes).toBe(WINDOW_BYTES);
  expect(windows!.sha256).toHaveLength(Math.ceil(bytes / WINDOW_BYTES));
});

test('no array is made that is larger than a window', async () => {
  const { files } = await inFolder();
  const made = watchArrays();
  const model = await loadArtifact(files, { simd: 'strict' });
  vi.unstubAllGlobals();
  expect(made.filter((length) => length === WINDOW_BYTES)).toHaveLength(3);
  expect(Math.max(...made)).toBe(WINDOW_BYTES);
  expect(outputOf(model)).toEqual(wanted.get('wasm'));
});

test('weights that are only packed take the place of one of them', async () => {
  const persistent = placePersistent(target, 0);
  const staged = target.weights.filter(({ buffer }) => target.buffers[buffer]!.kind === 'staging');
  expect(staged.length).toBeGreaterThan(1);
  const largest = Math.max(...staged.map(({ buffer }) => 4 * (target.buffers[buffer]!.size as number)));
  let reserved = 0;
  let memory = new ArrayBuffer(0);
  const device: Pick<Device, 'memory' | 'reserve' | 'call'> = {
    get memory() {
      return memory;
    },
    reserve(bytes) {
      reserved = Math.max(reserved, bytes);
      memory = new ArrayBuffer(reserved);
    },
    call: () => undefined,
  };
  for (const names of [[...weights.keys()], [...weights.keys()].toReversed()]) {
    const stream = heldWeights(new Map(names.map((name) => [name, weights.get(name)!])));
    await loadWeights(target, device as Device, persistent, stream);
  }
  expect(reserved).toBeGreaterThan(persistent.end);
  expect(reserved).toBeLessThanOrEqual(persistent.end + alignUp(largest));
});

describe.each([{ target: 'wasm', simd: 'strict' }, { target: 'js' }] as const)('with the options %j', (options) => {
  test('a file of the user may have its tensors in another order, and more of them', async () => {
    const { folder, files } = await inFolder();
    const extra: StoredTensor = { dtype: 'F32', shape: [3], bytes: new Uint8Array(12) };
    const file = writeSafetensors([['first', extra], ...[...weights].toReversed(), ['last', extra]]);
    const path = join(folder, 'mine.safetensors');
    writeFileSync(path, file);
    for (const given of [path, pathToFileURL(path), file]) {
      expect(outputOf(await loadArtifact(files, { ...options, weights: given }))).toEqual(wanted.get(options.target));
    }
  });

  test('halves of elements at the end of a window are put together', async () => {
    const { folder, files } = await inFolder();
    const doubles = new Map(
      [...weights].map(([key, { shape, bytes }]) => {
        const data = Float64Array.from(new Float32Array(bytes.buffer));
        return [key, { dtype: 'F64' as const, shape, bytes: new Uint8Array(data.buffer) }];
      }),
    );
    const file = writeSafetensors(doubles);
    const header = new DataView(file.buffer).getUint32(0, true);
    const moved = new Uint8Array(file.length + 3).fill(0x20);
    moved.set(file.subarray(0, 8 + header));
    moved.set(file.subarray(8 + header), 8 + header + 3);
    new DataView(moved.buffer).setUint32(0, header + 3, true);
    const path = join(folder, 'mine.safetensors');
    writeFileSync(path, moved);
    expect(outputOf(await loadArtifact(files, { ...options, weights: path }))).toEqual(wanted.get(options.target));
  });
});

test('a server may send the weights in any pieces, but not too few or too many', async () => {
  const byName = new Map(complete.map((file) => [`/${file.name}`, file.bytes]));
  let change = (bytes: Uint8Array): Uint8Array => bytes;
  const server = createServer((request, response) => {
    const bytes = byName.get(request.url!)!;
    if (request.url !== '/weights.safetensors') return void response.end(bytes);
    const sent = change(bytes);
    for (let at = 0; at < sent.length; at += 700_001) response.write(sent.subarray(at, at + 700_001));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const base = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const files = await filesIn(base, folderWith(complete));
    expect(outputOf(await loadArtifact(files, { simd: 'strict' }))).toEqual(wanted.get('wasm'));
    const { length } = byName.get('/weights.safetensors')!;
    change = (bytes) => bytes.subarray(0, WINDOW_BYTES);
    const short = `it has ${WINDOW_BYTES} bytes instead of ${length}`;
    await expect(loadArtifact(files)).rejects.toMatchObject({ code: 'file-corrupted' });
    await expect(loadArtifact(files)).rejects.toThrow(short);
    change = (bytes) => Uint8Array.from([...bytes, 0]);
    await expect(loadArtifact(files)).rejects.toThrow(`it has more than ${length} bytes`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a wrong bit in a later window is found, and named', async () => {
  const { folder, files } = await inFolder();
  const path = join(folder, 'weights.safetensors');
  const bytes = Uint8Array.from(complete.find(({ name }) => name === 'weights.safetensors')!.bytes);
  bytes[WINDOW_BYTES + 5]! ^= 1;
  writeFileSync(path, bytes);
  await expect(loadArtifact(files)).rejects.toMatchObject({ code: 'file-corrupted' });
  await expect(loadArtifact(files)).rejects.toThrow(`of its bytes ${WINDOW_BYTES} to ${2 * WINDOW_BYTES - 1} is`);
});

test('an abort between two windows ends the load with its reason', async () => {
  const { files } = await inFolder();
  const controller = new AbortController();
  const loading = loadArtifact(files, {
    signal: controller.signal,
    onProgress({ phase, loaded }) {
      if (phase === 'weights' && loaded > WINDOW_BYTES) controller.abort('enough');
    },
  });
  await expect(loading).rejects.toBe('enough');
});

test('a file that shrinks while it is read fails', async () => {
  const { folder, files } = await inFolder();
  const path = join(folder, 'mine.safetensors');
  writeFileSync(path, writeSafetensors(weights));
  const loading = loadArtifact(files, {
    weights: path,
    onProgress({ phase, loaded }) {
      if (phase === 'weights' && loaded === 0) truncateSync(path, WINDOW_BYTES + 1);
    },
  });
  await expect(loading).rejects.toMatchObject({ code: 'weights-malformed' });
});
