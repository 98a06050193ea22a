/** The entries that compute what the reference cases hold gradients and training runs of. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { readCase, type ReferenceCase } from '../support/reference.ts';
import { specFile } from '../support/specs.ts';
import type { TrainingCase } from '../support/training-cases.ts';

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

/** By the names of cases that hold gradients. */
export const gradientEntries: { readonly [name: string]: (config: Config) => TrainingCase } = {
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

/** The attention cores of a bundle, as cases of their own. */
export function coreCases(): { readonly name: string; readonly given: ReferenceCase; readonly entry: TrainingCase }[] {
  const { tensors, sidecar } = readCase('inline/cores');
  const subcases = sidecar['subcases'] as {
    readonly [name: string]: { readonly attrs: Config; readonly tensors: ReferenceCase['tolerances'] };
  };
  return Object.entries(subcases).map(([name, { attrs, tensors: tolerances }]) => {
    const text = `
      import { inline_attention, linear_attention } from "std/linear_attention"
      model M { dims b, h, i, j, d
        input q: f32[b, h, i, 6]
        input k: f32[b, h, j, 6]
        input v: f32[b, h, j, d]
        output o = ${coreApplication(name, attrs)} }`;
    return {
      name,
      given: { tensors: withoutPrefix(tensors, `${name}/`), config: {}, tolerances, sidecar },
      entry: { spec: 'core.model', texts: { 'core.model': text }, entry: 'M' },
    };
  });
}

function coreApplication(name: string, attributes: Config): string {
  const { kernel, eps } = attributes as { kernel?: string; eps?: number };
  const map = kernel === 'leakyrelu' ? 'leaky_relu' : kernel;
  if (name.includes('softmax')) return 'attention(q, k, v)';
  return name.includes('inline')
    ? `inline_attention(q, k, v, "${map}")`
    : `linear_attention(q, k, v, "${map}", ${eps?.toFixed(6)})`;
}

/** By the names of cases that hold the losses of a run and the weights at its end. */
export const runEntries: { readonly [name: string]: (config: Config) => TrainingCase } = {
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
export function withOptimizer(entry: TrainingCase, config: Config): TrainingCase {
  const given = Object.entries(config['optimizer_args'] as Config).map(([name, value]) => `${name}: ${String(value)}`);
  const own = `  optimizer ${String(config['optimizer'])}(${given.join(', ')})\n}`;
  const path = entry.texts?.[entry.spec] === undefined ? specFile(entry.spec) : entry.spec;
  const text = entry.texts?.[path] ?? readFileSync(path, 'utf8');
  expect(text).toMatch(/^ {2}optimizer /m);
  return { ...entry, texts: { ...entry.texts, [path]: text.replaceAll(/^ {2}optimizer [^]*?^\}/gm, own) } };
}
