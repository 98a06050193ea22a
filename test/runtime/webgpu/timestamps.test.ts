/** How long the GPU took for each step. */
import { expect, test } from 'vitest';
import { createModel, LoadedModel } from '../../../src/runtime/model.ts';
import { countingGpu } from '../../support/counting-gpu.ts';
import { describeGpu, softwareGpu, validatingGpu } from '../../support/webgpu.ts';
import { LAYERS, partsOf, SCALED } from './models.ts';

const timed = (model: unknown): LoadedModel => model as LoadedModel;

describeGpu('the steps of a run', () => {
  test('are timed one by one, and all together', async () => {
    const { gpu, counts } = countingGpu(softwareGpu());
    const parts = partsOf(LAYERS, gpu);
    const model = timed(await createModel(parts));
    const before = counts.liveBuffers;
    const { steps, whole } = await model.runTimed({ x: { data: new Float32Array(300), shape: [100, 3] } }, {});
    expect(steps).toHaveLength(parts.program.targets.webgpu!.steps.length);
    for (const seconds of [...steps, whole]) {
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThan(60);
    }
    // Nothing is left of the timing: what was made is what any run needs.
    const afterwards = counts.liveBuffers;
    await model.runTimed({ x: { data: new Float32Array(300), shape: [100, 3] } }, {});
    expect(counts.liveBuffers).toBe(afterwards);
    expect(afterwards).toBeGreaterThan(before);
    model.dispose();
  });

  test('without points take no time', async () => {
    const model = timed(await createModel(partsOf(SCALED, softwareGpu())));
    expect(await model.runTimed({ x: [] }, {})).toEqual({ steps: [0], whole: 0 });
    model.dispose();
  });
});

test('a GPU that tells no times says so', async () => {
  const adapter = (await validatingGpu().requestAdapter())!;
  const device = await adapter.requestDevice();
  const model = timed(await createModel({ ...partsOf(SCALED, validatingGpu()), gpu: device }));
  await expect(model.runTimed({ x: [1] }, {})).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('timestamp-query'),
  });
  model.dispose();
  device.destroy();
});
