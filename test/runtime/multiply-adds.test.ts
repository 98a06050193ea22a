/** What models and trainers tell of the multiply-adds of their experts: counted while they run, and if every expert saw all. */
import { afterAll, describe, expect, test } from 'vitest';
import { constantValue, print } from '../../src/compiler/dims/dim.ts';
import { groupedWork } from '../../src/compiler/ir/grouped-work.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import type { Inputs, Model } from '../../src/runtime/model.ts';
import { graphOf, graphOfText, modelOf, settings, specFile, storedTensor } from '../support/specs.ts';
import { useThreads } from '../support/threads.ts';
import { randomNumbers } from '../support/tensors.ts';
import { compiledTrainingText, trainerOf } from '../support/trainers.ts';
import { describeGpu } from '../support/webgpu.ts';

const threads = useThreads();

/** Each expert multiplies rows of 24 by a matrix of 48 columns, both whole tiles on every target. */
const BODY = `
  dims n
  input x: f32[n, 24]
  input gate: f32[n, 2]
  input index: i32[n, 2]
  y = mixture(x, gate, index, 4) as experts { t => t |> Linear(48, bias: false) as up }
`;
const GRAPH = graphOfText(`import { Linear } from "std/nn"\nmodel Experts() {${BODY}\noutput out = y }`);
const EACH = 24 * 48;
const WEIGHTS = new Map(
  [0, 1, 2, 3].map((at) => [
    `experts.${at}.up.weight`,
    storedTensor(
      [48, 24],
      Array.from({ length: EACH }, () => at),
    ),
  ]),
);

/** Which two experts each token goes to. */
function inputsOf(index: readonly number[]): Inputs {
  const n = index.length / 2;
  return { x: new Float32Array(24 * n).fill(1), gate: new Float32Array(2 * n).fill(1), index: Int32Array.from(index) };
}

/** The rows of each expert. */
function sizesOf(index: readonly number[]): number[] {
  return [0, 1, 2, 3].map((expert) => index.filter((one) => one === expert).length);
}

const spread = Array.from({ length: 74 }, (_, at) => (at % 2 === 0 ? (at * 7) % 4 : 3 - ((at * 5) % 4)));
const onOne = spread.map(() => 2);
const nowhere = spread.map(() => -1);

/** The rows of tiles: what is computed is no more than whole ones for each expert. */
const HEIGHTS = { js: 2, wasm: 4, relaxed: 6 } as const;

function expectCounted(model: Pick<Model, 'multiplyAdds'>, index: readonly number[], height: number, passes = 1): void {
  const { executed, dense } = model.multiplyAdds!;
  const rows = sizesOf(index);
  const full = rows.map((size) => Math.ceil(size / height) * height);
  const total = (sizes: readonly number[]): number => passes * EACH * sizes.reduce((sum, size) => sum + size, 0);
  expect(dense).toBe(passes * EACH * 4 * (index.length / 2));
  expect(executed).toBeGreaterThanOrEqual(total(rows));
  expect(executed).toBeLessThanOrEqual(total(full));
}

test('of a graph they are known before: each row with its expert, and each token with all', () => {
  const { sparse, dense } = groupedWork(GRAPH)!;
  expect([sparse, dense].map((work) => print(work!))).toEqual([`${2 * EACH}*n`, `${4 * EACH}*n`]);
  expect(groupedWork(graphOfText('model M() { input x: f32[3, 3]\n output y = x @ x }'))).toBeUndefined();
});

describe.each(['js', 'wasm', 'relaxed'] as const)('a model on %s', (target) => {
  test('counts what its experts compute in the last run', async () => {
    const model = await modelOf(GRAPH, target, WEIGHTS);
    expect(model.multiplyAdds).toBeUndefined();
    for (const index of [spread, onOne, spread.slice(0, 6), nowhere, spread]) {
      await model.run(inputsOf(index));
      expectCounted(model, index, HEIGHTS[target]);
    }
    await model.run(inputsOf(nowhere));
    expect(model.multiplyAdds).toEqual({ executed: 0, dense: 4 * EACH * 37 });
    await expect(model.run({})).rejects.toThrow('x');
    expect(model.multiplyAdds).toEqual({ executed: 0, dense: 4 * EACH * 37 });
    model.dispose();
    expect(model.multiplyAdds).toBeUndefined();
  });
});

