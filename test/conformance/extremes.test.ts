/** Functions far from the values that samples draw, on every target. */
import { describe, expect, test } from 'vitest';
import { graphOfText, modelOf, runnerOf, runOf, TARGETS, type TargetUnderTest } from '../support/specs.ts';
import { describeGpu } from '../support/webgpu.ts';

type Target = TargetUnderTest | 'webgpu';

async function apply(target: Target, formula: string, a: number[], b: number[] = a) {
  const graph = graphOfText(
    `model M() {\n  dims n\n  input a: f32[n]\n  input b: f32[n]\n  output y: f32[n] = ${formula}\n}\n`,
  );
  const model = target === 'webgpu' ? await modelOf(graph, target) : undefined;
  const run = model ? runOf(graph, model) : await runnerOf(graph, target as TargetUnderTest);
  const tensor = (data: number[]) => ({ dtype: 'f32' as const, shape: [data.length], data: Float64Array.from(data) });

  const results = await run({ a: tensor(a), b: tensor(b) });
  model?.dispose();
  return Array.from(results.get('y')!.data, (value) => value + 0);
}

function extremeTests(target: Target): void {
  test('gelu and erf are exact where they no longer change', async () => {
    const x = [-50, -100, -1e6, -1e30, 10, 1e30, 5, 6, 7].map(Math.fround);
    const gelu = await apply(target, 'gelu(a) + 0.0 * b', x);
    expect(gelu.slice(0, 6)).toEqual([0, 0, 0, 0, 10, Math.fround(1e30)]);
    expect(gelu.every((value, at) => at < 4 || value > 4.9)).toBe(true);
    expect(
      await apply(target, 'erf(a) - 1.0 + 0.0 * b', [10, 100, 1e30, Infinity].map(Math.fround), [1, 1, 1, 1]),
    ).toEqual([0, 0, 0, 0]);
    expect(await apply(target, 'gelu(a) + 0.0 * b', [-Infinity, NaN, Infinity], [0, 0, 0])).toEqual([
      NaN,
      NaN,
      Infinity,
    ]);
  });

  test('the remainder has the sign of the divisor and is exact', async () => {
    const a = [10, 1e9, 1e10, -7, 7, 0, 5, -1, 1, Infinity].map(Math.fround);
    const b = [0.1, 3, 3, 3, -3, Infinity, Infinity, Infinity, 0, 3].map(Math.fround);
    const actual = await apply(target, 'a % b', a, b);
    expect(actual.slice(1)).toEqual([1, 1, 2, -2, 0, 5, Infinity, NaN, NaN]);
    expect(actual[0]).toBeCloseTo(0.1, 5);
    expect(actual[0]).toBeLessThan(Math.fround(0.1));
  });

  test('sin and cos are accurate for large angles', async () => {
    const a = [1, 12800, 5e5, 1e6, -1e6, 2e6].map(Math.fround);
    const sines = await apply(target, 'sin(a) + 0.0 * b', a);
    const cosines = await apply(target, 'cos(a) + 0.0 * b', a);
    for (const [at, x] of a.entries()) {
      expect(Math.abs(sines[at]! - Math.sin(x))).toBeLessThan(2e-7);
      expect(Math.abs(cosines[at]! - Math.cos(x))).toBeLessThan(2e-7);
    }
  });
}

describe.each(TARGETS)('on %s', extremeTests);
describeGpu('on webgpu', () => extremeTests('webgpu'));

test('concat chooses its pieces by halves', async () => {
  const { concat } = await import('../../src/compiler/ops/movement/concat.ts');
  const { constant, symbol } = await import('../../src/compiler/dims/dim.ts');
  const { load } = await import('../../src/compiler/kernel/build.ts');
  const { childrenOf } = await import('../../src/compiler/kernel/rewrite.ts');
  if (concat.body.kind !== 'movement') throw new Error('concat moves elements');
  const inputs = Array.from({ length: 100 }, () => ({ dtype: 'f32' as const, shape: [constant(2)] }));
  const readers = inputs.map((_, at) => () => load(`b${at}`, constant(0), 'f32'));
  const outputs = [{ dtype: 'f32' as const, shape: [constant(200)] }];
  const context = { inputs, outputs, bounds: new Map(), position: () => expect.unreachable() };
  const element = concat.body.element(readers, [symbol('i')], { axis: 0 }, context);
  const depth = (expr: typeof element): number => 1 + Math.max(0, ...childrenOf(expr).map(depth));
  expect(depth(element)).toBeLessThanOrEqual(9);
});
