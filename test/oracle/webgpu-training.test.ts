/** Training runs in PyTorch on WebGPU: every loss and final parameter within its tolerance. */
import { expect, test } from 'vitest';
import { describeReference, readCase } from '../support/reference.ts';
import { trainerDeviations } from '../support/training-cases.ts';
import { describeGpu } from '../support/webgpu.ts';
import { runEntries, withOptimizer } from './training-entries.ts';

describeGpu('on webgpu', () => {
  describeReference('training runs in PyTorch', 'oracle/shared/train', () => {
    test.each(Object.keys(runEntries))('%s', async (name) => {
      const given = readCase(name);
      const entry = withOptimizer(runEntries[name]!(given.config), given.config);
      const found = await trainerDeviations(given, entry, 'webgpu');
      expect(found.size).toBeGreaterThan(1);
      for (const [tensor, off] of found) expect(off, tensor).toBeLessThanOrEqual(1);
    });
  });
});
