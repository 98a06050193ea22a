/** Gradients and training runs in PyTorch: every loss, gradient and final parameter within its tolerance. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { describeReference, readCase, type ReferenceCase } from '../support/reference.ts';
import { specFile, type TargetUnderTest } from '../support/specs.ts';
import {
  gradientDeviations,
  sequenceDeviations,
  trainerDeviations,
  type TrainingCase,
} from '../support/training-cases.ts';

const TARGETS: readonly TargetUnderTest[] = ['reference', 'js', 'wasm', 'relaxed'];

type Config = { readonly [name: string]: unknown };

/** Settings by the case's names; those that it has not are `none`. */
function same(config: Config, ...names: readonly string[]): Config {
  return Object.fromEntries(names.map((name) => [name, config[name] ?? 'none']));
}

/** A train entry of vit-pytorch's models, in a file beside theirs. */
const VIT = specFile('vit-case.model');
const VIT_TEXT = `
import { ViT, ViTHead } from "./vit"
train Fit(
  image: (int, int), patch: (int, int), channels: int, classes: int, dim: int, depth: int, heads: int, dim_head: int,
  mlp_dim: int, pool: "cls" | "mean",
) {
  dims batch
  input img: f32[batch, channels, image[0], image[1]]
  input target: i32[batch]
  net = MODEL(image, patch, channels, classes, dim, depth, heads, dim_head, mlp_dim, pool)
  output logits = net(img)
  loss cross_entropy(logits, target)
  optimizer sgd()
}
`;

function vit(config: Config, model = 'ViT', channels = 3): TrainingCase {
  const { image_size: image, patch_size: patch, num_classes: classes } = config;
  return {
    spec: VIT,
    texts: { [VIT]: VIT_TEXT.replace('MODEL', model) },
    entry: 'Fit',
    instance: 'net',
    map: model === 'ViT' ? 'vit-pytorch' : 'vit-pytorch-head',
    settings: {
      image,
      patch,
      channels,
      classes,
      ...same(config, 'dim', 'depth', 'heads', 'dim_head', 'mlp_dim', 'pool'),
    },
  };
}

function perceptron({ sizes, bias = true, loss = 'mean' }: Config): TrainingCase {
  const [features, hidden, outputs] = sizes as number[];
  const settings = { features, hidden, outputs, bias, error: loss };
  return { spec: 'mlp.model', entry: 'TrainSigmoidMLP', instance: 'net', settings };
}

function branches(entry: string, sizes: readonly string[]): (config: Config) => TrainingCase {
  return (config) => ({
    spec: 'multi_branch.model',
    entry,
    instance: 'net',
    settings: { main_weight: 1, aux_weight: 0.2, ...same(config, ...sizes) },
  });
}

const trunk = branches('TrainMultiBranchTrunk', ['cin', 'c0', 'cb', 'ch', 'k_main', 'k_aux']);
const threeInputs = branches('TrainMultiBranchInputs', ['cins', 'cb', 'ks', 'hw', 'hid', 'k_main', 'k_aux']);

function bert(config: Config): TrainingCase {
  const names = ['num_labels', 'vocab', 'max_position', 'type_vocab', 'layers', 'heads', 'intermediate', 'ln_eps'];
  return {
    spec: 'bert.model',
    entry: 'TrainBertClassifier',
    instance: 'net',
    settings: { ...same(config, ...names), hidden_size: config['hidden'] },
  };
}

function textCnn(config: Config): TrainingCase {
  return {
    spec: 'text_cnn.model',
    entry: 'DistillTextCNNFromLogits',
    instance: 'student',
    settings: {
      ...same(config, 'vocab', 'filter_sizes', 'num_filters', 'num_classes'),
      embedding_dim: config['embedding'],
      T: config['temperature'],
      hard_weight: config['hard_weight'] ?? 0.1,
      soft_weight: config['soft_weight'] ?? 0.9,
      dropout: 0,
    },
  };
}

function inLineDeit(attention: string): (config: Config) => TrainingCase {
  const names = ['img_size', 'patch_size', 'in_chans', 'num_classes', 'embed_dim', 'depth', 'num_heads', 'mlp_ratio'];
  return (config) => ({
    spec: 'inline_deit.model',
    entry: 'TrainInLineDeiT',
    instance: 'net',
    settings: {
      ...same(config, ...names),
      ...(config['ln_eps'] !== undefined && { ln_eps: config['ln_eps'] }),
      label_smoothing: config['label_smoothing'] ?? 0.1,
      attention,
    },
  });
}

function languageModel(config: Config): TrainingCase {
  const names = ['vocab_size', 'block_size', 'n_embed', 'n_head', 'n_layer', 'num_experts', 'top_k', 'capacity_factor'];
  const settings = { router: config['router'] ?? 'noisy', ...same(config, ...names) };
  return { spec: 'moe_lm.model', entry: 'TrainMoELanguageModel', instance: 'net', settings };
}

function block(type: string, application: string): () => TrainingCase {
  const text = `
    import { InLineAttention } from "std/linear_attention"
    model M { dims batch
      input x: ${type}
      output y = x |> ${application} as block }`;
  return () => ({ spec: 'block.model', texts: { 'block.model': text }, entry: 'M', instance: 'block' });
}

