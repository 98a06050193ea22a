/** A GPU that is taken away under a model, a generation and a training. */
import { expect, test } from 'vitest';
import type { Compiled } from '../../../src/compiler/driver.ts';
import type { Gpu, GpuAdapter } from '../../../src/runtime/devices/webgpu/api.ts';
import { createGpuSession } from '../../../src/runtime/devices/webgpu/program-session.ts';
import { createGenerativeModel } from '../../../src/runtime/generate/model.ts';
import { createModel } from '../../../src/runtime/model.ts';
import { createTrainer } from '../../../src/runtime/train/trainer.ts';
import { heldWeights } from '../../../src/runtime/weight-stream.ts';
import { countingGpu, type CountingGpu } from '../../support/counting-gpu.ts';
import { compiledGeneratorText, randomWeights } from '../../support/generators.ts';
import { compiledTrainingText } from '../../support/trainers.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';
import { partsOf, SCALE, SCALED } from './models.ts';

/** Milliseconds in which even a slow machine builds all kernels. */
const BUILDING = 120_000;
const ROW = [1, 2, 3];
const WANTED = [3, 9, 19];

/** One that gives a device so many times. */
function limited(gpu: Gpu, times: number): Gpu {
  let left = times;
  return { requestAdapter: async (options) => (left-- > 0 ? gpu.requestAdapter(options) : null) };
}

/** One of which device number `count` is lost before anybody has used it. */
function losing({ gpu, devices }: CountingGpu, count: number): Gpu {
  return {
    async requestAdapter(options) {
      const adapter = (await gpu.requestAdapter(options))!;
      const requestDevice: GpuAdapter['requestDevice'] = async (descriptor) => {
        const device = await adapter.requestDevice(descriptor);
        if (devices.length === count) device.destroy();
        return device;
      };
      return { ...adapter, requestDevice };
    },
  };
}

function partsFor(compiled: Compiled, gpu: Gpu) {
  const { program, wgsl } = compiled;
  return { program, target: 'webgpu' as const, kernels: wgsl!, gpu, createGpuSession };
}

describeGpu('a lost GPU', () => {
  test('is replaced by another for a model, between runs and within one', async () => {
    const { gpu, devices } = countingGpu(softwareGpu());
    const model = await createModel(partsOf(SCALED, gpu));
    const run = async (): Promise<number[]> => [...(await model.run({ x: ROW })).y!.data];
    expect(await run()).toEqual(WANTED);
    devices[0]!.destroy();
    expect(await run()).toEqual(WANTED);
    expect(devices).toHaveLength(2);
    const running = run();
    devices[1]!.destroy();
    expect(await running).toEqual(WANTED);
    expect(await run()).toEqual(WANTED);
    expect(devices).toHaveLength(3);
    model.dispose();
    await expect(run()).rejects.toMatchObject({ code: 'disposed' });
    expect(devices).toHaveLength(3);
  });

  test('is reported where it is lost again, where there is no other, or no way to the weights', async () => {
    const lost = { code: 'device-lost' };
    const restless = countingGpu(softwareGpu());
    const again = await createModel(partsOf(SCALED, losing(restless, 2)));
    restless.devices[0]!.destroy();
    await expect(again.run({ x: ROW })).rejects.toMatchObject(lost);
    expect(restless.devices).toHaveLength(2);
    // The next run tries once more.
    expect([...(await again.run({ x: ROW })).y!.data]).toEqual(WANTED);
    again.dispose();

    const { gpu, devices } = countingGpu(softwareGpu());
    const single = await createModel(partsOf(SCALED, limited(gpu, 1)));
    devices[0]!.destroy();
    const message = expect.stringContaining('there is no GPU that WebGPU can use');
    await expect(single.run({ x: ROW })).rejects.toMatchObject({ ...lost, message });
    single.dispose();

    const parts = partsOf(SCALED, gpu);
    const weights = heldWeights(new Map([['s', SCALE]]));
    const streamed = await createModel({ ...parts, weights });
    devices[1]!.destroy();
    await expect(streamed.run({ x: ROW })).rejects.toMatchObject({
      ...lost,
      message: expect.stringContaining('weights cannot be read again'),
    });
    streamed.dispose();
  });

  test("is not replaced where it is the caller's", async () => {
    const device = await (await softwareGpu().requestAdapter())!.requestDevice();
    const model = await createModel({ ...partsOf(SCALED, softwareGpu()), gpu: device });
    expect([...(await model.run({ x: ROW })).y!.data]).toEqual(WANTED);
    device.destroy();
    await expect(model.run({ x: ROW })).rejects.toMatchObject({
      code: 'device-lost',
      message: expect.stringContaining("caller's"),
    });
    model.dispose();
  });

  test('is nothing that dispose brings about', async () => {
    const { gpu, devices } = countingGpu(softwareGpu());
    const model = await createModel(partsOf(SCALED, gpu));
    const running = model.run({ x: ROW });
    model.dispose();
    await expect(running).rejects.toMatchObject({ code: 'disposed' });
    expect(devices).toHaveLength(1);
  });
});

