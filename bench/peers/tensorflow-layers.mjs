/**
 * The layers of TensorFlow.js, whatever its backend. Products are fused with bias and activation, constant matrices lie
 * [in, out], and images are NHWC.
 */
import * as tf from '@tensorflow/tfjs-core';
import { foldBatchNorm, networks } from './networks.mjs';
import { readSafetensors } from './safetensors.mjs';

/**
 * The function that makes tensors of the inputs and computes the outputs, by name, on the backend that was chosen.
 * `attention` is that of the layers: of queries, keys and values [batch, tokens, width] and the number of heads.
 */
export async function openNetwork({ network, config, files }, attention) {
  const layers = makeLayers(foldBatchNorm(readSafetensors(await files.read('weights.safetensors'))), attention);
  const given = [...readSafetensors(await files.read('inputs.safetensors'))];
  const tensor = ({ data, shape }) => tf.tensor(data, shape, data instanceof Int32Array ? 'int32' : 'float32');
  return () => {
    const inputs = Object.fromEntries(given.map(([name, value]) => [name, tensor(value)]));
    return networks[network](layers, inputs, config);
  };
}

/** Parameters stay for the life of the process: each is made once, in the form it is used in. */
function makeParameters(weights) {
  const made = new Map();
  return (name, form = (tensor) => tensor) => {
    if (!made.has(name)) {
      const { data, shape } = weights.get(name);
      made.set(name, tf.keep(tf.tidy(() => tf.clone(form(tf.tensor(data, shape))))));
    }
    return made.get(name);
  };
}

/** [out, in …] as [in, out]. */
const inputsFirst = (weight) => tf.transpose(tf.reshape(weight, [weight.shape[0], -1]));

/** [out, in, height, width] as [height, width, in, out]. */
const kernelLast = (weight) => tf.transpose(weight, [2, 3, 1, 0]);

function makeLayers(weights, attention) {
  const parameter = makeParameters(weights);

  function linear(x, weight, bias, activation = 'linear') {
    const matrix = parameter(weight, inputsFirst);
    const rows = tf.reshape(x, [-1, x.shape.at(-1)]);
    const y = tf.fused.matMul({ a: rows, b: matrix, ...(bias && { bias: parameter(bias) }), activation });
    return tf.reshape(y, [...x.shape.slice(0, -1), matrix.shape[1]]);
  }

  function layerNorm(x, name, epsilon) {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    const normed = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
    return tf.add(tf.mul(normed, parameter(`${name}.weight`)), parameter(`${name}.bias`));
  }

  /** [batch, channels, height, width] as [batch, patches, pixels]; `order` of channels and pixels in a patch. */
  function patches(img, patch, order) {
    const [batch, channels, height, width] = img.shape;
    const [rows, columns] = [height / patch, width / patch];
    const inner = { pqc: [3, 5, 1], cpq: [1, 3, 5] }[order];
    const parts = tf.reshape(img, [batch, channels, rows, patch, columns, patch]);
    return tf.reshape(tf.transpose(parts, [0, 2, 4, ...inner]), [batch, rows * columns, -1]);
  }

  function convolve(x, name, { stride, padding, relu = false }) {
    return tf.fused.conv2d({
      x,
      filter: parameter(`${name}.weight`, kernelLast),
      strides: stride,
      pad: around(padding),
      bias: parameter(`${name}.bias`),
      activation: relu ? 'relu' : 'linear',
    });
  }

  const around = (padding) => [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ];
  return {
    parameter,
    linear,
    layerNorm,
    attention,
    patches,
    convolve,
    add: tf.add,
    relu: tf.relu,
    tanh: tf.tanh,
    gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    thirds: (x) => tf.split(x, 3, -1),
    prepend: (token, x) => tf.concat([token, x], 1),
    firstToken: (x) => tf.squeeze(tf.slice(x, [0, 0, 0], [x.shape[0], 1, x.shape[2]]), [1]),
    length: (x) => x.shape[1],
    embedding: (ids, weight) => tf.gather(parameter(weight), ids),
    firstRows: (weight, count) => tf.slice(parameter(weight), [0, 0], [count, weights.get(weight).shape[1]]),
    fromPlanes: (img) => tf.transpose(img, [0, 2, 3, 1]),
    maxPool: (x, { kernel, stride, padding }) => tf.maxPool(x, kernel, stride, around(padding)),
    planeMeans: (x) => tf.mean(x, [1, 2]),
  };
}
