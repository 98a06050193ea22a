/** Training with an artifact in a page: its own loader, on one thread and on several. */
import { beforeAll, expect, test } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles } from '../../src/compiler/artifact/files.ts';
import { describeBrowser, POLICIES } from '../support/browser.ts';
import { compiledTrainingText } from '../support/trainers.ts';

const SPEC = `
import { Linear, Dropout } from "std/nn"

train Classify {
  dims batch
  input x: f32[batch, 16]
  input label: i32[batch]
  output logits = x |> Linear(48) as l1 |> relu |> Dropout(0.25) as drop |> Linear(4) as l2
  loss cross_entropy(logits, label)
  optimizer adamw(lr: 1e-2)
}
`;

/** Trains for ten steps; answers the losses, the parameters and what came of a step that was not awaited. */
const training = (options: string): string => `
  const { loadTrainer } = await import('/artifact/index.js');
  const trainer = await loadTrainer({ seed: 4, simd: 'strict', ${options} });
  const x = Float32Array.from({ length: 512 }, (_, at) => Math.sin(at * at));
  const label = Int32Array.from({ length: 32 }, (_, at) => at % 4);
  const losses = [];
  for (let step = 0; step < 10; step++) losses.push((await trainer.step({ x, label })).loss);
  const { loss } = await trainer.evaluate([{ x, label }]);
  const bad = await trainer.step({ x: x.map(() => NaN), label }).catch(({ code }) => code);
  const saved = [...(await trainer.save())];
  const pending = trainer.step({ x, label });
  const second = await trainer.step({ x, label }).then(() => 'done', ({ code }) => code);
  await pending;
  trainer.dispose();
  return { threads: trainer.threads, losses, loss, bad, saved, second };`;

interface Trained {
  readonly threads: number;
  readonly losses: readonly number[];
  readonly second: string;
}

describeBrowser('a training in a browser', (site) => {
  beforeAll(async () => {
    const { program, facts, wasm, js } = compiledTrainingText(SPEC);
    const sources = { runtimeSource: (await bundleRuntime({ kind: 'train' }))!, workerSource: (await bundleWorker())! };
    const provenance = { compiler: 'heddle', sources: {} };
    const files = await artifactFiles({ program, facts, provenance, wasm, js, ...sources });
    for (const { name, bytes } of files) site.put(`/artifact/${name}`, bytes);
  });

  test('learns the same on the main thread, on threads that it cannot lead, and in a worker', async () => {
    const options = { policy: POLICIES.wasm, isIsolated: true };
    const alone = (await site.visit(training('threads: 1'), options)) as Trained;
    expect(alone).toMatchObject({ threads: 1, bad: 'not-finite', second: 'done' });
    expect(alone.losses.at(-1)).toBeLessThan(alone.losses[0]!);
    const elsewhere = await site.visit(training('threads: 2'), options);
    // A step on threads that a page cannot lead goes on after the call.
    expect(elsewhere).toEqual({ ...alone, threads: 2, second: 'busy' });
    const inWorker = await site.visit(training('threads: 2'), { ...options, inWorker: true });
    expect(inWorker).toEqual({ ...alone, threads: 2 });
  });
});
