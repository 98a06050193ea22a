/** Settings of optimizers that no reference trace has, against their formulas written out; clipping and accumulation. */
import { describe, expect, test } from 'vitest';
import { updateRules } from '../../src/compiler/autodiff/optimizers/rules.ts';
import { optimizerRecords } from '../../src/compiler/semantics/optimizers/records.ts';
import { Learner, trainingOfText } from '../support/training.ts';
import { expectClose, tensorOf } from '../support/tensors.ts';

const W = [1, -2, 0.5];
const GRADIENTS = [
  [0.5, -1, 3],
  [-2, 0.25, 1],
  [1, 1, -0.125],
];

function specOf(optimizer: string): string {
  return `
train Fit() {
  input g: f32[3]
  param w: f32[3] = zeros()
  loss sum(w * g)
  optimizer ${optimizer}
}`;
}

/** The parameter after each of the gradients. */
async function learned(optimizer: string, gradients: readonly (readonly number[])[] = GRADIENTS): Promise<number[][]> {
  const learner = await Learner.of(trainingOfText(specOf(optimizer)), new Map([['w', tensorOf('f32', [3], W)]]));
  const found: number[][] = [];
  for (const gradient of gradients) {
    await learner.step({ g: tensorOf('f32', [3], gradient) });
    found.push([...learner.weights.get('w')!.data]);
  }
  return found;
}

/** What a formula for one element makes of the parameter, t from 1 on. */
function stepwise(update: (at: number, p: number, g: number, t: number) => number): number[][] {
  let w = [...W];
  return GRADIENTS.map((gradient, step) => (w = w.map((p, at) => update(at, p, gradient[at]!, step + 1))));
}

function expectSteps(found: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): void {
  expect(found.length).toBe(wanted.length);
  found.forEach((got, at) => expectClose(got, wanted[at]!, { absolute: 1e-14, relative: 1e-13 }, `step ${at + 1}`));
}

test('every optimizer of the language has an update', () => {
  expect(Object.keys(updateRules).toSorted()).toEqual(optimizerRecords.map(({ name }) => name).toSorted());
});

describe('updates', () => {
  test('sgd holds gradients back by the dampening, but not the first', async () => {
    const buffers = [0, 0, 0];
    const wanted = stepwise((at, p, g, t) => {
      buffers[at] = t === 1 ? g : 0.8 * buffers[at]! + 0.7 * g;
      return p - 0.1 * buffers[at]!;
    });
    expectSteps(await learned('sgd(lr: 0.1, momentum: 0.8, dampening: 0.3)'), wanted);
  });

  test('lion goes by the sign, with decay', async () => {
    const means = [0, 0, 0];
    const wanted = stepwise((at, p, g) => {
      const direction = Math.sign(0.9 * means[at]! + 0.1 * g);
      means[at] = 0.99 * means[at]! + 0.01 * g;
      return p * (1 - 0.01 * 0.5) - 0.01 * direction;
    });
    expectSteps(await learned('lion(lr: 0.01, weight_decay: 0.5)'), wanted);
  });

  test('adagrad begins with its first sum, and its rate falls', async () => {
    const sums = [0.5, 0.5, 0.5];
    const wanted = stepwise((at, p, g, t) => {
      sums[at] = sums[at]! + g * g;
      return p - ((0.1 / (1 + (t - 1) * 0.25)) * g) / (Math.sqrt(sums[at]!) + 1e-10);
    });
    expectSteps(await learned('adagrad(lr: 0.1, lr_decay: 0.25, initial_accumulator_value: 0.5)'), wanted);
  });

  test('a centered rmsprop of equal gradients stays finite', async () => {
    const same = Array.from({ length: 4000 }, () => [1, -1, 0.1]);
    const found = await learned('rmsprop(lr: 1e-6, alpha: 0.5, centered: true)', same.slice(0, 200));
    expect(found.flat().every(Number.isFinite)).toBe(true);
  });

  test('groups have settings and schedules of their own', async () => {
    const module = trainingOfText(`
train Fit() {
  input g: f32[3]
  param w: f32[3] = zeros()
  param v: f32[3] = zeros()
  param kept: f32[3] = zeros()
  loss sum(w * g) + sum(v * g) + sum(kept * g)
  optimizer sgd(lr: 1.0, weight_decay: 0.5) {
    group "v" (lr: step(peak: 8.0, step_size: 1, gamma: 0.5), weight_decay: 0)
    group "kept" (lr: 0.0)
  }
}`);
    const one = tensorOf('f32', [3], [1, 1, 1]);
    const learner = await Learner.of(module, new Map(['w', 'v', 'kept'].map((name) => [name, one])));
    for (const _ of [1, 2]) await learner.step({ g: one });
    expect([...learner.weights.get('w')!.data]).toEqual([-1.25, -1.25, -1.25]);
    expect([...learner.weights.get('v')!.data]).toEqual([-11, -11, -11]);
    expect([...learner.weights.get('kept')!.data]).toEqual([1, 1, 1]);
    expect(module.training.optimizer!.groups.map(({ parameters }) => parameters)).toEqual([['v'], ['kept'], ['w']]);
  });
});

