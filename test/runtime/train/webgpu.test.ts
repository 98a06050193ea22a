/** A training on a GPU against the same on the processor. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Inputs } from '../../../src/runtime/model.ts';
import type { StepResult, Trainer } from '../../../src/runtime/train/trainer.ts';
import { expectClose, randomNumbers } from '../../support/tensors.ts';
import { compiledTrainingText, trainerOf } from '../../support/trainers.ts';
import { countingGpu, countsSince, CREATING, type CountingGpu } from '../../support/counting-gpu.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';

const CLASSIFIER = `
import { Linear, Dropout } from "std/nn"

train Classify(accumulate: int = 1) {
  dims batch
  input x: f32[batch, 7]
  input label: i32[batch]

  output logits = x |> Linear(9) as l1 |> tanh |> Dropout(0.25) as drop |> Linear(3) as l2
  loss cross_entropy(logits, label)
  metric accuracy = mean(cast(argmax(logits, axis: -1) == label, f32))

  optimizer adamw(lr: cosine(peak: 2e-2, steps: 100, warmup: 5), clip_norm: 0.5, accumulate: accumulate)
}
`;

/** Milliseconds in which even a slow machine builds all kernels. */
const BUILDING = 120_000;
/** f32 that is rounded in another order. */
const TOLERANCE = { absolute: 2e-5, relative: 2e-4 };

function batchOf(number: number, rows = 5): { readonly x: Float32Array; readonly label: Int32Array } {
  const random = randomNumbers(1000 + number);
  const label = Int32Array.from({ length: rows }, () => Math.floor(3 * random()));
  const x = Float32Array.from({ length: 7 * rows }, (_, at) => Number(at % 3 === label[Math.floor(at / 7)]) + random());
  return { x, label };
}

function badBatch(number: number): Inputs {
  const { x, label } = batchOf(number);
  x[3] = NaN;
  return { x, label };
}

async function train(trainer: Trainer, count: number, first = 0): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (let number = first; number < first + count; number++) results.push(await trainer.step(batchOf(number)));
  return results;
}

async function expectSameWeights(one: Trainer, other: Trainer): Promise<void> {
  const [found, wanted] = [await one.weights(), await other.weights()];
  expect([...found.keys()]).toEqual([...wanted.keys()]);
  for (const [name, { data }] of found) expectClose(data, wanted.get(name)!.data, TOLERANCE, name);
}

interface Pair {
  readonly gpu: Trainer;
  readonly js: Trainer;
  readonly counts: CountingGpu['counts'];
}

/** The same training on a GPU and in js. The software driver takes seconds to build kernels, so tests share them. */
function openPair(accumulate: number): Pair {
  const pair = {} as { -readonly [key in keyof Pair]: Pair[key] };
  let initial: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    const settings = [{ name: 'accumulate', text: String(accumulate) }];
    const compiled = compiledTrainingText(CLASSIFIER, { settings }, ['js', 'webgpu']);
    const { gpu, counts } = countingGpu(softwareGpu());
    pair.counts = counts;
    pair.gpu = await trainerOf(compiled, { target: 'webgpu', seed: 5, gpu });
    pair.js = await trainerOf(compiled, { target: 'js', seed: 5 });
    initial = await pair.js.save();
    expect(await pair.gpu.save()).toEqual(initial);
  }, BUILDING);
  beforeEach(async () => {
    for (const trainer of [pair.gpu, pair.js]) await trainer.load(initial);
  });
  afterAll(() => [pair.gpu, pair.js].forEach((trainer) => trainer.dispose()));
  return pair;
}

