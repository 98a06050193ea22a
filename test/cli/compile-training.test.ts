/** `heddle compile` of train entries. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrainerOptions } from '../../src/runtime/train/load.ts';
import type { Trainer } from '../../src/runtime/train/trainer.ts';
import { describeGpu, softwareGpu } from '../support/webgpu.ts';
import { AFFINE_WEIGHTS, safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

const SPEC = `import { Linear } from "std/nn"

model Affine() {
  dims batch
  input x: f32[batch, 2]
  output y: f32[batch, 3] = x |> Linear(3) as fc
}

train Fit {
  dims batch
  input x: f32[batch, 2]
  input y: f32[batch, 3]
  net = Affine()
  loss mse(net(x), y)
  optimizer sgd(lr: 0.1)
}

train Distill {
  dims batch
  input x: f32[batch, 2]
  teacher = frozen Affine()
  student = Affine()
  loss mse(student(x), teacher(x))
  optimizer sgd(lr: 0.1, accumulate: 2)
}
`;

async function load(folder: string, options: TrainerOptions): Promise<Trainer> {
  const url = pathToFileURL(place.path(`${folder}/index.js`)).href;
  const module = (await import(url)) as { readonly loadTrainer: (options: TrainerOptions) => Promise<Trainer> };
  return module.loadTrainer(options);
}

beforeAll(() => {
  place.write('fit.model', SPEC);
  const values = [1, 2, 3, 4, 5, 6];
  const teacher = { 'teacher.fc.weight': tensor('F32', [3, 2], values), 'teacher.fc.bias': tensor('F32', [3], [1]) };
  place.write('teacher.safetensors', safetensors(teacher));
  place.write('partly.safetensors', safetensors({ 'net.fc.bias': tensor('F32', [3], [7]) }));
  place.write('other.safetensors', safetensors(AFFINE_WEIGHTS));
});

describeGpu('an artifact that trains on all targets', () => {
  it('does so on webgpu, and goes on elsewhere', async () => {
    const compiled = await place.run('compile fit.model --entry Fit --target wasm,js,webgpu -o all');
    expect(compiled).toMatchObject({ code: 0, stderr: '' });
    expect(compiled.stdout).toMatch(
      /^ {2}target +webgpu +\d+ kernels, \d+ steps a training step, \d+ steps? an evaluation$/m,
    );
    const gpu = await load('all', { target: 'webgpu', gpu: softwareGpu(), seed: 2 });
    const js = await load('all', { target: 'js', seed: 3 });
    const batch = { x: [1, 2, 3, 4], y: [1, 0, 0, 0, 1, 0] };
    for (let step = 0; step < 3; step++) await gpu.step(batch);
    await js.load(await gpu.save());
    expect((await js.step(batch)).loss).toBeCloseTo((await gpu.step(batch)).loss, 5);
    for (const trainer of [gpu, js]) trainer.dispose();
  });
});

describe('compile of a train entry', () => {
  it('writes an artifact that trains', async () => {
    const { code, stdout, stderr } = await place.run('compile fit.model --entry Fit -o fit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {2}target +js +\d+ kernels, \d+ steps a training step, \d+ steps? an evaluation$/m);
    expect(existsSync(place.path('fit/profile.json'))).toBe(false);
    const trainer = await load('fit', { target: 'js', seed: 2 });
    const batch = { x: [1, 2, 3, 4], y: [1, 0, 0, 0, 1, 0] };
    const { loss } = await trainer.step(batch);
    for (let step = 0; step < 50; step++) await trainer.step(batch);
    expect((await trainer.evaluate([batch])).loss).toBeLessThan(loss / 2);
    trainer.dispose();
  });

  it('embeds the weights that are given, and lets the others be drawn', async () => {
    const { code } = await place.run('compile fit.model --entry Fit --weights partly.safetensors -o partly');
    expect(code).toBe(0);
    const trainer = await load('partly', { target: 'js' });
    expect([...(await trainer.weights()).get('net.fc.bias')!.data]).toEqual([7, 7, 7]);
    expect(new Set((await trainer.weights()).get('net.fc.weight')!.data).size).toBe(6);
    trainer.dispose();
  });

  it('needs the weights of what is frozen, at the latest when it is loaded', async () => {
    const bare = await place.run('compile fit.model --entry Distill -o bare');
    expect(bare.stderr).toContain('they must be given when it is loaded, `loadTrainer({ weights })`');
    await expect(load('bare', { target: 'js' })).rejects.toMatchObject({ code: 'weights-missing' });
    const { stdout, stderr } = await place.run(
      'compile fit.model --entry Distill --weights teacher.safetensors -o whole',
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/\d+ steps a batch, \d+ steps? an update, \d+ steps an evaluation/);
    const trainer = await load('whole', { target: 'js' });
    expect((await trainer.step({ x: [1, 2] })).updated).toBe(false);
    trainer.dispose();
  });

  it('lists every tensor that is missing or surplus', async () => {
    const { code, stderr } = await place.run('compile fit.model --entry Distill --weights other.safetensors -o no');
    expect(code).toBe(1);
    for (const text of ['HED3002', 'teacher.fc.weight', 'teacher.fc.bias', 'HED3003']) expect(stderr).toContain(text);
    expect(stderr).not.toContain('student.fc.weight');
  });

  it.each([
    ['--quantize int8', '--quantize is for models, not for train entries'],
    ['--tap net', '--tap is for models, not for train entries'],
  ])('refuses %s', async (option, message) => {
    const { code, stderr } = await place.run(`compile fit.model --entry Fit ${option} -o no`);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
