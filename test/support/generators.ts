/** Models that generate, compiled from specs, with weights of chance. */
import { compileModule, elaborateGeneration, type Compiled } from '../../src/compiler/driver.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import type { CompileOptions, EntryOptions } from '../../src/compiler/options.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { createGenerativeModel, type GenerativeModel } from '../../src/runtime/generate/model.ts';
import type { Engine } from './quantized.ts';
import { importKernels, renderAll, specHost, storedTensor } from './specs.ts';
import { randomNumbers } from './tensors.ts';

/** For all engines, each pass verified. */
export function compiledGenerator(path: string, entry: EntryOptions, options: Partial<CompileOptions> = {}): Compiled {
  const { result, diagnostics } = elaborateGeneration(path, entry, specHost());
  if (!result) throw new Error(renderAll(diagnostics));
  return compileModule(result, { targets: ['wasm', 'js'], verify: true, ...options });
}

/** For each parameter numbers around 0, and around 1 where it is a vector named `weight`, as of a norm. */
export function randomWeights({ graph }: Compiled): ReadonlyMap<string, StoredTensor> {
  const random = randomNumbers(17);
  return new Map(
    parameterTensors(graph.parameters).map(({ name, type }) => {
      const shape = type.shape.map((dim) => constantValue(dim)!);
      const middle = shape.length === 1 && name.endsWith('weight') ? 1 : 0;
      const count = shape.reduce((product, size) => product * size, 1);
      return [
        name,
        storedTensor(
          shape,
          Array.from({ length: count }, () => middle + random() - 0.5),
        ),
      ];
    }),
  );
}

/** The caller disposes of the model. */
export async function generatorOn(
  { program, js, wasm }: Compiled,
  engine: Engine,
  weights: ReadonlyMap<string, StoredTensor>,
  threads?: Threads,
): Promise<GenerativeModel> {
  const parts = { program, weights: (name: string) => weights.get(name) };
  return engine === 'js'
    ? createGenerativeModel({ ...parts, target: 'js', kernels: await importKernels(js!) })
    : createGenerativeModel({ ...parts, target: 'wasm', simd: engine, kernels: wasm![engine], threads });
}
