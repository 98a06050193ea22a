import { describe, expect, test } from 'vitest';
import { stagesOf } from '../../src/compiler/driver.ts';
import { graphOf, settings, specFile } from '../support/specs.ts';

const small = { dim: 16, heads: 2, dim_head: 8, mlp_dim: 32, image: 32, patch: 8 };

/** Small models by the hyperparameter that repeats their layers. */
const models = [
  { file: 'vit.model', entry: 'ViT', layers: 'depth', sizes: small },
  { file: 'albert.model', entry: 'Albert', layers: 'layers', sizes: { vocab: 9, hidden_size: 24, intermediate: 20 } },
  { file: 'llama.model', entry: 'Llama', layers: 'n_layers', sizes: { dim: 16, n_heads: 2, n_kv_heads: 1 } },
  {
    file: 'moe_lm.model',
    entry: 'MoELanguageModel',
    layers: 'n_layer',
    sizes: { n_embed: 16, n_head: 2, num_experts: 3 },
  },
];

describe.each(models)('$entry', ({ file, entry, layers, sizes }) => {
  test('grows by the same steps with every layer, and by no kernel', () => {
    const [two, four, six] = [2, 4, 6].map((depth) => {
      const graph = graphOf(specFile(file), { entry, settings: settings({ ...sizes, [layers]: depth }) });
      const { plan } = stagesOf(graph, 'wasm');
      return { nodes: graph.nodes.length, steps: plan.runArguments.length, kernels: plan.kernels.length };
    });
    expect(six!.nodes - four!.nodes).toBe(four!.nodes - two!.nodes);
    expect(six!.steps - four!.steps).toBe(four!.steps - two!.steps);
    expect([four!.kernels, six!.kernels]).toEqual([two!.kernels, two!.kernels]);
  });
});
