/** A step of forward, backward and AdamW in TensorFlow.js, whatever its backend. */
import * as tf from '@tensorflow/tfjs-core';
import { networks } from './networks.mjs';
import { readSafetensors } from './safetensors.mjs';
import { BETAS, hostNumbers, isDecayed, learnFirst, LOSSES } from './training.mjs';

/** What a peer's `load` answers. `product` multiplies matrices, or as many matrices, neither transposed, and has a gradient. */
export async function openLearning({ network, config, call, files }, product) {
  const variables = new Map();
  for (const [name, { data, shape }] of readSafetensors(await files.read('weights.safetensors'))) {
    const value = tf.tensor(data, shape);
    const first = isLinear(name) ? tf.transpose(value) : value;
    const zeros = () => tf.variable(tf.zerosLike(first), false);
    variables.set(name, { parameter: tf.variable(first), mean: zeros(), square: zeros() });
  }
  const given = Object.fromEntries(readSafetensors(await files.read('inputs.safetensors')));
  const [idx, targets] = ['idx', 'targets'].map((name) => tf.tensor(given[name].data, given[name].shape, 'int32'));
  const own = tf.oneHot(targets, config.vocab);
  const layers = makeLayers((name) => variables.get(name).parameter, config, product);
  const lossOf = () => {
    const { logits } = networks[network](layers, { idx }, config);
    return tf.mul(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), own), -1)), -1);
  };
  const list = [...variables.values()].map(({ parameter }) => parameter);
  let update = 0;
  const step = async () => {
    update++;
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(lossOf, list);
      for (const [name, slot] of variables) move(name, slot, grads[slot.parameter.name], update, config);
      return value;
    });
    const [value] = await loss.data();
    loss.dispose();
    if (call === 'parameters') await Promise.all(list.map((parameter) => parameter.data()));
    return value;
  };
  const losses = await learnFirst(step);
  return { isSync: false, call: step, valuesOf: () => ({ [LOSSES]: losses }) };
}

const isLinear = (name) => !name.includes('.wte.') && !name.includes('.wpe.') && !/\.ln_[^.]+\.|\.bias$/.test(name);

function move(name, { parameter, mean, square }, gradient, update, config) {
  const { rate, decay } = config;
  const { size, epsilon } = hostNumbers(update, rate);
  mean.assign(tf.add(tf.mul(mean, BETAS[0]), tf.mul(gradient, 1 - BETAS[0])));
  square.assign(tf.add(tf.mul(square, BETAS[1]), tf.mul(tf.square(gradient), 1 - BETAS[1])));
  const change = tf.div(tf.mul(mean, size), tf.add(tf.sqrt(square), epsilon));
  const kept = isDecayed(name, config) ? tf.mul(parameter, 1 - rate * decay) : parameter;
  parameter.assign(tf.sub(kept, change));
}

function makeLayers(parameter, { vocab }, product) {
  function linear(x, weight, bias) {
    const matrix = parameter(weight);
    const y = product(tf.reshape(x, [-1, x.shape.at(-1)]), matrix);
    const shifted = bias ? tf.add(y, parameter(bias)) : y;
    return tf.reshape(shifted, [...x.shape.slice(0, -1), matrix.shape[1]]);
  }

  function layerNorm(x, name, epsilon) {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    const normed = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
    return tf.add(tf.mul(normed, parameter(`${name}.weight`)), parameter(`${name}.bias`));
  }

  function attention(q, k, v, heads) {
    const [batch, tokens, width] = q.shape;
    const split = (x, order) =>
      tf.reshape(tf.transpose(tf.reshape(x, [batch, tokens, heads, -1]), order), [
        batch * heads,
        ...(order[3] === 3 ? [tokens, -1] : [-1, tokens]),
      ]);
    const scores = product(split(tf.mul(q, (width / heads) ** -0.5), [0, 2, 1, 3]), split(k, [0, 2, 3, 1]));
    const hidden = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([tokens, tokens]), -1, 0)), -1e9);
    const mixed = product(tf.softmax(tf.add(scores, hidden)), split(v, [0, 2, 1, 3]));
    return tf.reshape(tf.transpose(tf.reshape(mixed, [batch, heads, tokens, -1]), [0, 2, 1, 3]), q.shape);
  }

  return {
    linear,
    layerNorm,
    causalAttention: attention,
    add: tf.add,
    gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    thirds: (x) => tf.split(x, 3, -1),
    // Asked for numbers of this type, the backend's oneHot answers zeros.
    rowsOf: (ids, weight) => {
      const chosen = tf.cast(tf.oneHot(tf.reshape(ids, [-1]), vocab), 'float32');
      return tf.reshape(product(chosen, parameter(weight)), [...ids.shape, -1]);
    },
    wholeTable: (weight) => parameter(weight),
  };
}
