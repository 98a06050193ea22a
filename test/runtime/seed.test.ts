/** Models that draw random numbers: the seed of a run, and what callers see of the key. */
import { describe, expect, test } from 'vitest';
import { declarations } from '../../src/compiler/artifact/declarations.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import type { Model } from '../../src/runtime/model.ts';
import { graphOfText, modelOf } from '../support/specs.ts';
import { describeGpu } from '../support/webgpu.ts';

const graph = graphOfText(`model Noise { dims n
  input x: f32[n]
  output y = x + random_uniform([n]) }`);
const x = new Float32Array(9);

async function noise(model: Model, seed?: number): Promise<number[]> {
  const { y } = await model.run({ x }, seed === undefined ? {} : { seed });
  return [...y!.data];
}

async function expectSeeds(model: Model): Promise<void> {
  expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
  const first = await noise(model);
  expect(await noise(model, 0)).toEqual(first);
  const other = await noise(model, 2 ** 32 - 1);
  expect(other.some((value) => first.includes(value))).toBe(false);
  expect(await noise(model)).toEqual(first);
  for (const seed of [-1, 0.5, 2 ** 32, NaN])
    await expect(model.run({ x }, { seed })).rejects.toMatchObject({ code: 'option' });
  await expect(model.run({})).rejects.toMatchObject({ code: 'input-missing' });
}

describe('the seed of a run', () => {
  test.each(['js', 'wasm', 'relaxed'] as const)('decides the random numbers on %s', async (target) =>
    expectSeeds(await modelOf(graph, target)),
  );

  test('gives the same numbers on all targets', async () => {
    const [js, wasm] = await Promise.all([modelOf(graph, 'js'), modelOf(graph, 'wasm')]);
    expect(await noise(js, 7)).toEqual(await noise(wasm, 7));
  });

  test('is an option of the types where the model draws, and the key no input', () => {
    const { program } = compileGraph(graph, { targets: ['js'] });
    const text = declarations(program, true);
    expect(text).toContain('readonly seed?: number;');
    expect(text).not.toContain('random.key');
    const still = compileGraph(graphOfText('model Still { input x: f32[2]\n output y = x + 1 }'), { targets: ['js'] });
    expect(declarations(still.program, true)).not.toContain('seed');
  });
});

describeGpu('the seed of a run on webgpu', () => {
  test('decides the random numbers', async () => {
    const model = await modelOf(graph, 'webgpu');
    await expectSeeds(model).finally(() => model.dispose());
  });
});
