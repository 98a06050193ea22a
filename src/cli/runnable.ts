/** Things that run: a spec on one of the targets or in the interpreter, and an artifact. */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileGraph, type Emitted, type Graph, interpret, type Tensor } from '../compiler/index.ts';
import {
  type ElementType,
  type Program,
  type ProgramDim,
  type SimdVariant,
  TARGET_NAMES,
  type TargetName,
} from '../program/program.ts';
import { RANDOM_KEY } from '../program/training.ts';
import type { JsKernelFactory } from '../runtime/devices/js.ts';
import { chooseSimd } from '../runtime/devices/simd.ts';
import type { Threads } from '../runtime/devices/threads/team.ts';
import type { Gpu } from '../runtime/devices/webgpu/api.ts';
import { createGpuSession } from '../runtime/devices/webgpu/program-session.ts';
import { HeddleError, reasonOf } from '../runtime/errors.ts';
import { createModel, type Model, type ModelParts } from '../runtime/model.ts';
import type { TensorData } from '../runtime/inputs.ts';
import type { TensorInfo } from '../runtime/tensors.ts';
import { AUTO, chooseTarget, type WantedTarget } from './auto.ts';
import { threadsOf } from './built.ts';
import { describeParameters } from './check.ts';
import type { GivenDims } from './dims.ts';
import { Failure, printNote, UsageError } from './errors.ts';
import { exists, readText } from './files.ts';
import { anyGpu, DRIVER_HINT, nodeGpu } from './gpu.ts';
import type { Io } from './io.ts';
import { type Signature, signatureOf } from './signature.ts';
import { compilerOptions, elaborateEntry, loadWeights, type SpecOptions, type Tensors, type Weights } from './spec.ts';
import { fromInterpreter, type ResultData, type ResultTensor, toInterpreter, toRuntime } from './tensors.ts';

export type RunTarget = WantedTarget | 'reference';

export interface Runnable {
  readonly name: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly dims: readonly ProgramDim[];
  /** Takes a tensor for every input, the dimensions that these do not tell, and the seed of random numbers. */
  run(inputs: Tensors, dims?: GivenDims, seed?: number): Promise<ReadonlyMap<string, ResultTensor>>;
}

/** How the kernels of a target run. */
export interface EngineOptions {
  /** For wasm; without it, the best that this engine runs. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of products; without it, the fastest. */
  readonly tile?: string;
  /** For wasm: how many threads. */
  readonly threads?: number;
}

export async function openSpec(
  path: string,
  target: RunTarget,
  options: SpecOptions & EngineOptions,
  io: Io,
): Promise<Runnable> {
  const graph = elaborateEntry(path, options, io);
  const signature = signatureOf(graph);
  const weights = await neededWeights(graph.name, signature, options, io);
  if (target === 'reference' && options.quantize)
    throw new UsageError('--quantize is for what is compiled', 'the reference interprets the model as it is written');
  if (target === 'reference') return interpreted(graph, signature, weights);
  const targets = target === AUTO ? TARGET_NAMES : [target];
  const compile = (): Emitted => compileGraph(graph, { targets, ...compilerOptions(options) });
  const model = await loadChosen(target, compile, options, io, (emitted, chosen, threads) =>
    modelOf(emitted, chosen, weights?.bound, options, threadsOf(threads, io)),
  );
  return { ...signature, name: graph.name, run: (inputs, dims, seed) => runModel(model, inputs, dims, seed) };
}

/** The weights that the options name. Throws Failure where there are none, but parameters; rejects as `loadWeights` does. */
export async function neededWeights(
  model: string,
  signature: Signature,
  options: SpecOptions,
  io: Io,
): Promise<Weights | undefined> {
  const weights = await loadWeights(signature.parameters, options, io);
  if (weights || signature.parameters.length === 0) return weights;
  throw new Failure(`${model} needs weights: ${describeParameters(signature)}`, {
    hint: 'give them with --weights FILE.safetensors; names of other makers are mapped with --rename MAP.json',
  });
}

/** Compiles and loads for a target, or for the one that `auto` chooses. Rejects as `loadCompiled` does. */
export async function loadChosen<T>(
  target: WantedTarget,
  compile: () => Emitted,
  options: EngineOptions & { readonly dims?: GivenDims },
  io: Io,
  load: (emitted: Emitted, target: TargetName, threads: number | undefined) => Promise<T>,
): Promise<T> {
  if (target !== AUTO) return loadCompiled(target, options, async () => load(compile(), target, options.threads));
  const emitted = compile();
  const { device, threads } = await chooseTarget(emitted.program, options, io);
  return loadCompiled(device, options, () => load(emitted, device, threads));
}

