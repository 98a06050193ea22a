/** Gradients in PyTorch on WebGPU: every loss and gradient within its tolerance. */
import { expect, test } from 'vitest';
import { describeReference, readCase } from '../support/reference.ts';
import { gradientDeviations } from '../support/training-cases.ts';
import { describeGpu } from '../support/webgpu.ts';
import { coreCases, gradientEntries } from './training-entries.ts';

function expectWithin(found: ReadonlyMap<string, number>): void {
  expect(found.size).toBeGreaterThan(1);
  for (const [tensor, off] of found) expect(off, tensor).toBeLessThanOrEqual(1);
}

describeGpu('on webgpu', () => {
  describeReference('gradients in PyTorch', 'oracle/shared', () => {
    test.each(Object.keys(gradientEntries))('%s', async (name) => {
      const given = readCase(name);
      expectWithin(await gradientDeviations(given, gradientEntries[name]!(given.config), 'webgpu'));
    });
  });

  describeReference('gradients of attention cores in PyTorch', 'oracle/shared/inline', () => {
    test.each(coreCases())('$name', async ({ given, entry }) =>
      expectWithin(await gradientDeviations(given, entry, 'webgpu')),
    );
  });
});
