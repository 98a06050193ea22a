/** What trainings and generations ask of the GPU, counted. */
import { expect, test } from 'vitest';
import { createGpuSession } from '../../../src/runtime/devices/webgpu/program-session.ts';
import { createGenerativeModel } from '../../../src/runtime/generate/model.ts';
import { createTrainer } from '../../../src/runtime/train/trainer.ts';
import type { Routine } from '../../../src/program/program.ts';
import { countingGpu, countsSince, CREATING } from '../../support/counting-gpu.ts';
import { compiledGenerator, randomWeights } from '../../support/generators.ts';
import { settings, specFile } from '../../support/specs.ts';
import { compiledTrainingText } from '../../support/trainers.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';

/** Milliseconds in which even a slow machine builds all kernels. */
const BUILDING = 120_000;

const LINE = `train Line {
  dims batch
  input x: f32[batch]
  input t: f32[batch]
  param a: f32[] = normal()
  param b: f32[] = zeros
  loss mean((a * x + b - t) * (a * x + b - t))
  optimizer adam(lr: 0.1)
}
`;

const stepsOf = ({ first, last }: Routine): number => last - first;

describeGpu('on webgpu', () => {
  test(
    'a training step makes nothing after the first, is one submission and reads back once',
    async () => {
      const { gpu, counts } = countingGpu(softwareGpu());
      const { program, wgsl } = compiledTrainingText(LINE, {}, ['webgpu']);
      const parts = { program, target: 'webgpu' as const, kernels: wgsl!, gpu, createGpuSession };
      const trainer = await createTrainer({ ...parts, weights: () => undefined, seed: 1 });
      const batch = { x: [0, 1, 2], t: [1, 3, 5] };
      await trainer.step(batch);
      const routine = program.targets.webgpu!.routines.find(({ name }) => name === 'step')!;
      for (let step = 0; step < 3; step++) {
        const before = { ...counts };
        await trainer.step(batch);
        const found = countsSince(before, counts);
        expect(found).toMatchObject({ submit: 1, mapAsync: 1, dispatch: stepsOf(routine) });
        for (const name of [...CREATING, 'liveBuffers', 'liveBytes']) expect(found).not.toHaveProperty(name);
      }
      trainer.dispose();
    },
    BUILDING,
  );

  test(
    'a token makes nothing after the second, is one submission and reads back once',
    async () => {
      const { gpu, counts } = countingGpu(softwareGpu());
      const sizes = { vocab_size: 7, block_size: 6, n_embed: 4, n_head: 1, n_layer: 1 };
      const entry = { entry: 'CharGPT', settings: settings(sizes) };
      const compiled = compiledGenerator(specFile('gpt.model'), entry, { targets: ['webgpu'] });
      const { program, wgsl } = compiled;
      const weights = randomWeights(compiled);
      const parts = { program, target: 'webgpu' as const, kernels: wgsl!, gpu, createGpuSession };
      const model = await createGenerativeModel({ ...parts, weights: (name) => weights.get(name) });
      const routine = program.targets.webgpu!.routines.find(({ name }) => name === 'step')!;
      let before = { ...counts };
      for await (const { position } of model.generate([2, 5], { tokens: 4 })) {
        const found = countsSince(before, counts);
        before = { ...counts };
        // The first is the prompt's, and the second makes what steps need.
        if (position < 2) continue;
        expect(found).toMatchObject({ submit: 1, mapAsync: 1, dispatch: stepsOf(routine) });
        for (const name of [...CREATING, 'liveBuffers', 'liveBytes']) expect(found).not.toHaveProperty(name);
      }
      model.dispose();
    },
    BUILDING,
  );
});
