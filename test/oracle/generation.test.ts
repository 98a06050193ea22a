/** Greedy continuations without a cache: the context is run again for every token. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { caseWith, inputsOf } from '../support/cases.ts';
import { describeReference, largestDifference, readTensors, referenceRoot, valuesOf } from '../support/reference.ts';
import { graphOf, runnerOf, settings as given, specFile, TARGETS, withRun, type Run } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';
import { testOnTargets } from '../support/webgpu.ts';

/** The most likely tokens one after the other, with the logits that each was chosen by. */
async function continueGreedily(
  run: Run,
  prompt: readonly number[],
  count: number,
  context: number,
): Promise<{ tokens: number[]; logits: Float64Array[] }> {
  const all = [...prompt];
  const logits: Float64Array[] = [];
  for (let step = 0; step < count; step++) {
    const idx = all.slice(-context);
    const { data, shape } = (await run({ idx: tensorOf('i32', [1, idx.length], idx) })).get('logits')!;
    const last = data.slice(-shape[2]!);
    logits.push(last);
    all.push(last.reduce((best, value, at) => (value > last[best]! ? at : best), 0));
  }
  return { tokens: all.slice(prompt.length), logits };
}

describeReference('the trained sparse language model', 'oracle/shared/makemoe_generate', () => {
  const { given: read, settings } = caseWith('makemoe_generate/greedy', [
    'vocab_size',
    'block_size',
    'n_embed',
    'n_head',
    'n_layer',
    'num_experts',
    'top_k',
  ]);
  const { tensors, tolerances } = read;
  const weights = withoutPrefix(tensors, 'param.');
  const graph = graphOf(specFile('moe_lm.model'), { entry: 'MoELanguageModel', settings: given(settings) });

  describe.each(['newline', 'romeo'])('from the prompt %s', (prompt) => {
    testOnTargets('gives the tokens of PyTorch, by its logits,', async (target) => {
      const wanted = valuesOf(tensors, `out.${prompt}.tokens`);
      const start = [...valuesOf(tensors, `in.${prompt}.prompt`)];
      const context = Number(read.config.block_size);
      const { tokens, logits } = await withRun(graph, target, weights, (run) =>
        continueGreedily(run, start, wanted.length, context),
      );
      expect(tokens).toEqual([...wanted]);
      const found = logits.flatMap((row) => [...row]);
      const { tol } = tolerances[`out.${prompt}.logits`]!;
      expect(largestDifference(found, valuesOf(tensors, `out64.${prompt}.logits`))).toBeLessThanOrEqual(tol);
    });
  });

  test.each(TARGETS)('has the loss of PyTorch on the validation batch on %s', async (target) => {
    const options = { entry: 'TrainMoELanguageModel', settings: given(settings), training: false };
    const training = graphOf(specFile('moe_lm.model'), options);
    const own = new Map([...weights].map(([name, one]) => [`net.${name}`, one]));
    const run = await runnerOf(training, target, own);
    const loss = (await run(inputsOf(training, withoutPrefix(tensors, 'in.val.')))).get('loss')!.data[0]!;
    expect(Math.abs(loss - valuesOf(tensors, 'loss64')[0]!)).toBeLessThanOrEqual(tolerances.loss!.tol);
  });
});

describeReference('stories260K', 'data/stories260K', () => {
  const folder = join(referenceRoot, 'data/stories260K');
  const weights = readTensors(join(folder, 'stories260K.safetensors'));
  const expected = JSON.parse(readFileSync(join(folder, 'expected_greedy_token_ids.json'), 'utf8')) as number[];
  const graph = graphOf(specFile('llama.model'));

  test.each([
    ['wasm', expected.length],
    ['js', 12],
    ['reference', 6],
  ] as const)('continues the story on %s by %i tokens', async (target, count) => {
    const run = await runnerOf(graph, target, weights);
    const { tokens } = await continueGreedily(run, [1], count, 512);
    expect(tokens).toEqual(expected.slice(0, count));
  });
});
