/** A compiled model in a page and in a worker of a real browser, under the strictest policies that it can have. */
import { beforeAll, expect, test } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles, type ArtifactFile } from '../../src/compiler/artifact/files.ts';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { describeBrowser, type Handler, POLICIES } from '../support/browser.ts';
import { graphOf, runnerOf, settings, specFile, storedTensor } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

const SIZES = { image: 8, patch: 4, channels: 2, classes: 5, dim: 12, depth: 2, heads: 2, dim_head: 5, mlp_dim: 17 };

/** A small ViT with random weights, an input, and what the reference makes of it. */
async function smallViT(): Promise<{ files: readonly ArtifactFile[]; image: Tensor; logits: Tensor }> {
  const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(SIZES) });
  const random = randomNumbers(11);
  const draw = (shape: readonly number[]): Tensor => randomTensor('f32', shape, random, [-0.5, 0.5]);
  const weights = new Map(
    graph.parameters.map(({ name, value }) => {
      const { shape, data } = draw(value.type.shape.map((dim) => constantValue(dim)!));
      return [name, storedTensor(shape, data)];
    }),
  );
  const { program, facts, wasm, js } = compileGraph(graph, { targets: ['wasm', 'js'] });
  const provenance = { compiler: 'heddle', sources: {} };
  const sources = { runtimeSource: (await bundleRuntime())!, workerSource: (await bundleWorker())! };
  const files = await artifactFiles({ program, facts, provenance, wasm, js, weights, ...sources });
  const image = draw([2, 2, 8, 8]);
  const run = await runnerOf(graph, 'reference', weights);
  const [logits] = (await run({ [graph.inputs[0]!.name]: image })).values();
  return { files, image, logits: logits! };
}

