/** Gradients on WebGPU, generated from the op records, against the interpreter, with guards behind all buffers. */
import { describe, test } from 'vitest';
import { describeGpu } from '../support/webgpu.ts';
import { checkCompiledGradients, differentiable } from './compiled-gradients.ts';
import { nameSample } from './instances.ts';

describeGpu('webgpu', () => {
  describe.each(differentiable.filter(({ op }) => op.noGradient === undefined))('$name', ({ op, samples }) => {
    const cases = samples.map((sample) => ({ name: nameSample(op, sample), sample }));
    test.each(cases)('$name agrees with the interpreter', ({ sample }) =>
      checkCompiledGradients(op, sample, ['webgpu']),
    );
  });
});
