/** How kernels become pipelines. */
import { describe, expect, test } from 'vitest';
import type { GpuKernel } from '../../../src/program/program.ts';
import type { GpuDevice } from '../../../src/runtime/devices/webgpu/api.ts';
import { createPipelines } from '../../../src/runtime/devices/webgpu/pipelines.ts';
import { countingGpu } from '../../support/counting-gpu.ts';
import { validatingGpu } from '../../support/webgpu.ts';

const KERNEL: GpuKernel = { access: ['write'], own: 1, sizes: 0 };
const TEXT = `@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3<u32>) { to[at.x] = 1.0; }`;

function programOf(kernels: number) {
  return { workgroupSize: 64, partBytes: 256, kernels: Array.from({ length: kernels }, () => KERNEL) };
}

async function opened() {
  const { gpu, counts } = countingGpu(validatingGpu());
  const device: GpuDevice = await (await gpu.requestAdapter())!.requestDevice();
  return { device, counts };
}

describe('pipelines', () => {
  test('share equal layouts, and are told of one by one', async () => {
    const { device, counts } = await opened();
    const seen: string[] = [];
    const onPipeline = (done: number, total: number): void => void seen.push(`${done} of ${total}`);
    const texts = Array.from({ length: 70 }, () => TEXT);
    const pipelines = await createPipelines(device, programOf(70), texts, { onPipeline });
    expect(pipelines).toHaveLength(70);
    expect(seen).toEqual(Array.from({ length: 70 }, (_, at) => `${at + 1} of 70`));
    expect(counts).toMatchObject({ createComputePipelineAsync: 70, createBindGroupLayout: 1, createPipelineLayout: 1 });
    device.destroy();
  });

  test('name the kernel that a device refuses, and what it says', async () => {
    const { device, counts } = await opened();
    const texts = Array.from({ length: 200 }, (_, at) => (at === 3 ? TEXT.replace('1.0', 'nothing') : TEXT));
    const nameOf = (kernel: number): string => `product_${kernel}`;
    await expect(createPipelines(device, programOf(200), texts, { nameOf })).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^the GPU refuses the kernel product_3: line 2: .*nothing/),
    });
    // Those behind it are left.
    expect(counts.createComputePipelineAsync).toBeLessThan(200);
    device.destroy();
  });

  test('end with the reason of a signal', async () => {
    const { device, counts } = await opened();
    const controller = new AbortController();
    const reason = new Error('enough');
    const onPipeline = (): void => controller.abort(reason);
    const watch = { onPipeline, signal: controller.signal };
    const creating = createPipelines(
      device,
      programOf(200),
      Array.from({ length: 200 }, () => TEXT),
      watch,
    );
    await expect(creating).rejects.toBe(reason);
    expect(counts.createComputePipelineAsync).toBeLessThan(200);
    device.destroy();
  });
});
