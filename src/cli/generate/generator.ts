/** What continues texts: a spec that is compiled or interpreted, or an artifact. */
import { join } from 'node:path';
import { compileModule, elaborateGeneration, elaborateUncached, type Emitted } from '../../compiler/index.ts';
import type { GenerationSpec } from '../../program/generation.ts';
import { type Program, TARGET_NAMES } from '../../program/program.ts';
import type { Generated } from '../../runtime/generate/continuation.ts';
import { createGenerativeModel, type GenerativeModel } from '../../runtime/generate/model.ts';
import type { GenerateOptions as GenerationOptions } from '../../runtime/generate/options.ts';
import type { TensorInfo } from '../../runtime/tensors.ts';
import { AUTO } from '../auto.ts';
import { threadsOf } from '../built.ts';
import { Failure, printNote, UsageError } from '../errors.ts';
import { readText } from '../files.ts';
import { nodeGpu } from '../gpu.ts';
import { makeHost } from '../host.ts';
import type { Io } from '../io.ts';
import {
  autoOptions,
  engineOptions,
  importArtifact,
  interpretedWeights,
  loadChosen,
  neededWeights,
  partsOf,
} from '../runnable.ts';
import { signatureOf } from '../signature.ts';
import { elaborateOptionsOf, specPath } from '../spec.ts';
import { generating } from './generating.ts';
import type { GenerateOptions } from './options.ts';
import { interpretedRoutines } from './reference.ts';
import { continueBy, type TokenRoutines } from './routines.ts';
import type { Source } from './source.ts';
import { uncachedRoutines } from './uncached.ts';

export interface Generator {
  readonly spec: GenerationSpec;
  /** All inputs, of which those of `spec.inputs` are to be given. */
  readonly inputs: readonly TensorInfo[];
  /** One token for each prompt at a time. Throws HeddleError, and rejects with it. */
  generate(prompts: readonly Int32Array[], options: GenerationOptions): AsyncIterable<Generated>;
  dispose(): void;
}

/** Rejects with Failure, Rejected, UsageError and HeddleError. */
export async function openGenerator(source: Source, options: GenerateOptions, io: Io): Promise<Generator> {
  const { cache = true, target } = options;
  if (source.kind === 'spec') return cache ? openCached(source, options, io) : openUncached(source, options, io);
  if (!cache)
    throw new UsageError(`--no-cache is for specs, but ${source.path} is an artifact, which is compiled already`);
  if (target === 'reference')
    throw new UsageError(
      `the reference interprets a spec, but ${source.path} is an artifact`,
      'choose --target wasm, js or webgpu',
    );
  const program = JSON.parse(await readText(join(source.path, 'program.json'), io)) as Partial<Program>;
  if (!program.generation)
    throw new Failure(`${source.path} was not compiled to generate`, {
      hint: 'a model generates that says so: `generate idx along time from logits`',
    });
  const isGpu = (target ?? Object.keys(program.targets ?? {}).join()) === 'webgpu';
  const chosen =
    target === AUTO
      ? await autoOptions(options, io)
      : { ...engineOptions(options, io), ...(target && { target }), ...(isGpu && { gpu: await nodeGpu() }) };
  const model = (await importArtifact(source.path, chosen, io)) as GenerativeModel;
  return ofModel(model, program.generation);
}

function ofModel(model: GenerativeModel, spec: GenerationSpec): Generator {
  const { inputs } = model;
  return {
    spec,
    inputs,
    generate: (prompts, options) => model.generate(prompts, options),
    dispose: () => model.dispose(),
  };
}

type SpecSource = Extract<Source, { kind: 'spec' }>;

async function openCached({ path, options: chosen }: SpecSource, options: GenerateOptions, io: Io): Promise<Generator> {
  const { target = 'wasm' } = options;
  const spec = [specPath(path, io), elaborateOptionsOf(chosen), makeHost(io)] as const;
  const elaborated = elaborateGeneration(...spec);
  if (!elaborated.result && elaborateUncached(...spec).result)
    printNote('with --no-cache, which computes whole texts, the model generates as it is', io);
  const module = generating(elaborated, path, io);
  const signature = signatureOf(module.graphs[0]!.graph);
  const weights = await neededWeights(module.name, signature, chosen, io);
  const generation = module.generation!;
  if (target === 'reference') {
    const routines = interpretedRoutines(module.graphs, interpretedWeights(signature, weights));
    return ofRoutines(routines, generation, signature.inputs);
  }
  const compile = (): Emitted => compileModule(module, { targets: target === AUTO ? TARGET_NAMES : [target] });
  const model = await loadChosen(target, compile, options, io, async (emitted, device, threads) =>
    createGenerativeModel(await partsOf(emitted, device, weights?.bound, options, threadsOf(threads, io))),
  );
  return ofModel(model, generation);
}

async function openUncached(
  { path, options: chosen }: SpecSource,
  options: GenerateOptions,
  io: Io,
): Promise<Generator> {
  const { routines, spec, inputs, dispose } = await uncachedRoutines(path, chosen, options, io);
  return { ...ofRoutines(routines, spec, inputs), dispose };
}

function ofRoutines(routines: TokenRoutines, spec: GenerationSpec, inputs: readonly TensorInfo[]): Generator {
  return {
    spec,
    inputs,
    generate: (prompts, options) => continueBy(routines, prompts, options, spec),
    dispose: () => undefined,
  };
}