describeGpu('a training on webgpu', () => {
  const pair = openPair(1);

  test('follows the losses of the processor for 100 steps', async () => {
    const { gpu, js } = pair;
    expect(gpu.target).toBe('webgpu');
    const [found, wanted] = [await train(gpu, 100), await train(js, 100)];
    const losses = (results: readonly StepResult[]): number[] => results.map(({ loss }) => loss);
    expectClose(losses(found), losses(wanted), TOLERANCE, 'losses');
    found.forEach((one, at) => expect({ ...one, loss: 0 }).toEqual({ ...wanted[at], loss: 0 }));
    await expectSameWeights(gpu, js);
  });

  test('evaluates and predicts batches of any size, and changes nothing', async () => {
    const { gpu, js } = pair;
    const before = await gpu.save();
    for (const rows of [2, 8]) {
      const held = [batchOf(-1, rows), batchOf(-2)];
      const [found, wanted] = [await gpu.evaluate(held), await js.evaluate(held)];
      expect(found.loss).toBeCloseTo(wanted.loss, 5);
      expect({ ...found, loss: 0 }).toEqual({ ...wanted, loss: 0 });
    }
    const [found, wanted] = [await gpu.predict(batchOf(-3)), await js.predict(batchOf(-3))];
    expect(found['logits']!.shape).toEqual([5, 3]);
    expectClose(found['logits']!.data, wanted['logits']!.data, TOLERANCE, 'logits');
    expect(await gpu.save()).toEqual(before);
  });

  test('goes on where another target was, and the other way round', async () => {
    const { gpu, js } = pair;
    await train(gpu, 3);
    const saved = await gpu.save();
    await js.load(saved);
    expect(await js.save()).toEqual(saved);
    expect([js.seed, js.update, js.batches]).toEqual([5, 3, 3]);
    await train(js, 2, 3);
    await train(gpu, 2, 3);
    await expectSameWeights(gpu, js);
    const later = await js.save();
    await gpu.load(later);
    expect(await gpu.save()).toEqual(later);
  });

  test('with a loss that is not finite changes nothing, and goes on', async () => {
    const { gpu } = pair;
    await train(gpu, 2);
    const before = await gpu.save();
    const wanted = await train(gpu, 2, 2);
    await gpu.load(before);
    const message = 'the loss of batch 3, for update 3, is NaN; nothing was changed';
    await expect(gpu.step(badBatch(2))).rejects.toMatchObject({ code: 'not-finite', message });
    expect(await gpu.save()).toEqual(before);
    expect(await train(gpu, 2, 2)).toEqual(wanted);
  });

  test('makes nothing after the first step with a batch size, and looks once at each step', async () => {
    const { gpu, counts } = pair;
    const held = [batchOf(-1, 6)];
    for (const rows of [5, 3]) await gpu.step(batchOf(0, rows));
    await gpu.evaluate(held);
    for (const rows of [5, 3, 3, 5]) {
      const before = { ...counts };
      await gpu.step(batchOf(1, rows));
      const found = countsSince(before, counts);
      expect(found).toMatchObject({ submit: 1, mapAsync: 1 });
      for (const name of CREATING) expect(found, name).not.toHaveProperty(name);
      await gpu.evaluate(held);
      for (const name of CREATING) expect(countsSince(before, counts), name).not.toHaveProperty(name);
    }
  });

  test('takes one call at a time, and none at once', async () => {
    const { gpu } = pair;
    const first = gpu.step(batchOf(0));
    await expect(gpu.step(batchOf(1))).rejects.toMatchObject({ code: 'busy' });
    await expect(gpu.save()).rejects.toMatchObject({ code: 'busy' });
    expect((await first).update).toBe(1);
    expect(() => gpu.stepSync(batchOf(1))).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});

describeGpu('a training on webgpu that averages batches', () => {
  const pair = openPair(2);

  test('updates with their sums, and leaves out one whose loss is not finite', async () => {
    const { gpu, js } = pair;
    const [found, wanted] = [await train(gpu, 3), await train(js, 3)];
    expect(found.map(({ updated }) => updated)).toEqual([false, true, false]);
    found.forEach(({ loss }, at) => expect(loss).toBeCloseTo(wanted[at]!.loss, 5));
    await expect(gpu.step(badBatch(3))).rejects.toMatchObject({ code: 'not-finite' });
    // In the middle of an update.
    await js.load(await gpu.save());
    for (const trainer of [gpu, js]) await train(trainer, 1, 3);
    expect([gpu.update, gpu.batches]).toEqual([2, 4]);
    await expectSameWeights(gpu, js);
  });
});
