/** Compiled train entries on wasm and js: what they compute is for test/oracle, here is what a trainer promises. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseSafetensors } from '../../../src/program/safetensors.ts';
import { wasmApi, type WasmMemory } from '../../../src/runtime/devices/platform.ts';
import type { Inputs } from '../../../src/runtime/model.ts';
import type { Trainer } from '../../../src/runtime/train/trainer.ts';
import { randomNumbers } from '../../support/tensors.ts';
import { useThreads } from '../../support/threads.ts';
import { compiledTraining, compiledTrainingText, trainerOf, type TrainingOptions } from '../../support/trainers.ts';

const CLASSIFIER = `
import { Linear, Dropout } from "std/nn"
import { BatchNorm1d } from "std/conv"

train Classify(accumulate: int = 1) {
  dims batch
  input x: f32[batch, 24]
  input label: i32[batch]

  h = x |> Linear(40) as l1 |> BatchNorm1d() as norm |> relu |> Dropout(0.25) as drop
  output logits = h |> Linear(5) as l2
  loss cross_entropy(logits, label)
  metric accuracy = mean(cast(argmax(logits, axis: -1) == label, f32))

  optimizer adamw(lr: cosine(peak: 1e-2, steps: 200, warmup: 5), clip_norm: 1.0, accumulate: accumulate) {
    group "**.bias" (weight_decay: 0)
  }
}
`;

const compiled = compiledTrainingText(CLASSIFIER);
const trainers: Trainer[] = [];
afterEach(() => {
  trainers.splice(0).forEach((trainer) => trainer.dispose());
  vi.restoreAllMocks();
});
const threads = useThreads();

async function open(options: TrainingOptions = {}, program = compiled): Promise<Trainer> {
  const trainer = await trainerOf(program, options);
  trainers.push(trainer);
  return trainer;
}

/** Rows around one of five points each. */
function batchOf(number: number, rows = 32): Inputs {
  const random = randomNumbers(1000 + number);
  const label = Int32Array.from({ length: rows }, () => Math.floor(5 * random()));
  const x = Float32Array.from({ length: 24 * rows }, (_, at) => {
    const one = label[Math.floor(at / 24)]!;
    return ((at % 24) % 5 === one ? 1 : 0) + random() - 0.5;
  });
  return { x, label };
}

async function train(trainer: Trainer, count: number, first = 0): Promise<number[]> {
  const losses: number[] = [];
  for (let number = first; number < first + count; number++) losses.push((await trainer.step(batchOf(number))).loss);
  return losses;
}

describe.each(['wasm', 'js'] as const)('a trainer on %s', (target) => {
  test('learns', async () => {
    const trainer = await open({ target });
    const held = [batchOf(-1), batchOf(-2, 7)];
    const before = await trainer.evaluate(held);
    expect(before.metrics['accuracy']).toBeLessThan(0.6);
    await train(trainer, 60);
    const after = await trainer.evaluate(held);
    expect(after.metrics['accuracy']).toBe(1);
    expect(after.loss).toBeLessThan(before.loss / 4);
    expect(after).toMatchObject({ batches: 2, examples: 39 });
  });

  test('has the same bits for the same seed, and others for another', async () => {
    const [one, again, other] = [await open({ target }), await open({ target }), await open({ target, seed: 1 })];
    const losses = await train(one, 20);
    expect(await train(again, 20)).toEqual(losses);
    expect(await again.save()).toEqual(await one.save());
    expect((await train(other, 20)).filter((loss, at) => loss === losses[at])).toEqual([]);
  });

  test('goes on from a checkpoint with the bits of one that was never stopped', async () => {
    const trainer = await open({ target, seed: 3 });
    await train(trainer, 7);
    const saved = await trainer.save();
    const losses = await train(trainer, 6, 7);
    const fresh = await open({ target });
    await fresh.load(saved);
    expect(await fresh.save()).toEqual(saved);
    expect(await train(fresh, 6, 7)).toEqual(losses);
    expect(await fresh.save()).toEqual(await trainer.save());
    // The one that was saved goes back as well.
    await trainer.load(saved);
    expect(await train(trainer, 6, 7)).toEqual(losses);
  });

  test('is not changed by evaluation and prediction between its steps', async () => {
    const [trainer, spared] = [await open({ target }), await open({ target })];
    for (let number = 0; number < 4; number++) {
      await train(trainer, 1, number);
      await train(spared, 1, number);
      const { logits } = await trainer.predict(batchOf(-1));
      await trainer.evaluate([batchOf(-2), batchOf(-3, 50)]);
      expect((await trainer.predict(batchOf(-1)))['logits']).toEqual(logits);
    }
    expect(await trainer.save()).toEqual(await spared.save());
  });

  test('keeps everything where a loss is not finite', async () => {
    const trainer = await open({ target });
    await train(trainer, 2);
    const before = await trainer.save();
    const { x, label } = batchOf(9) as { x: Float32Array; label: Int32Array };
    x[5] = NaN;
    await expect(trainer.step({ x, label })).rejects.toMatchObject({ code: 'not-finite' });
    expect(await trainer.save()).toEqual(before);
  });

  test('averages batches, and goes on in the middle of an update', async () => {
    const program = compiledTrainingText(CLASSIFIER, { settings: [{ name: 'accumulate', text: '3' }] });
    const trainer = await open({ target }, program);
    const updated: boolean[] = [];
    for (let number = 0; number < 5; number++) updated.push((await trainer.step(batchOf(number))).updated);
    expect(updated).toEqual([false, false, true, false, false]);
    const fresh = await open({ target }, program);
    await fresh.load(await trainer.save());
    expect(await train(fresh, 5, 5)).toEqual(await train(trainer, 5, 5));
    expect(await fresh.save()).toEqual(await trainer.save());
    expect([fresh.update, fresh.batches]).toEqual([3, 10]);
  });
});

