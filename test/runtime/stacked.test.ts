/** Models whose parameters are stacks: the members are loaded by name, in any order, from any storage. */
import { describe, expect, test } from 'vitest';
import { channelsOf, compileGraph } from '../../src/compiler/driver.ts';
import { storeWeights, type Storage } from '../../src/compiler/interop/store.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import { createModel, type Model } from '../../src/runtime/model.ts';
import { openWeightStream } from '../../src/runtime/weight-stream.ts';
import { importKernels, runOf } from '../support/specs.ts';
import { DEPTH, STACKED, stackedWeights, stored, WIDTH } from '../support/stacked.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { testOnTargets } from '../support/webgpu.ts';
import { withRun } from '../support/specs.ts';

type Stored = ReadonlyMap<string, StoredTensor>;

const WEIGHTS = stackedWeights();
const x = randomTensor('f32', [5, DEPTH], randomNumbers(3));

function wanted(parameters: ReadonlyMap<string, Tensor> = WEIGHTS): Float64Array {
  return interpret(STACKED, { inputs: new Map([['x', x]]), parameters }).get('y')!.data;
}

function shuffled(tensors: Stored, seed: number): Stored {
  const random = randomNumbers(seed);
  const keyed = [...tensors].map((entry) => [random(), entry] as const);
  return new Map(keyed.toSorted(([a], [b]) => a - b).map(([, entry]) => entry));
}

const compiled = compileGraph(STACKED, { targets: ['js', 'wasm'], verify: true });

async function jsModel(weights: Stored): Promise<Model> {
  const parts = { program: compiled.program, target: 'js', kernels: await importKernels(compiled.js!) } as const;
  return createModel({ ...parts, weights: (name) => weights.get(name) });
}

testOnTargets('a model takes the members of its stacks', async (target) => {
  await withRun(STACKED, target, stored(WEIGHTS), async (run) => {
    const { data } = (await run({ x })).get('y')!;
    expectClose(data, wanted(), { absolute: 1e-5, relative: 1e-5 }, 'y');
  });
});

describe('a program with stacks', () => {
  test('has a weight for each member, one after the other in a buffer', () => {
    const { weights, buffers } = compiled.program.targets.wasm!;
    const [first] = weights;
    expect(weights.slice(0, 2)).toEqual([
      { name: 'experts.0.weight', dtype: 'f32', shape: [WIDTH, DEPTH], buffer: first!.buffer },
      { name: 'experts.1.weight', dtype: 'f32', shape: [WIDTH, DEPTH], buffer: first!.buffer, at: WIDTH * DEPTH },
    ]);
    expect(buffers[first!.buffer]).toMatchObject({ kind: 'staging', size: 2 * WIDTH * DEPTH });
    expect(weights.map(({ name }) => name)).toEqual([...WEIGHTS.keys()]);
    expect(compiled.facts.parameters).toEqual({ tensors: 5, elements: 2 * WIDTH * (DEPTH + 1) + WIDTH });
  });

  test('is loaded from files of any order and windows of any size', async () => {
    const parts = { program: compiled.program, target: 'js', kernels: await importKernels(compiled.js!) } as const;
    const found = [];
    for (const seed of [1, 2, 3]) {
      const bytes = writeSafetensors([...shuffled(stored(WEIGHTS), seed)]);
      const windows = async function* () {
        for (let at = 0; at < bytes.length; at += 333 * seed) yield bytes.slice(at, at + 333 * seed);
      };
      const weights = await openWeightStream(windows(), bytes.length);
      const run = runOf(STACKED, await createModel({ ...parts, weights }));
      found.push((await run({ x })).get('y')!.data);
    }
    expectClose(found[0]!, wanted(), { absolute: 1e-5, relative: 1e-5 }, 'y');
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });

  test.each(['f16', 'int8'] satisfies Storage[])('is loaded from weights stored as %s', async (storage) => {
    const tensors = storeWeights(stored(WEIGHTS), storage, channelsOf(STACKED));
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, ...shape])).toEqual(
      storage === 'f16'
        ? [...WEIGHTS].map(([name, { shape }]) => [name, 'F16', ...shape])
        : [
            ['experts.0.weight.absmax', 'F32', WIDTH, 1],
            ['experts.0.weight', 'I8', WIDTH, DEPTH],
            ['experts.1.weight.absmax', 'F32', WIDTH, 1],
            ['experts.1.weight', 'I8', WIDTH, DEPTH],
            ['experts.0.bias', 'F32', WIDTH],
            ['experts.1.bias', 'F32', WIDTH],
            ['scale', 'F32', WIDTH],
          ],
    );
    const { data } = (await runOf(STACKED, await jsModel(tensors))({ x })).get('y')!;
    const steps = storage === 'f16' ? 2 ** -11 : 1 / 254;
    expectClose(data, wanted(), { absolute: 2 * 2 * DEPTH * 2 * steps, relative: 0 }, 'y');
    expect([...data]).not.toEqual([...wanted()]);
  });

  test('says which members are missing, and which have another shape', async () => {
    const tensors = new Map(stored(WEIGHTS));
    tensors.delete('experts.1.bias');
    await expect(jsModel(tensors)).rejects.toMatchObject({
      code: 'weights-missing',
      message: `the weights lack experts.1.bias (f32[${WIDTH}])`,
    });
    const whole = tensors.get('experts.0.weight')!;
    const wrong = new Map(stored(WEIGHTS)).set('experts.1.weight', { ...whole, shape: [DEPTH, WIDTH] });
    await expect(jsModel(wrong)).rejects.toMatchObject({
      code: 'weights-mismatch',
      message: `experts.1.weight is F32 [${DEPTH}, ${WIDTH}] instead of f32[${WIDTH}, ${DEPTH}]`,
    });
  });
});
