import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { caseWith, expectCase, expectMutant, type CaseEntry } from '../support/cases.ts';
import { describeReference, largestDifference, valuesOf } from '../support/reference.ts';
import { testOnTargets } from '../support/webgpu.ts';

const HYPERPARAMETERS = ['vocab_size', 'block_size', 'n_embed', 'n_head', 'n_layer', 'num_experts', 'top_k'];

/** The gates of all experts, [tokens, count], 0 for those that were not chosen. */
function denseGates(gate: Tensor, index: Tensor, count: number): Float64Array {
  const [tokens, k] = gate.shape as [number, number];
  const dense = new Float64Array(tokens * count);
  index.data.forEach((expert, at) => (dense[Math.floor(at / k) * count + expert] = gate.data[at]!));
  return dense;
}

describeReference('the sparse language model in PyTorch', 'oracle/shared/makemoe', () => {
  const file = 'moe_lm.model';
  const scaled = {
    name: 'scale_by_head_size',
    change: { file, passage: 'scale: c ** -0.5', mistake: 'scale: size ** -0.5' },
  };
  const silent = {
    name: 'noise_ignored',
    change: { file: 'std/moe.model', passage: 'logits + noise * spread', mistake: 'logits + 0 * noise * spread' },
  };
  const unlimited = {
    name: 'capacity_ignored',
    change: { file, passage: ', capacity_factor: capacity_factor', mistake: '' },
  };

  describe.each([
    { name: 'seed_noisy', mutants: [scaled, silent] },
    { name: 'seed_topk_router', mutants: [scaled] },
    { name: 'head_capacity', mutants: [scaled, silent, unlimited] },
  ])('$name', ({ name, mutants }) => {
    const { given, settings } = caseWith(`makemoe/${name}`, [...HYPERPARAMETERS, 'router', 'capacity_factor']);
    const { tensors, tolerances, config } = given;
    const layers = Array.from({ length: Number(config.n_layer) }, (_, at) => at);
    const plain: CaseEntry = { spec: 'moe_lm.model', entry: 'MoELanguageModel', settings };
    const model: CaseEntry = {
      ...plain,
      taps: ['blocks.*.sa', 'blocks.*.smoe', 'blocks.*.smoe.router'],
      activations: Object.fromEntries(
        layers.flatMap((at) => [
          [`blocks.${at}.sa`, `act.layer${at}.attn`],
          [`blocks.${at}.smoe`, `act.layer${at}.moe`],
          [`blocks.${at}.smoe.router.1`, `act.layer${at}.indices`],
        ]),
      ) as { [path: string]: string },
    };

    testOnTargets('logits, activations, routing and loss', async (target) => {
      const outputs = await expectCase(given, model, target, ['out.logits']);
      for (const at of layers) {
        const [gate, index] = [0, 1].map((one) => outputs.get(`blocks.${at}.smoe.router.${one}`)!);
        const gates = denseGates(gate!, index!, Number(config.num_experts));
        const wanted = `act.layer${at}.gates`;
        expect(largestDifference(gates, valuesOf(tensors, wanted)), wanted).toBeLessThanOrEqual(
          tolerances[wanted]!.tol,
        );
      }
      await expectCase(given, { ...plain, entry: 'TrainMoELanguageModel', instance: 'net' }, target, [
        'loss',
        'out.logits',
      ]);
    });

    test.each(mutants)('is off as it should be with the mistake $name', async ({ name: mutant, change }) => {
      await expectMutant(given, plain, mutant, change);
    });
  });
});
