/** Training of parameters that are stacks: begun, kept and handed out by member, updated as one. */
import { afterEach, describe, expect, test } from 'vitest';
import { trainingModule } from '../../../src/compiler/autodiff/module.ts';
import { compileModule } from '../../../src/compiler/driver.ts';
import { ops } from '../../../src/compiler/ops/table.ts';
import { parseSafetensors } from '../../../src/program/safetensors.ts';
import { writeSafetensors } from '../../../src/program/safetensors-writer.ts';
import type { Inputs } from '../../../src/runtime/model.ts';
import { drawInitial } from '../../../src/runtime/train/initial.ts';
import type { Trainer } from '../../../src/runtime/train/trainer.ts';
import { DEPTH, STACKED, stackedModel, stackedTraining, stackedWeights, stored, WIDTH } from '../../support/stacked.ts';
import { expectClose, randomNumbers, randomTensor } from '../../support/tensors.ts';
import { Learner } from '../../support/training.ts';
import { trainerOf, type TrainingOptions } from '../../support/trainers.ts';

const NAMES = [...stackedWeights().keys()];
const x = randomTensor('f32', [7, DEPTH], randomNumbers(4));
const batch: Inputs = { x: { data: Float32Array.from(x.data), shape: x.shape } };

const moduleOf = (accumulate: number) => trainingModule(stackedTraining({ accumulate }), stackedModel(), ops);
const whole = moduleOf(1);
const compiled = compileModule(whole, { targets: ['js', 'wasm'], verify: true });

const trainers: Trainer[] = [];
afterEach(() => trainers.splice(0).forEach((trainer) => trainer.dispose()));

async function open(options: TrainingOptions, program = compiled): Promise<Trainer> {
  const trainer = await trainerOf(program, options);
  trainers.push(trainer);
  return trainer;
}

test('states of the optimizer are stacks of the states of members', () => {
  const { parameters, outputs } = whole.graphs[0]!.graph;
  expect(parameters.map(({ name, members }) => [name, members?.[1]])).toContainEqual([
    'optimizer.exp_avg.experts.{i}.weight',
    'optimizer.exp_avg.experts.1.weight',
  ]);
  expect(outputs.filter(({ into }) => into !== undefined).length).toBe(9);
  expect(whole.training.optimizer!.groups.map(({ parameters: names }) => names)).toEqual([
    ['experts.0.bias', 'experts.1.bias'],
    ['experts.0.weight', 'experts.1.weight', 'scale'],
  ]);
});

describe.each(['wasm', 'js'] as const)('on %s', (target) => {
  test('a member begins with the values it would have alone', async () => {
    const trainer = await open({ target, seed: 5 });
    const weights = await trainer.weights();
    expect([...weights.keys()]).toEqual(NAMES);
    for (const { members, initial } of STACKED.parameters) {
      for (const name of members ?? []) {
        const { data, shape } = weights.get(name)!;
        const drawn = new Float32Array(data.length);
        drawInitial(initial!, 5, name, 0, drawn);
        expect(data).toEqual(drawn);
        expect(shape).toEqual(name.endsWith('bias') ? [WIDTH] : [WIDTH, DEPTH]);
      }
    }
    expect(weights.get('experts.0.bias')!.data).not.toEqual(weights.get('experts.1.bias')!.data);
    expect([...(await trainer.weights('experts.1.')).keys()]).toEqual(['weight', 'bias']);
  });

  test('some members may be given, and the others are drawn', async () => {
    const given = stored(stackedWeights());
    const some = new Map([...given].filter(([name]) => name.startsWith('experts.1.')));
    const [drawn, mixed] = [await open({ target }), await open({ target, weights: some })];
    expect(await mixed.weights('experts.0.')).toEqual(await drawn.weights('experts.0.'));
    const { data } = (await mixed.weights()).get('experts.1.weight')!;
    expect([...data]).toEqual([...stackedWeights().get('experts.1.weight')!.data]);
  });

  test.each([1, 2])('updates are those of the reference, %i batches each', async (accumulate) => {
    const module = moduleOf(accumulate);
    const program = accumulate === 1 ? compiled : compileModule(module, { targets: [target], verify: true });
    const trainer = await open({ target, weights: stored(stackedWeights()) }, program);
    const learner = await Learner.of(module, stackedWeights());
    for (let count = 0; count < 4; count++) {
      const { loss } = await trainer.step(batch);
      const outputs = await learner.step({ x });
      expectClose([loss], outputs.get('loss')!.data, { absolute: 1e-5, relative: 1e-5 }, 'loss');
    }
    for (const name of NAMES)
      expectClose(
        (await trainer.weights()).get(name)!.data,
        learner.weights.get(name)!.data,
        { absolute: 1e-4, relative: 0 },
        name,
      );
  });

  test('a checkpoint has every member, and a training goes on from it', async () => {
    const trainer = await open({ target, seed: 5 });
    for (let count = 0; count < 3; count++) await trainer.step(batch);
    const saved = await trainer.save();
    const tensors = parseSafetensors(saved).tensors;
    const kinds = ['', 'optimizer.exp_avg.', 'optimizer.exp_avg_sq.'];
    expect(new Set(tensors.keys())).toEqual(new Set(kinds.flatMap((kind) => NAMES.map((name) => kind + name))));
    const fresh = await open({ target });
    await fresh.load(saved);
    expect(await fresh.save()).toEqual(saved);
    expect((await fresh.step(batch)).loss).toBe((await trainer.step(batch)).loss);
    const lacking = new Map(tensors);
    lacking.delete('experts.1.bias');
    const metadata = { 'heddle.entry': 'Stacked', 'heddle.update': '3', 'heddle.batches': '3', 'heddle.seed': '5' };
    await expect(fresh.load(writeSafetensors([...lacking], metadata))).rejects.toThrow(
      `experts.1.bias (f32[${WIDTH}]) is missing`,
    );
  });
});
