/** Training and generation on WebGPU against the same on the processor, over many steps. */
import { expect, test } from 'vitest';
import type { TensorInput } from '../../src/runtime/inputs.ts';
import type { Inputs } from '../../src/runtime/model.ts';
import { compiledGenerator, generatorOn, randomWeights } from '../support/generators.ts';
import { settings, specFile } from '../support/specs.ts';
import { randomNumbers } from '../support/tensors.ts';
import { compiledTraining, trainerOf } from '../support/trainers.ts';
import { describeGpu, modelGpu } from '../support/webgpu.ts';

const GPT = { vocab_size: 16, block_size: 8, n_embed: 16, n_head: 2, n_layer: 2, lr: 1e-2 };
const MOE = { vocab_size: 31, block_size: 12, n_embed: 16, n_head: 2, n_layer: 2, num_experts: 4, top_k: 2 };

/** Texts that a rule goes on with, so that there is something to learn. */
function batchOf(step: number): Inputs {
  const random = randomNumbers(step);
  const rows = Array.from({ length: 4 }, () => {
    const row = [Math.floor(16 * random())];
    while (row.length < 9) row.push((5 * row.at(-1)! + 3) % 16);
    return row;
  });
  const tensor = (first: number): TensorInput => ({
    data: Int32Array.from(rows.flatMap((row) => row.slice(first, first + 8))),
    shape: [4, 8],
  });
  return { idx: tensor(0), targets: tensor(1) };
}

/** The losses of a hundred steps, in float32 and another order of additions, differ by at most this. */
const BOUND = 2e-4;

describeGpu('on webgpu', () => {
  test('100 training steps follow the losses of the processor within 2e-4', async () => {
    const options = { entry: 'TrainCharGPT', settings: settings(GPT) };
    const compiled = compiledTraining('gpt.model', options, ['wasm', 'webgpu']);
    const cpu = await trainerOf(compiled, { seed: 7 });
    const gpu = await trainerOf(compiled, { target: 'webgpu', seed: 7, gpu: modelGpu() });
    const differences: number[] = [];
    const losses: number[] = [];
    for (let step = 0; step < 100; step++) {
      const [wanted, found] = [await cpu.step(batchOf(step)), await gpu.step(batchOf(step))];
      losses.push(found.loss);
      differences.push(Math.abs(found.loss - wanted.loss));
    }
    expect(losses[0]).toBeGreaterThan(2.5);
    expect(losses.at(-1)).toBeLessThan(0.5);
    expect(Math.max(...differences)).toBeLessThan(BOUND);
    cpu.dispose();
    gpu.dispose();
  });

  test('moe_lm generates the same greedy text as on the processor', async () => {
    const entry = { entry: 'MoELanguageModel', settings: settings(MOE) };
    const compiled = compiledGenerator(specFile('moe_lm.model'), entry, { targets: ['wasm', 'webgpu'] });
    const weights = randomWeights(compiled);
    const textsOn = async (engine: 'strict' | 'webgpu'): Promise<number[][]> => {
      const gpu = engine === 'webgpu' ? modelGpu() : undefined;
      const model = await generatorOn(compiled, engine, weights, undefined, gpu);
      const texts: number[][] = [[], []];
      // Both grow past the block, from where on the cropped texts are read again for each token.
      for await (const { tokens } of model.generate([[4], [9, 30, 1, 17]], { tokens: 20 }))
        tokens.forEach((token, row) => texts[row]!.push(token));
      model.dispose();
      return texts;
    };
    const [found, wanted] = [await textsOn('webgpu'), await textsOn('strict')];
    expect(found).toEqual(wanted);
    for (const text of wanted) expect(new Set(text).size).toBeGreaterThan(3);
  });
});
