/** Greedy continuations in PyTorch, without a cache, where the context is run again for every token, and with one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { parseTokenizer } from '../../src/data/tokenizers/open.ts';
import { caseWith, inputsOf } from '../support/cases.ts';
import { continuationOn, GENERATION_TARGETS, type GenerationTarget } from '../support/continuations.ts';
import { describeReference, largestDifference, readTensors, referenceRoot, valuesOf } from '../support/reference.ts';
import { graphOf, runnerOf, settings as given, specFile, withRun, type Run } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';
import { describeGpu, testOnTargets } from '../support/webgpu.ts';

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

  const throughCache = async (target: GenerationTarget): Promise<void> => {
    const entry = { entry: 'MoELanguageModel', settings: given(settings) };
    const { run, dispose } = await continuationOn(specFile('moe_lm.model'), entry, target, weights);
    const names = ['newline', 'romeo'] as const;
    const prompts = names.map((name) => Int32Array.from(valuesOf(tensors, `in.${name}.prompt`)));
    const count = valuesOf(tensors, 'out.romeo.tokens').length;
    // Both texts grow past the block, from where on the cropped context is read again for each token.
    expect(prompts[1]!.length + count).toBeGreaterThan(Number(read.config.block_size));
    const both = await run(prompts, { tokens: count, logits: true });
    const size = Number(read.config.vocab_size);
    for (const [at, name] of names.entries()) {
      const alone = await run([prompts[at]!], { tokens: count, logits: true });
      const { tol } = tolerances[`out.${name}.logits`]!;
      const wanted = valuesOf(tensors, `out64.${name}.logits`);
      for (const [steps, row] of [
        [both, at],
        [alone, 0],
      ] as const) {
        expect(steps.map((step) => step.tokens[row])).toEqual([...valuesOf(tensors, `out.${name}.tokens`)]);
        const found = steps.flatMap(({ logits }) => [...logits!.subarray(row * size, (row + 1) * size)]);
        expect(largestDifference(found, wanted)).toBeLessThanOrEqual(tol);
      }
    }
    dispose();
  };
  test.each(GENERATION_TARGETS)('gives both through the cache, side by side and alone, on %s', throughCache);
  describeGpu('on webgpu', () => {
    test('gives both through the cache, side by side and alone', () => throughCache('webgpu'));
  });

  testOnTargets('has the loss of PyTorch on the validation batch', async (target) => {
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
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const weights = readTensors(join(folder, 'stories260K.safetensors'));
  const expected = JSON.parse(read('expected_greedy_token_ids.json')) as number[];
  const graph = graphOf(specFile('llama.model'));
  const tokenizer = parseTokenizer('tok512.json', read('tok512.json'));
  const begin = tokenizer.encode('');

  test.each([
    ['wasm', expected.length],
    ['js', 12],
    ['reference', 6],
  ] as const)('continues the story on %s by %i tokens', async (target, count) => {
    const run = await runnerOf(graph, target, weights);
    const { tokens } = await continueGreedily(run, [...begin], count, 512);
    expect(tokens).toEqual(expected.slice(0, count));
  });

  describe.each([
    ['strict', 'wasm', expected.length],
    ['relaxed', 'relaxed', expected.length],
    ['js', 'js', expected.length],
    ['reference', 'reference', 60],
  ] as const)('through the cache on %s', (target, whole, count) => {
    test(`tells the story byte for byte, by the scores that all ${count} tokens have at once`, async () => {
      const { run, dispose } = await continuationOn(specFile('llama.model'), {}, target, weights);
      const steps = await run([begin], { tokens: count, logits: true });
      dispose();
      const tokens = steps.map(({ tokens: [token] }) => token!);
      expect(tokens).toEqual(expected.slice(0, count));
      if (count === expected.length) expect(tokenizer.decode(tokens)).toBe(read('expected_greedy_200.txt'));
      const text = [...begin, ...tokens.slice(0, -1)];
      const all = await (await runnerOf(graph, whole, weights))({ idx: tensorOf('i32', [1, count], text) });
      const { data: logits } = all.get('logits')!;
      const size = Math.max(...logits.map(Math.abs));
      for (const [position, { logits: own }] of steps.entries()) {
        const wanted = logits.subarray(position * own!.length, (position + 1) * own!.length);
        expect(largestDifference(own!, wanted), `position ${position}`).toBeLessThan(2e-6 * size);
      }
    });
  });
});
