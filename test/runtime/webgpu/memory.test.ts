/** What a GPU has no memory for. */
import { describe, expect, test } from 'vitest';
import { createModel } from '../../../src/runtime/model.ts';
import { countingGpu } from '../../support/counting-gpu.ts';
import { validatingGpu } from '../../support/webgpu.ts';
import { partsOf } from './models.ts';

/** Three tensors at once; a run of 2^20 rows needs at least 12 MiB for them. */
const WIDE = `model Wide() {
  dims n
  input x: f32[n]
  input y: f32[n]
  output sorted: f32[n] = cumsum(x * y, 0) + cumsum(x - y, 0)
}
`;
const MIB = 2 ** 20;

/** The device that only validates has 512 MiB, of which a buffer takes 256 at most and a binding 128. */
describe('a GPU with little memory', () => {
  const inputs = (n: number) => ({ x: new Float32Array(n), y: new Float32Array(n) });

  test('refuses what does not fit into a binding, with both sizes, and allocates nothing for it', async () => {
    const { gpu, counts } = countingGpu(validatingGpu());
    const model = await createModel(partsOf(WIDE, gpu));
    await model.run(inputs(1000));
    const before = { ...counts };
    await expect(model.run(inputs(33 * MIB))).rejects.toMatchObject({
      code: 'memory',
      message: expect.stringMatching(/132 MiB.*128 MiB/),
    });
    expect(counts).toEqual(before);
    await model.run(inputs(1000));
    model.dispose();
  });

  test('refuses what all tensors together need, with the size, frees it, and goes on with less', async () => {
    const { gpu, counts } = countingGpu(validatingGpu());
    const model = await createModel(partsOf(WIDE, gpu));
    await model.run(inputs(1000));
    await expect(model.run(inputs(31 * MIB))).rejects.toMatchObject({
      code: 'memory',
      message: expect.stringMatching(/^these dimensions need \d{3} MiB on the GPU; the GPU reports: .*[Mm]emory/s),
    });
    // What others had was freed for it, too.
    expect(counts.liveBytes).toBeLessThan(MIB);
    const { sorted } = await model.run(inputs(2000));
    expect(sorted!.data).toHaveLength(2000);
    model.dispose();
  });

  test('frees what other dimensions hold when it is needed', async () => {
    const { gpu, counts } = countingGpu(validatingGpu());
    const model = await createModel(partsOf(WIDE, gpu));
    for (const n of [14 * MIB, 18 * MIB, 20 * MIB]) {
      const { sorted } = await model.run(inputs(n));
      expect(sorted!.data).toHaveLength(n);
    }
    expect(counts.liveBytes).toBeLessThan(512 * MIB);
    model.dispose();
  });

  test('loads no weights that it cannot hold', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const params = names.map((name) => `  param ${name}: f32[${31 * MIB}]\n`);
    const sum = names.map((name) => `${name}[0:1]`).join(' + ');
    const spec = `model Heavy() {\n${params.join('')}  input x: f32[1]\n  output y: f32[1] = x * (${sum})\n}\n`;
    const { gpu, counts } = countingGpu(validatingGpu());
    const device = await (await gpu.requestAdapter())!.requestDevice();
    const parts = partsOf(spec, gpu);
    // The device refuses before any is written.
    const weights = () => ({ dtype: 'F32' as const, shape: [31 * MIB], bytes: new Uint8Array(0) });
    await expect(createModel({ ...parts, gpu: device, weights })).rejects.toMatchObject({ code: 'memory' });
    expect(counts.liveBuffers).toBe(0);
    device.destroy();
  });
});
