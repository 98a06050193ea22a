import { describe, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, linear, plus, rmsNorm, sigmoid, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly dim: number;
  readonly depth: number;
  readonly state: number;
  readonly kernel: number;
  readonly expand: number;
}

const silu = (x: number): number => x * sigmoid(x);

/** Runs the recurrence over time for each sequence, channel and state. */
function mixer(x: Plain, weights: Weights, name: string, { dim, state, kernel, expand }: Setting): Plain {
  const [batch, length] = x.shape as [number, number];
  const inner = expand * dim;
  const rank = Math.max(Math.floor((dim + 15) / 16), 1);
  const both = linear(x, weights, `${name}.in_proj`, false);
  const [taps, bias] = [weights(`${name}.conv1d.weight`), weights(`${name}.conv1d.bias`)];
  const u = tabulate([batch, length, inner], (b, t, d) => {
    let total = at(bias, d);
    for (let k = 0; k < kernel; k++) {
      const from = t - (kernel - 1) + k;
      if (from >= 0) total += at(taps, d, 0, k) * at(both, b, from, d);
    }
    return silu(total);
  });
  const chosen = linear(u, weights, `${name}.x_proj`, false);
  const rate = tabulate([batch, length, rank], (b, t, r) => at(chosen, b, t, r));
  const delta = linear(rate, weights, `${name}.dt_proj`);
  const [aLog, skip] = [weights(`${name}.A_log`), weights(`${name}.D`)];
  const y = new Float64Array(batch * length * inner);
  for (let b = 0; b < batch; b++) {
    for (let d = 0; d < inner; d++) {
      const h = Array.from({ length: state }, () => 0);
      for (let t = 0; t < length; t++) {
        const step = Math.log1p(Math.exp(at(delta, b, t, d)));
        let total = at(skip, d) * at(u, b, t, d);
        for (let n = 0; n < state; n++) {
          h[n] =
            Math.exp(-step * Math.exp(at(aLog, d, n))) * h[n]! + step * at(chosen, b, t, rank + n) * at(u, b, t, d);
          total += at(chosen, b, t, rank + state + n) * h[n]!;
        }
        y[(b * length + t) * inner + d] = total * silu(at(both, b, t, inner + d));
      }
    }
  }
  return linear({ shape: [batch, length, inner], data: y }, weights, `${name}.out_proj`, false);
}

function mamba(setting: Setting, x: Plain, weights: Weights): Plain {
  for (let i = 0; i < setting.depth; i++)
    x = plus(x, mixer(rmsNorm(x, weights, `layers.${i}.norm`), weights, `layers.${i}.mixer`, setting));
  return rmsNorm(x, weights, 'norm_f');
}

describe.each<Setting>([
  { dim: 5, depth: 2, state: 3, kernel: 4, expand: 2 },
  { dim: 17, depth: 1, state: 1, kernel: 2, expand: 1 },
])('Mamba of %o', (setting) => {
  const run = (batch: number, length: number) => ({
    x: randomTensor('f32', [batch, length, setting.dim], randomNumbers(length)),
  });

  test.each([1, 7])('in %i steps', async (length) => {
    await expectAsDefined({
      spec: 'mamba.model',
      entry: 'MambaSteps',
      settings: { ...setting, length },
      runs: [run(1, length), run(3, length)],
      definition: ({ x }, weights) => ({ hidden: mamba(setting, x!, weights) }),
    });
  });

  test('in one go, over sequences of any length', async () => {
    await expectAsDefined({
      spec: 'mamba.model',
      entry: 'Mamba',
      settings: { ...setting },
      runs: [run(2, 9), run(1, 1), run(3, 13)],
      definition: ({ x }, weights) => ({ hidden: mamba(setting, x!, weights) }),
    });
  });
});
