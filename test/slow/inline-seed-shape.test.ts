import { expect } from 'vitest';
import { expectCase, type CaseEntry } from '../support/cases.ts';
import { readGeneratedCase } from '../support/generated.ts';
import { describeReference, largestDifference, valuesOf } from '../support/reference.ts';
import { testOnTargets } from '../support/webgpu.ts';

describeReference('the full-size InLine-DeiT in PyTorch', 'oracle/shared/inline_seed_shape', () => {
  const given = readGeneratedCase('inline_seed_shape/deit_tiny_cifar10');
  const { tensors, tolerances, config } = given;
  const SIZES = ['img_size', 'patch_size', 'embed_dim', 'depth', 'num_heads', 'num_classes'];
  const model: CaseEntry = {
    spec: 'inline_deit.model',
    entry: 'InLineDeiT',
    settings: Object.fromEntries(SIZES.map((size) => [size, config[size]!])),
  };

  testOnTargets('logits, attention and loss', async (target) => {
    const outputs = await expectCase(given, { ...model, taps: ['blocks.*.attn'] }, target, ['out.logits']);
    for (let block = 0; block < Number(config.depth); block++) {
      const name = `act.block${block}.attn.cls`;
      const token = outputs.get(`blocks.${block}.attn`)!.data.subarray(0, Number(config.embed_dim));
      expect(largestDifference(token, valuesOf(tensors, name)), name).toBeLessThanOrEqual(tolerances[name]!.tol);
    }
    const { label_smoothing } = config;
    const settings = { ...model.settings, label_smoothing };
    await expectCase(given, { ...model, entry: 'TrainInLineDeiT', instance: 'net', settings }, target, [
      'loss',
      'out.logits',
    ]);
  });
});
