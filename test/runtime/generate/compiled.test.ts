/** Specs with `generate`, compiled: what is computed through the cache against what whole texts give. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Generated } from '../../../src/runtime/generate/continuation.ts';
import type { GenerativeModel } from '../../../src/runtime/generate/model.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { compiledGenerator, generatorOn, randomWeights } from '../../support/generators.ts';
import type { Engine } from '../../support/quantized.ts';
import { settings, specFile } from '../../support/specs.ts';
import { useThreads } from '../../support/threads.ts';

const MAX = 8;
const VOCABULARY = 11;
const threads = useThreads();
const models: GenerativeModel[] = [];
afterEach(() => models.splice(0).forEach((model) => model.dispose()));

const GPT = { vocab_size: VOCABULARY, block_size: MAX, n_embed: 12, n_head: 3, n_layer: 2 };
const LLAMA = {
  vocab_size: VOCABULARY,
  dim: 16,
  n_layers: 2,
  n_heads: 4,
  n_kv_heads: 2,
  hidden_dim: 20,
  max_seq_len: MAX,
};
const SPECS = {
  // Learned positions, and rotary ones with keys in groups.
  'gpt.model': compiledGenerator(specFile('gpt.model'), { entry: 'CharGPT', settings: settings(GPT) }),
  'llama.model': compiledGenerator(specFile('llama.model'), { entry: 'Llama', settings: settings(LLAMA) }),
};
type Spec = keyof typeof SPECS;

async function load(spec: Spec, engine: Engine, count = 1): Promise<GenerativeModel> {
  const compiled = SPECS[spec];
  const model = await generatorOn(compiled, engine, randomWeights(compiled), count > 1 ? threads(count) : undefined);
  models.push(model);
  return model;
}

async function taken(model: GenerativeModel, prompts: readonly number[][], options: GenerateOptions) {
  const all: Generated[] = [];
  for await (const one of model.generate(prompts, options)) all.push(one);
  return all;
}

async function tokensOf(model: GenerativeModel, prompts: readonly number[][], options: GenerateOptions) {
  return (await taken(model, prompts, options)).map(({ tokens }) => [...tokens]);
}

/** The scores of what follows a text, of which the model sees the last tokens. */
function scoresAfter(model: GenerativeModel, text: readonly number[]): Float32Array {
  const context = text.slice(-MAX);
  const { logits } = model.runSync({ idx: { data: context, shape: [1, context.length] } });
  return (logits!.data as Float32Array).slice(-VOCABULARY);
}

/** What the blog's `generate` does: `idx[:, -block_size:]` anew for each token. */
function uncached(model: GenerativeModel, prompt: readonly number[], count: number): Float32Array[] {
  const text = [...prompt];
  return Array.from({ length: count }, () => {
    const scores = scoresAfter(model, text);
    text.push(scores.indexOf(Math.max(...scores)));
    return scores;
  });
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);
}

describe.each(['gpt.model', 'llama.model'] as const)('%s', (spec) => {
  test.each([
    ['js', 1],
    ['strict', 1],
    ['strict', 2],
    ['relaxed', 1],
  ] as const)('gives on %s with threads: %i what whole texts give, also past the longest', async (engine, count) => {
    const model = await load(spec, engine, count);
    const prompts = [[1], [5, 4, 3, 2, 1], [7, 7, 7]];
    const steps = 2 * MAX;
    const all = await taken(model, prompts, { tokens: steps, logits: true });
    prompts.forEach((prompt, row) => {
      uncached(model, prompt, steps).forEach((scores, at) => {
        const found = all[at]!.logits!.subarray(row * VOCABULARY, (row + 1) * VOCABULARY);
        expect(largestDifference(found, scores)).toBeLessThan(2e-5);
        expect(all[at]!.tokens[row]).toBe(scores.indexOf(Math.max(...scores)));
      });
    });
  });

  test('computes for each prompt of a batch what it computes for that alone', async () => {
    const model = await load(spec, 'strict');
    const [one, two] = [[1, 2, 3], [9]];
    const together = await taken(model, [one, two], { tokens: 4, logits: true });
    for (const [row, prompt] of [one, two].entries()) {
      const alone = await taken(model, [prompt], { tokens: 4, logits: true });
      alone.forEach(({ logits }, at) => {
        const found = together[at]!.logits!.subarray(row * VOCABULARY, (row + 1) * VOCABULARY);
        expect(largestDifference(found, logits!)).toBeLessThan(1e-6);
      });
    }
  });
});

describe('drawn tokens', () => {
  const prompts = [[3], [1, 4, 1]];
  const options = { tokens: 24, temperature: 1.5, seed: 5 };

  test('are the same for the same seed, wherever they are drawn', async () => {
    const expected = await tokensOf(await load('gpt.model', 'js'), prompts, options);
    for (const [engine, count] of [
      ['strict', 1],
      ['strict', 2],
      ['relaxed', 1],
    ] as const)
      expect(await tokensOf(await load('gpt.model', engine, count), prompts, options)).toEqual(expected);
  });

  test('are others for another seed, and the likeliest for a temperature of 0 or the first of one', async () => {
    const model = await load('gpt.model', 'strict');
    const drawn = await tokensOf(model, prompts, options);
    expect(await tokensOf(model, prompts, { ...options, seed: 6 })).not.toEqual(drawn);
    const greedy = await tokensOf(model, prompts, { tokens: 24 });
    expect(drawn).not.toEqual(greedy);
    expect(await tokensOf(model, prompts, { ...options, topK: 1 })).toEqual(greedy);
    expect(await tokensOf(model, prompts, { ...options, topP: 1e-6 })).toEqual(greedy);
  });

  test('with a penalty, tokens of the context are less likely, those that were cropped are not', async () => {
    const model = await load('gpt.model', 'strict');
    const repetitionPenalty = 1.8;
    const text = [3, 2];
    for (const [token] of await tokensOf(model, [text], { tokens: 3 * MAX, repetitionPenalty })) {
      const context = text.slice(-MAX);
      const scores = scoresAfter(model, text).map((score, at) => {
        if (!context.includes(at)) return score;
        return score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
      });
      expect(token).toBe(scores.indexOf(Math.max(...scores)));
      text.push(token!);
    }
    expect(text.slice(2)).not.toEqual((await tokensOf(model, [[3, 2]], { tokens: 3 * MAX })).flat());
  });
});

test.each(['js', 'strict'] as const)(
  'products in bytes give on %s through the cache what whole texts give',
  async (engine) => {
    const entry = { entry: 'CharGPT', settings: settings(GPT) };
    const compiled = compiledGenerator(specFile('gpt.model'), entry, { quantize: 'int8' });
    const model = await generatorOn(compiled, engine, randomWeights(compiled));
    models.push(model);
    const all = await taken(model, [[5, 2]], { tokens: 2 * MAX, logits: true });
    // One that is rounded to another byte changes the scores by this much.
    uncached(model, [5, 2], 2).forEach((scores, at) =>
      expect(largestDifference(all[at]!.logits!, scores)).toBeLessThan(0.02),
    );
  },
);