/** Does what compiles and loads; what goes wrong is a failure of the machine or a defect. */
export async function loadCompiled<T>(target: TargetName, { simd }: EngineOptions, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (target === 'webgpu' && error instanceof HeddleError && error.code === 'unsupported')
      throw asDriverFailure(error);
    // What was compiled a moment ago must load: anything else is a defect.
    const isDefect = error instanceof HeddleError && DEFECTS.includes(error.code) && simd !== 'relaxed';
    throw isDefect ? new Error(error.message, { cause: error }) : error;
  }
}

/** A GPU that cannot be used is a failure of the machine. */
export function asDriverFailure(error: unknown): unknown {
  return error instanceof HeddleError && error.code === 'unsupported'
    ? new Failure(error.message, { hint: DRIVER_HINT })
    : error;
}

const DEFECTS: readonly HeddleError['code'][] = [
  'program-malformed',
  'program-version',
  'target',
  'unsupported',
  'weights-missing',
  'weights-mismatch',
];

/** The weights of all parameters as the interpreter takes them. */
export function interpretedWeights({ parameters }: Signature, weights: Weights | undefined): Map<string, Tensor> {
  return new Map(
    parameters.map(({ name, dtype }) => [
      name,
      toInterpreter(weights!.stored.get(name)!, dtype, `the parameter ${name}`),
    ]),
  );
}

function interpreted(graph: Graph, signature: Signature, weights: Weights | undefined): Runnable {
  const parameters = interpretedWeights(signature, weights);
  return {
    ...signature,
    name: graph.name,
    async run(tensors, symbols, seed = 0) {
      const inputs = new Map<string, Tensor>(
        signature.inputs.map(({ name, dtype }) => [
          name,
          toInterpreter(tensors.get(name)!, dtype, `the input ${name}`),
        ]),
      );
      inputs.set(RANDOM_KEY, { dtype: 'u32', shape: [2], data: Float64Array.of(seed, 0) });
      const results = evaluate(graph, { inputs, parameters, ...(symbols && { symbols }) });
      return new Map([...results].map(([name, tensor]) => [name, fromInterpreter(tensor)]));
    },
  };
}

/** Interprets a graph. Throws Failure where memory does not suffice, and InterpreterError. */
export function evaluate(graph: Graph, given: Parameters<typeof interpret>[1]): ReadonlyMap<string, Tensor> {
  try {
    return interpret(graph, given);
  } catch (error) {
    // All intermediate results are in doubles, each in an array of its own.
    if (error instanceof RangeError && /array/i.test(error.message))
      throw new Failure(`the reference interpreter ran out of memory: ${error.message}`);
    throw error;
  }
}

/** What was compiled for a target, loaded with its weights. Rejects with HeddleError. */
export async function modelOf(...emitted: Parameters<typeof partsOf>): Promise<Model> {
  return createModel(await partsOf(...emitted));
}

/** What was compiled for a target with its weights, as models are made of it. Rejects with HeddleError. */
export async function partsOf(
  { program, wasm, js, wgsl }: Emitted,
  target: TargetName,
  weights: Tensors | undefined,
  options: EngineOptions,
  threads?: Threads,
): Promise<ModelParts> {
  const parts = { program, target, weights: (name: string) => weights?.get(name) };
  switch (target) {
    case 'wasm': {
      const simd = chooseSimd(options.simd);
      return { ...parts, tile: options.tile, threads, simd, kernels: wasm![simd] };
    }
    case 'js':
      return { ...parts, kernels: await importKernels(js!) };
    case 'webgpu':
      return { ...parts, kernels: wgsl!, gpu: await nodeGpu(), createGpuSession };
  }
}

