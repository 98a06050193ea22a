/** What a run asks of the GPU, counted: everything is made once, and a run is one submission with one look at its results. */
import { expect, test } from 'vitest';
import { createModel } from '../../../src/runtime/model.ts';
import { countingGpu, countsSince } from '../../support/counting-gpu.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';
import { LAYERS, layersOf, partsOf } from './models.ts';

const input = (batch: number) => ({
  data: Float32Array.from({ length: 3 * batch }, (_, at) => at % 5),
  shape: [batch, 3],
});

describeGpu('a model on webgpu', () => {
  test('makes nothing after its first run with given dimensions, also when it returns to them', async () => {
    const { gpu, counts } = countingGpu(softwareGpu());
    const parts = partsOf(LAYERS, gpu);
    const model = await createModel(parts);
    const { steps } = parts.program.targets.webgpu!;
    const run = async (batch: number): Promise<ReturnType<typeof countsSince>> => {
      const before = { ...counts };
      const x = input(batch);
      const { y } = await model.run({ x });
      expect([...y!.data.subarray(0, 4)]).toEqual(layersOf([...x.data.subarray(0, 3)]).y);
      return countsSince(before, counts);
    };
    const first = await run(2);
    expect(first.createBindGroup).toBe(steps.length);
    expect(first.createShaderModule).toBe(undefined);
    const outputs = parts.program.targets.webgpu!.routines[0]!.outputs.length;
    const again = {
      submit: 1,
      writeBuffer: 1,
      beginComputePass: 1,
      dispatch: steps.length,
      copyBufferToBuffer: outputs,
      mapAsync: 1,
    };
    expect(await run(2)).toEqual(again);
    await run(5);
    // The earlier dimensions, and the larger ones, are both still there.
    expect(await run(2)).toEqual(again);
    expect(await run(5)).toEqual(again);
    model.dispose();
  });

  test('frees all it made when it is disposed', async () => {
    const { gpu, counts } = countingGpu(softwareGpu());
    const adapter = await gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    // A device of the caller's is not destroyed, so that each buffer has to be.
    const model = await createModel({ ...partsOf(LAYERS, gpu), gpu: device });
    for (const batch of [1, 4]) await model.run({ x: input(batch) });
    await model.run({ x: input(4) }, { keep: ['y'] });
    expect(counts.liveBuffers).toBeGreaterThan(0);
    model.dispose();
    expect({ buffers: counts.liveBuffers, bytes: counts.liveBytes }).toEqual({ buffers: 0, bytes: 0 });
    await device.createBuffer({ size: 4, usage: 1 }).mapAsync(1);
    device.destroy();
  });

  test('makes its pipelines at load, each module once', async () => {
    const { gpu, counts } = countingGpu(softwareGpu());
    const seen: string[] = [];
    const onPipeline = (done: number, total: number): void => void seen.push(`${done}/${total}`);
    const parts = partsOf(LAYERS, gpu);
    const model = await createModel({ ...parts, onPipeline });
    const kernels = parts.program.targets.webgpu!.kernels.length;
    expect(counts).toMatchObject({ createShaderModule: kernels, createComputePipelineAsync: kernels });
    expect(counts.createBindGroupLayout).toBeLessThanOrEqual(kernels);
    expect(seen.at(-1)).toBe(`${kernels}/${kernels}`);
    model.dispose();
  });
});
