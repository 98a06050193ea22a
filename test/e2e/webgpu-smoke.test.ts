/**
 * Compiled artifacts on the GPU of a real browser: inference, a training, and the generation of a sparse language model, each
 * against the same artifact in js on the same page.
 */
import { expect, test } from 'vitest';
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles } from '../../src/compiler/artifact/files.ts';
import { compileGraph, type Compiled } from '../../src/compiler/driver.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { describeBrowser, POLICIES, type Site } from '../support/browser.ts';
import { compiledGenerator, randomWeights } from '../support/generators.ts';
import { graphOf, settings, specFile } from '../support/specs.ts';
import { expectClose } from '../support/tensors.ts';
import { compiledTraining } from '../support/trainers.ts';

const TARGETS = ['js', 'webgpu'] as const;
const VIT = { image: 8, patch: 4, channels: 2, classes: 5, dim: 12, depth: 1, heads: 2, dim_head: 5, mlp_dim: 17 };
const GPT = { vocab_size: 11, block_size: 6, n_embed: 8, n_head: 2, n_layer: 1 };
const MOE = { vocab_size: 31, block_size: 8, n_embed: 8, n_head: 2, n_layer: 1, num_experts: 4, top_k: 2 };

/** Milliseconds in which even a slow machine builds all kernels in software. */
const BUILDING = 120_000;

type RuntimeKind = 'webgpu' | 'train-webgpu' | 'generate-webgpu';

async function put(
  site: Site,
  folder: string,
  kind: RuntimeKind,
  { program, facts, js, wgsl }: Compiled,
  weights?: ReadonlyMap<string, StoredTensor>,
): Promise<void> {
  const provenance = { compiler: 'heddle', sources: {} };
  const sources = { runtimeSource: (await bundleRuntime({ kind }))!, workerSource: '' };
  const files = await artifactFiles({ program, facts, provenance, js, wgsl, weights, ...sources });
  for (const { name, bytes } of files) site.put(`${folder}/${name}`, bytes);
}

/** What the script gives on both targets; it has `target`, and what the artifact exports. */
async function onBoth<T>(site: Site, folder: string, script: string): Promise<{ readonly js: T; readonly webgpu: T }> {
  const whole = `
    const { load, loadTrainer } = await import('${folder}/index.js');
    const run = async (target) => { ${script} };
    return { js: await run('js'), webgpu: await run('webgpu') };`;
  return (await site.visit(whole, { policy: POLICIES.js, within: BUILDING })) as { js: T; webgpu: T };
}

describeBrowser('webgpu in a browser', (site) => {
  test(
    'infers',
    async () => {
      const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(VIT) });
      const compiled = compileGraph(graph, { targets: TARGETS });
      await put(site, '/vit', 'webgpu', compiled, randomWeights(compiled));
      const { js, webgpu } = await onBoth<{ target: string; shape: number[]; data: number[] }>(
        site,
        '/vit',
        `const model = await load({ target });
        const image = Float32Array.from({ length: 3 * 2 * 64 }, (_, at) => Math.sin(at * at));
        const [{ data, shape }] = Object.values(await model.run({ [model.inputs[0].name]: image }));
        const found = { target: model.target, shape, data: [...data] };
        model.dispose();
        return found;`,
      );
      expect(webgpu).toMatchObject({ target: 'webgpu', shape: [3, 5] });
      expect(js).toMatchObject({ target: 'js', shape: [3, 5] });
      expectClose(webgpu.data, js.data, { absolute: 1e-5, relative: 1e-5 });
    },
    BUILDING,
  );

  test(
    'trains',
    async () => {
      const options = { entry: 'TrainCharGPT', settings: settings(GPT) };
      await put(site, '/gpt', 'train-webgpu', compiledTraining('gpt.model', options, TARGETS));
      const { js, webgpu } = await onBoth<number[]>(
        site,
        '/gpt',
        `const trainer = await loadTrainer({ target, seed: 3 });
        const texts = (later) => ({ data: Int32Array.from({ length: 12 }, (_, at) => (at + later) % 11), shape: [2, 6] });
        const losses = [];
        for (let step = 0; step < 4; step++)
          losses.push((await trainer.step({ idx: texts(0), targets: texts(1) })).loss);
        trainer.dispose();
        return losses;`,
      );
      expectClose(webgpu, js, { absolute: 1e-5, relative: 1e-5 });
      expect(webgpu.at(-1)).toBeLessThan(webgpu[0]!);
    },
    BUILDING,
  );

  test(
    'generates with sparse experts',
    async () => {
      const entry = { entry: 'MoELanguageModel', settings: settings(MOE) };
      const compiled = compiledGenerator(specFile('moe_lm.model'), entry, { targets: TARGETS });
      await put(site, '/moe', 'generate-webgpu', compiled, randomWeights(compiled));
      const { js, webgpu } = await onBoth<number[]>(
        site,
        '/moe',
        `const model = await load({ target });
        const text = [];
        for await (const { token } of model.generate([4, 17], { tokens: 9 })) text.push(token);
        model.dispose();
        return text;`,
      );
      expect(webgpu).toEqual(js);
      expect(webgpu.length).toBe(9);
    },
    BUILDING,
  );
});
