/** jax-js on its WebAssembly device: a token is one jitted function of the parameters, the cache, the token and its place. */
import { init, jit, nn, numpy as np, tree } from '@jax-js/jax';
import { mergedWeights } from './decoding-weights.mjs';
import { BEGIN, TOKENS } from './decoding.mjs';
import { readSafetensors } from './safetensors.mjs';

export async function load({ config, files }) {
  await init('wasm');
  const merged = mergedWeights(readSafetensors(await files.read('weights.safetensors')), config);
  const array = ({ data, shape }) => np.array(data).reshape(shape);
  const arrays = (matrices) => Object.fromEntries(Object.entries(matrices).map(([name, one]) => [name, array(one)]));
  const { layers, ...others } = merged;
  const parameters = { ...arrays(others), layers: layers.map(arrays) };
  const { dim, heads, kvHeads, depth, tokens: count } = config;
  const empty = () => Array.from({ length: depth }, () => np.zeros([kvHeads, count, dim / heads]));
  const step = jit(makeStep(config));
  const call = () => {
    const tokens = new Int32Array(count);
    let [keys, values] = [empty(), empty()];
    let token = np.array(Int32Array.of(BEGIN));
    for (let at = 0; at < count; at++) {
      const result = step(tree.ref(parameters), keys, values, token, np.array(Int32Array.of(at)));
      [keys, values, token] = [result.keys, result.values, result.token];
      [tokens[at]] = token.ref.dataSync();
    }
    tree.dispose([keys, values, token]);
    return tokens;
  };
  return { isSync: true, call, valuesOf: (tokens) => ({ [TOKENS]: tokens }) };
}

function makeStep({ dim, heads, kvHeads, depth, hidden, tokens: count, eps }) {
  const size = dim / heads;
  const rotated = dim + kvHeads * size;
  const normalize = (x) => x.ref.mul(np.reciprocal(np.sqrt(np.mean(np.square(x), -1, { keepdims: true }).add(eps))));
  const columns = (x, from, to) => x.slice([], [from, to]);
  return (parameters, keys, values, token, at) => {
    const isHere = np.arange(count).equal(at.ref).reshape([1, count, 1]);
    const isLater = np.arange(count).greater(at.ref).reshape([1, 1, count]);
    const rotation = np.take(parameters.rotations.ref, at, 0);
    const next = { keys: [], values: [] };
    let x = np.take(parameters.table.ref, token, 0);
    for (let i = 0; i < depth; i++) {
      const layer = parameters.layers[i];
      const all = np.matmul(normalize(x.ref), layer.attention.ref);
      const parts = columns(all.ref, 0, 2 * rotated).mul(rotation.ref);
      const turned = columns(parts.ref, 0, rotated).add(columns(parts, rotated, 2 * rotated));
      const q = columns(turned.ref, 0, dim).reshape([kvHeads, heads / kvHeads, size]);
      const key = columns(turned, dim, rotated).reshape([kvHeads, 1, size]);
      const value = columns(all, 2 * rotated, 2 * rotated + kvHeads * size).reshape([kvHeads, 1, size]);
      const k = np.where(isHere.ref, key, keys[i]);
      const v = np.where(isHere.ref, value, values[i]);
      next.keys.push(k.ref);
      next.values.push(v.ref);
      const scores = np.matmul(q, np.transpose(k, [0, 2, 1]));
      const mixed = np.matmul(nn.softmax(np.where(isLater.ref, -1e9, scores), -1), v);
      x = x.add(np.matmul(mixed.reshape([1, dim]), layer.out.ref));
      const halves = np.matmul(normalize(x.ref), layer.halves.ref);
      const gate = nn.silu(columns(halves.ref, 0, hidden)).mul(columns(halves, hidden, 2 * hidden));
      x = x.add(np.matmul(gate, layer.down.ref));
    }
    const logits = np.matmul(normalize(x), parameters.head.ref);
    return { ...next, token: np.argmax(logits, -1).astype(np.int32) };
  };
}
