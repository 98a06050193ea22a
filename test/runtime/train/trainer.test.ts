import { describe, expect, test } from 'vitest';
import { parseSafetensors } from '../../../src/program/safetensors.ts';
import type { Inputs } from '../../../src/runtime/model.ts';
import { createTrainer, type Trainer } from '../../../src/runtime/train/trainer.ts';
import { loadSampleTrainer, sampleTraining, scalar, vector } from './sample.ts';

const one: Inputs = { x: [1, 3], y: [2, 4] };
const other: Inputs = { x: [-1, 0, 2], y: [0, 1, 3] };

async function valuesOf(trainer: Trainer): Promise<{ readonly [name: string]: readonly number[] }> {
  return Object.fromEntries([...(await trainer.weights())].map(([name, { data }]) => [name, [...data]]));
}

describe('a step', () => {
  test('answers loss and metrics of the batch, before the update that it makes', async () => {
    const trainer = await loadSampleTrainer();
    // w = [0, 0]: the mean of 2² and 4²; its gradient is [-2 (1·2 + 3·4) / 2, -2 (2 + 4) / 2].
    expect(await trainer.step(one)).toEqual({
      loss: 10,
      metrics: { noise: 0 },
      updated: true,
      update: 1,
      lr: [0.125],
    });
    expect(await valuesOf(trainer)).toEqual({ 'line.w': [1.75, 0.75], 'line.seen': [2] });
    expect([trainer.update, trainer.batches]).toEqual([1, 1]);
  });

  test('at once does the same', async () => {
    const [trainer, sync] = [await loadSampleTrainer(), await loadSampleTrainer()];
    for (const batch of [one, other, one]) expect(sync.stepSync(batch)).toEqual(await trainer.step(batch));
    expect(await sync.save()).toEqual(await trainer.save());
  });

  test('of another batch size than the last is made too', async () => {
    const trainer = await loadSampleTrainer();
    for (const batch of [one, other, one, other]) await trainer.step(batch);
    expect((await valuesOf(trainer))['line.seen']).toEqual([10]);
  });

  test('draws with the key of its seed and batch', async () => {
    const trainer = await loadSampleTrainer({ seed: 7 });
    const keys = [];
    for (const batch of [one, other, one]) keys.push((await trainer.step(batch)).metrics['noise']);
    expect(keys).toEqual([7000, 7001, 7002]);
  });

  test('has the learning rate of its update', async () => {
    const trainer = await loadSampleTrainer({ lr: ['/', 1, ['*', 8, 'update']] });
    expect((await trainer.step(one)).lr).toEqual([1 / 8]);
    const before = (await valuesOf(trainer))['line.w']!;
    expect((await trainer.step(one)).lr).toEqual([1 / 16]);
    const momentum = parseSafetensors(await trainer.save()).tensors.get('optimizer.momentum_buffer.line.w')!.bytes;
    const [m] = new Float32Array(momentum.slice().buffer);
    expect((await valuesOf(trainer))['line.w']![0]).toBe(Math.fround(before[0]! - m! / 16));
  });

  test('with a loss that is not finite changes nothing, and the training goes on', async () => {
    const [trainer, spared] = [await loadSampleTrainer(), await loadSampleTrainer()];
    await trainer.step(one);
    await spared.step(one);
    const before = await trainer.save();
    const message = 'the loss of batch 2, for update 2, is NaN; nothing was changed';
    await expect(trainer.step({ x: [NaN], y: [1] })).rejects.toMatchObject({ code: 'not-finite', message });
    expect(() => trainer.stepSync({ x: [1e30], y: [1] })).toThrow(
      expect.objectContaining({ code: 'not-finite', message: message.replace('NaN', 'Infinity') }),
    );
    expect(await trainer.save()).toEqual(before);
    expect(await trainer.step(other)).toEqual(await spared.step(other));
    expect(await trainer.save()).toEqual(await spared.save());
  });

  test.each<[string, unknown, string, string]>([
    ['lacks an input', { x: [1] }, 'input-missing', 'the input y (f32[batch]) is missing'],
    [
      'gives what the host computes',
      { ...one, 'optimizer.lr.0': 1 },
      'input-unknown',
      'there is no input optimizer.lr.0',
    ],
    ['has two sizes', { x: [1], y: [1, 2] }, 'input-shape', 'the input y has 2 elements, but f32[batch] has 1'],
    ['has another type', { x: [1], y: Int32Array.of(1) }, 'input-dtype', 'the input y is f32 and was given as a Int32'],
  ])('with a batch that %s is refused', async (_, batch, code, message) => {
    const trainer = await loadSampleTrainer();
    await expect(trainer.step(batch as Inputs)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(trainer.batches).toBe(0);
  });
});

describe('accumulation', () => {
  test('updates with the mean gradient of its batches', async () => {
    const [whole, parts] = [await loadSampleTrainer(), await loadSampleTrainer({ accumulate: 2 })];
    for (let round = 0; round < 3; round++) {
      await whole.step({ x: [1, 3, -1, 2], y: [2, 4, 0, 3] });
      expect(await parts.step({ x: [1, 3], y: [2, 4] })).toMatchObject({ updated: false, update: round });
      expect(await parts.step({ x: [-1, 2], y: [0, 3] })).toMatchObject({ updated: true, update: round + 1 });
    }
    expect((await valuesOf(parts))['line.w']).toEqual((await valuesOf(whole))['line.w']);
    expect([parts.update, parts.batches]).toEqual([3, 6]);
  });

  test('goes on in the middle of an update from a checkpoint', async () => {
    const trainer = await loadSampleTrainer({ accumulate: 2 });
    for (const batch of [one, other, one]) await trainer.step(batch);
    const fresh = await loadSampleTrainer({ accumulate: 2 });
    await fresh.load(await trainer.save());
    expect([fresh.update, fresh.batches]).toEqual([1, 3]);
    for (const batch of [other, one]) expect(await fresh.step(batch)).toEqual(await trainer.step(batch));
    expect(await fresh.save()).toEqual(await trainer.save());
  });

  test('has the rate of the update that a batch belongs to', async () => {
    const trainer = await loadSampleTrainer({ accumulate: 2, lr: ['/', 1, 'update'] });
    const rates = [];
    for (const batch of [one, other, one, other]) rates.push((await trainer.step(batch)).lr[0]);
    expect(rates).toEqual([1, 1, 0.5, 0.5]);
  });
});

describe('evaluation', () => {
  test('answers means that weigh each batch by its examples', async () => {
    const trainer = await loadSampleTrainer({ seed: 1 });
    // w = [0, 0]: losses 10 of two examples and 10 / 3 of three; keys [1, 0] and [1, 1].
    const { loss, metrics, batches, examples } = await trainer.evaluate([one, other]);
    expect(loss).toBeCloseTo((2 * 10 + 10) / 5, 6);
    expect(metrics['noise']).toBeCloseTo((2 * 1000 + 3 * 1001) / 5, 6);
    expect([batches, examples]).toEqual([2, 5]);
  });

  test('takes batches that arrive', async () => {
    const trainer = await loadSampleTrainer();
    async function* arriving(): AsyncGenerator<Inputs> {
      for (const batch of [one, other]) yield await Promise.resolve(batch);
    }
    expect(await trainer.evaluate(arriving())).toEqual(await trainer.evaluate([one, other]));
  });

  test('and prediction between steps change nothing', async () => {
    const [trainer, spared] = [await loadSampleTrainer(), await loadSampleTrainer()];
    for (const batch of [one, other, one, other]) {
      expect(await trainer.step(batch)).toEqual(await spared.step(batch));
      await trainer.evaluate([other, one]);
      await trainer.predict(other);
    }
    expect(await trainer.save()).toEqual(await spared.save());
  });

  test('of no batches has no mean', async () => {
    const trainer = await loadSampleTrainer();
    expect(await trainer.evaluate([])).toEqual({ loss: NaN, metrics: { noise: NaN }, batches: 0, examples: 0 });
  });

  test('does not weigh a batch without examples', async () => {
    const trainer = await loadSampleTrainer();
    const none = { x: new Float32Array(0), y: new Float32Array(0) };
    const { loss, examples } = await trainer.evaluate([none, one]);
    expect([loss, examples]).toEqual([10, 2]);
  });

  test('tells who gives a batch in place of batches', async () => {
    const trainer = await loadSampleTrainer();
    for (const wrong of [one, undefined, null, 5]) {
      await expect(trainer.evaluate(wrong as unknown as Inputs[])).rejects.toMatchObject({
        code: 'option',
        message: 'evaluate takes batches that can be iterated over: [batch]',
      });
    }
  });

  test('of an entry without optimizer is all there is', async () => {
    const trainer = await loadSampleTrainer({ optimizer: false });
    expect((await trainer.evaluate([one])).loss).toBe(10);
    await expect(trainer.step(one)).rejects.toMatchObject({
      code: 'unsupported',
      message: 'Fit has no optimizer: it can be evaluated, but not trained',
    });
  });
});

test('a prediction is the outputs as copies', async () => {
  const trainer = await loadSampleTrainer({ weights: new Map([['line.w', vector(2, 1)]]) });
  const first = await trainer.predict(one);
  await trainer.step(other);
  await trainer.predict(other);
  expect(first['fit']).toEqual({ data: Float32Array.of(3, 7), shape: [2] });
  expect(trainer.outputs.map(({ name }) => name)).toEqual(['loss', 'noise', 'fit']);
});

describe('weights', () => {
  test('that are not given are drawn from the seed', async () => {
    const draw = async (seed: number): Promise<readonly number[]> =>
      (await valuesOf(await loadSampleTrainer({ seed, weights: new Map() })))['line.w']!;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  test('that are frozen must be given', async () => {
    const loading = createTrainer({
      program: sampleTraining(),
      target: 'js',
      kernels: () => [],
      weights: () => undefined,
      seed: 0,
    });
    await expect(loading).rejects.toMatchObject({
      code: 'weights-missing',
      message: 'the weights lack teacher.scale (f32[])',
    });
  });

  test('are copies, without states of the optimizer, by the rest of their names', async () => {
    const trainer = await loadSampleTrainer();
    const weights = await trainer.weights('line.');
    await trainer.step(one);
    expect([...weights]).toEqual([
      ['w', { data: Float32Array.of(0, 0), shape: [2] }],
      ['seen', { data: Int32Array.of(0), shape: [] }],
    ]);
  });
});

describe('a checkpoint', () => {
  test('goes on in a fresh trainer as if nothing had happened, whatever its seed', async () => {
    const trainer = await loadSampleTrainer({ seed: 3 });
    for (const batch of [one, other, one]) await trainer.step(batch);
    const fresh = await loadSampleTrainer({ seed: 4, weights: new Map() });
    await fresh.load((await trainer.save()).buffer);
    expect([fresh.seed, fresh.update, fresh.batches]).toEqual([3, 3, 3]);
    for (const batch of [other, one]) expect(await fresh.step(batch)).toEqual(await trainer.step(batch));
    expect(await fresh.save()).toEqual(await trainer.save());
  });

  test('that does not fit changes nothing', async () => {
    const trainer = await loadSampleTrainer();
    await trainer.step(one);
    const before = await trainer.save();
    const text = new TextDecoder('latin1').decode(before).replace('line.seen', 'line.lost');
    const renamed = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
    await expect(trainer.load(renamed)).rejects.toMatchObject({
      code: 'checkpoint',
      message: 'the checkpoint does not fit Fit: line.seen (i32[]) is missing; there is no line.lost',
    });
    expect(await trainer.save()).toEqual(before);
  });

  test('as given weights brings its parameters, but begins anew', async () => {
    const trainer = await loadSampleTrainer();
    await trainer.step(one);
    const { tensors } = parseSafetensors(await trainer.save());
    const next = await loadSampleTrainer({ weights: tensors });
    expect(await valuesOf(next)).toEqual(await valuesOf(trainer));
    expect([next.update, next.batches]).toEqual([0, 0]);
    const momentum = parseSafetensors(await next.save()).tensors.get('optimizer.momentum_buffer.line.w')!.bytes;
    expect([...momentum]).toEqual(Array(8).fill(0));
  });
});

test('after its end a trainer does nothing any more', async () => {
  const trainer = await loadSampleTrainer();
  trainer.dispose();
  expect(() => trainer.stepSync(one)).toThrow(expect.objectContaining({ code: 'disposed' }));
  for (const call of [trainer.step(one), trainer.save(), trainer.weights(), trainer.load(new Uint8Array(0))])
    await expect(call).rejects.toMatchObject({ code: 'disposed' });
});

test('there is none of a model', async () => {
  const parts = { kernels: () => [], weights: () => scalar(1), seed: 0 };
  const program = sampleTraining();
  const { training: _, ...model } = program;
  await expect(createTrainer({ ...parts, program: model, target: 'js' })).rejects.toMatchObject({
    code: 'unsupported',
    message: 'Fit was compiled as a model, not for training',
  });
});