describe('two threads', () => {
  test('have the bits of one after 100 steps', async () => {
    const [one, two] = [await open(), await open({ threads: threads(2) })];
    expect([one.threads, two.threads]).toEqual([1, 2]);
    expect(await train(two, 100)).toEqual(await train(one, 100));
    expect(await two.save()).toEqual(await one.save());
    expect(await two.evaluate([batchOf(-1)])).toEqual(await one.evaluate([batchOf(-1)]));
  });
});

test('2,000 steps use the memory of the first', async () => {
  const trainer = await open();
  const batch = batchOf(0);
  for (let step = 0; step < 2; step++) trainer.stepSync(batch);
  const { Memory } = wasmApi() as unknown as { readonly Memory: { readonly prototype: WasmMemory } };
  const grow = vi.spyOn(Memory.prototype, 'grow');
  const before = process.memoryUsage().arrayBuffers;
  let most = before;
  for (let step = 2; step < 2000; step++) {
    trainer.stepSync(batch);
    // Garbage may go meanwhile, but nothing comes.
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }
  expect(most).toBe(before);
  expect(grow).not.toHaveBeenCalled();
  expect(trainer.update).toBe(2000);
});

test('the perceptron of the textbooks learns what it is shown', async () => {
  const trainer = await open({ seed: 1 }, compiledTraining('mlp.model', { entry: 'TrainSigmoidMLP' }));
  const batch = { x: [0.05, 0.1], t: [0.01, 0.99] };
  const { loss: before } = await trainer.step(batch);
  for (let step = 0; step < 3000; step++) trainer.stepSync(batch);
  expect((await trainer.evaluate([batch])).loss).toBeLessThan(before / 20);
});

test('a frozen part must be given, is not changed and not saved', async () => {
  const program = compiledTrainingText(
    `
import { Linear } from "std/nn"

model Net() {
  dims batch
  input x: f32[batch, 3]
  output y = x |> Linear(2) as fc
}

train Distill {
  dims batch
  input x: f32[batch, 3]
  teacher = frozen Net()
  student = Net()
  loss mse(student(x), teacher(x))
  optimizer sgd(lr: 0.5)
}
`,
    { entry: 'Distill' },
  );
  await expect(open({}, program)).rejects.toMatchObject({
    code: 'weights-missing',
    message: 'the weights lack teacher.fc.weight (f32[2, 3]), teacher.fc.bias (f32[2])',
  });
  const f32 = (shape: number[], ...values: number[]) =>
    ({ dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) }) as const;
  const weights = new Map([
    ['teacher.fc.weight', f32([2, 3], 1, 2, 3, -1, 0, 0.5)],
    ['teacher.fc.bias', f32([2], 0.25, -1)],
  ]);
  const trainer = await open({ weights }, program);
  const random = randomNumbers(5);
  for (let step = 0; step < 400; step++)
    trainer.stepSync({ x: Float32Array.from({ length: 24 }, () => random() - 0.5) });
  const student = await trainer.weights('student.');
  expect([...student.keys()]).toEqual(['fc.weight', 'fc.bias']);
  [1, 2, 3, -1, 0, 0.5].forEach((value, at) => expect(student.get('fc.weight')!.data[at]).toBeCloseTo(value, 3));
  expect([...parseSafetensors(await trainer.save()).tensors.keys()]).toEqual(['student.fc.weight', 'student.fc.bias']);
});
