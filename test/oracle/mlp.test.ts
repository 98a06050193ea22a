import { expect } from 'vitest';
import { expectCase, runCase, type CaseEntry } from '../support/cases.ts';
import { describeReference, largestDifference, readCase, valuesOf } from '../support/reference.ts';
import { testOnTargets } from '../support/webgpu.ts';

describeReference('the perceptron in PyTorch', 'oracle/shared/mlp_sigmoid', () => {
  for (const name of ['half_sse_nobias', 'mse_mean']) {
    const given = readCase(`mlp_sigmoid/${name}`);
    const [features, hidden, outputs] = given.config.sizes as number[];
    const { bias, loss } = given.config;
    const model: CaseEntry = {
      spec: 'mlp.model',
      entry: 'SigmoidMLP',
      settings: { features, hidden, outputs, bias },
    };
    const training: CaseEntry = {
      ...model,
      entry: 'TrainSigmoidMLP',
      instance: 'net',
      settings: { ...model.settings, error: loss },
    };

    testOnTargets(`${name}: outputs, hidden layer and loss`, async (target) => {
      await expectCase(given, model, target, ['out.y']);
      await expectCase(given, training, target, ['loss', 'out.y']);
      const tapped = { ...model, activations: { l1: 'act.hidden' } };
      const l1 = (await runCase(given, tapped, target)).get('l1')!;
      const activated = l1.data.map((value) => 1 / (1 + Math.exp(-value)));
      const { tol } = given.tolerances['act.hidden']!;
      expect(largestDifference(activated, valuesOf(given.tensors, 'act.hidden'))).toBeLessThanOrEqual(tol);
    });
  }
});
