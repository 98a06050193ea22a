import { expect, test } from 'vitest';
import { expectCase, type CaseEntry } from '../support/cases.ts';
import { readGeneratedCase } from '../support/generated.ts';
import { describeReference } from '../support/reference.ts';
import { TARGETS } from '../support/specs.ts';
import { gradientDeviations } from '../support/training-cases.ts';

describeReference('the full-size sparse language model in PyTorch', 'oracle/shared/makemoe_seed_shape', () => {
  const given = readGeneratedCase('makemoe_seed_shape/noisy');
  const layers = Array.from({ length: Number(given.config.n_layer) }, (_, at) => at);
  const model: CaseEntry = {
    spec: 'moe_lm.model',
    entry: 'MoELanguageModel',
    taps: ['blocks.*.smoe.router'],
    activations: Object.fromEntries(layers.map((at) => [`blocks.${at}.smoe.router.1`, `act.layer${at}.indices`])),
  };

  test.each(TARGETS)('logits, routing and loss on %s', async (target) => {
    await expectCase(given, model, target, ['out.logits']);
    const training = { spec: model.spec, entry: 'TrainMoELanguageModel', instance: 'net' };
    await expectCase(given, training, target, ['loss', 'out.logits']);
  });

  test.each(TARGETS)('gradients on %s', async (target) => {
    const training = { spec: model.spec, entry: 'TrainMoELanguageModel', instance: 'net' };
    const found = await gradientDeviations(given, training, target);
    expect([...found.keys()].filter((name) => name.startsWith('grad.')).length).toBe(5);
    for (const [name, tolerances] of found) expect(tolerances, name).toBeLessThanOrEqual(1);
  });
});