describe('the whole step', () => {
  test('clips by the norm first, then each element', async () => {
    const norm = Math.hypot(...GRADIENTS[0]!) + 1e-6;
    const wanted = W.map((p, at) => p - Math.min(0.5, Math.max(-0.5, GRADIENTS[0]![at]! / norm)));
    expectSteps(await learned('sgd(lr: 1.0, clip_norm: 1.0, clip_value: 0.5)', GRADIENTS.slice(0, 1)), [wanted]);
  });

  test('averages as many batches as it is told, then clips, and begins anew', async () => {
    const gradients = [
      [2, 0, 0],
      [4, 0, 2],
      [1, 1, 1],
      [3, 1, 0],
    ];
    const found = await learned('sgd(lr: 1.0, accumulate: 2, clip_value: 2.0)', gradients);
    expectSteps(found, [W, [-1, -2, -0.5], [-1, -2, -0.5], [-3, -3, -1]]);
  });

  test('leaves a frozen instance as it is, though gradients pass through it', async () => {
    const module = trainingOfText(`
import { Linear } from "std/nn"
train Fit() {
  dims n
  input x: f32[n, 2]
  first = Linear(2, bias: false)
  fixed = frozen Linear(2, bias: false)
  loss sum(x |> first() |> fixed())
  optimizer sgd(lr: 1.0, momentum: 0.5)
}`);
    const matrix = (...values: number[]) => tensorOf('f32', [2, 2], values);
    const weights = new Map([
      ['first.weight', matrix(1, 0, 0, 1)],
      ['fixed.weight', matrix(1, 2, 3, 4)],
    ]);
    const learner = await Learner.of(module, weights);
    await learner.step({ x: tensorOf('f32', [1, 2], [1, 10]) });
    expect([...learner.weights.get('first.weight')!.data]).toEqual([-3, -40, -6, -59]);
    expect([...learner.weights.get('fixed.weight')!.data]).toEqual([1, 2, 3, 4]);
    const names = module.graphs.flatMap(({ graph }) => graph.parameters.map(({ name }) => name));
    expect(names.filter((name) => name.includes('fixed') && name.startsWith('optimizer.'))).toEqual([]);
  });

  test('decays a parameter that the loss does not depend on', async () => {
    const module = trainingOfText(`
train Fit() {
  input g: f32[3]
  param w: f32[3] = zeros()
  param idle: f32[3] = zeros()
  loss sum(w * g)
  output shown = idle + g
  optimizer sgd(lr: 1.0, weight_decay: 0.5)
}`);
    const learner = await Learner.of(module, new Map(['w', 'idle'].map((name) => [name, tensorOf('f32', [3], W)])));
    await learner.step({ g: tensorOf('f32', [3], GRADIENTS[0]!) });
    expect([...learner.weights.get('idle')!.data]).toEqual(W.map((value) => value / 2));
  });

  test.each(['i32', 'bool'])('leaves alone a parameter of the type %s, which has no gradient', (dtype) => {
    const module = trainingOfText(`
train Fit() {
  input g: f32[3]
  param w: f32[3] = zeros()
  param chosen: ${dtype}[3] = zeros()
  loss sum(w * g * cast(chosen, f32))
  optimizer adam(weight_decay: 0.1) {
    group "w" (weight_decay: 0)
  }
}`);
    expect(module.training.optimizer!.groups.flatMap(({ parameters }) => parameters)).toEqual(['w']);
    const [{ graph }] = module.graphs as [(typeof module.graphs)[number]];
    expect(graph.outputs.flatMap(({ into }) => into ?? []).filter((path) => path.includes('chosen'))).toEqual([]);
  });
});
