/** The small MLP as one would write it by hand in JavaScript: what a call costs without any library. */
import { readSafetensors } from './safetensors.mjs';

export async function load({ network, files }) {
  if (network !== 'mlp') throw new Error('written by hand for the MLP only');
  const weights = readSafetensors(await files.read('weights.safetensors'));
  const { x } = Object.fromEntries(readSafetensors(await files.read('inputs.safetensors')));
  const hidden = { weight: weights.get('hidden.weight').data, bias: weights.get('hidden.bias').data };
  const out = { weight: weights.get('out.weight').data, bias: weights.get('out.bias').data };
  return {
    isSync: true,
    call: () => linear(linear(x.data, hidden).map(relu), out),
    valuesOf: (y) => ({ y }),
  };
}

const relu = (value) => (value > 0 ? value : 0);

function linear(x, { weight, bias }) {
  const y = new Float32Array(bias.length);
  for (let row = 0; row < y.length; row++) {
    let sum = bias[row];
    for (let at = 0; at < x.length; at++) sum += weight[row * x.length + at] * x[at];
    y[row] = sum;
  }
  return y;
}
