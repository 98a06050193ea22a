/** What is measured: networks of `specs`, each with the sizes of one run. Data only. */

/**
 * `network` names the forward function of `peers/networks.mjs` and its `config` what that needs to know. Cold starts and
 * memory are measured where `coldStart` says so, quantised weights where `int8` does, and threads up to `mostThreads`.
 */
export const models = [
  {
    name: 'product',
    title: '512³ product, x·Wᵀ',
    spec: 'bench/specs/product.model',
    entry: 'Product',
    settings: { n: 512, k: 512 },
    dims: { m: 512 },
    network: 'product',
    config: {},
  },
  {
    name: 'vit',
    title: 'ViT 256/32, dim 1024, depth 6',
    spec: 'specs/vit.model',
    entry: 'ViT',
    settings: {},
    coldStart: true,
    int8: true,
    dims: { batch: 1 },
    network: 'vit',
    config: { patch: 32, dim: 1024, depth: 6, heads: 16 },
  },
  {
    name: 'deit-tiny',
    title: 'DeiT-tiny 224/16',
    spec: 'specs/deit.model',
    entry: 'DeiT',
    settings: {},
    coldStart: true,
    int8: true,
    dims: { batch: 1 },
    network: 'deit',
    config: { patch: 16, dim: 192, depth: 12, heads: 3 },
  },
  {
    name: 'mlp',
    title: 'MLP 64-128-10, one call',
    spec: 'specs/mlp.model',
    entry: 'MLP',
    settings: {},
    coldStart: true,
    mostThreads: 1,
    dims: { batch: 1 },
    network: 'mlp',
    config: {},
  },
  {
    name: 'bert-small',
    title: 'BERT-small, 128 tokens',
    spec: 'specs/bert.model',
    entry: 'BertClassifier',
    settings: { hidden_size: 512, layers: 4, heads: 8, intermediate: 2048 },
    dims: { batch: 1, length: 128 },
    network: 'bert',
    config: { layers: 4, heads: 8, vocab: 30522 },
  },
  {
    name: 'resnet-18',
    title: 'ResNet-18, 224 × 224',
    spec: 'specs/resnet.model',
    entry: 'ResNet',
    settings: {},
    dims: { batch: 1, height: 224, width: 224 },
    network: 'resnet',
    config: { layers: [2, 2, 2, 2] },
  },
];
