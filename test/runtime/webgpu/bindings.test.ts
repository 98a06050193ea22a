/** Kernels that take more buffers than every device binds, on devices that bind eight and that bind more. */
import { describe, expect, test } from 'vitest';
import { compileGraph, compileModule, elaborateTraining } from '../../../src/compiler/driver.ts';
import type { Gpu } from '../../../src/runtime/devices/webgpu/api.ts';
import { createGpuSession } from '../../../src/runtime/devices/webgpu/program-session.ts';
import { createModel } from '../../../src/runtime/model.ts';
import { createTrainer } from '../../../src/runtime/train/trainer.ts';
import { countingGpu, countsSince } from '../../support/counting-gpu.ts';
import { acceptAll } from '../../support/shaders.ts';
import { graphOfText, settings, specFile, specHost, storedTensor } from '../../support/specs.ts';
import { compiledTrainingText } from '../../support/trainers.ts';
import { byDefault, describeGpu, softwareGpu, validatingDevice } from '../../support/webgpu.ts';

const LENGTH = 70;
const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** `y[i] = x[i] + p0[i] + 2 p1[i] + …` with ten weights: twelve buffers. */
const WEIGHTED = `model Weighted() {
  dims batch
  input x: f32[batch, ${LENGTH}]
${range(10)
  .map((at) => `  param p${at}: f32[${LENGTH}]`)
  .join('\n')}
  output y: f32[batch, ${LENGTH}] = x + ${range(10)
    .map((at) => `${at + 1}.0 * p${at}`)
    .join(' + ')}
}
`;

/** The same of inputs, whose sizes only a run decides. */
const GIVEN = `model Given() {
  dims batch
${range(11)
  .map((at) => `  input x${at}: f32[batch]`)
  .join('\n')}
  output y: f32[batch] = ${range(11)
    .map((at) => `${at + 1}.0 * x${at}`)
    .join(' + ')}
}
`;

const values = (weight: number): number[] => Array.from({ length: LENGTH }, (_, at) => (weight * 7 + at) % 11);

/** The result of a run of a text, and what a second one asks of the device beside its dispatch. */
async function counted(text: string, inputs: Record<string, Float32Array>, from: Gpu) {
  const { gpu, counts } = countingGpu(from);
  const { program, wgsl } = compileGraph(graphOfText(text), { targets: ['webgpu'] });
  const weights = (name: string) => storedTensor([LENGTH], values(Number(name.slice(1))));
  const parts = { program, kernels: wgsl!, target: 'webgpu' as const, weights, gpu, createGpuSession };
  const model = await createModel(parts);
  await model.run(inputs);
  const before = { ...counts };
  const { y } = await model.run(inputs);
  const { copyBufferToBuffer, beginComputePass, dispatch } = countsSince(before, counts);
  model.dispose();
  return { y: [...y!.data], asked: { copyBufferToBuffer, beginComputePass, dispatch } };
}

/** One dispatch, and the copy of the output. */
const PLAIN = { copyBufferToBuffer: 1, beginComputePass: 1, dispatch: 1 };

describeGpu('a kernel with twelve buffers', () => {
  test('reads weights through one binding where there are few, and copies nothing', async () => {
    const x = Float32Array.from({ length: 2 * LENGTH }, (_, at) => at);
    const expected = [...x].map((value, at) =>
      range(10).reduce((sum, weight) => sum + (weight + 1) * values(weight)[at % LENGTH]!, value),
    );
    expect(await counted(WEIGHTED, { x }, byDefault(softwareGpu()))).toEqual({ y: expected, asked: PLAIN });
    expect(await counted(WEIGHTED, { x }, softwareGpu())).toEqual({ y: expected, asked: PLAIN });
  });

  test('has what is large only in a run copied where bindings are few', async () => {
    const row = (at: number): Float32Array => Float32Array.from({ length: 5 }, (_, i) => at * i + 1);
    const inputs = Object.fromEntries(range(11).map((at) => [`x${at}`, row(at)]));
    const expected = range(5).map((i) => range(11).reduce((sum, at) => sum + (at + 1) * row(at)[i]!, 0));
    // Of seven bindings and one that is shared: four inputs into it, and the output too, and back.
    const copied = { copyBufferToBuffer: 7, beginComputePass: 1, dispatch: 1 };
    expect(await counted(GIVEN, inputs, byDefault(softwareGpu()))).toEqual({ y: expected, asked: copied });
    expect(await counted(GIVEN, inputs, softwareGpu())).toEqual({ y: expected, asked: PLAIN });
  });

  test('learns the same where bindings are few', { timeout: 120_000 }, async () => {
    const text = `train Line {
      dims batch
      input x: f32[batch, 3]
      input t: f32[batch, 5]
      param a: f32[3, 5] = normal()
      param b: f32[5] = zeros
      error = x @ a + b - t
      loss mean(error * error)
      optimizer adamw(lr: 0.1, weight_decay: 0.1, clip_norm: 1.0)
    }
    `;
    const { program, wgsl } = compiledTrainingText(text, {}, ['webgpu']);
    const { buffers, gpu: bound } = program.targets.webgpu!;
    expect(bound!.kernels.some(({ access, own }) => own < access.length)).toBe(true);
    expect(buffers.some(({ within, kind }) => within && kind === 'arena')).toBe(true);
    const batch = { x: Float32Array.from(range(6)), t: Float32Array.from(range(10)) };
    const learned = [];
    for (const from of [byDefault(softwareGpu()), softwareGpu()]) {
      const { gpu, counts } = countingGpu(from);
      const parts = { program, target: 'webgpu' as const, kernels: wgsl!, gpu, createGpuSession };
      const trainer = await createTrainer({ ...parts, weights: () => undefined, seed: 1 });
      const losses = [];
      for (let step = 0; step < 3; step++) losses.push((await trainer.step(batch)).loss);
      const before = { ...counts };
      losses.push((await trainer.step(batch)).loss);
      expect(countsSince(before, counts)).toMatchObject({ beginComputePass: 1 });
      learned.push(losses);
      trainer.dispose();
    }
    expect(learned[0]).toEqual(learned[1]);
    expect(learned[0]![3]).toBeLessThan(learned[0]![0]!);
  });
});

describe('mixtures of experts with heads of their own', () => {
  test('have texts that devices take at the default limits', { timeout: 120_000 }, async () => {
    const sizes = { vocab_size: 7, block_size: 6, n_embed: 16, n_head: 8, n_layer: 1, num_experts: 4 };
    const entry = { entry: 'TrainMoELanguageModel', settings: settings(sizes) };
    const { result } = elaborateTraining(specFile('moe_lm.model'), entry, specHost());
    const { program, wgsl } = compileModule(result!, { targets: ['webgpu'] });
    const { gpu, buffers, steps } = program.targets.webgpu!;
    const device = await validatingDevice();
    expect(device.limits.maxStorageBuffersPerShaderStage).toBe(8);
    await acceptAll(device, gpu!, wgsl!);
    // No step has anything copied.
    for (const { kernel, buffers: bound } of steps) {
      const rest = bound.slice(gpu!.kernels[kernel]!.own);
      const outer = rest.map((buffer) => buffers[buffer]!.within?.buffer);
      expect(rest.length === 0 || (outer[0] !== undefined && new Set(outer).size === 1)).toBe(true);
    }
    device.destroy();
  });
});