describeGpu('a model on webgpu', () => {
  /** Rows of 64 by matrices of 64 columns, so that rows alone are padded. */
  const body = BODY.replace('24', '64').replace('48', '64');
  const graph = graphOfText(`import { Linear } from "std/nn"\nmodel Experts() {${body}\noutput out = y }`);
  const each = 64 * 64;
  const weights = new Map(
    [0, 1, 2, 3].map((at) => [
      `experts.${at}.up.weight`,
      storedTensor(
        [64, 64],
        Array.from({ length: each }, () => at),
      ),
    ]),
  );
  const inputs = (index: readonly number[]): Inputs => ({
    ...inputsOf(index),
    x: new Float32Array(32 * index.length).fill(1),
  });

  test('tells what its experts compute, in tiles as high as there are rows for', async () => {
    const model = await modelOf(graph, 'webgpu', weights);
    for (const [index, height] of [
      [spread.slice(0, 6), 4],
      [spread, 8],
      [Array.from({ length: 512 }, (_, at) => spread[at % spread.length]!), 16],
      [onOne, 8],
      [nowhere, 8],
    ] as const) {
      await model.run(inputs(index));
      const tiles = sizesOf(index).map((size) => Math.ceil(size / height));
      const rows = height * tiles.reduce((sum, count) => sum + count, 0);
      expect(model.multiplyAdds).toEqual({ executed: rows * each, dense: 4 * each * (index.length / 2) });
    }
    model.dispose();
  });

  test('a trainer tells that of a step forward and backward', async () => {
    const text = `import { Linear } from "std/nn"\ntrain Learn() {${body}\nloss mean(y * y)\noptimizer sgd(lr: 0.1) }`;
    const trainer = await trainerOf(compiledTrainingText(text, {}, ['webgpu']), { target: 'webgpu', weights });
    for (const index of [spread, onOne]) {
      await trainer.step(inputs(index));
      // The rows of the product are in tiles of eight; those that are summed for the weights in chunks of 32.
      const upTo = (multiple: number): number =>
        sizesOf(index).reduce((sum, size) => sum + multiple * Math.ceil(size / multiple), 0);
      expect(trainer.multiplyAdds).toEqual({ executed: (upTo(8) + upTo(32)) * each, dense: 8 * each * 37 });
    }
    trainer.dispose();
  });

  test('of eight experts of which a token sees two computes about a quarter', async () => {
    const small = settings({ n_embed: 64, n_head: 2, n_layer: 1, vocab_size: 11 });
    const language = graphOf(specFile('moe_lm.model'), { entry: 'MoELanguageModel', settings: small });
    const random = randomNumbers(5);
    const drawn = new Map(
      parameterTensors(language.parameters).map(({ name, type }) => {
        const shape = type.shape.map((size) => constantValue(size)!);
        const count = shape.reduce((product, size) => product * size, 1);
        return [
          name,
          storedTensor(
            shape,
            Array.from({ length: count }, () => random() - 0.5),
          ),
        ];
      }),
    );
    const model = await modelOf(language, 'webgpu', drawn);
    const tokens = 8 * 32;
    await model.run({ idx: { data: Int32Array.from({ length: tokens }, (_, at) => (at * 7) % 11), shape: [8, 32] } });
    const { executed, dense } = model.multiplyAdds!;
    // Each expert has one tile of 16 rows at most that is not full.
    const most = (2 * tokens + 8 * 15) / (8 * tokens);
    expect(executed / dense).toBeGreaterThanOrEqual(0.25);
    expect(executed / dense).toBeLessThanOrEqual(most);
    model.dispose();
  });
});

test('threads count together', async () => {
  const [alone, model] = [await modelOf(GRAPH, 'wasm', WEIGHTS), await modelOf(GRAPH, 'wasm', WEIGHTS, threads(3))];
  for (const index of [spread, onOne]) {
    const wanted = (await alone.run(inputsOf(index)))['out']!.data.slice();
    expect((await model.run(inputsOf(index)))['out']!.data).toEqual(wanted);
    expect(model.multiplyAdds).toEqual(alone.multiplyAdds);
  }
  model.dispose();
});

test('a model without experts has nothing to count', async () => {
  const graph = graphOfText('model M() { input x: f32[3, 3]\n output y = x @ x }');
  const model = await modelOf(graph, 'wasm');
  await model.run({ x: new Float32Array(9) });
  expect(model.multiplyAdds).toBeUndefined();
});

describe('a trainer', () => {
  const text = (accumulate: number): string =>
    `import { Linear } from "std/nn"\ntrain Learn() {${BODY}
  loss mean(y * y)
  optimizer sgd(lr: 0.1, accumulate: ${accumulate}) }`;
  const trainers: { dispose(): void }[] = [];
  afterAll(() => trainers.forEach((trainer) => trainer.dispose()));

  test.each([
    ['js', 1],
    ['wasm', 1],
    ['wasm', 2],
  ] as const)('counts a step forward and backward, on %s, %i batches an update', async (target, accumulate) => {
    const trainer = await trainerOf(compiledTrainingText(text(accumulate)), { target, weights: WEIGHTS });
    trainers.push(trainer);
    expect(trainer.multiplyAdds).toBeUndefined();
    for (const index of [spread, onOne, spread]) {
      await trainer.step(inputsOf(index));
      // The product, and the gradient of the weights: nobody asks for that of the tokens.
      expectCounted(trainer, index, HEIGHTS[target], 2);
    }
    const { multiplyAdds } = trainer;
    await trainer.evaluate([inputsOf(onOne)]);
    expect(trainer.multiplyAdds).toBe(multiplyAdds);
  });
});
