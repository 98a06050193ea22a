/** TensorFlow.js on its WebGPU backend: a step of forward, backward and AdamW. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-webgpu';
import { openLearning } from './tensorflow-learning.mjs';

export async function load(task) {
  if (!(await tf.setBackend('webgpu'))) throw new Error('its WebGPU backend does not start');
  return openLearning(task, tf.matMul);
}
