/**
 * jax-js on its WebAssembly device, or on the one that the options name: a step of forward, backward and AdamW is one
 * jitted function of the parameters, the moments and the batch. With `call` "parameters", all parameters are waited for, not only the loss.
 */
import { blockUntilReady, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { makeLayers, openDevice, stored } from './jax.mjs';
import { networks } from './networks.mjs';
import { stackParts } from './parts.mjs';
import { readSafetensors } from './safetensors.mjs';
import { BETAS, hostNumbers, isDecayed, learnFirst, LOSSES } from './training.mjs';

export async function load({ network, config: numbers, call, options, files }) {
  const config = { ...numbers, ...options };
  await openDevice(options);
  const array = ({ data, shape }) => np.array(data).reshape(shape);
  const weights = stackParts(readSafetensors(await files.read('weights.safetensors')));
  const zeros = ({ shape }) => np.zeros(shape);
  let parameters = Object.fromEntries([...weights].map(([name, weight]) => [name, stored(name, array(weight))]));
  let [means, squares] = [0, 1].map(() =>
    Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, zeros(value)])),
  );
  const given = Object.fromEntries(readSafetensors(await files.read('inputs.safetensors')));
  const train = makeStep(network, config);
  let update = 0;
  const step = async () => {
    update++;
    const { size, epsilon } = hostNumbers(update, config.rate);
    const inputs = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, array(value)]));
    const result = train(parameters, means, squares, inputs, np.array(size), np.array(epsilon));
    [parameters, means, squares] = [result.parameters, result.means, result.squares];
    const loss = await result.loss.data();
    if (call === 'parameters') await blockUntilReady(tree.ref(parameters));
    return loss[0];
  };
  const losses = await learnFirst(step);
  return { isSync: false, call: step, valuesOf: () => ({ [LOSSES]: losses }) };
}

function makeStep(network, config) {
  const lossOf = (parameters, { targets, ...inputs }) => {
    const { logits } = networks[network](makeLayers(parameters), inputs, config);
    const own = nn.oneHot(targets, config.vocab);
    return np.mean(np.sum(nn.logSoftmax(logits, -1).mul(own), -1)).mul(-1);
  };
  return jit((parameters, means, squares, inputs, size, epsilon) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), inputs);
    const next = { loss, parameters: {}, means: {}, squares: {} };
    for (const [name, parameter] of Object.entries(parameters)) {
      const gradient = gradients[name];
      const mean = means[name].mul(BETAS[0]).add(gradient.ref.mul(1 - BETAS[0]));
      const square = squares[name].mul(BETAS[1]).add(gradient.ref.mul(gradient).mul(1 - BETAS[1]));
      const change = mean.ref.mul(size.ref).div(np.sqrt(square.ref).add(epsilon.ref));
      const kept = isDecayed(name, config) ? parameter.mul(1 - config.rate * config.decay) : parameter;
      next.parameters[name] = kept.sub(change);
      next.means[name] = mean;
      next.squares[name] = square;
    }
    return next;
  });
}
