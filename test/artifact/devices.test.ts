/** Artifacts that were compiled for webgpu too: what `device: 'auto'` takes, and what a self-test finds. */
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import { artifactFiles } from '../../src/compiler/artifact/files.ts';
import { selfTestOf } from '../../src/cli/self-test.ts';
import { compileGraph, type Graph } from '../../src/compiler/index.ts';
import type { LoadOptions } from '../../src/runtime/artifact.ts';
import { chooseDevice } from '../../src/runtime/choose.ts';
import type { Gpu, GpuAdapter } from '../../src/runtime/devices/webgpu/api.ts';
import type { Model } from '../../src/runtime/model.ts';
import { drawWeights } from '../../src/cli/verify/draw.ts';
import { graphOf, specHost } from '../support/specs.ts';
import { describeGpu, softwareGpu } from '../support/webgpu.ts';
import { importFrom, sampleParts, useFolders } from './support.ts';

const folderWith = useFolders();

const NET = `import { Linear } from "std/nn"
fn scaled(x: f32[..s]) -> f32[..s] {
  return 0.625 * x
}
model Net(width: int = 8) {
  dims batch
  input x: f32[batch, 5]
  output y = x |> Linear(width) as first |> tanh |> Linear(3) as last |> scaled
}
`;

/** `withWeights`: they are in the folder, and with them a self-test. */
async function artifactOf(
  graph: Graph,
  withWeights: boolean,
  change = (text: string): string => text,
): Promise<ArtifactFile[]> {
  const compiled = compileGraph(graph, { targets: ['wasm', 'js', 'webgpu'] });
  const weights = drawWeights([graph], undefined, 0);
  const { program, facts, wasm, js, wgsl } = compiled;
  const { provenance, workerSource } = await sampleParts();
  return artifactFiles({
    program,
    facts,
    provenance,
    wasm,
    js,
    wgsl: wgsl!.map(({ code }) => ({ code: change(code) })),
    weights: withWeights ? weights : undefined,
    selfTest: withWeights ? await selfTestOf(compiled, weights) : undefined,
    runtimeSource: (await bundleRuntime({ kind: 'webgpu' }))!,
    workerSource,
  });
}

