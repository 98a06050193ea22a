import { expect, test } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import {
  caseWith,
  deviations,
  expectCase,
  expectMutant,
  graphOfCase,
  inputsOf,
  type CaseEntry,
} from '../support/cases.ts';
import { describeReference } from '../support/reference.ts';
import { modelOf, runOf } from '../support/specs.ts';
import { useThreads } from '../support/threads.ts';
import { testOnTargets } from '../support/webgpu.ts';

const HYPERPARAMETERS = [
  'num_labels',
  'vocab',
  'max_position',
  'type_vocab',
  'layers',
  'heads',
  'intermediate',
  'ln_eps',
];

describeReference('BERT in PyTorch', 'oracle/shared/bert', () => {
  const threads = useThreads();
  const { given, settings } = caseWith('bert/classifier', HYPERPARAMETERS);
  const model: CaseEntry = {
    spec: 'bert.model',
    entry: 'BertClassifier',
    settings: { ...settings, hidden_size: given.config.hidden },
    activations: {
      'embeddings.LayerNorm': 'act.embeddings',
      'encoder.layer.0': 'act.layer0',
      'encoder.layer.1': 'act.layer1',
    },
  };

  testOnTargets('classifier: outputs, activations and loss', async (target) => {
    await expectCase(given, model, target, ['out.hidden', 'out.pooled', 'out.logits']);
    const { activations: _, ...plain } = model;
    const training = { ...plain, settings: { ...plain.settings, dropout: 0 }, instance: 'net' };
    await expectCase(given, { ...training, entry: 'TrainBertClassifier' }, target, [
      'out.hidden',
      'out.pooled',
      'out.logits',
      'loss',
    ]);
  });

  test('classifier: outputs and activations on two threads', async () => {
    const graph = graphOfCase(given, model);
    const loaded = await modelOf(graph, 'wasm', withoutPrefix(given.tensors, 'param.'), threads(2));
    const outputs = await runOf(graph, loaded)(inputsOf(graph, withoutPrefix(given.tensors, 'in.')));
    loaded.dispose();
    const found = deviations(given, model, outputs);
    expect(found.size).toBe(6);
    for (const [name, tolerances] of found) expect(tolerances, name).toBeLessThanOrEqual(1);
  });

  test.each([
    ['gelu_tanh', '|> gelu\n', '|> gelu(approximate: "tanh")\n'],
    ['ln_eps_1e_5', /LayerNorm\(\w+\)/g, 'LayerNorm(1e-5)'],
    ['mask_ignored', 'attention(q, k, v, mask: bias)', 'attention(q, k, v)'],
  ])('is off as it should be with the mistake %s', async (name, passage, mistake) => {
    await expectMutant(given, model, name, { file: 'bert.model', passage, mistake });
  });
});
