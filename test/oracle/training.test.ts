/** Gradients and training runs in PyTorch: every loss, gradient and final parameter within its tolerance. */
import { describe, expect, test } from 'vitest';
import { describeReference, readCase } from '../support/reference.ts';
import type { TargetUnderTest } from '../support/specs.ts';
import { gradientDeviations, sequenceDeviations, trainerDeviations } from '../support/training-cases.ts';
import { coreCases, gradientEntries, runEntries, withOptimizer } from './training-entries.ts';

const TARGETS: readonly TargetUnderTest[] = ['reference', 'js', 'wasm', 'relaxed'];

function expectWithin(found: ReadonlyMap<string, number>): void {
  expect(found.size).toBeGreaterThan(1);
  for (const [tensor, off] of found) expect(off, tensor).toBeLessThanOrEqual(1);
}

describeReference('gradients in PyTorch', 'oracle/shared', () => {
  describe.each(Object.keys(gradientEntries))('%s', (name) => {
    const given = readCase(name);
    const entry = gradientEntries[name]!(given.config);
    test.each(TARGETS)('%s', async (target) => expectWithin(await gradientDeviations(given, entry, target)));
  });
});

describeReference('gradients of attention cores in PyTorch', 'oracle/shared/inline', () => {
  describe.each(coreCases())('$name', ({ given, entry }) => {
    test.each(TARGETS)('%s', async (target) => {
      const found = await gradientDeviations(given, entry, target);
      expect([...found.keys()].toSorted()).toEqual(['grad.in.k', 'grad.in.q', 'grad.in.v', 'loss']);
      expectWithin(found);
    });
  });
});

describeReference('training runs in PyTorch', 'oracle/shared/train', () => {
  describe.each(Object.keys(runEntries))('%s', (name) => {
    const given = readCase(name);
    const entry = withOptimizer(runEntries[name]!(given.config), given.config);
    test('reference', async () => expectWithin(await sequenceDeviations(given, entry, 'reference')));
    test.each(['js', 'wasm', 'relaxed'] as const)('a trainer on %s', async (target) => {
      expectWithin(await trainerDeviations(given, entry, target));
    });
  });
});
