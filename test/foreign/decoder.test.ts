import { describe, test } from 'vitest';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import {
  at,
  attend,
  headsOf,
  joinHeads,
  linear,
  map,
  plus,
  rmsNorm,
  sum,
  tabulate,
  type Plain,
  type Weights,
} from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly vocab: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly turned: number;
  readonly theta: number;
  readonly positions: 'rotary' | 'alibi';
  readonly hidden: number;
}

/** Number i turns with number i + half. */
function rotated(x: Plain, turned: number, theta: number): Plain {
  const half = turned / 2;
  return tabulate(x.shape, (b, h, t, e) => {
    if (e >= turned) return at(x, b, h, t, e);
    const angle = t * theta ** ((-2 * (e % half)) / turned);
    const other = e < half ? -at(x, b, h, t, e + half) : at(x, b, h, t, e - half);
    return at(x, b, h, t, e) * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** Each head of keys or values for the queries of several heads. */
function repeated(x: Plain, times: number): Plain {
  const [b, h, t, e] = x.shape as [number, number, number, number];
  return tabulate([b, h * times, t, e], (s, g, i, c) => at(x, s, Math.floor(g / times), i, c));
}

const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

function decoder(setting: Setting, ids: Plain, weights: Weights): Plain {
  const { dim, depth, heads, kv_heads, turned, theta, positions } = setting;
  const words = weights('embed.weight');
  const [batch, time] = ids.shape as [number, number];
  let x = tabulate([batch, time, dim], (b, t, c) => at(words, at(ids, b, t), c));
  for (let i = 0; i < depth; i++) {
    const name = `layers.${i}`;
    const u = rmsNorm(x, weights, `${name}.norm`);
    let q = headsOf(linear(u, weights, `${name}.attn.q_proj`, false), heads);
    let k = headsOf(linear(u, weights, `${name}.attn.k_proj`, false), kv_heads);
    const v = headsOf(linear(u, weights, `${name}.attn.v_proj`, false), kv_heads);
    if (positions === 'rotary') [q, k] = [rotated(q, turned, theta), rotated(k, turned, theta)];
    const mixed = attend(q, repeated(k, heads / kv_heads), repeated(v, heads / kv_heads), {
      scale: (dim / heads) ** -0.5,
      bias(_, h, query, key) {
        if (key > query) return -Infinity;
        return positions === 'alibi' ? -(2 ** ((-8 * (h + 1)) / heads)) * (query - key) : 0;
      },
    });
    const hidden = map(linear(u, weights, `${name}.fc_in`), tanhGelu);
    const sides = plus(
      linear(joinHeads(mixed), weights, `${name}.attn.o_proj`, false),
      linear(hidden, weights, `${name}.fc_out`),
    );
    x = plus(x, sides);
  }
  const normed = rmsNorm(x, weights, 'norm_f');
  return tabulate([batch, time, setting.vocab], (b, t, w) => sum(dim, (c) => at(normed, b, t, c) * at(words, w, c)));
}

describe('a decoder with attention beside its feed-forward', () => {
  test.each<Setting>([
    { vocab: 23, dim: 20, depth: 2, heads: 4, kv_heads: 2, turned: 4, theta: 100, positions: 'rotary', hidden: 13 },
    { vocab: 11, dim: 18, depth: 1, heads: 6, kv_heads: 2, turned: 2, theta: 100, positions: 'alibi', hidden: 5 },
    { vocab: 7, dim: 6, depth: 1, heads: 1, kv_heads: 1, turned: 6, theta: 10000, positions: 'rotary', hidden: 31 },
  ])('%o', async (setting) => {
    const run = (batch: number, time: number) => ({
      ids: randomTensor('i32', [batch, time], randomNumbers(time), [0, setting.vocab - 1]),
    });
    await expectAsDefined({
      spec: 'decoder.model',
      settings: { ...setting },
      runs: [run(1, 17), run(3, 1), run(2, 66)],
      definition: ({ ids }, weights) => ({ logits: decoder(setting, ids!, weights) }),
    });
  });
});