const gradients: { readonly [name: string]: (config: Config) => TrainingCase } = {
  'mlp_sigmoid/half_sse_nobias': perceptron,
  'mlp_sigmoid/mse_mean': perceptron,
  'multibranch/trunk': trunk,
  'multibranch/three_inputs': threeInputs,
  'vit/seed_cls': vit,
  'vit/seed_mean': vit,
  'vit/seed_dh_eq': vit,
  'vit/head_cls': (config) => vit(config, 'ViTHead'),
  'bert/classifier': bert,
  'textcnn/distill_T1': textCnn,
  'textcnn/distill_T4': textCnn,
  'inline/attn': block('f32[batch, 17, 24]', 'InLineAttention(3, (4, 4))'),
  'inline/swin_attn_exp': block('f32[batch, 9, 12]', 'InLineAttention(3, (3, 3), cls: false, kernel: "exp")'),
  'inline/deit_inline': inLineDeit('InLineAttention'),
  'inline/deit_linear': inLineDeit('LinearAttention'),
  'inline/deit_softmax': inLineDeit('SoftmaxAttention'),
  'makemoe/seed_noisy': languageModel,
  'makemoe/seed_topk_router': languageModel,
  'makemoe/head_capacity': languageModel,
};

describeReference('gradients in PyTorch', 'oracle/shared', () => {
  describe.each(Object.keys(gradients))('%s', (name) => {
    const given = readCase(name);
    const entry = gradients[name]!(given.config);
    test.each(TARGETS)('%s', async (target) => {
      const found = await gradientDeviations(given, entry, target);
      expect(found.size).toBeGreaterThan(1);
      for (const [tensor, off] of found) expect(off, tensor).toBeLessThanOrEqual(1);
    });
  });
});

describeReference('gradients of attention cores in PyTorch', 'oracle/shared/inline', () => {
  const { tensors, sidecar } = readCase('inline/cores');
  const subcases = sidecar['subcases'] as {
    readonly [name: string]: { readonly attrs: Config; readonly tensors: ReferenceCase['tolerances'] };
  };
  const application = (name: string): string => {
    const { kernel, eps } = subcases[name]!.attrs as { kernel?: string; eps?: number };
    const map = kernel === 'leakyrelu' ? 'leaky_relu' : kernel;
    if (name.includes('softmax')) return 'attention(q, k, v)';
    return name.includes('inline')
      ? `inline_attention(q, k, v, "${map}")`
      : `linear_attention(q, k, v, "${map}", ${eps?.toFixed(6)})`;
  };
  describe.each(Object.keys(subcases))('%s', (name) => {
    const text = `
      import { inline_attention, linear_attention } from "std/linear_attention"
      model M { dims b, h, i, j, d
        input q: f32[b, h, i, 6]
        input k: f32[b, h, j, 6]
        input v: f32[b, h, j, d]
        output o = ${application(name)} }`;
    const given = {
      tensors: withoutPrefix(tensors, `${name}/`),
      config: {},
      tolerances: subcases[name]!.tensors,
      sidecar,
    };
    test.each(TARGETS)('%s', async (target) => {
      const entry = { spec: 'core.model', texts: { 'core.model': text }, entry: 'M' };
      const found = await gradientDeviations(given, entry, target);
      expect([...found.keys()].toSorted()).toEqual(['grad.in.k', 'grad.in.q', 'grad.in.v', 'loss']);
      for (const [tensor, off] of found) expect(off, tensor).toBeLessThanOrEqual(1);
    });
  });
});

const sequences: { readonly [name: string]: (config: Config) => TrainingCase } = {
  'train/mlp_sgd': perceptron,
  'train/mlp_momentum': perceptron,
  'train/mlp_nesterov': perceptron,
  'train/mlp_adam': perceptron,
  'train/multibranch_momentum': trunk,
  'train/vit_adamw': (config) => vit(config),
  'train/inline_adam': inLineDeit('InLineAttention'),
  'train/makemoe_adamw': languageModel,
  'train/textcnn_distill_adam': textCnn,
};

/** The entry with the case's optimizer in place of its own. */
function withOptimizer(entry: TrainingCase, config: Config): TrainingCase {
  const given = Object.entries(config['optimizer_args'] as Config).map(([name, value]) => `${name}: ${String(value)}`);
  const own = `  optimizer ${String(config['optimizer'])}(${given.join(', ')})\n}`;
  const path = entry.texts?.[entry.spec] === undefined ? specFile(entry.spec) : entry.spec;
  const text = entry.texts?.[path] ?? readFileSync(path, 'utf8');
  expect(text).toMatch(/^ {2}optimizer /m);
  return { ...entry, texts: { ...entry.texts, [path]: text.replaceAll(/^ {2}optimizer [^]*?^\}/gm, own) } };
}

describeReference('training runs in PyTorch', 'oracle/shared/train', () => {
  describe.each(Object.keys(sequences))('%s', (name) => {
    const given = readCase(name);
    const entry = withOptimizer(sequences[name]!(given.config), given.config);
    const expectWithin = (found: ReadonlyMap<string, number>): void => {
      expect(found.size).toBeGreaterThan(1);
      for (const [tensor, off] of found) expect(off, tensor).toBeLessThanOrEqual(1);
    };
    test('reference', async () => expectWithin(await sequenceDeviations(given, entry, 'reference')));
    test.each(['js', 'wasm', 'relaxed'] as const)('a trainer on %s', async (target) => {
      expectWithin(await trainerDeviations(given, entry, target));
    });
  });
});
