/** The train entries of the specs: that they start as their papers or reference code do, and what they draw. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { graphOf, settings, specFile } from '../support/specs.ts';

function entryOf(file: string, entry: string, values: { readonly [name: string]: unknown } = {}): Graph {
  return graphOf(specFile(file), { entry, settings: settings(values) });
}

const draws = (graph: Graph): string[] => graph.nodes.flatMap(({ op }) => (op.random ? [op.name] : []));

/** The deviations of the parameters whose names end as said, with `uniform` for those that are uniform. */
function deviations(graph: Graph, ending: string): number[] {
  const found = graph.parameters.filter(({ name, frozen }) => name.endsWith(ending) && !frozen);
  expect(found.length, ending).toBeGreaterThan(0);
  return found.map(({ initial }) => {
    switch (initial?.kind) {
      case 'normal':
      case 'truncated_normal':
        return initial.std;
      case 'uniform':
        return (initial.high - initial.low) / Math.sqrt(12);
      default:
        return NaN;
    }
  });
}

describe('the initial weights', () => {
  test.each([
    [
      'deit.model',
      'TrainDeiT',
      ['attn.qkv.weight', 'attn.proj.weight', 'fc1.weight', 'fc2.weight', 'head.weight', 'pos_embed'],
    ],
    ['inline_deit.model', 'TrainInLineDeiT', ['attn.qkv.weight', 'fc2.weight', 'head.weight', 'cls_token']],
    ['bert.model', 'TrainBertClassifier', ['query.weight', 'dense.weight', 'embeddings.weight', 'classifier.weight']],
    ['gpt.model', 'TrainCharGPT', ['wte.weight', 'wpe.weight', 'c_attn.weight', 'c_fc.weight', 'lm_head.weight']],
  ])('of %s, %s, deviate by 0.02', (file, entry, endings) => {
    const graph = entryOf(file, entry);
    for (const ending of endings) for (const std of deviations(graph, ending)) expect(std, ending).toBe(0.02);
    const biases = graph.parameters.filter(({ name }) => /(qkv|fc1|dense|c_attn|head)\.bias$/.test(name));
    for (const { name, initial } of biases) expect(initial, name).toEqual({ kind: 'constant', value: 0 });
  });

  test('of the character GPT are smaller where they lead into the residual stream', () => {
    for (const std of deviations(entryOf('gpt.model', 'TrainCharGPT'), 'c_proj.weight'))
      expect(std).toBeCloseTo(0.02 / 4, 12);
  });

  test('of the ViT are those of vit-pytorch', () => {
    const graph = entryOf('vit.model', 'TrainViT');
    for (const name of ['cls_token', 'pos_embedding']) expect(deviations(graph, name)).toEqual([1]);
    // PyTorch's linear layers are uniform in ±1 / sqrt(inputs).
    for (const std of deviations(graph, 'to_qkv.weight')) expect(std).toBeCloseTo(1 / Math.sqrt(3 * 64), 12);
  });

  test('of makeMoE are as its own code says', () => {
    const graph = entryOf('moe_lm.model', 'TrainMoELanguageModel');
    for (const std of deviations(graph, 'query.weight')) expect(std).toBeCloseTo(Math.sqrt(2 / 128), 12);
    for (const std of deviations(graph, 'embedding_table.weight')) expect(std).toBe(1);
  });

  test('of the TextCNN are as spread as those of the paper', () => {
    expect(deviations(entryOf('text_cnn.model', 'TrainTextCNN'), 'embedding.weight')[0]).toBeCloseTo(
      0.5 / Math.sqrt(12),
      12,
    );
  });
});

describe('random numbers', () => {
  test('are drawn where dropout is set, and by noisy routers without given noise', () => {
    expect(draws(entryOf('text_cnn.model', 'TrainTextCNN'))).toEqual(['dropout']);
    expect(draws(entryOf('text_cnn.model', 'DistillTextCNN'))).toEqual(['dropout']);
    expect(draws(entryOf('gpt.model', 'TrainCharGPT'))).toEqual([]);
    expect(draws(entryOf('gpt.model', 'TrainCharGPT', { dropout: 0.1, n_layer: 2 })).length).toBe(5);
    const moe = entryOf('moe_lm.model', 'TrainMoELanguageModel', { n_layer: 3 });
    expect(draws(moe)).toEqual(['random_normal', 'random_normal', 'random_normal']);
    expect(draws(entryOf('moe_lm.model', 'MoELanguageModel'))).toEqual([]);
  });

  test('are drawn for the weights of an attention with dropout', () => {
    const graph = entryOf('vit.model', 'TrainViT', { dropout: 0.1, emb_dropout: 0.1, depth: 1 });
    expect(draws(graph)).toEqual(['dropout', 'dropout', 'dropout', 'dropout', 'dropout']);
  });
});

describe('distillation', () => {
  test('has the student of TextCNN by default, with the teacher in the program or without', () => {
    const signature = ({ name, value: { type } }: Graph['parameters'][number]): string =>
      `${name.replace(/^student\./, '')} ${type.shape.map(({ key }) => key).join()}`;
    const alone = entryOf('text_cnn.model', 'TextCNN').parameters.map(signature);
    for (const entry of ['TrainTextCNN', 'DistillTextCNN', 'DistillTextCNNFromLogits']) {
      const own = entryOf('text_cnn.model', entry).parameters.filter(({ frozen }) => !frozen);
      expect(own.map(signature), entry).toEqual(alone);
    }
  });

  test('has a frozen teacher of the same parameters as it is trained with', () => {
    const trained = entryOf('bert.model', 'TrainBertClassifier');
    const { parameters } = entryOf('text_cnn.model', 'DistillTextCNN');
    const teacher = parameters.filter(({ frozen }) => frozen);
    const signature = (path: string, { type }: Graph['parameters'][number]['value']): string =>
      `${path} ${type.shape.map(({ key }) => key).join()}`;
    expect(teacher.map(({ name, value }) => signature(name.replace(/^teacher\./, ''), value))).toEqual(
      trained.parameters.map(({ name, value }) => signature(name.replace(/^net\./, ''), value)),
    );
  });
});

test('the three kinds of attention have settings of their own names only', () => {
  const kinds = ['InLineAttention', 'LinearAttention', 'SoftmaxAttention'];
  const sizes = kinds.map(
    (attention) => entryOf('inline_deit.model', 'TrainInLineDeiT', { attention }).parameters.length,
  );
  // Injective attention has two further convolutions a layer, each of a weight and a bias.
  expect(sizes).toEqual([sizes[1]! + 4 * 4, sizes[1], sizes[1]]);
});
