/** Sparse mixtures of experts of std/moe, against token by token results; and the language model that is made of them. */
import { describe, expect, test } from 'vitest';
import type { Graph, Region } from '../../src/compiler/ir/graph.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { graphOf, graphOfText, runnerOf, settings, specFile, storedTensor, TARGETS } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { compiledTrainingText, trainerOf } from '../support/trainers.ts';
import { drawWeights, type DrawnWeights } from './drawn.ts';
import { each, gelu, linear } from './plain.ts';

const TEXT = `
import { SparseMoE } from "std/moe"

train T(
  count: int = 5, k: int = 2, noisy: bool = false, factor: float? = none, hidden: int? = none, activation: fn = relu,
) {
  dims n
  input x: f32[1, n, 4]
  input noise?: f32[1, n, count]
  moe = SparseMoE(count, k, hidden: hidden, noisy: noisy, capacity_factor: factor, activation: activation)
  output y = moe(x, if given(noise) then noise else none)
  loss mean(square(y))
  metric balance = sum(moe.aux.balance)
  metric importance = sum(moe.aux.importance)
  metric z = sum(moe.aux.z)
  if factor != none { metric dropped = sum(moe.aux.dropped) }
  optimizer adamw(lr: 0.1, weight_decay: 0.5)
}
`;

const WIDTH = 4;
const TOKENS = 13;

interface Setting {
  readonly count: number;
  readonly k: number;
  readonly noisy?: boolean;
  readonly factor?: number;
  readonly hidden?: number;
  readonly activation?: 'gelu';
}

const softmax = (scores: readonly number[]): number[] => {
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The results of `T`, in plain loops. */
function plainly(
  { count, k, noisy = false, factor, activation }: Setting,
  { read }: DrawnWeights,
  x: Tensor,
  noise: Tensor | undefined,
): { readonly [name: string]: number[] } {
  const tokens = Array.from({ length: TOKENS }, (_, at) => Array.from(x.data.subarray(at * WIDTH, (at + 1) * WIDTH)));
  let logits = linear(tokens, read, noisy ? 'moe.router.topkroute_linear' : 'moe.router.linear');
  if (noisy && noise) {
    const spread = each(linear(tokens, read, 'moe.router.noise_linear'), (value) => Math.log1p(Math.exp(value)));
    logits = logits.map((row, t) => row.map((value, e) => value + noise.data[t * count + e]! * spread[t]![e]!));
  }
  const room = factor === undefined ? Infinity : Math.floor((TOKENS * k * factor) / count + 1e-9);
  const taken = Array.from({ length: count }, () => 0);
  const load = Array.from({ length: count }, () => 0);
  const y = tokens.map(() => Array.from({ length: WIDTH }, () => 0));
  for (const [t, token] of tokens.entries()) {
    const chosen = logits[t]!.map((_, e) => e).sort((a, b) => logits[t]![b]! - logits[t]![a]!);
    const best = chosen.slice(0, k);
    const gates = softmax(best.map((e) => logits[t]![e]!));
    for (const [j, e] of best.entries()) {
      load[e]! += gates[j]!;
      if (taken[e]!++ >= room) continue;
      const inside = each(linear([token], read, `moe.experts.${e}.net.0`), (value) =>
        activation === 'gelu' ? gelu(value) : Math.max(value, 0),
      );
      const [out] = linear(inside, read, `moe.experts.${e}.net.2`);
      out!.forEach((value, c) => (y[t]![c]! += gates[j]! * value));
    }
  }
  const probabilities = logits.map(softmax);
  const shares = taken.map((number) => number / (TOKENS * k));
  const balance = shares.reduce((sum, share, e) => sum + share * mean(probabilities.map((row) => row[e]!)), 0);
  const spread = load.map((value) => (value - mean(load)) ** 2);
  return {
    y: y.flat(),
    loss: [mean(y.flat().map((value) => value ** 2))],
    balance: [count * balance],
    importance: [mean(spread) / mean(load) ** 2],
    z: [mean(logits.map((row) => Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) ** 2))],
    ...(factor !== undefined && { dropped: [taken.reduce((sum, number) => sum + Math.max(number - room, 0), 0)] }),
  };
}

