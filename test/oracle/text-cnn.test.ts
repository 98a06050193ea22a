import { describe, test } from 'vitest';
import { caseWith, expectCase, expectMutant, type CaseEntry } from '../support/cases.ts';
import { describeReference } from '../support/reference.ts';
import { testOnTargets } from '../support/webgpu.ts';

const HYPERPARAMETERS = ['vocab', 'filter_sizes', 'num_filters', 'num_classes'];

describeReference('TextCNN and its distillation in PyTorch', 'oracle/shared/textcnn', () => {
  const common: [string, string, string][] = [
    [
      'kl_reversed',
      'kl_div(log_softmax(student / T, axis: -1), softmax(teacher / T, axis: -1),',
      'kl_div(log_softmax(teacher / T, axis: -1), softmax(student / T, axis: -1),',
    ],
    ['kl_mean_over_all', 'reduction: "batchmean"', 'reduction: "mean"'],
    [
      'weights_swapped',
      'loss hard_weight * hard + soft_weight * soft_kl',
      'loss soft_weight * hard + hard_weight * soft_kl',
    ],
  ];
  describe.each([
    { name: 'distill_T1', mutants: common },
    { name: 'distill_T4', mutants: [...common, ['no_T_squared', / \* T \*\* 2$/gm, '']] },
  ] as { name: string; mutants: [string, string | RegExp, string][] }[])('$name', ({ name, mutants }) => {
    const { given, settings } = caseWith(`textcnn/${name}`, HYPERPARAMETERS);
    const { embedding, temperature, hard_weight, soft_weight } = given.config;
    const model: CaseEntry = {
      spec: 'text_cnn.model',
      entry: 'TextCNN',
      settings: { ...settings, embedding_dim: embedding },
      activations: {
        embedding: 'act.embedding',
        'convs.0': 'act.conv0',
        'convs.1': 'act.conv1',
        'convs.2': 'act.conv2',
      },
    };
    const { activations: _, ...plain } = model;
    const distilling: CaseEntry = {
      ...plain,
      entry: 'DistillTextCNNFromLogits',
      instance: 'student',
      settings: { ...plain.settings, dropout: 0, T: temperature, hard_weight, soft_weight },
    };
    const losses = ['out.logits', 'out.hard', 'out.soft_kl', 'out.soft_ce', 'loss'];

    testOnTargets('logits, activations and losses', async (target) => {
      await expectCase(given, model, target, ['out.logits']);
      await expectCase(given, distilling, target, losses);
    });

    test.each(mutants)('is off as it should be with the mistake %s', async (mutant, passage, mistake) => {
      await expectMutant(given, distilling, mutant, { file: 'text_cnn.model', passage, mistake });
    });
  });
});
