/** Models that generate, compiled from specs, with weights of chance. */
import { compileModule, elaborateGeneration, type Compiled } from '../../src/compiler/driver.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import type { CompileOptions, EntryOptions } from '../../src/compiler/options.ts';
import type { SourceHost } from '../../src/compiler/semantics/modules.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { Gpu } from '../../src/runtime/devices/webgpu/api.ts';
import { createGpuSession } from '../../src/runtime/devices/webgpu/program-session.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { createGenerativeModel, type GenerativeModel } from '../../src/runtime/generate/model.ts';
import type { Engine } from './quantized.ts';
import { importKernels, renderAll, specHost, storedTensor } from './specs.ts';
import { randomNumbers } from './tensors.ts';

/** For all engines, each pass verified. */
export function compiledGenerator(
  path: string,
  entry: EntryOptions,
  options: Partial<CompileOptions> = {},
  host: SourceHost = specHost(),
): Compiled {
  const { result, diagnostics } = elaborateGeneration(path, entry, host);
  if (!result) throw new Error(renderAll(diagnostics));
  return compileModule(result, { targets: ['wasm', 'js'], verify: true, ...options });
}

/** One written in the test. */
export function compiledGeneratorText(text: string, options: Partial<CompileOptions> = {}): Compiled {
  return compiledGenerator('test.model', {}, options, specHost({ 'test.model': text }));
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

/** The caller disposes of the model. On webgpu it is on the software driver, unless `gpu` is another. */
export async function generatorOn(
  { program, js, wasm, wgsl }: Compiled,
  engine: Engine | 'webgpu',
  weights: ReadonlyMap<string, StoredTensor>,
  threads?: Threads,
  gpu?: Gpu,
): Promise<GenerativeModel> {
  const parts = { program, weights: (name: string) => weights.get(name) };
  if (engine === 'webgpu') {
    // Loaded when it is used: the native module is not for every test.
    const { softwareGpu } = await import('./webgpu.ts');
    const onGpu = { kernels: wgsl!, gpu: gpu ?? softwareGpu(), createGpuSession };
    return createGenerativeModel({ ...parts, ...onGpu, target: engine });
  }
  return engine === 'js'
    ? createGenerativeModel({ ...parts, target: 'js', kernels: await importKernels(js!) })
    : createGenerativeModel({ ...parts, target: 'wasm', simd: engine, kernels: wasm![engine], threads });
}