describeBrowser('a compiled ViT in a browser', (site) => {
  let model: Awaited<ReturnType<typeof smallViT>>;

  beforeAll(async () => {
    model = await smallViT();
    for (const { name, bytes } of model.files) site.put(`/artifact/${name}`, bytes);
  });

  /** Loads the model from `folder` and runs it on the image; answers its target and the outputs. */
  const running = (options = '{}', folder = '/artifact'): string => `
    const { load } = await import('${folder}/index.js');
    const model = await load(${options});
    const image = Float32Array.from(${JSON.stringify([...model.image.data])});
    const [{ data, shape }] = Object.values(await model.run({ [model.inputs[0].name]: image }));
    return { target: model.target, data: [...data], shape };`;

  const expectRight = (found: unknown, target: string): void => {
    expect(found).toMatchObject({ target, shape: [2, 5] });
    const { data } = found as { readonly data: readonly number[] };
    expectClose(data, model.logits.data, { absolute: 1e-5, relative: 1e-5 });
  };

  test.each(['wasm', 'js'] as const)('runs on %s in a page without unsafe-eval', async (target) => {
    expectRight(await site.visit(running(`{ target: '${target}' }`), { policy: POLICIES[target] }), target);
  });

  test.each(['strict', 'relaxed'] as const)('runs the %s module', async (simd) => {
    expectRight(await site.visit(running(`{ simd: '${simd}' }`), { policy: POLICIES.wasm }), 'wasm');
  });

  test.each(['wasm', 'js'] as const)('runs on %s in a module worker without unsafe-eval', async (target) => {
    const options = { policy: POLICIES[target], inWorker: true };
    expectRight(await site.visit(running(`{ target: '${target}' }`), options), target);
  });

  const onThreads = (options: string, then: string): string => `
    const { load } = await import('/artifact/index.js');
    const warnings = [];
    const onWarning = (message) => warnings.push(message);
    const image = Float32Array.from(${JSON.stringify([...model.image.data])});
    const alone = await load({ target: 'wasm' });
    const inputs = { [alone.inputs[0].name]: image };
    const valuesOf = (outputs) => [...Object.values(outputs)[0].data];
    const wanted = valuesOf(alone.runSync(inputs));
    const model = await load({ target: 'wasm', onWarning, ${options} });
    const found = [];
    ${then}`;
  const THRICE = `
    for (let times = 0; times < 3; times++) found.push(valuesOf(await model.run(inputs)));
    found.push(valuesOf(model.runSync(inputs)));
    model.dispose();
    const isSame = found.every((values) => values.every((value, at) => value === wanted[at]));
    return { threads: model.threads, isSame, warnings };`;

  test.each([
    ['a page', false],
    ['a worker', true],
  ])('runs on several threads in %s that is isolated, to the same bits', async (_, inWorker) => {
    const options = { policy: POLICIES.wasm, isIsolated: true, inWorker };
    for (const threads of [2, 3])
      expect(await site.visit(onThreads(`threads: ${threads}`, THRICE), options)).toEqual({
        threads,
        isSame: true,
        warnings: [],
      });
  });

  test('runs on one thread in a page that is not isolated, and says so once', async () => {
    expect(await site.visit(onThreads('threads: 2', THRICE), { policy: POLICIES.wasm })).toEqual({
      threads: 1,
      isSame: true,
      warnings: [expect.stringMatching(/^the model runs on one thread instead of 2: .*not cross-origin isolated/)],
    });
  });

  test('runs on one thread in a page whose policy forbids workers, and says so once', async () => {
    const policy = POLICIES.wasm.replace(`worker-src 'self'`, `worker-src 'none'`);
    expect(await site.visit(onThreads('threads: 2', THRICE), { policy, isIsolated: true })).toEqual({
      threads: 1,
      isSame: true,
      warnings: [expect.stringMatching(/^the model runs on one thread instead of 2: (?!a kernel)/)],
    });
  });

  test('refuses what comes before a run on threads has ended, and ends that when it is disposed', async () => {
    const then = `
      const first = model.run(inputs);
      const codeOf = (error) => error.code;
      const second = await model.run(inputs).catch(codeOf);
      model.dispose();
      return [second, await first.catch(codeOf), await model.run(inputs).catch(codeOf)];`;
    const options = { policy: POLICIES.wasm, isIsolated: true };
    expect(await site.visit(onThreads('threads: 2', then), options)).toEqual(['busy', 'disposed', 'disposed']);
  });

  test('is under a policy that forbids code from text', async () => {
    const script = `try { return (0, eval)('1'); } catch ({ name }) { return name; }`;
    for (const policy of Object.values(POLICIES)) expect(await site.visit(script, { policy })).toBe('EvalError');
  });

  test('takes js where the policy forbids WebAssembly, and fails where that was asked for', async () => {
    expectRight(await site.visit(running(), { policy: POLICIES.js }), 'js');
    const script = `
      const { load, HeddleError } = await import('/artifact/index.js');
      return load({ target: 'wasm' }).catch((error) => [error instanceof HeddleError, error.code]);`;
    expect(await site.visit(script, { policy: POLICIES.js })).toEqual([true, 'unsupported']);
  });

  test('reports its progress, to the end of every file', async () => {
    const script = `
      const { load } = await import('/artifact/index.js');
      const phases = {};
      await load({ simd: 'strict', onProgress: ({ phase, loaded, total }) => (phases[phase] = [loaded, total]) });
      return phases;`;
    const phases = (await site.visit(script, { policy: POLICIES.wasm })) as Record<string, [number, number]>;
    const length = (name: string): number => model.files.find((file) => file.name === name)!.bytes.length;
    const whole = (name: string): [number, number] => [length(name), length(name)];
    const { prepare, ...files } = phases;
    expect(files).toEqual({
      program: whole('program.json'),
      kernels: whole('program.wasm'),
      weights: whole('weights.safetensors'),
    });
    expect(prepare![0]).toBeGreaterThan(0);
    expect(prepare![0]).toBe(prepare![1]);
  });

  test('ends its requests when it is aborted', async () => {
    let hungUp = (): void => {};
    const gone = new Promise<void>((resolve) => (hungUp = resolve));
    const endless: Handler = (_, response) => {
      response.on('close', hungUp);
      response.write('the beginning of very much');
    };
    site.put('/endless', endless);
    const script = `
      const { load } = await import('/artifact/index.js');
      const controller = new AbortController();
      const onProgress = ({ phase, loaded }) => {
        if (phase === 'weights' && loaded > 0) controller.abort('left');
      };
      const weights = new URL('/endless', location.href);
      return load({ weights, signal: controller.signal, onProgress }).catch((reason) => reason);`;
    expect(await site.visit(script, { policy: POLICIES.wasm })).toBe('left');
    await gone;
  });

  test.each([
    ['a damaged file', 'file-corrupted', (bytes: Uint8Array) => bytes.map((byte, at) => (at === 99 ? byte ^ 1 : byte))],
    ['a file that is cut off', 'file-corrupted', (bytes: Uint8Array) => bytes.subarray(0, -7)],
    ['a missing file', 'file', (): Handler => (_, response) => void response.writeHead(404).end()],
  ])('names %s', async (_, code, change) => {
    for (const name of ['program.json', 'program.wasm', 'weights.safetensors']) {
      const folder = `/${code}/${name}`;
      for (const file of model.files) {
        site.put(`${folder}/${file.name}`, file.name === name ? change(file.bytes) : file.bytes);
      }
      const script = `
        const { load, HeddleError } = await import('${folder}/index.js');
        const error = await load({ simd: 'strict' }).catch((error) => error);
        return { isOurs: error instanceof HeddleError, code: error.code, message: error.message };`;
      const found = await site.visit(script, { policy: POLICIES.wasm });
      expect(found).toMatchObject({ isOurs: true, code });
      expect((found as Error).message).toContain(`${site.origin}${folder}/${name} `);
    }
  });

  test('runs, and is checked, over plain HTTP, where browsers have no SHA-256 of their own', async () => {
    const options = { policy: POLICIES.wasm, isInsecure: true };
    expect(await site.visit('return [isSecureContext, typeof crypto.subtle];', options)).toEqual([false, 'undefined']);
    expectRight(await site.visit(running(), options), 'wasm');
    const program = model.files.find(({ name }) => name === 'program.json')!.bytes;
    for (const { name, bytes } of model.files) site.put(`/insecure/${name}`, bytes);
    site.put('/insecure/program.json', new TextEncoder().encode(new TextDecoder().decode(program).replace('1', '2')));
    const script = `return (await import('/insecure/index.js')).load().catch(({ code }) => code);`;
    expect(await site.visit(script, options)).toBe('file-corrupted');
  });
});
