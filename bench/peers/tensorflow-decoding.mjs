/** TensorFlow.js on its WebAssembly backend, op by op: products of a row and a matrix reach XNNPACK, and caches grow by `concat`. */
import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { mergedWeights } from './decoding-weights.mjs';
import { BEGIN, TOKENS } from './decoding.mjs';
import { readSafetensors } from './safetensors.mjs';

export async function load({ config, files, packages }) {
  if (packages) setWasmPaths(`${packages}/@tensorflow/tfjs-backend-wasm/dist/`);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  await tf.setBackend('wasm');
  const weights = readSafetensors(await files.read('weights.safetensors'));
  const step = makeStep(mergedWeights(weights, config), config);
  const { depth, kvHeads, dim, heads, tokens: count } = config;
  const size = dim / heads;
  const call = () => {
    const tokens = new Int32Array(count);
    let caches = Array.from({ length: depth }, () => ({
      keys: tf.zeros([kvHeads, size, 0]),
      values: tf.zeros([kvHeads, 0, size]),
    }));
    let token = BEGIN;
    for (let at = 0; at < count; at++) {
      const result = tf.tidy(() => step(token, at, caches));
      tf.dispose(caches);
      caches = result.caches;
      [token] = result.next.dataSync();
      result.next.dispose();
      tokens[at] = token;
    }
    tf.dispose(caches);
    return tokens;
  };
  return { isSync: true, call, valuesOf: (tokens) => ({ [TOKENS]: tokens }) };
}

function makeStep(merged, { dim, heads, kvHeads, eps }) {
  const size = dim / heads;
  const kept = kvHeads * size;
  const rotated = dim + kept;
  const tensor = ({ data, shape }) => tf.tensor(data, shape);
  const [table, head, rotations] = [merged.table, merged.head, merged.rotations].map(tensor);
  const layers = merged.layers.map((layer) =>
    Object.fromEntries(Object.entries(layer).map(([name, matrix]) => [name, tensor(matrix)])),
  );
  const epsilon = tf.scalar(eps);
  const normalize = (x) => tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon)));

  function attend(normed, layer, rotation, { keys, values }) {
    const [turning, value] = tf.split(tf.matMul(normed, layer.attention), [2 * rotated, kept], 1);
    const [left, right] = tf.split(tf.mul(turning, rotation), 2, 1);
    const [query, key] = tf.split(tf.add(left, right), [dim, kept], 1);
    const cache = {
      keys: tf.concat([keys, tf.reshape(key, [kvHeads, size, 1])], 2),
      values: tf.concat([values, tf.reshape(value, [kvHeads, 1, size])], 1),
    };
    const scores = tf.matMul(tf.reshape(query, [kvHeads, heads / kvHeads, size]), cache.keys);
    const mixed = tf.matMul(tf.softmax(scores), cache.values);
    return { cache, y: tf.matMul(tf.reshape(mixed, [1, dim]), layer.out) };
  }

  function feedForward(normed, layer) {
    const [gate, up] = tf.split(tf.matMul(normed, layer.halves), 2, 1);
    return tf.matMul(tf.mul(tf.mul(gate, tf.sigmoid(gate)), up), layer.down);
  }

  return (token, at, caches) => {
    const rotation = tf.slice(rotations, [at, 0], [1, 2 * rotated]);
    let x = tf.slice(table, [token, 0], [1, dim]);
    const next = layers.map((layer, i) => {
      const { cache, y } = attend(normalize(x), layer, rotation, caches[i]);
      x = tf.add(x, y);
      x = tf.add(x, feedForward(normalize(x), layer));
      return cache;
    });
    return { caches: next, next: tf.argMax(tf.matMul(normalize(x), head), 1) };
  };
}
