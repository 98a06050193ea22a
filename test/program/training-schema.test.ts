import { expect, test } from 'vitest';
import { PROGRAM_VERSION, type Program, type WeightSpec } from '../../src/program/program.ts';
import { checkTrainingParts } from '../../src/program/training-schema.ts';
import type { TrainingSpec } from '../../src/program/training.ts';

const settings = { peak: 1, gamma: 0.5, warmup: 2, warmup_start: 0, warmup_inclusive: false, warmup_prefix: true };
const training: TrainingSpec = {
  metrics: ['accuracy'],
  accumulate: 2,
  scalars: [{ input: 'optimizer.lr.0', value: ['*', 0.5, ['sqrt', 'update']] }],
  optimizer: {
    name: 'sgd',
    groups: [{ lr: { schedule: { name: 'exponential', settings } }, parameters: ['w'] }],
  },
};
const weight: WeightSpec = {
  name: 'w',
  dtype: 'f32',
  shape: [],
  buffer: 0,
  initial: { kind: 'normal', mean: 0, std: 1 },
};

function problem(changes: object, initial: unknown = weight.initial): string | undefined {
  const target = { weights: [{ ...weight, initial }] } as object;
  const targets = { js: target as never };
  const program: Program = {
    version: PROGRAM_VERSION,
    name: 'Fit',
    dims: [],
    training: { ...training, ...changes },
    targets,
  };
  try {
    checkTrainingParts(program);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

test('a sound training passes', () => expect(problem({})).toBeUndefined());

const value = (expr: unknown): object => ({ scalars: [{ input: 'a', value: expr }] });
const group = (lr: unknown): object => ({ optimizer: { name: 'sgd', groups: [{ lr, parameters: [] }] } });
const deep = Array.from({ length: 70 }).reduce<unknown>((expr) => ['sqrt', expr], 1);

test.each<[object, string]>([
  [{ accumulate: 0 }, 'training.accumulate is not at least 1'],
  [{ metrics: [1] }, 'training.metrics[0] is not a string'],
  [{ scalars: [...training.scalars, ...training.scalars] }, 'training.scalars[1].input is not unique'],
  [value('updates'), 'training.scalars[0].value is not an expression of the host'],
  [value(null), 'training.scalars[0].value is not an expression of the host'],
  [value(['sqrt', 1, 2]), 'training.scalars[0].value is not an expression of the host'],
  [value(['+', 1, ['%', 1, 2]]), 'training.scalars[0].value[2] is not an expression of the host'],
  [value(deep), 'nested at most 64 deep'],
  [
    group({ schedule: { name: 'cubic', settings: {} } }),
    'training.optimizer.groups[0].lr.schedule.name is not one of constant, linear, cosine, step, multistep, ' +
      'exponential, polynomial, one_cycle',
  ],
  [
    group({ schedule: { name: 'step', settings: { milestones: ['1'] } } }),
    'training.optimizer.groups[0].lr.schedule.settings.milestones[0] is not a finite number',
  ],
  [
    group({ schedule: { name: 'exponential', settings: { ...settings, gamma: undefined } } }),
    'training.optimizer.groups[0].lr.schedule.settings.gamma is not a finite number',
  ],
  [
    group({ schedule: { name: 'exponential', settings: { ...settings, warmup_prefix: 1 } } }),
    'the setting warmup_prefix of the schedule exponential is 1',
  ],
])('what is none is refused: %j', (changes, message) => {
  expect(problem(changes)).toContain(message);
});

test('how a weight is drawn is checked', () => {
  expect(problem({}, { kind: 'cauchy' })).toBe(
    'targets.js.weights[0].initial.kind is not one of constant, normal, uniform, truncated_normal',
  );
  expect(problem({}, { kind: 'normal', mean: 0 })).toBe('targets.js.weights[0].initial.std is not a finite number');
});
