/** Models that continue texts through what they keep, on every target that does. */
import { elaborateGeneration } from '../../src/compiler/driver.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import { interpretedRoutines } from '../../src/cli/generate/reference.ts';
import { continueBy } from '../../src/cli/generate/routines.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { Generated } from '../../src/runtime/generate/continuation.ts';
import type { GenerateOptions } from '../../src/runtime/generate/options.ts';
import type { Prompt } from '../../src/runtime/generate/prompts.ts';
import { compiledGenerator, generatorOn } from './generators.ts';
import { ENGINES, type Engine } from './quantized.ts';
import { asTensor, renderAll, specHost } from './specs.ts';

export type GenerationTarget = 'reference' | Engine | 'webgpu';
/** All but webgpu, which not every machine has. */
export const GENERATION_TARGETS: readonly GenerationTarget[] = ['reference', ...ENGINES];

/** Continues texts; the steps are given out when all are done. */
export type Continue = (prompts: readonly Prompt[], options: GenerateOptions) => Promise<readonly Generated[]>;

/** The model of a spec on a target; the caller calls `dispose`. */
export async function continuationOn(
  path: string,
  entry: EntryOptions,
  target: GenerationTarget,
  weights: ReadonlyMap<string, StoredTensor>,
): Promise<{ readonly run: Continue; readonly dispose: () => void }> {
  if (target === 'reference') return { run: interpreted(path, entry, weights), dispose: () => undefined };
  const compiled = compiledGenerator(path, entry, {
    targets: [target === 'js' || target === 'webgpu' ? target : 'wasm'],
  });
  const gpu = target === 'webgpu' ? (await import('./webgpu.ts')).modelGpu() : undefined;
  const model = await generatorOn(compiled, target, weights, undefined, gpu);
  return { run: (prompts, options) => allOf(model.generate(prompts, options)), dispose: () => model.dispose() };
}

function interpreted(path: string, entry: EntryOptions, weights: ReadonlyMap<string, StoredTensor>): Continue {
  const { result, diagnostics } = elaborateGeneration(path, entry, specHost());
  if (!result) throw new Error(renderAll(diagnostics));
  const [{ graph }] = result.graphs as [(typeof result.graphs)[number]];
  const parameters = parameterTensors(graph.parameters).map(
    ({ name, type }) => [name, asTensor(type.dtype, weights.get(name)!)] as const,
  );
  const routines = interpretedRoutines(result.graphs, new Map(parameters));
  return (prompts, options) => allOf(continueBy(routines, prompts, options, result.generation!));
}

async function allOf(steps: AsyncIterable<Generated>): Promise<readonly Generated[]> {
  const all: Generated[] = [];
  for await (const step of steps) all.push(step);
  return all;
}
