/** Trainers of compiled train entries in tests. */
import { compileModule, type Compiled } from '../../src/compiler/driver.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import type { SimdVariant, TargetName } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import type { Gpu } from '../../src/runtime/devices/webgpu/api.ts';
import { createGpuSession } from '../../src/runtime/devices/webgpu/program-session.ts';
import { createTrainer, type Trainer } from '../../src/runtime/train/trainer.ts';
import { importKernels, specFile } from './specs.ts';
import { trainingOf, trainingOfText } from './training.ts';

const PROCESSOR: readonly TargetName[] = ['wasm', 'js'];

/** A train entry of specs/. */
export function compiledTraining(spec: string, options: EntryOptions, targets = PROCESSOR): Compiled {
  return compileModule(trainingOf(specFile(spec), options), { targets, verify: true });
}

/** A train entry written in the test. */
export function compiledTrainingText(text: string, options: EntryOptions = {}, targets = PROCESSOR): Compiled {
  return compileModule(trainingOfText(text, options), { targets, verify: true });
}

export interface TrainingOptions {
  /** On webgpu, the software driver. */
  readonly target?: TargetName;
  readonly simd?: SimdVariant;
  readonly seed?: number;
  readonly weights?: ReadonlyMap<string, StoredTensor>;
  readonly threads?: Threads;
  /** In place of the software driver. */
  readonly gpu?: Gpu;
}

/** On wasm, the strict module, unless other is said. */
export async function trainerOf(
  { program, wasm, js, wgsl }: Compiled,
  { target = 'wasm', simd = 'strict', seed = 0, weights, threads, gpu }: TrainingOptions = {},
): Promise<Trainer> {
  const parts = { program, target, seed, threads, weights: (name: string) => weights?.get(name) };
  switch (target) {
    case 'js':
      return createTrainer({ ...parts, kernels: await importKernels(js!) });
    case 'wasm':
      return createTrainer({ ...parts, simd, kernels: wasm![simd] });
    case 'webgpu': {
      // Loaded when it is used: the native module is not for every test.
      const { softwareGpu } = await import('./webgpu.ts');
      return createTrainer({ ...parts, kernels: wgsl!, gpu: gpu ?? softwareGpu(), createGpuSession });
    }
  }
}