/** The module is plain text without imports, so that it needs no file. */
export async function importKernels(text: string): Promise<JsKernelFactory> {
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`;
  const module = (await import(url)) as { readonly kernels: JsKernelFactory };
  return module.kernels;
}

/** Loads a compiled artifact through its own loader. */
export async function openArtifact(
  folder: string,
  target: WantedTarget | undefined,
  options: EngineOptions,
  io: Io,
): Promise<Runnable> {
  checkArtifact(folder, io);
  const { dims, targets } = await programOf(folder, io);
  const isGpu = target === 'webgpu' || (target === undefined && targets.join() === 'webgpu');
  const chosen =
    target === AUTO
      ? await autoOptions(options, io)
      : {
          ...engineOptions(options, io),
          ...(target && { target }),
          ...(isGpu && { gpu: await nodeGpu() }),
        };
  const model = await importArtifact(folder, chosen, io);
  if (model.choice) printNote(model.choice.reason, io);
  const { name, inputs, outputs } = model;
  return { name, inputs, outputs, dims, run: (tensors, given, seed) => runModel(model, tensors, given, seed) };
}

/** Throws Failure for a folder that is no artifact. */
export function checkArtifact(folder: string, io: Io): void {
  for (const name of ['program.json', 'index.js']) {
    if (!exists(join(folder, name), io))
      throw new Failure(`${folder} is a folder, but no artifact: it has no ${name}`, {
        hint: 'an artifact is made by `heddle compile SPEC -o DIR`',
      });
  }
}

/** Those that were chosen, as an artifact's loader takes them. */
export function engineOptions({ simd, tile, threads }: EngineOptions, io: Io): ArtifactOptions {
  return {
    ...(simd && { simd }),
    ...(tile && { tile }),
    ...(threads && { threads, onWarning: (message: string) => printNote(message, io) }),
  };
}

/** The same where the loader chooses, with a GPU if Node has one. */
export async function autoOptions(
  { dims, ...options }: EngineOptions & { readonly dims?: GivenDims },
  io: Io,
): Promise<ArtifactOptions> {
  const gpu = await anyGpu();
  const expect = dims && { expect: Object.fromEntries(dims) };
  return { ...engineOptions(options, io), device: AUTO, ...expect, ...(gpu && { gpu }) };
}

/** What a command passes to an artifact's loader. */
export interface ArtifactOptions extends EngineOptions {
  readonly target?: TargetName;
  readonly device?: typeof AUTO;
  readonly expect?: { readonly [dim: string]: number };
  /** In place of the artifact's own. */
  readonly weights?: Uint8Array<ArrayBuffer>;
  readonly gpu?: Gpu;
  readonly onWarning?: (message: string) => void;
}

/** Loads an artifact through its own loader. Throws Failure, and what that loader rejects with. */
export async function importArtifact(folder: string, options: ArtifactOptions, io: Io): Promise<Model> {
  let artifact: { readonly load?: unknown };
  try {
    artifact = (await import(pathToFileURL(resolve(io.cwd, folder, 'index.js')).href)) as typeof artifact;
  } catch (error) {
    throw new Failure(`${join(folder, 'index.js')} cannot be imported: ${reasonOf(error)}`);
  }
  if (typeof artifact.load !== 'function') throw new Failure(`${join(folder, 'index.js')} is no artifact's loader`);
  const load = artifact.load as (options: ArtifactOptions) => Promise<Model>;
  try {
    return await load(options);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    if (options.gpu && error.code === 'unsupported') throw new Failure(error.message, { hint: DRIVER_HINT });
    if (error.code !== 'weights-missing') throw error;
    // The runtime lists what a file lacks; without a file there is nothing to list.
    if (exists(join(folder, 'weights.safetensors'), io)) throw error;
    throw new Failure(`${folder} was compiled without weights`, {
      hint: 'compile it with --weights, or run the spec itself',
    });
  }
}

/** Only limits and names are wanted, so a program of another version will do. */
async function programOf(folder: string, io: Io): Promise<{ dims: ProgramDim[]; targets: string[] }> {
  const program = JSON.parse(await readText(join(folder, 'program.json'), io)) as Partial<Program>;
  const { dims, targets } = program;
  return { dims: Array.isArray(dims) ? dims : [], targets: Object.keys(targets ?? {}) };
}

/** A tensor for each input of a model, as it takes them. */
export function inputsOf(model: Pick<Model, 'inputs'>, tensors: Tensors): { [name: string]: GivenInput } {
  return Object.fromEntries(
    model.inputs.map(({ name, dtype }) => {
      const tensor = tensors.get(name)!;
      return [name, { data: toRuntime(tensor, dtype, `the input ${name}`), shape: tensor.shape }];
    }),
  );
}

export interface GivenInput {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** The results are copied out of the model's memory. */
async function runModel(
  model: Model,
  tensors: Tensors,
  dims: GivenDims = new Map(),
  seed = 0,
): Promise<ReadonlyMap<string, ResultTensor>> {
  const inputs = inputsOf(model, tensors);
  const dtypes = new Map<string, ElementType>(model.outputs.map(({ name, dtype }) => [name, dtype]));
  const outputs = await model.run(inputs, { dims: Object.fromEntries(dims), seed });
  return new Map(
    Object.entries(outputs).map(([name, { data, shape }]) => [
      name,
      { dtype: dtypes.get(name)!, shape, data: data.slice() as ResultData },
    ]),
  );
}