/** The software driver under the name of a GPU, which a load may choose. */
function namedAsGpu(gpu: Gpu): Gpu {
  return {
    async requestAdapter(options) {
      const adapter = (await gpu.requestAdapter(options))!;
      const info = { vendor: 'acme', architecture: '', device: '', description: 'a GPU' };
      return new Proxy(adapter, {
        get: (target, name) => {
          if (name === 'info') return info;
          const value = target[name as keyof GpuAdapter] as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
}

const wrong = (code: string): string => code.replaceAll('0.625', '0.5');

let graph: Graph;
let sound: string;
let broken: string;

beforeAll(async () => {
  const host = specHost({ 'net.model': NET });
  graph = graphOf('net.model', {}, host);
  sound = folderWith(await artifactOf(graph, true));
  broken = folderWith(await artifactOf(graph, true, wrong));
});

async function loaded(folder: string, options: LoadOptions): Promise<{ model: Model; warnings: string[] }> {
  const warnings: string[] = [];
  const { load } = await importFrom(folder);
  const model = await load({ onWarning: (message) => warnings.push(message), ...options });
  return { model, warnings };
}

describe("device: 'auto'", () => {
  test('takes wasm for a small model, and says what else there was', async () => {
    const { model } = await loaded(sound, { device: 'auto', threads: 2 });
    expect(model.target).toBe('wasm');
    expect(model.threads).toBe(1);
    expect(model.choice).toMatchObject({ device: 'wasm', threads: 1 });
    expect(model.choice!.considered).toMatchObject([
      { device: 'wasm', threads: 1 },
      { device: 'js', threads: 1 },
      { device: 'wasm', threads: 2 },
      { device: 'webgpu', hindrance: 'this engine has no WebGPU' },
    ]);
    expect(model.choice!.reason).toMatch(
      /^wasm: about [\d.]+ µs for a run with batch = 1, .* on js.*; webgpu: this engine/,
    );
    model.dispose();
  });

  test('expects the sizes that it is told of', async () => {
    const { model } = await loaded(sound, { device: 'auto', threads: 2, expect: { batch: 1e7 } });
    expect(model.choice).toMatchObject({ device: 'wasm', threads: 2 });
    expect(model.choice!.reason).toContain('with batch = 10000000');
    expect(model.threads).toBe(2);
    model.dispose();
  });

  test('says that work cannot be computed', async () => {
    const { program } = compileGraph(graph, { targets: ['js'] });
    const malformed = { ...program, work: { run: { multiplyAdds: 'nobody' } } };
    await expect(chooseDevice(malformed, { js: true }, {}, async () => undefined)).rejects.toMatchObject({
      code: 'option',
      message: 'the work of Net cannot be computed: dimension nobody is not bound',
    });
  });

  test.each([
    [{ device: 'auto', target: 'wasm' }, 'option', 'the options target and device say the same; give one of them'],
    [{ device: 'gpu' }, 'option', 'the option device is gpu; it can be auto or wasm or js or webgpu'],
    [{ device: 'auto', expect: { n: 1 } }, 'option', 'the option expect has n, which is no dimension of Net'],
    [{ device: 'auto', expect: { batch: -1 } }, 'option', 'the option expect has batch = -1, which is no size'],
    [{ selfTest: 1 }, 'option', 'the option selfTest is neither true nor false'],
  ])('refuses %j', async (options, code, message) => {
    await expect(loaded(sound, options as LoadOptions)).rejects.toMatchObject({ code, message });
  });
});

describeGpu('with a GPU', () => {
  const gpu = (): Gpu => namedAsGpu(softwareGpu());

  test('auto does not take the processor for one', async () => {
    const { model } = await loaded(sound, { device: 'auto', gpu: softwareGpu(), expect: { batch: 1e9 } });
    expect(model.target).not.toBe('webgpu');
    expect(model.choice!.reason).toContain('webgpu: it would run on the processor, by ');
    model.dispose();
  });

  test('auto takes it for much work, and not for little', async () => {
    const much = await loaded(sound, { device: 'auto', gpu: gpu(), threads: 1, expect: { batch: 1e7 } });
    expect(much.model.choice).toMatchObject({ device: 'webgpu' });
    expect(much.model.target).toBe('webgpu');
    much.model.dispose();
    const little = await loaded(sound, { device: 'auto', gpu: gpu(), threads: 1 });
    expect(little.model.target).toBe('wasm');
    little.model.dispose();
  });

  test('a self-test passes on what is sound', async () => {
    const { model, warnings } = await loaded(sound, { device: 'webgpu', gpu: gpu(), selfTest: true });
    expect(model.target).toBe('webgpu');
    expect(warnings).toEqual([]);
    model.dispose();
  });

  test('a wrong shader is found: auto goes on with another device and warns', async () => {
    const options = { device: 'auto', gpu: gpu(), threads: 1, expect: { batch: 1e7 }, selfTest: true } as const;
    const { model, warnings } = await loaded(broken, options);
    expect(model.target).toBe('wasm');
    expect(warnings).toEqual([
      expect.stringMatching(/^the self-test failed on webgpu: y is .* where it should be .*; wasm is used instead$/),
    ]);
    expect(model.choice).toMatchObject({ device: 'wasm' });
    expect(model.choice!.considered).toContainEqual(
      expect.objectContaining({
        device: 'webgpu',
        hindrance: expect.stringContaining('the self-test failed: y is') as string,
      }),
    );
    const { y } = await model.run({ x: new Float32Array(5) });
    expect(y!.data.length).toBe(3);
    model.dispose();
  });

  test('a kernel that the driver refuses is passed over by auto', async () => {
    const refused = folderWith(await artifactOf(graph, true, (code) => code.replace('@compute', '@computed')));
    const gpu = namedAsGpu(softwareGpu());
    const { model, warnings } = await loaded(refused, { device: 'auto', gpu, expect: { batch: 1e7 }, threads: 1 });
    expect(model.target).toBe('wasm');
    expect(warnings.join()).toMatch(/^webgpu failed: the GPU refuses the kernel [^]*; wasm is used instead$/);
    expect(model.choice!.considered).toContainEqual(
      expect.objectContaining({ device: 'webgpu', hindrance: expect.stringContaining('refuses the kernel') }),
    );
    expect((await model.run({ x: new Float32Array(5) }))['y']!.shape).toEqual([1, 3]);
    model.dispose();
    await expect(loaded(refused, { device: 'webgpu', gpu })).rejects.toMatchObject({ code: 'internal' });
  });

  test('asked for by name, it is an error', async () => {
    await expect(loaded(broken, { device: 'webgpu', gpu: gpu(), selfTest: true })).rejects.toMatchObject({
      code: 'self-test',
      message: expect.stringContaining('the self-test failed on webgpu: y is') as string,
    });
  });

  test('weights of the caller are tested against wasm', async () => {
    const bare = folderWith(await artifactOf(graph, false, wrong));
    const bytes = (await artifactOf(graph, true)).find(({ name }) => name === 'weights.safetensors')!.bytes;
    await expect(loaded(bare, { target: 'webgpu', gpu: gpu(), selfTest: true, weights: bytes })).rejects.toMatchObject({
      code: 'self-test',
    });
    const { model } = await loaded(sound, { target: 'webgpu', gpu: gpu(), selfTest: true, weights: bytes });
    expect(model.target).toBe('webgpu');
    model.dispose();
  });
});
