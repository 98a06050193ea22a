/**
 * TensorFlow.js on its WebAssembly backend: a step of forward, backward and AdamW. The gradients of products are written
 * out with matrices that are transposed first: of transposed ones, the backend computes products in plain loops.
 */
import * as tf from '@tensorflow/tfjs-core';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { openLearning } from './tensorflow-learning.mjs';

export async function load(task) {
  const { threads, packages } = task;
  if (packages) setWasmPaths(`${packages}/@tensorflow/tfjs-backend-wasm/dist/`);
  if (threads === 1) tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  else setThreadsCount(threads);
  await tf.setBackend('wasm');
  if (globalThis.document) await import('@tensorflow/tfjs-core/dist/register_all_gradients.js');
  else await import(new URL('tensorflow-gradients.mjs', import.meta.url).href);
  return openLearning(task, product);
}

/** A product of matrices or of as many matrices, neither transposed, whose gradients are such products too. */
const product = tf.customGrad((a, b, save) => {
  save([a, b]);
  const flipped = (x) => tf.transpose(x, x.shape.length === 2 ? [1, 0] : [0, 2, 1]);
  const gradFunc = (dy, [left, right]) => [tf.matMul(dy, flipped(right)), tf.matMul(flipped(left), dy)];
  return { value: tf.matMul(a, b), gradFunc };
});
