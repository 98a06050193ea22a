import { describe, expect, test } from 'vitest';
import { stagesOf } from '../../src/compiler/driver.ts';
import { layoutArena, leastBytes, type Placement } from '../../src/program/layout.ts';
import { evaluateSize, type Dims } from '../../src/program/size.ts';
import { graphOf, settings, specFile } from '../support/specs.ts';

type Values = { readonly [name: string]: number };

const BERT_SMALL = { hidden_size: 512, layers: 4, heads: 8, intermediate: 2048 };
const DIGITS = {
  image: 28,
  patch: 4,
  channels: 1,
  classes: 10,
  dim: 64,
  depth: 4,
  heads: 4,
  dim_head: 16,
  mlp_dim: 128,
};

const batches = (...sizes: number[]): Values[] => sizes.map((batch) => ({ batch }));
const texts = (axis: string, ...sizes: [number, number][]): Values[] =>
  sizes.map(([batch, length]) => ({ batch, [axis]: length }));
const images = (...sizes: [number, number][]): Values[] =>
  sizes.map(([batch, size]) => ({ batch, height: size, width: size }));

/**
 * The entries of the specs, but for GoogLeNet, which takes long to compile; and of the networks in `test/foreign` those
 * that are hard to lay out.
 */
const MODELS: readonly [path: string, entry: string, set: { readonly [name: string]: number }, dims: Values[]][] = [
  [specFile('albert.model'), 'Albert', {}, texts('length', [1, 16], [8, 128])],
  [specFile('bert.model'), 'BertClassifier', BERT_SMALL, texts('length', [1, 128], [4, 512])],
  [specFile('deit.model'), 'DeiT', {}, batches(1, 64)],
  [specFile('inline_deit.model'), 'InLineDeiT', {}, batches(1, 8)],
  [specFile('llama.model'), 'Llama', {}, texts('time', [1, 1], [2, 256])],
  [specFile('mlp.model'), 'MLP', {}, batches(1, 64)],
  [specFile('mlp.model'), 'SigmoidMLP', {}, batches(1, 64)],
  [specFile('moe_lm.model'), 'MoELanguageModel', {}, texts('time', [1, 1], [8, 64])],
  [specFile('multi_branch.model'), 'MultiBranchTrunk', {}, images([1, 32], [4, 64])],
  [specFile('multi_branch.model'), 'MultiBranchInputs', {}, batches(1, 16)],
  [specFile('resnet.model'), 'ResNet', {}, images([1, 224], [4, 64])],
  [specFile('text_cnn.model'), 'TextCNN', {}, texts('length', [1, 32], [8, 64])],
  [specFile('vit.model'), 'ViT', {}, batches(1, 32)],
  [specFile('vit.model'), 'ViT', DIGITS, batches(1, 64)],
  [specFile('vit.model'), 'ViTHead', {}, batches(1, 16)],
  ['test/foreign/swin.model', 'Swin', {}, batches(1, 2)],
  ['test/foreign/vae.model', 'VAE', {}, batches(1, 2)],
  ['test/foreign/recurrent.model', 'BiLSTM', {}, batches(1, 2)],
  ['test/foreign/mamba.model', 'Mamba', {}, texts('length', [1, 1], [2, 64])],
];

describe('the arena takes at most a tenth more than what is alive at the busiest step', () => {
  test.each(MODELS)('of %s %s %j', (path, entry, set, dims) => {
    const graph = graphOf(path, { entry, settings: settings(set) });
    const { buffers } = stagesOf(graph, 'wasm').plan.program;
    for (const values of dims) {
      const bound: Dims = new Map(Object.entries(values));
      const placements = buffers.flatMap(({ kind, size, first, last }): Placement[] =>
        kind === 'arena' ? [{ bytes: 4 * evaluateSize(size, bound), first, last }] : [],
      );
      expect(layoutArena(placements).bytes).toBeLessThanOrEqual(1.1 * leastBytes(placements));
    }
  });
});
