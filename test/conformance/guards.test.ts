/** What all tests on webgpu rely on: a write behind a buffer is noticed, and nothing begins as zeros. */
import { expect, test } from 'vitest';
import { MAP_READ, USAGE, VISIBLE_TO_COMPUTE, type GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { guardedGpu, type DeviceView } from '../support/guarded-gpu.ts';
import { describeGpu, softwareGpu } from '../support/webgpu.ts';

/** Runs one invocation that stores 7 at `index` of a buffer of 5 words; the words, once the device has been left. */
async function storeAt(index: number): Promise<{ words: Int32Array; finished: Promise<void>; device: GpuDevice }> {
  const views: DeviceView[] = [];
  const adapter = await guardedGpu(softwareGpu(), (view) => views.push(view)).requestAdapter();
  const device = await adapter!.requestDevice();
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<i32>;
    @compute @workgroup_size(1) fn main() { x[${index}] = 7; }`;
  const layout = device.createBindGroupLayout({
    entries: [{ binding: 0, visibility: VISIBLE_TO_COMPUTE, buffer: { type: 'storage' } }],
  });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const buffer = device.createBuffer({ size: 20, usage: USAGE.storage });
  const copy = device.createBuffer({ size: 20, usage: USAGE.mapRead | USAGE.copyTarget });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer, size: 20 } }] }));
  pass.dispatchWorkgroups(1, 1);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, copy, 0, 20);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(MAP_READ);
  const words = new Int32Array(copy.getMappedRange().slice(0));
  device.destroy();
  return { words, finished: views[0]!.finish(), device };
}

describeGpu('a buffer of a test', () => {
  test('may be written to its end, and holds no zeros before', async () => {
    const { words, finished, device } = await storeAt(4);
    await finished;
    expect(words[4]).toBe(7);
    expect([...words].every((word) => word !== 0)).toBe(true);
    expect((await device.lost).reason).toBe('destroyed');
  });

  test.each([5, 20, 1000])('that is written at word %i of 5 fails the test', async (index) => {
    const { words, finished } = await storeAt(index);
    await expect(finished).rejects.toThrow('a kernel wrote behind a buffer of 20 bytes');
    expect(words[4]).not.toBe(7);
  });
});
