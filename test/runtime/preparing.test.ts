import { describe, expect, test } from 'vitest';
import type { JsKernelFactory } from '../../src/runtime/devices/js.ts';
import { createModel, type ModelParts } from '../../src/runtime/model.ts';
import { sampleKernels, sampleProgram, sampleWeights } from './sample.ts';

const STEPS = 20;

/** The sample with many load steps of some milliseconds; `calls` counts them. */
function slow(milliseconds: number): { parts: ModelParts; calls: () => number } {
  let count = 0;
  const kernels: JsKernelFactory = (...views) => [
    () => {
      count++;
      for (const end = performance.now() + milliseconds; performance.now() < end;);
    },
    ...sampleKernels(...views).slice(1),
  ];
  const js = sampleProgram.targets.js!;
  const target = { ...js, loadSteps: Array.from({ length: STEPS }, () => js.loadSteps[0]!) };
  return {
    parts: {
      program: { ...sampleProgram, targets: { js: target } },
      target: 'js',
      kernels,
      weights: (name) => sampleWeights.get(name),
    },
    calls: () => count,
  };
}

describe('preparing a model', () => {
  test('lets other tasks run meanwhile', async () => {
    const { parts, calls } = slow(10);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await createModel(parts);
    clearInterval(timer);
    expect(calls()).toBe(STEPS);
    expect(ticks).toBeGreaterThan(1);
  });

  test('reports its steps', async () => {
    const { parts } = slow(0);
    const seen: [number, number][] = [];
    await createModel({ ...parts, onLoadStep: (done, total) => seen.push([done, total]) });
    expect(seen).toEqual(Array.from({ length: STEPS }, (_, at) => [at + 1, STEPS]));
  });

  test('ends soon after an abort, with its reason', async () => {
    const { parts, calls } = slow(10);
    const controller = new AbortController();
    setTimeout(() => controller.abort('enough'), 0);
    await expect(createModel({ ...parts, signal: controller.signal })).rejects.toBe('enough');
    expect(calls()).toBeLessThan(STEPS);
  });
});
