/** Artifacts that train: a folder's own loader, its types, and its size. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles, type ArtifactFile } from '../../src/compiler/artifact/files.ts';
import type { TrainerOptions } from '../../src/runtime/train/load.ts';
import type { Trainer } from '../../src/runtime/train/trainer.ts';
import { projectRoot } from '../support/reference.ts';
import { compiledTrainingText } from '../support/trainers.ts';
import { importFrom, textOf, useFolders } from './support.ts';

interface TrainingArtifact {
  readonly loadTrainer: (options?: TrainerOptions) => Promise<Trainer>;
}

const folderWith = useFolders();
let files: ArtifactFile[];
let folder: string;

const SPEC = `
train Fit {
  dims batch
  input x: f32[batch, 2]
  input y: f32[batch]
  param weight: f32[2] = normal(std: 0.1)
  param bias: f32[] = zeros()
  output guess = sum(x * weight, axis: -1) + bias
  loss mse(guess, y)
  metric error = mean(abs(guess - y))
  optimizer sgd(lr: 0.1, momentum: 0.5)
}
`;

beforeAll(async () => {
  const { program, facts, wasm, js } = compiledTrainingText(SPEC);
  files = await artifactFiles({
    program,
    facts,
    provenance: { compiler: 'heddle 0.0.0', sources: { 'test.model': '00' } },
    wasm,
    js,
    runtimeSource: (await bundleRuntime({ kind: 'train' }))!,
    workerSource: (await bundleWorker())!,
  });
  folder = folderWith(files);
});

async function open(options?: TrainerOptions): Promise<Trainer> {
  const module: unknown = await importFrom(folder);
  return (module as TrainingArtifact).loadTrainer(options);
}

/** y = 2 x₀ - x₁ + 0.5. */
const batch = {
  x: Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1, -1, 2, 0.5, -0.5),
  y: Float32Array.of(0.5, 2.5, -0.5, 1.5, -3.5, 2),
};

describe('an artifact that trains', () => {
  test('exports a trainer in place of a model', async () => {
    const module: object = await import(pathToFileURL(join(folder, 'index.js')).href);
    expect(Object.keys(module).sort()).toEqual(['HeddleError', 'loadTrainer']);
  });

  test.each(['wasm', 'js'] as const)('learns on %s, and goes on elsewhere', async (target) => {
    const trainer = await open({ target, seed: 5 });
    const before = await trainer.evaluate([batch]);
    for (let step = 0; step < 300; step++) await trainer.step(batch);
    const after = await trainer.evaluate([batch]);
    expect(after.metrics['error']).toBeLessThan(before.metrics['error']! / 1000);
    const learned = await trainer.weights();
    expect([...learned.get('weight')!.data].map((value) => Math.round(value * 100) / 100)).toEqual([2, -1]);
    const other = await open({ target });
    await other.load(await trainer.save());
    expect(await other.step(batch)).toEqual(await trainer.step(batch));
    for (const one of [trainer, other]) one.dispose();
  });

  test('runs on threads', async () => {
    const [one, two] = [await open({ simd: 'strict' }), await open({ simd: 'strict', threads: 2 })];
    expect(two.threads).toBe(2);
    expect(await two.step(batch)).toEqual(await one.step(batch));
    for (const trainer of [one, two]) trainer.dispose();
  });

  test.each([
    ['a seed that is none', { seed: -1 }, 'the option seed is -1; it can be an integer from 0 to 4294967295'],
    ['an unknown option', { speed: 1 }, 'loadTrainer has no option speed; it has target, '],
    ['no object', 3, 'loadTrainer takes its options as an object, not a number'],
  ])('refuses %s', async (_, options, message) => {
    await expect(open(options as TrainerOptions)).rejects.toMatchObject({
      code: 'option',
      message: expect.stringContaining(message),
    });
  });

  test('has no more of a runtime than it needs, and other artifacts have nothing of it', async () => {
    const size = async (kind?: 'train'): Promise<number> => gzipSync((await bundleRuntime(kind && { kind }))!).length;
    expect((await size('train')) - (await size())).toBeLessThan(5500);
    expect((await bundleRuntime())!.includes('optimizer')).toBe(false);
  });
});

describe('the types of an artifact that trains', () => {
  test('name inputs, outputs and metrics', () => {
    const text = textOf(files, 'index.d.ts');
    expect(text).toContain('readonly x: Tensor<Float32Array | readonly number[], readonly [batch: number, axis1: 2]>;');
    expect(text).toContain(
      'readonly guess: { readonly data: Float32Array; readonly shape: readonly [batch: number] };',
    );
    expect(text).toContain('export interface Metrics {\n  readonly error: number;\n}');
    expect(text).not.toContain('optimizer.lr');
  });

  test('are taken by the TypeScript compiler, which finds wrong uses', () => {
    writeFileSync(
      join(folder, 'use.ts'),
      `
import { loadTrainer, HeddleError, type Inputs, type StepResult } from './index.js';

const trainer = await loadTrainer({ seed: 3, threads: 2, target: 'wasm', onWarning: (text) => console.log(text) });
const batch: Inputs = { x: { data: Float32Array.of(1, 2), shape: [1, 2] }, y: [1] };
const { loss, metrics, lr }: StepResult = await trainer.step(batch);
const error: number = metrics.error + loss + lr[0]!;
async function* arriving(): AsyncGenerator<Inputs> {
  yield batch;
}
const { examples } = await trainer.evaluate(arriving());
const { guess } = await trainer.predict(batch);
await trainer.load(await trainer.save());
console.log(error, examples, guess.shape[0], (await trainer.weights('net.')).size, trainer.metrics[0] satisfies 'error', HeddleError);
// @ts-expect-error
await trainer.step({ x: [1, 2] });
// @ts-expect-error
metrics.accuracy;
// @ts-expect-error
trainer.update = 3;
`,
    );
    const flags = '--strict --noEmit --module nodenext --target es2022 --lib es2022,dom,esnext.asynciterable use.ts';
    const tsc = join(projectRoot, 'node_modules/.bin/tsc');
    expect(spawnSync(tsc, flags.split(' '), { cwd: folder, encoding: 'utf8' }).stdout).toBe('');
  });
});
