/** A trainer without a program: what it computes depends on its state and the batches alone, as a real one's does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { RunConfig } from '../../../src/cli/train/config.ts';
import { Log } from '../../../src/cli/train/log.ts';
import type { LoopOptions, LoopParts } from '../../../src/cli/train/loop.ts';
import { RunFolder } from '../../../src/cli/train/run-folder.ts';
import type { LoopTrainer } from '../../../src/cli/train/trainer.ts';
import type { Inputs } from '../../../src/runtime/model.ts';
import type { StepResult } from '../../../src/runtime/train/trainer.ts';

export class FakeTrainer implements LoopTrainer {
  update = 0;
  batches = 0;
  /** The only weight. */
  weight = 1;
  readonly #accumulate: number;

  constructor(accumulate = 1) {
    this.#accumulate = accumulate;
  }

  async step(batch: Inputs): Promise<StepResult> {
    const value = batch['x'] as number;
    const loss = this.weight + value;
    this.weight = Math.fround(this.weight * 0.9 + value / 100);
    this.batches++;
    const updated = this.batches % this.#accumulate === 0;
    if (updated) this.update++;
    return { loss, metrics: { half: loss / 2 }, updated, update: this.update, lr: [0.1] };
  }

  async evaluate(batches: AsyncIterable<Inputs> | Iterable<Inputs>) {
    let examples = 0;
    for await (const batch of batches) examples += batch['x'] as number;
    return { loss: this.weight, metrics: {}, batches: 1, examples };
  }

  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return new TextEncoder().encode(JSON.stringify([this.update, this.batches, this.weight]));
  }

  async weights() {
    return new Map([['w', { data: Float32Array.of(this.weight), shape: [1] }]]);
  }

  load(bytes: Uint8Array): void {
    [this.update, this.batches, this.weight] = JSON.parse(new TextDecoder().decode(bytes)) as [number, number, number];
  }
}

export const CONFIG: RunConfig = {
  heddle: '0',
  spec: '/spec.model',
  sources: {},
  settings: [],
  given: [],
  data: { paths: [], seed: 0 },
  dataDigest: '',
  bind: [],
  caches: [],
  weights: [],
  steps: 10,
  batch: 1,
  dropLast: false,
  shuffle: true,
  seed: 0,
  logEvery: 1,
  evaluateEvery: 2,
  checkpointEvery: 4,
  keep: 2,
  target: 'js',
  threads: 1,
};

export interface Place {
  folder(name: string): RunFolder;
  path(...names: string[]): string;
}

export function usePlace(): Place {
  const cwd = mkdtempSync(join(tmpdir(), 'heddle-train-'));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));
  return { folder: (name) => new RunFolder(name, { cwd }), path: (...names) => join(cwd, ...names) };
}

/** A loop over a fake trainer, in which a step takes a second. */
export function loopOf(
  folder: RunFolder,
  trainer: FakeTrainer,
  options: Partial<LoopOptions> = {},
  parts: Partial<LoopParts> = {},
): LoopParts {
  let time = 0;
  return {
    trainer,
    options: { ...CONFIG, ...options },
    folder,
    log: new Log(folder.file('log.jsonl'), trainer.update),
    batch: (number) => ({ inputs: { x: Math.sin(number) }, examples: 1 }),
    epochs: (batches) => batches / 4,
    evaluation: () => [{ x: 1 }, { x: 2 }],
    isStopped: () => false,
    watch: { step: () => undefined, evaluated: () => undefined, saved: () => undefined },
    now: () => 1000 * time++,
    ...parts,
  };
}