/** Its cache holds what the attention of later tokens reads. */
const STORY = `import { Embedding, Linear } from "std/nn"
model Story() {
  dims batch, time <= 6
  input idx: i32[batch, time]
  h = idx |> Embedding(7, 4) as table
  y = attention(h[:, none], h[:, none], h[:, none], causal: true)[:, 0]
  output logits = y |> Linear(7) as head
  generate idx along time from logits
}
`;

describeGpu('a lost GPU', () => {
  test(
    'takes the cache with it, so that texts are read again',
    async () => {
      const compiled = compiledGeneratorText(STORY, { targets: ['webgpu'] });
      const { gpu, devices } = countingGpu(softwareGpu());
      const weights = randomWeights(compiled);
      const parts = { ...partsFor(compiled, gpu), weights: (name: string) => weights.get(name) };
      const model = await createGenerativeModel(parts);
      const taken = async (lose: (position: number) => unknown): Promise<number[]> => {
        const tokens: number[] = [];
        for await (const { token, position } of model.generate([2, 5], { tokens: 4 })) {
          tokens.push(token);
          await lose(position);
        }
        return tokens;
      };
      const wanted = await taken(() => undefined);
      expect(await taken((position) => position === 1 && devices.at(-1)!.destroy())).toEqual(wanted);
      expect(devices).toHaveLength(2);
      // Found by a run that comes between, which has another device opened.
      const between = async (position: number): Promise<void> => {
        if (position !== 2) return;
        devices.at(-1)!.destroy();
        await model.run({ idx: { data: [1], shape: [1, 1] } });
      };
      expect(await taken(between)).toEqual(wanted);
      expect(devices).toHaveLength(3);
      model.dispose();
    },
    BUILDING,
  );
});

const LINE = `train Line {
  dims batch
  input x: f32[batch]
  input t: f32[batch]
  param a: f32[] = normal()
  param b: f32[] = zeros
  loss mean((a * x + b - t) * (a * x + b - t))
  optimizer sgd(lr: 0.1, momentum: 0.9)
}
`;

describeGpu('a lost GPU', () => {
  test(
    'takes a training with it, which goes on from a checkpoint',
    async () => {
      const { gpu, devices } = countingGpu(softwareGpu());
      const compiled = compiledTrainingText(LINE, {}, ['webgpu']);
      const open = async (seed: number) =>
        createTrainer({ ...partsFor(compiled, gpu), weights: () => undefined, seed });
      const trainer = await open(3);
      const batch = { x: [0, 1, 2], t: [1, 3, 5] };
      await trainer.step(batch);
      const checkpoint = await trainer.save();
      const wanted = await trainer.step(batch);
      devices[0]!.destroy();
      const gone = { code: 'device-lost', message: expect.stringContaining('go on from a checkpoint') };
      await expect(trainer.step(batch)).rejects.toMatchObject(gone);
      await expect(trainer.evaluate([batch])).rejects.toMatchObject(gone);
      await expect(trainer.save()).rejects.toMatchObject(gone);
      expect(devices).toHaveLength(1);
      await trainer.load(checkpoint);
      expect(devices).toHaveLength(2);
      expect(await trainer.step(batch)).toEqual(wanted);
      trainer.dispose();
    },
    BUILDING,
  );
});
