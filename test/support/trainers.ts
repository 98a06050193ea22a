/** Trainers of compiled train entries in tests. */
import { compileModule, type Compiled } from '../../src/compiler/driver.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import type { SimdVariant, TargetName } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { createTrainer, type Trainer } from '../../src/runtime/train/trainer.ts';
import { importKernels, specFile } from './specs.ts';
import { trainingOf, trainingOfText } from './training.ts';

/** A train entry of specs/ for wasm and js. */
export function compiledTraining(spec: string, options: EntryOptions): Compiled {
  return compileModule(trainingOf(specFile(spec), options), { targets: ['wasm', 'js'], verify: true });
}

/** A train entry written in the test. */
export function compiledTrainingText(text: string, options: EntryOptions = {}): Compiled {
  return compileModule(trainingOfText(text, options), { targets: ['wasm', 'js'], verify: true });
}

export interface TrainingOptions {
  readonly target?: Exclude<TargetName, 'webgpu'>;
  readonly simd?: SimdVariant;
  readonly seed?: number;
  readonly weights?: ReadonlyMap<string, StoredTensor>;
  readonly threads?: Threads;
}

/** On wasm, the strict module, unless other is said. */
export async function trainerOf({ program, wasm, js }: Compiled, options: TrainingOptions = {}): Promise<Trainer> {
  const { target = 'wasm', simd = 'strict', seed = 0, weights, threads } = options;
  const parts = { program, target, seed, threads, weights: (name: string) => weights?.get(name) };
  if (target === 'js') return createTrainer({ ...parts, kernels: await importKernels(js!) });
  return createTrainer({ ...parts, simd, kernels: wasm![simd] });
}
