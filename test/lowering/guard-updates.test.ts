/** Updates that nobody can stop between the loss and what it changes. */
import { describe, expect, test } from 'vitest';
import { compileModule } from '../../src/compiler/driver.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { KernelCall } from '../../src/compiler/plan/lowered.ts';
import { routineGraph, TRAINING } from '../support/routines.ts';

/** `w` and `v` change places, so they are copied; `m` is written where it is. */
const STEP = `
  param w %0: f32[3]
  param v %1: f32[3]
  param m %2: f32[3]
  input x %3: f32[3]
  %4: f32[3] = mul(%0, %3)
  %5: f32[] = sum(%4) {axis: null, keepdim: false}
  %6: f32[3] = add(%2, %4)
  output loss %5
  output next.w %1 into w
  output next.v %0 into v
  output next.m %6 into m`;

const { lowered } = compileModule(
  { name: 'Fit', graphs: [routineGraph('step', STEP)], training: TRAINING },
  { targets: ['js', 'webgpu'], verify: true },
);

/** The calls of a target that write weights. */
function updates(target: 'js' | 'webgpu'): readonly KernelCall[] {
  const { calls, weights } = lowered[target]!;
  const places = new Set(weights.map(({ buffer }) => buffer));
  return calls.filter(({ kernel, buffers }) =>
    kernel.buffers.some(({ access }, at) => access !== 'read' && places.has(buffers[at]!)),
  );
}

describe('what writes weights', () => {
  test('reads the loss last on webgpu, and nowhere else', () => {
    const { routines } = lowered.webgpu!;
    const loss = routines[0]!.outputs.find(({ name }) => name === 'loss')!.buffer;
    expect(updates('webgpu').length).toBeGreaterThan(1);
    for (const { buffers, kernel } of updates('webgpu')) {
      expect(buffers.at(-1)).toBe(loss);
      expect(kernel.buffers.at(-1)).toMatchObject({ type: 'f32', access: 'read' });
    }
    for (const { buffers } of updates('js')) expect(buffers.at(-1)).not.toBe(loss);
  });

  test.each([
    [1.5, true],
    [-3e38, true],
    [0, true],
    [Infinity, false],
    [-Infinity, false],
    [NaN, false],
  ])('with the loss %f does so: %s', (loss, isDone) => {
    for (const { kernel } of updates('webgpu')) {
      const buffers = Object.fromEntries(
        kernel.buffers.map(({ name }, at) => [name, Float32Array.of(at + 1, at + 2, at + 3)] as const),
      );
      buffers[kernel.buffers.at(-1)!.name] = Float32Array.of(loss);
      const before = structuredClone(buffers);
      interpretKernel(kernel, buffers, {});
      expect(JSON.stringify(buffers) === JSON.stringify(before)).toBe(!isDone);
    }
  });
});
