/** Tensors that a caller keeps on the GPU. */
import { expect, test } from 'vitest';
import { USAGE, MAP_READ, type GpuBuffer, type GpuDevice } from '../../../src/runtime/devices/webgpu/api.ts';
import { compileGraph } from '../../../src/compiler/driver.ts';
import { createModel, type Model } from '../../../src/runtime/model.ts';
import { countingGpu, countsSince } from '../../support/counting-gpu.ts';
import { graphOfText, importKernels } from '../../support/specs.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';
import { partsOf } from './models.ts';

const PAIR = `model Pair() {
  dims n
  input a: f32[n]
  input b: bool[n]
  output more: f32[n] = where(b, a + 1.0, a)
  output flag: bool[n] = a > 2.0
}
`;

async function readBack(device: GpuDevice, buffer: GpuBuffer, bytes: number): Promise<ArrayBuffer> {
  const copy = device.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyTarget });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, copy, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(MAP_READ);
  return copy.getMappedRange().slice(0);
}

async function sharing(): Promise<{
  device: GpuDevice;
  model: Model;
  counts: ReturnType<typeof countingGpu>['counts'];
}> {
  const { gpu, counts } = countingGpu(softwareGpu());
  const device = await (await gpu.requestAdapter())!.requestDevice();
  return { device, counts, model: await createModel({ ...partsOf(PAIR, gpu), gpu: device }) };
}

function bufferOf(device: GpuDevice, data: Float32Array | Uint32Array): GpuBuffer {
  const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
  const buffer = device.createBuffer({ size: data.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

describeGpu('a model on the device of its caller', () => {
  test('takes buffers as inputs, and leaves outputs there', async () => {
    const { device, model, counts } = await sharing();
    const a = { buffer: bufferOf(device, Float32Array.of(1, 2, 3)), shape: [3] };
    const b = { buffer: bufferOf(device, Uint32Array.of(1, 0, 1)), shape: [3] };
    const { more, flag } = await model.run({ a, b });
    expect([...more!.data]).toEqual([2, 2, 4]);
    expect([...flag!.data]).toEqual([0, 0, 1]);
    const kept = await model.run({ a, b: [true, true, true] }, { keep: ['more'] });
    expect(kept['more']).toMatchObject({ shape: [3] });
    expect(kept['more']).not.toHaveProperty('data');
    expect(kept['flag']).toMatchObject({ data: Uint8Array.of(0, 0, 1) });
    const { buffer } = kept['more'] as { buffer: GpuBuffer };
    expect([...new Float32Array(await readBack(device, buffer, 12))]).toEqual([2, 3, 4]);

    // What was kept is given again: nothing is read, uploaded or made.
    const before = { ...counts };
    const again = await model.run({ a: { buffer, shape: [3] }, b }, { keep: ['more', 'flag'] });
    const { mapAsync, writeBuffer } = countsSince(before, counts);
    expect({ mapAsync, writeBuffer }).toEqual({ mapAsync: undefined, writeBuffer: undefined });
    const found = (again['more'] as { buffer: GpuBuffer }).buffer;
    expect(found).toBe(buffer);
    expect([...new Float32Array(await readBack(device, found, 12))]).toEqual([3, 3, 5]);
    const settled = { ...counts };
    await model.run({ a: { buffer, shape: [3] }, b }, { keep: ['more', 'flag'] });
    expect(countsSince(settled, counts)).toMatchObject({ submit: 1 });
    expect(countsSince(settled, counts)).not.toHaveProperty('createBuffer');
    model.dispose();
    // The device and the caller's buffers are still there.
    expect([...new Uint32Array(await readBack(device, b.buffer, 12))]).toEqual([1, 0, 1]);
    device.destroy();
  });

  test('says what is wrong with a buffer, and with what is kept', async () => {
    const { device, model } = await sharing();
    const buffer = bufferOf(device, Float32Array.of(1, 2, 3));
    const run = (a: object, options = {}) => model.run({ a, b: [true] } as never, options);
    await expect(run({ buffer, shape: [1, 1] })).rejects.toMatchObject({ code: 'input-shape' });
    await expect(run({ buffer })).rejects.toMatchObject({ code: 'input-shape' });
    await expect(model.run({ a: { buffer, shape: [4] }, b: [true, true, true, true] })).rejects.toMatchObject({
      code: 'input-shape',
      message: 'the input a takes 16 bytes, and its buffer has 12',
    });
    await expect(run({ buffer: {}, shape: [1] })).rejects.toMatchObject({ code: 'input-dtype' });
    const unreadable = device.createBuffer({ size: 4, usage: USAGE.storage });
    await expect(run({ buffer: unreadable, shape: [1] })).rejects.toMatchObject({
      code: 'input-dtype',
      message: expect.stringContaining('COPY_SRC'),
    });
    await expect(run([1], { keep: 'more' })).rejects.toMatchObject({ code: 'option' });
    await expect(run([1], { keep: ['less'] })).rejects.toMatchObject({
      code: 'option',
      message: 'the option keep names less, which is no output',
    });
    await expect(run([1], { keep: ['more'], outputs: { more: new Float32Array(1) } })).rejects.toMatchObject({
      code: 'output-buffer',
      message: 'the output more is kept on the GPU; no array receives it',
    });
    await expect(run([1], { keeps: ['more'] })).rejects.toMatchObject({
      code: 'option',
      message: 'run has no option keeps; it has dims, seed, outputs, keep',
    });
    expect((await run([1])).more!.data[0]).toBe(2);
    model.dispose();
    device.destroy();
  });
});

describeGpu('a buffer that cannot be used', () => {
  test('is no defect of the compiler', async () => {
    const { device, model } = await sharing();
    const other = await (await softwareGpu().requestAdapter())!.requestDevice();
    const foreign = bufferOf(other, Float32Array.of(1));
    const destroyed = bufferOf(device, Float32Array.of(1));
    destroyed.destroy();
    for (const buffer of [foreign, destroyed]) {
      await expect(model.run({ a: { buffer, shape: [1] }, b: [true] })).rejects.toMatchObject({
        code: 'input-dtype',
        message: expect.stringMatching(/^are the buffers of the inputs on the model's device/),
      });
    }
    expect((await model.run({ a: [1], b: [true] })).more!.data[0]).toBe(2);
    model.dispose();
    device.destroy();
    other.destroy();
  });
});

test('a model elsewhere takes no buffers, and keeps none', async () => {
  const { program, js } = compileGraph(graphOfText(PAIR), { targets: ['js'] });
  const kernels = await importKernels(js!);
  const model = await createModel({ program, target: 'js', kernels, weights: () => undefined });
  const buffer = { size: 4, usage: USAGE.copySource } as GpuBuffer;
  await expect(model.run({ a: { buffer, shape: [1] }, b: [true] })).rejects.toMatchObject({
    code: 'input-dtype',
    message: 'the input a is a GPUBuffer, which js does not take',
  });
  await expect(model.run({ a: [1], b: [true] }, { keep: ['more'] })).rejects.toMatchObject({ code: 'option' });
  model.dispose();
});
