/** The products whose part of the register-tile ceiling is measured: sizes of the vision transformers, in each order. */

/** `y = x Wᵀ` of x [m, k] and W [n, k]. */
const SIZES = [
  { of: '512³', m: 512, n: 512, k: 512 },
  { of: 'ViT qkv', m: 65, n: 3072, k: 1024 },
  { of: 'ViT out', m: 65, n: 1024, k: 1024 },
  { of: 'ViT up', m: 65, n: 2048, k: 1024 },
  { of: 'ViT down', m: 65, n: 1024, k: 2048 },
  { of: 'DeiT qkv', m: 197, n: 576, k: 192 },
  { of: 'DeiT out', m: 197, n: 192, k: 192 },
  { of: 'DeiT up', m: 197, n: 768, k: 192 },
  { of: 'DeiT down', m: 197, n: 192, k: 768 },
];

/** A forward pass has the first, training the others. Products of two inputs have to lay them out in each call. */
const ORDERS = [
  { order: 'x·Wᵀ', title: 'x·Wᵀ, W constant', entry: 'Product' },
  { order: 'dy·W', title: 'dy·W, W constant', entry: 'InputGradient' },
  { order: 'dy·W of inputs', title: 'dy·W, W copied in with each call', entry: 'InputGradientOfInputs' },
  { order: 'dyᵀ·x', title: 'dyᵀ·x, both inputs', entry: 'WeightGradient' },
];

/** Models as in models.mjs, with what the table says about each. */
export const products = ORDERS.flatMap(({ order, title, entry }) =>
  SIZES.map(({ of, m, n, k }) => ({
    name: `${entry}-${m}-${n}-${k}`,
    title: `${of}, ${order}`,
    order,
    orderTitle: title,
    of,
    sizes: { m, n, k },
    spec: 'bench/specs/product.model',
    entry,
    settings: { n, k },
    dims: { m },
    mostThreads: 1,
    config: {},
  })),
);