function entry(setting: Setting, given: readonly string[] = []): Graph {
  return graphOfText(TEXT, { settings: settings({ ...setting }), given });
}

describe('a sparse mixture of experts', () => {
  const cases: readonly (readonly [string, Setting])[] = [
    ['of two experts a token', { count: 5, k: 2 }],
    ['of one expert a token', { count: 3, k: 1 }],
    ['of all experts', { count: 3, k: 3, hidden: 7 }],
    ['of a single expert', { count: 1, k: 1 }],
    ['of many experts for few tokens', { count: 40, k: 2, activation: 'gelu' }],
    ['with noise', { count: 5, k: 2, noisy: true }],
    ['with room for some', { count: 4, k: 2, factor: 0.7 }],
    ['with room for none', { count: 4, k: 2, factor: 0 }],
    ['with room for all', { count: 4, k: 2, factor: 4, noisy: true }],
  ];

  describe.each(cases)('%s', (_, setting) => {
    const given = setting.noisy ? ['noise'] : [];
    const graph = entry(setting, given);
    const weights = drawWeights(graph, 3);
    const random = randomNumbers(4);
    const x = randomTensor('f32', [1, TOKENS, WIDTH], random);
    const noise = setting.noisy ? randomTensor('f32', [1, TOKENS, setting.count], random) : undefined;
    const inputs = { x, ...(noise && { noise }) };

    test.each(TARGETS)('is what each token makes of its experts, on %s', async (target) => {
      const outputs = await (await runnerOf(graph, target, weights.stored))(inputs);
      const tolerance = target === 'reference' ? 1e-11 : 2e-5;
      for (const [name, wanted] of Object.entries(plainly(setting, weights, x, noise)))
        expectClose(outputs.get(name)!.data, wanted, { absolute: tolerance, relative: tolerance }, name);
    });
  });

  test('drops what exceeds the capacity', () => {
    const weights = drawWeights(entry({ count: 4, k: 2, factor: 0.7 }), 3);
    const x = randomTensor('f32', [1, TOKENS, WIDTH], randomNumbers(4));
    const [dropped] = plainly({ count: 4, k: 2, factor: 0.7 }, weights, x, undefined)['dropped']!;
    expect(dropped).toBeGreaterThan(3);
    expect(dropped).toBeLessThan(2 * TOKENS);
  });

  test('has losses of even use: 1, 0 and what uniform logits have', () => {
    const weights = drawWeights(entry({ count: 4, k: 4 }), 3);
    const zeros = tensorOf('f32', [1, TOKENS, WIDTH], new Float64Array(TOKENS * WIDTH));
    const read = (path: string): ArrayLike<number> =>
      path === 'moe.router.linear.bias' ? new Float64Array(4) : weights.read(path);
    const { balance, importance, z } = plainly({ count: 4, k: 4 }, { ...weights, read }, zeros, undefined);
    expect(balance![0]).toBeCloseTo(1, 12);
    expect(importance![0]).toBeCloseTo(0, 12);
    expect(z![0]).toBeCloseTo(Math.log(4) ** 2, 12);
  });
});

describe('an expert that no token chose', () => {
  const compiled = compiledTrainingText(TEXT, { settings: settings({ count: 3, k: 1 }) });

  test.each(['wasm', 'js'] as const)('only decays, on %s', async (target) => {
    const first = drawWeights(entry({ count: 3, k: 1 }), 5);
    // The bias sends all tokens to the second expert.
    const weights = new Map(first.stored).set('moe.router.linear.bias', storedTensor([3], [0, 50, 0]));
    const trainer = await trainerOf(compiled, { target, weights });
    await trainer.step({ x: Float32Array.from(randomTensor('f32', [1, 6, WIDTH], randomNumbers(1)).data) });
    const after = await trainer.weights();
    for (const path of ['experts.0.net.0.weight', 'experts.2.net.2.bias', 'experts.1.net.0.weight']) {
      const old = first.read(`moe.${path}`);
      const own = [...after.get(`moe.${path}`)!.data];
      const decayed = own.every((value, at) => Math.abs(value - old[at]! * (1 - 0.1 * 0.5)) < 1e-6);
      expect(decayed, path).toBe(!path.startsWith('experts.1'));
    }
    trainer.dispose();
  });
});

