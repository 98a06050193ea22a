import { describe, test } from 'vitest';
import { caseWith, expectCase, expectMutant, type CaseEntry } from '../support/cases.ts';
import { describeReference } from '../support/reference.ts';
import { testOnTargets } from '../support/webgpu.ts';

describeReference('networks of several branches in PyTorch', 'oracle/shared/multibranch', () => {
  describe.each([
    { name: 'trunk', entry: 'MultiBranchTrunk', sizes: ['cin', 'c0', 'cb', 'ch', 'k_main', 'k_aux'] },
    { name: 'three_inputs', entry: 'MultiBranchInputs', sizes: ['cins', 'cb', 'ks', 'hw', 'hid', 'k_main', 'k_aux'] },
  ])('$name', ({ name, entry, sizes }) => {
    const { given, settings } = caseWith(`multibranch/${name}`, sizes);
    const { main_weight, aux_weight } = given.config;
    const model: CaseEntry = { spec: 'multi_branch.model', entry, settings };
    const training: CaseEntry = {
      ...model,
      entry: `Train${entry}`,
      instance: 'net',
      settings: { ...settings, main_weight, aux_weight },
    };

    testOnTargets('both heads and the losses', async (target) => {
      await expectCase(given, model, target, ['out.main', 'out.aux']);
      const outputs = ['out.main', 'out.aux', 'out.main_loss', 'out.aux_loss', 'loss'];
      await expectCase(given, training, target, outputs);
    });

    test.each([
      ['aux_weight_ignored', '+ aux_weight * aux_loss', '+ aux_loss'],
      ['aux_dropped', ' + aux_weight * aux_loss', ''],
    ])('is off as it should be with the mistake %s', async (mutant, passage, mistake) => {
      await expectMutant(given, training, mutant, { file: 'multi_branch.model', passage, mistake });
    });
  });
});
