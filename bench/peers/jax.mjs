/**
 * jax-js on its WebAssembly device, or on the one that the options name: each network is one jitted function of the
 * parameters and the inputs.
 */
import { defaultDevice, init, jit, lax, nn, numpy as np, tree } from '@jax-js/jax';
import { expertsOf } from './jax-experts.mjs';
import { foldBatchNorm, networks } from './networks.mjs';
import { readSafetensors } from './safetensors.mjs';

export async function load({ network, config, threads, options, files }) {
  const device = await openDevice(options);
  const array = ({ data, shape }) => np.array(data).reshape(shape);
  const weights = foldBatchNorm(readSafetensors(await files.read('weights.safetensors')));
  const parameters = Object.fromEntries([...weights].map(([name, weight]) => [name, stored(name, array(weight))]));
  const given = [...readSafetensors(await files.read('inputs.safetensors'))];
  const forward = jit((parameters, inputs) => networks[network](makeLayers(parameters), inputs, config));
  const run = () => {
    const inputs = Object.fromEntries(given.map(([name, value]) => [name, array(value)]));
    return Object.entries(forward(tree.ref(parameters), inputs));
  };
  // Only work that is waited for goes to its workers, and only there is a GPU waited for.
  const callAsync = async () =>
    Object.fromEntries(await Promise.all(run().map(async ([name, value]) => [name, await value.data()])));
  const callSync = () => Object.fromEntries(run().map(([name, value]) => [name, value.dataSync()]));
  const isSync = threads === 1 && device === 'wasm';
  return { isSync, call: isSync ? callSync : callAsync, valuesOf: (outputs) => outputs };
}

/** Makes arrays lie on a device, and answers its name. Throws Error where it is not there. */
export async function openDevice({ device = 'wasm' } = {}) {
  await init(device);
  return defaultDevice(device);
}

/** Matrices lie [in, out], for which products are faster here; tables of rows as they are. */
export function stored(name, array) {
  const isTable = /^embeddings\.|\.w[tp]e\.|embedding_table\./.test(name);
  if (array.shape.length === 2 && !isTable && name.endsWith('weight')) return np.array(np.transpose(array));
  if (array.shape.length === 3 && name.includes('.experts.')) return np.array(np.transpose(array, [0, 2, 1]));
  return array;
}

/** Layers take what they are given by reference (`ref`): a network may use a value more than once. */
export function makeLayers(parameters) {
  const parameter = (name) => parameters[name].ref;

  function linear(x, weight, bias, activation) {
    const matrix = parameter(weight);
    const isKernel = matrix.shape.length > 2;
    const y = np.matmul(x.ref, isKernel ? np.transpose(matrix.reshape([matrix.shape[0], -1])) : matrix);
    const shifted = bias ? y.add(parameter(bias)) : y;
    return activation === 'relu' ? nn.relu(shifted) : shifted;
  }

  function layerNorm(x, name, epsilon) {
    return nn
      .standardize(x.ref, -1, { epsilon })
      .mul(parameter(`${name}.weight`))
      .add(parameter(`${name}.bias`));
  }

  /**
   * With einsum, `nn.dotProductAttention` needs Node 22. The softmax's division comes after the mixing: the compiler
   * would repeat it for each element of the result.
   */
  function attention(q, k, v, heads, hidden, scale = (q.shape[2] / heads) ** -0.5) {
    const [batch, tokens, width] = q.shape;
    const split = (x) => np.transpose(x.ref.reshape([batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
    const products = np.matmul(split(q).mul(scale), np.transpose(split(k), [0, 1, 3, 2]));
    const scores = hidden ? np.where(hidden, -1e9, products) : products;
    const weights = np.exp(scores.ref.sub(np.max(scores, -1, { keepdims: true })));
    const sums = np.sum(weights.ref, -1, { keepdims: true });
    const mixed = np.matmul(weights, split(v)).div(sums);
    return np.transpose(mixed, [0, 2, 1, 3]).reshape([batch, tokens, width]);
  }

  function causalAttention(q, k, v, heads, scale) {
    const at = np.arange(q.shape[1]);
    return attention(q, k, v, heads, at.ref.reshape([1, -1]).greater(at.reshape([-1, 1])), scale);
  }

  /** Rows as a product, which has a gradient. */
  function rowsOf(ids, weight) {
    const table = parameter(weight);
    return np.matmul(nn.oneHot(ids.ref, table.shape[0]), table);
  }

  /** [batch, channels, height, width] as [batch, patches, pixels]; `order` of channels and pixels in a patch. */
  function patches(img, patch, order) {
    const [batch, channels, height, width] = img.shape;
    const [rows, columns] = [height / patch, width / patch];
    const inner = { pqc: [3, 5, 1], cpq: [1, 3, 5] }[order];
    const parts = img.ref.reshape([batch, channels, rows, patch, columns, patch]);
    return np.transpose(parts, [0, 2, 4, ...inner]).reshape([batch, rows * columns, channels * patch * patch]);
  }

  function convolve(x, name, { stride, padding, relu = false }) {
    const around = [padding, padding];
    const y = lax.convGeneralDilated(x.ref, parameter(`${name}.weight`), [stride, stride], [around, around]);
    const shifted = y.add(parameter(`${name}.bias`).reshape([1, -1, 1, 1]));
    return relu ? nn.relu(shifted) : shifted;
  }

  function maxPool(x, { kernel, stride, padding }) {
    // Zeros in the place of -∞: this pool stands behind a ReLU.
    const around = [padding, padding];
    const padded = np.pad(x.ref, [[0, 0], [0, 0], around, around]);
    return lax.reduceWindow(padded, np.max, [1, 1, kernel, kernel], [1, 1, stride, stride]);
  }

  return {
    parameter,
    expertsOf: (x, logits, name, options) => expertsOf(parameter, x, logits, name, options),
    linear,
    layerNorm,
    attention,
    causalAttention,
    patches,
    convolve,
    maxPool,
    add: (a, b) => np.add(a.ref, b.ref),
    relu: (x) => nn.relu(x.ref),
    tanh: (x) => np.tanh(x.ref),
    gelu: (x) => nn.gelu(x.ref, { approximate: false }),
    thirds: (x) => np.split(x.ref, 3, -1),
    prepend: (token, x) => np.concatenate([token.ref, x.ref], 1),
    firstToken: (x) => x.ref.slice([], 0),
    length: (x) => x.shape[1],
    rows: (x) => x.ref.reshape([-1, x.shape.at(-1)]),
    shapedAs: (x, other) => x.ref.reshape(other.shape),
    part: (x, at) => x.ref.slice(at),
    mul: (a, b) => a.ref.mul(b.ref),
    softplus: (x) => nn.softplus(x.ref),
    embedding: (ids, weight) => parameter(weight).slice(ids.ref),
    rowsOf,
    wholeTable: parameter,
    firstRows: (weight, count) => parameter(weight).slice([0, count]),
    fromPlanes: (img) => img,
    planeMeans: (x) => np.mean(x.ref, [2, 3]),
  };
}
