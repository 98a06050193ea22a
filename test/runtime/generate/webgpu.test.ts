/** Continuations on a GPU against the same on the processor. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Generated } from '../../../src/runtime/generate/continuation.ts';
import type { GenerativeModel } from '../../../src/runtime/generate/model.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { compiledGenerator, generatorOn, randomWeights } from '../../support/generators.ts';
import { settings, specFile } from '../../support/specs.ts';
import { expectClose } from '../../support/tensors.ts';
import { countingGpu, countsSince, CREATING, type CountingGpu } from '../../support/counting-gpu.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';

const MAX = 8;
const VOCABULARY = 11;
/** Milliseconds in which even a slow machine builds all kernels. */
const BUILDING = 120_000;
const GPT = { vocab_size: VOCABULARY, block_size: MAX, n_embed: 12, n_head: 3, n_layer: 1 };

async function taken(model: GenerativeModel, prompts: readonly number[][], options: GenerateOptions) {
  const all: Generated[] = [];
  for await (const one of model.generate(prompts, options)) all.push(one);
  return all;
}

describeGpu('a model that generates on webgpu', () => {
  let gpu: GenerativeModel;
  let js: GenerativeModel;
  let counting: CountingGpu;
  // The software driver takes seconds to build kernels.
  beforeAll(async () => {
    const entry = { entry: 'CharGPT', settings: settings(GPT) };
    const compiled = compiledGenerator(specFile('gpt.model'), entry, { targets: ['js', 'webgpu'] });
    counting = countingGpu(softwareGpu());
    gpu = await generatorOn(compiled, 'webgpu', randomWeights(compiled), undefined, counting.gpu);
    js = await generatorOn(compiled, 'js', randomWeights(compiled));
  }, BUILDING);
  afterAll(() => [gpu, js].forEach((model) => model.dispose()));

  test.each<[what: string, prompts: number[][]]>([
    ['one prompt', [[3, 1, 4]]],
    ['three of different lengths', [[1], [5, 9, 2, 6, 5], [3, 5, 8]]],
    ['a prompt that leaves no room', [[1, 2, 3, 4, 5, 6, 7, 8, 9]]],
  ])('continues %s as on the processor', async (_, prompts) => {
    const options = { tokens: 6, logits: true };
    const [found, wanted] = [await taken(gpu, prompts, options), await taken(js, prompts, options)];
    const tokens = (steps: readonly Generated[]): number[][] => steps.map((step) => [...step.tokens]);
    expect(tokens(found)).toEqual(tokens(wanted));
    found.forEach(({ logits }, at) =>
      expectClose(logits!, wanted[at]!.logits!, { absolute: 1e-4, relative: 1e-4 }, 'logits'),
    );
    const plain = await taken(gpu, prompts, { tokens: 6 });
    expect(tokens(plain)).toEqual(tokens(wanted));
    expect(plain[0]).not.toHaveProperty('logits');
  });

  test('draws the same tokens with the same seed', async () => {
    const options = { tokens: 5, temperature: 0.8, topK: 7, topP: 0.9, repetitionPenalty: 1.2 };
    const drawn = async (model: GenerativeModel, seed: number): Promise<string> =>
      (await taken(model, [[2], [7, 1]], { ...options, seed })).map(({ tokens }) => tokens.join()).join(' ');
    for (const seed of [1, 2]) expect(await drawn(gpu, seed)).toBe(await drawn(js, seed));
    expect(await drawn(gpu, 1)).not.toBe(await drawn(gpu, 2));
  });

  test('makes nothing after the first tokens, looks once at each, and at the scores where they are asked for', async () => {
    const { counts } = counting;
    const copies: (number | undefined)[] = [];
    for (const logits of [false, true]) {
      const tokens = gpu.generate([4, 4], { tokens: 5, logits });
      for (let at = 0; at < 2; at++) await tokens.next();
      for (let at = 2; at < 5; at++) {
        const before = { ...counts };
        expect((await tokens.next()).value!.position).toBe(at);
        const found = countsSince(before, counts);
        expect(found).toMatchObject({ submit: 1, mapAsync: 1 });
        for (const name of CREATING) expect(found, name).not.toHaveProperty(name);
        copies.push(found.copyBufferToBuffer);
      }
    }
    const [plain, scored] = [copies[0]!, copies[0]! + 1];
    expect(copies).toEqual([plain, plain, plain, scored, scored, scored]);
  });

  test('lets generations and runs take turns', async () => {
    const [alone] = [await taken(gpu, [[3, 1, 4]], { tokens: 5 })];
    const [one, other] = [gpu.generate([3, 1, 4], { tokens: 5 }), gpu.generate([[8], [2]], { tokens: 5 })];
    for (const wanted of alone) {
      const { value } = await one.next();
      expect(value!.token).toBe(wanted.tokens[0]);
      await other.next();
      const { logits } = await gpu.run({ idx: { data: Int32Array.of(1, 2), shape: [1, 2] } });
      expect(logits!.shape).toEqual([1, 2, VOCABULARY]);
    }
  });
});
