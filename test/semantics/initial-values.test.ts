/** Initialisers as distributions: what PyTorch computes for parameters of the same shape. */
import { describe, expect, test } from 'vitest';
import { elaborateSpec } from '../../src/compiler/driver.ts';
import type { Distribution } from '../../src/program/training.ts';
import { graphOfText, specHost } from '../support/specs.ts';

const textOf = (initializer: string, type: string): string =>
  `model M { input x: f32[]\n param w: ${type} = ${initializer}\n output y = x + cast(sum(cast(w, f32)), f32) }`;

function initial(initializer: string, type = 'f32[6, 5, 3, 2]'): Distribution {
  return graphOfText(textOf(initializer, type)).parameters[0]!.initial!;
}

function fault(initializer: string, type: string): string {
  const { diagnostics } = elaborateSpec('m.model', {}, specHost({ 'm.model': textOf(initializer, type) }));
  return diagnostics.map(({ code, message }) => `${code} ${message}`).join();
}

/** Of f32[6, 5, 3, 2]: 5 · 3 · 2 and 6 · 3 · 2. */
const [FAN_IN, FAN_OUT] = [30, 36];

function uniform(bound: number): Distribution {
  return { kind: 'uniform', low: -bound, high: bound };
}

function expectDistribution(got: Distribution, wanted: Distribution): void {
  expect(Object.keys(got)).toEqual(Object.keys(wanted));
  for (const [name, value] of Object.entries(wanted)) {
    const found = (got as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') expect(found).toBeCloseTo(value, 14);
    else expect(found).toBe(value);
  }
}

test.each<[string, Distribution]>([
  ['zeros()', { kind: 'constant', value: 0 }],
  ['ones', { kind: 'constant', value: 1 }],
  ['constant(2.5)', { kind: 'constant', value: 2.5 }],
  ['normal(std: 0.02)', { kind: 'normal', mean: 0, std: 0.02 }],
  ['uniform', { kind: 'uniform', low: 0, high: 1 }],
  ['uniform(-1, 3)', { kind: 'uniform', low: -1, high: 3 }],
  ['trunc_normal(std: 0.02)', { kind: 'truncated_normal', mean: 0, std: 0.02, low: -2, high: 2 }],
  ['trunc_normal(1, 2, a: 0, b: 5)', { kind: 'truncated_normal', mean: 1, std: 2, low: 0, high: 5 }],
  ['xavier_uniform', uniform(Math.sqrt(6 / (FAN_IN + FAN_OUT)))],
  ['xavier_normal(gain: 2)', { kind: 'normal', mean: 0, std: 2 * Math.sqrt(2 / (FAN_IN + FAN_OUT)) }],
  ['kaiming_uniform(a: sqrt(5))', uniform(1 / Math.sqrt(FAN_IN))],
  ['kaiming_uniform', uniform(Math.sqrt(6 / FAN_IN))],
  ['kaiming_normal(mode: "fan_out", nonlinearity: "relu")', { kind: 'normal', mean: 0, std: Math.sqrt(2 / FAN_OUT) }],
  ['kaiming_normal(nonlinearity: "tanh")', { kind: 'normal', mean: 0, std: 5 / 3 / Math.sqrt(FAN_IN) }],
  ['kaiming_normal(nonlinearity: "sigmoid")', { kind: 'normal', mean: 0, std: 1 / Math.sqrt(FAN_IN) }],
])('%s', (initializer, wanted) => expectDistribution(initial(initializer), wanted));

describe('a parameter', () => {
  test('without elements has no spread', () => {
    expect(initial('kaiming_uniform', 'f32[4, 0]')).toEqual({ kind: 'constant', value: 0 });
  });

  test('of one axis has no fans', () => {
    expect(fault('xavier_uniform', 'f32[4]')).toBe(
      'HED2516 `xavier_uniform` needs a parameter of at least two axes to count fans; this is f32[4]',
    );
  });

  test('is not drawn from an empty range, nor in another dtype', () => {
    expect(fault('uniform(1, 0)', 'f32[4]')).toBe('HED2516 `uniform` draws from 1 to 0, where there is nothing');
    expect(fault('normal', 'i32[4]')).toBe('HED2516 `normal` draws numbers of f32, not of i32[4]');
    expect(fault('constant(0.5)', 'i32[4]')).toBe('HED2516 `constant` draws numbers of f32, not of i32[4]');
    expect(initial('ones', 'i32[4]')).toEqual({ kind: 'constant', value: 1 });
  });

  test('starts in the layers of std as in PyTorch', () => {
    const text = `import { Embedding, LayerNorm, Linear } from "std/nn"
      import { BatchNorm2d, Conv2d } from "std/conv"
      model M { input x: f32[1, 3, 8, 8]
        input ids: i32[2]
        y = x |> Conv2d(5, (3, 2)) as conv |> BatchNorm2d() as bn |> LayerNorm() as norm |> Linear(4) as fc
        output z = y
        output e = ids |> Embedding(7, 2) as embedding }`;
    const found = new Map(graphOfText(text).parameters.map(({ name, initial: first }) => [name, first!]));
    const [conv, fc] = [1 / Math.sqrt(3 * 3 * 2), 1 / Math.sqrt(7)];
    for (const [name, wanted] of Object.entries<Distribution>({
      'conv.weight': uniform(conv),
      'conv.bias': uniform(conv),
      'bn.running_mean': { kind: 'constant', value: 0 },
      'bn.running_var': { kind: 'constant', value: 1 },
      'bn.weight': { kind: 'constant', value: 1 },
      'norm.bias': { kind: 'constant', value: 0 },
      'fc.weight': uniform(fc),
      'fc.bias': uniform(fc),
      'embedding.weight': { kind: 'normal', mean: 0, std: 1 },
    }))
      expectDistribution(found.get(name)!, wanted);
  });
});