describe('the language model', () => {
  const small = { vocab_size: 7, block_size: 4, n_embed: 8, n_head: 2, n_layer: 2, num_experts: 3 };
  const trained = (values: { readonly [name: string]: unknown } = {}): Graph => {
    const options = { entry: 'TrainMoELanguageModel', training: true, settings: settings({ ...small, ...values }) };
    return graphOf(specFile('moe_lm.model'), options);
  };
  const draws = (graph: Graph): string[] => graph.nodes.flatMap(({ op }) => (op.random ? [op.name] : []));

  test('drops out where the blog does: attention weights, projections and experts', () => {
    const graph = trained({ dropout: 0.1, router: 'topk' });
    const dropped = graph.nodes.filter(({ op }) => op.name === 'dropout');
    const places = dropped.map(({ origin, inputs }) => [origin.path.split('.')[3], inputs[0]!.type.shape.length]);
    const layer = [
      ['sa', 4],
      ['sa', 3],
      ['smoe', 2],
    ];
    expect(places).toEqual([...layer, ...layer]);
  });

  test('draws the noise of its routers in training alone', () => {
    expect(draws(trained())).toEqual(['random_normal', 'random_normal']);
    expect(draws(trained({ router: 'topk' }))).toEqual([]);
    expect(draws(graphOf(specFile('moe_lm.model'), { entry: 'MoELanguageModel' }))).toEqual([]);
  });

  test('chooses experts in a kernel that computes nothing else', () => {
    const bodies = runPasses(trained(), passes, ops).graph.nodes.map(({ attributes }) => attributes['body'] as Region);
    const choosing = bodies
      .map(({ nodes }) => nodes.map(({ op }) => op.name))
      .filter((names) => names.includes('top_k'));
    expect(choosing).toEqual([['top_k'], ['top_k']]);
  });

  test('has the parameters of the blog, whatever is added to the loss', () => {
    const names = (graph: Graph): string[] => parameterTensors(graph.parameters).map(({ name }) => name);
    const plain = names(trained());
    expect(plain).toContain('net.blocks.1.smoe.router.topkroute_linear.weight');
    expect(plain).toContain('net.blocks.1.smoe.router.noise_linear.bias');
    expect(plain).toContain('net.blocks.1.smoe.experts.2.net.0.weight');
    expect(plain).toContain('net.blocks.0.smoe.experts.0.net.2.bias');
    expect(plain).toContain('net.blocks.1.sa.heads.1.key.weight');
    expect(names(trained({ balance_weight: 0.01, z_weight: 0.001, capacity_factor: 1.25 }))).toEqual(plain);
    expect(names(trained({ router: 'topk' }))).toContain('net.blocks.1.smoe.router.linear.weight');
  });

  test('counts what it drops only where there is a capacity', () => {
    const outputs = (graph: Graph): string[] => graph.outputs.map(({ name }) => name);
    expect(outputs(trained())).not.toContain('dropped');
    expect(outputs(trained({ capacity_factor: 1 }))).toContain('dropped');
  });

  test('adds the losses of all routers with their weights', async () => {
    const idx = tensorOf('i32', [1, 4], [1, 5, 0, 2]);
    const targets = tensorOf('i32', [1, 4], [5, 0, 2, 6]);
    const loss = async (values: { readonly [name: string]: unknown }): Promise<number> => {
      const all = settings({ ...small, router: 'topk', ...values });
      const options = { entry: 'TrainMoELanguageModel', settings: all };
      const graph = graphOf(specFile('moe_lm.model'), options);
      const run = await runnerOf(graph, 'reference', drawWeights(graph, 2).stored);
      return (await run({ idx, targets })).get('loss')!.data[0]!;
    };
    const plain = await loss({});
    for (const name of ['balance_weight', 'z_weight']) {
      const one = (await loss({ [name]: 1 })) - plain;
      expect(one, name).toBeGreaterThan(0.1);
      expect((await loss({ [name]: 0.25 })) - plain, name).toBeCloseTo(one / 4, 10);
    }
  });
});
