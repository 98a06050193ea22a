import { describe, expect, test } from 'vitest';
import { HeddleError } from '../../src/runtime/errors.ts';
import { createModel } from '../../src/runtime/model.ts';
import { expectedScaled, loadSample, sampleKernels, sampleProgram, sampleWeights } from './sample.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => (i * 7) % 11);

describe.each(['wasm', 'js'] as const)('a program on the %s device', (target) => {
  test('runs its steps after its load steps', async () => {
    const model = await loadSample(target);
    const outputs = await model.run({ x: Float32Array.of(1, 2, 3, 4, 5, 6), limit: 10 });
    expect(outputs['scaled']!.shape).toEqual([2, 3]);
    expect([...outputs['scaled']!.data]).toEqual(expectedScaled([1, 2, 3, 4, 5, 6]));
    expect(outputs['large']!.data).toEqual(Uint8Array.of(0, 0, 1, 0, 1, 1));
  });

  test('serves every batch size, growing its memory, and comes back to earlier ones', async () => {
    const model = await loadSample(target);
    for (const batch of [1, 5, 0, 40_000, 3, 100_000, 5]) {
      const x = numbers(3 * batch);
      const { scaled } = model.runSync({ x, limit: 0 });
      expect(scaled!.shape).toEqual([batch, 3]);
      expect([...scaled!.data]).toEqual(expectedScaled(x));
    }
  });

  test('returns the same object for the same dimensions', async () => {
    const model = await loadSample(target);
    const first = model.runSync({ x: numbers(6), limit: 0 });
    expect(model.runSync({ x: numbers(6), limit: 1 })).toBe(first);
    expect(model.runSync({ x: numbers(9), limit: 1 })).not.toBe(first);
    expect(model.runSync({ x: numbers(6), limit: 1 })).toBe(first);
  });

  test('allocates no buffer in a thousand repeated runs', async () => {
    const model = await loadSample(target);
    const inputs = { x: Float32Array.from(numbers(3000)), limit: Float32Array.of(3) };
    const { buffer } = model.runSync(inputs)['scaled']!.data;
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1000; i++) model.runSync(inputs);
    for (let i = 0; i < 100; i++) await model.run(inputs);
    expect(process.memoryUsage().arrayBuffers).toBeLessThanOrEqual(before);
    expect(model.runSync(inputs)['scaled']!.data.buffer).toBe(buffer);
  });

  test('reads an earlier output that is given as input', async () => {
    const model = await loadSample(target);
    const x = numbers(6);
    const { scaled } = model.runSync({ x, limit: 0 });
    const again = model.runSync({ x: scaled!.data, limit: 0 });
    expect([...again['scaled']!.data]).toEqual(expectedScaled(expectedScaled(x)));
  });

  test('copies outputs into arrays of the caller', async () => {
    const model = await loadSample(target);
    const mine = new Float32Array(3);
    const outputs = model.runSync({ x: [1, 1, 1], limit: 0 }, { outputs: { scaled: mine } });
    expect(outputs['scaled']!.data).toBe(mine);
    model.runSync({ x: [9, 9, 9], limit: 0 });
    expect([...mine]).toEqual(expectedScaled([1, 1, 1]));
    const small = { outputs: { scaled: new Float32Array(2) } };
    expect(() => model.runSync({ x: [1, 1, 1], limit: 0 }, small)).toThrow(
      'the output scaled (f32[batch, 3]) needs a Float32Array of 3 elements',
    );
  });

  test('describes itself', async () => {
    const model = await loadSample(target);
    expect(model).toMatchObject({ name: 'Sample', target });
    expect(model.inputs[0]).toEqual({ name: 'x', dtype: 'f32', shape: ['batch', 3] });
  });

  test('fails with a code after dispose, which may be called twice', async () => {
    const model = await loadSample(target);
    model.dispose();
    model.dispose();
    await expect(model.run({ x: [1, 2, 3], limit: 0 })).rejects.toMatchObject({ code: 'disposed' });
  });

  test('says before allocating that dimensions need more memory than can be addressed', async () => {
    const huge = { ...sampleProgram, dims: [{ name: 'batch' }] };
    const target = { ...huge, targets: { js: sampleProgram.targets.js! } };
    const model = await createModel({
      program: target,
      target: 'js',
      kernels: sampleKernels,
      weights: (name) => sampleWeights.get(name),
    });
    const x = { data: new Float32Array(0), shape: [0, 3] };
    expect(model.runSync({ x, limit: 0 })['scaled']!.shape).toEqual([0, 3]);
  });
});

test('a program without the wanted target is refused', async () => {
  const program = { ...sampleProgram, targets: { js: sampleProgram.targets.js! } };
  const parts = { program, target: 'wasm', kernels: new Uint8Array(), weights: () => undefined } as const;
  const error: unknown = await createModel(parts).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeddleError);
  expect(error).toMatchObject({ code: 'target', message: 'Sample was not compiled for wasm, but for js' });
});
