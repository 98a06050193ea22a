/** Loads a compiled artifact from its files. */
import type { Program, TargetName } from '../program/program.ts';
import { parseSafetensors, SafetensorsError } from '../program/safetensors.ts';
import type { JsKernelFactory } from './devices/js.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { readBytes } from './files.ts';
import { createModel, type Model } from './model.ts';
import { checkOptions } from './options.ts';
import type { WeightSource } from './weights.ts';

/** Where the parts of an artifact are; what it was compiled without is absent. */
export interface ArtifactFiles {
  readonly program: URL;
  readonly wasm?: URL;
  /** Imports `kernels.js`. */
  readonly js?: () => Promise<{ readonly kernels: JsKernelFactory }>;
  readonly weights?: URL;
}

export interface LoadOptions {
  /** `wasm` where it is compiled in and the engine allows it, else `js`. */
  readonly target?: TargetName;
  /** A safetensors file in place of the artifact's own: its location or its bytes. */
  readonly weights?: URL | string | Uint8Array<ArrayBuffer> | ArrayBuffer;
}

/** Loads the program, its kernels and its weights. Rejects with HeddleError. */
export async function loadArtifact(files: ArtifactFiles, options: LoadOptions = {}): Promise<Model> {
  checkOptions('load', options);
  const { target } = options;
  if (target !== undefined && target !== 'wasm' && target !== 'js')
    throw new HeddleError('option', `the option target is ${String(target)}; it can be wasm or js`);
  const [program, weights] = await Promise.all([readProgram(files.program), readWeights(files, options.weights)]);
  const load = async (target: TargetName): Promise<Model> => {
    const kernels = await readKernels(files, target);
    return createModel({ program, target, kernels, weights });
  };
  if (target) return load(target);
  if (!files.wasm) return load('js');
  try {
    return await load('wasm');
  } catch (error) {
    // Nobody asked for WebAssembly by name, so an engine without it may take the slow way.
    if (files.js && error instanceof HeddleError && error.code === 'unsupported') return load('js');
    throw error;
  }
}

async function readProgram(location: URL): Promise<Program> {
  const bytes = await readBytes(location);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Program;
  } catch (error) {
    throw new HeddleError('program-malformed', `program.json is not JSON: ${reasonOf(error)}`, { cause: error });
  }
}

async function readKernels(
  files: ArtifactFiles,
  target: TargetName,
): Promise<Uint8Array<ArrayBuffer> | JsKernelFactory> {
  if (target === 'wasm' && files.wasm) return readBytes(files.wasm);
  if (target === 'js' && files.js) {
    try {
      return (await files.js()).kernels;
    } catch (error) {
      throw new HeddleError('file', `kernels.js cannot be imported: ${reasonOf(error)}`, { cause: error });
    }
  }
  throw new HeddleError('target', `the artifact was not compiled for ${target}`);
}

async function readWeights(files: ArtifactFiles, given: LoadOptions['weights']): Promise<WeightSource> {
  const source = given ?? files.weights;
  // A program without weights needs no file; one with weights will say which are missing.
  if (source === undefined) return () => undefined;
  const bytes = await weightBytes(source);
  try {
    const { tensors } = parseSafetensors(bytes);
    return (name) => tensors.get(name);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new HeddleError('weights-malformed', `the weights are no safetensors file: ${error.message}`, {
      cause: error,
    });
  }
}

async function weightBytes(source: NonNullable<LoadOptions['weights']>): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source === 'string' || source instanceof URL) return readBytes(source);
  throw new HeddleError('option', 'the option weights is neither a location nor bytes');
}
