/** TensorFlow.js on its WebGPU backend; all heads are products of one call. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-webgpu';
import { openNetwork } from './tensorflow-layers.mjs';

export async function load(task) {
  if (!(await tf.setBackend('webgpu'))) throw new Error('its WebGPU backend does not start');
  const forward = await openNetwork(task, attention);
  return {
    isSync: false,
    call: async () => {
      const outputs = Object.entries(tf.tidy(forward));
      const read = await Promise.all(outputs.map(async ([name, value]) => [name, await value.data()]));
      for (const [, value] of outputs) value.dispose();
      return Object.fromEntries(read);
    },
    valuesOf: (outputs) => outputs,
  };
}

function attention(q, k, v, heads) {
  const [batch, tokens, width] = q.shape;
  const split = (x) => tf.transpose(tf.reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  const scores = tf.matMul(split(tf.mul(q, (width / heads) ** -0.5)), split(k), false, true);
  const mixed = tf.matMul(tf.softmax(scores), split(v));
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), q.shape);
}
