/** TensorFlow.js on its WebAssembly backend, in the forms for which it has XNNPACK's kernels. */
import * as tf from '@tensorflow/tfjs-core';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { openNetwork } from './tensorflow-layers.mjs';

export async function load(task) {
  const { threads, packages } = task;
  if (packages) setWasmPaths(`${packages}/@tensorflow/tfjs-backend-wasm/dist/`);
  if (threads === 1) tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  else setThreadsCount(threads);
  await tf.setBackend('wasm');
  const forward = await openNetwork(task, attention);
  return {
    isSync: true,
    call: () => {
      const read = {};
      tf.tidy(() => {
        // Not answered to `tidy`, which would look at every number for tensors to keep.
        for (const [name, value] of Object.entries(forward())) read[name] = value.dataSync();
      });
      return read;
    },
    valuesOf: (outputs) => outputs,
  };
}

/** Head by head: only products of two matrices, neither transposed, reach XNNPACK; its others are plain loops. */
function attention(q, k, v, heads) {
  const scaled = tf.mul(q, (q.shape.at(-1) / heads) ** -0.5);
  const keys = tf.split(tf.transpose(k, [0, 2, 1]), heads, 1);
  const values = tf.split(v, heads, -1);
  const mixed = tf.split(scaled, heads, -1).map((rows, head) => {
    const weights = tf.softmax(tf.matMul(rows, keys[head]));
    return tf.matMul(weights, values[head]);
  });
  return tf.concat(mixed, -1);
}
