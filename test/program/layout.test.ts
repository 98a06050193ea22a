import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALIGNMENT, alignUp, layoutArena, leastBytes, type Placement } from '../../src/program/layout.ts';

const placement = fc
  .record({ bytes: fc.oneof(fc.constant(0), fc.nat(5000)), first: fc.integer({ min: -1, max: 30 }), life: fc.nat(8) })
  .map(({ bytes, first, life }) => ({ bytes, first, last: first + life }));
const placements = fc.array(placement, { maxLength: 60 });

/** The most bytes that live at one step. */
function lowerBound(buffers: readonly Placement[]): number {
  const at = (step: number): number =>
    buffers.reduce((sum, { bytes, first, last }) => sum + (first <= step && step <= last ? alignUp(bytes) : 0), 0);
  return Math.max(0, ...buffers.map(({ first }) => at(first)));
}

test('buffers that live at the same step never overlap', () => {
  fc.assert(
    fc.property(placements, (buffers) => {
      const { offsets, bytes } = layoutArena(buffers);
      buffers.forEach((a, i) => {
        expect(offsets[i]! % ALIGNMENT).toBe(0);
        expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
        buffers.slice(0, i).forEach((b, j) => {
          const meet = a.first <= b.last && b.first <= a.last && a.bytes > 0 && b.bytes > 0;
          const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          expect(!meet || apart).toBe(true);
        });
      });
    }),
  );
});

test('the arena stays near the most that lives at one step', () => {
  fc.assert(
    fc.property(placements, (buffers) => {
      const bound = lowerBound(buffers);
      expect(leastBytes(buffers)).toBe(bound);
      expect(layoutArena(buffers).bytes).toBeGreaterThanOrEqual(bound);
      expect(layoutArena(buffers).bytes).toBeLessThanOrEqual(bound * 1.5);
    }),
  );
});

test('where the largest first would leave gaps, another order is taken', () => {
  // The second 400 would have to lie above the 600 and above the first 400, which came to lie above the 500.
  const buffers: Placement[] = [
    { bytes: 64 * 500, first: 3, last: 5 },
    { bytes: 64 * 600, first: 0, last: 0 },
    { bytes: 64 * 400, first: 2, last: 3 },
    { bytes: 64 * 400, first: 0, last: 2 },
  ];
  expect(lowerBound(buffers)).toBe(64 * 1000);
  expect(layoutArena(buffers).bytes).toBe(64 * 1000);
});

test('the activations of a chain of layers take the place of the two largest neighbours', () => {
  const layers = Array.from({ length: 24 }, (_, step) => ({
    bytes: step % 2 === 0 ? 64 * 100 : 64 * 400,
    first: step - 1,
    last: step,
  }));
  expect(layoutArena(layers).bytes).toBe(64 * 500);
});

test('a transformer takes no more than what lives at its busiest step', () => {
  const sizes = { norm: 192, qkv: 576, heads: 192, projected: 192, norm2: 192, hidden: 768, contracted: 192 };
  const buffers: Placement[] = [];
  let step = 0;
  for (let layer = 0; layer < 6; layer++) {
    const residual = [step - 1, step + 3, step + 6];
    for (const [name, columns] of Object.entries(sizes)) {
      const last = name === 'projected' ? residual[2]! : name === 'contracted' ? step + 4 : step + 1;
      buffers.push({ bytes: 4 * 65 * columns, first: step, last });
      step++;
    }
  }
  expect(layoutArena(buffers).bytes).toBe(lowerBound(buffers));
});

test('empty programs and empty buffers take nothing', () => {
  expect(layoutArena([])).toEqual({ offsets: [], bytes: 0 });
  expect(layoutArena([{ bytes: 0, first: 0, last: 3 }])).toEqual({ offsets: [0], bytes: 0 });
});
