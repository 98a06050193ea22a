import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkSpec } from '../../src/compiler/driver.ts';
import type { GraphParameter } from '../../src/compiler/ir/graph.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import { formatSpec } from '../../src/compiler/syntax/format/format.ts';
import { graphOf, graphOfText, renderAll, settings, specFile, specHost } from '../support/specs.ts';

const files = ['', 'std'].flatMap((folder) =>
  readdirSync(specFile(folder))
    .filter((name) => name.endsWith('.model'))
    .map((name) => join(folder, name)),
);

describe.each(files)('%s', (name) => {
  test('is checked without an error or a warning', () => {
    expect(renderAll(checkSpec(specFile(name), specHost()))).toBe('');
  });

  test('is laid out as the formatter does', () => {
    const text = readFileSync(specFile(name), 'utf8');
    expect(formatSpec({ path: name, text }).text).toBe(text);
  });
});

describe('layers without features', () => {
  test('of the MLP have their parameters', () => {
    const graph = graphOf(specFile('mlp.model'), { entry: 'MLP', settings: settings({ hidden: 0 }) });
    expect(graph.parameters.some(({ value }) => countOf(concreteShape(value.type.shape, new Map())) === 0)).toBe(true);
  });

  test.each([
    ['Conv1d(3, 2)', 'b, 0, 8'],
    ['Conv2d(3, 2)', 'b, 0, 8, 8'],
    ['ConvTranspose1d(0, 2)', 'b, 4, 8'],
    ['ConvTranspose2d(0, 2)', 'b, 4, 8, 8'],
  ])('%s has its parameters', (layer, shape) => {
    const block = layer.replace(/\(.*/, '');
    const text = `import { ${block} } from "std/conv"
      model M() { dims b\n input x: f32[${shape}]\n output y = x |> ${layer} as conv }`;
    expect(graphOfText(text).parameters.map(({ name }) => name)).toEqual(['conv.weight', 'conv.bias']);
  });
});

describe('the number of parameters is the published one', () => {
  const thirtyFour = { layers: [3, 4, 6, 3] };
  const count = (parameters: readonly GraphParameter[]): number =>
    parameters
      .filter((one) => !one.state)
      .reduce((sum, { value }) => sum + countOf(concreteShape(value.type.shape, new Map())), 0);

  // Of timm (DeiT), torchvision (ResNet, GoogLeNet), Hugging Face (BERT, ALBERT), makeMoE and tinyllamas.
  test.each([
    ['DeiT-Ti', 'deit.model', 'DeiT', {}, 5_717_416],
    ['DeiT-Ti, distilled', 'deit.model', 'DeiT', { distilled: true }, 5_910_800],
    ['DeiT-B', 'deit.model', 'DeiT', { embed_dim: 768, num_heads: 12 }, 86_567_656],
    ['ResNet-18', 'resnet.model', 'ResNet', {}, 11_689_512],
    ['ResNet-34', 'resnet.model', 'ResNet', thirtyFour, 21_797_672],
    ['ResNet-50', 'resnet.model', 'ResNet', { ...thirtyFour, unit: 'Bottleneck' }, 25_557_032],
    ['ResNet-101', 'resnet.model', 'ResNet', { layers: [3, 4, 23, 3], unit: 'Bottleneck' }, 44_549_160],
    ['GoogLeNet', 'inception.model', 'GoogLeNet', {}, 6_624_904],
    ['BERT-base and its classifier', 'bert.model', 'BertClassifier', {}, 109_482_240 + 2 * 769],
    ['ALBERT-base', 'albert.model', 'Albert', {}, 11_683_584],
    ['ALBERT-base that tells hidden words', 'albert.model', 'AlbertForMaskedLM', {}, 11_221_680],
    ['makeMoE', 'moe_lm.model', 'MoELanguageModel', {}, 8_996_545],
    ['stories260K', 'llama.model', 'Llama', {}, 260_032],
    // 12 matrices of 128 by 128 a layer with their biases and norms, the embeddings and the head.
    ['the character GPT', 'gpt.model', 'CharGPT', {}, 8 * (12 * 128 ** 2 + 13 * 128) + 2 * 65 * 128 + (32 + 2) * 128],
  ])('%s', (_, file, entry, values, wanted) => {
    expect(count(graphOf(specFile(file), { entry, settings: settings(values) }).parameters)).toBe(wanted);
  });
});
