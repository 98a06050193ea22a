/** Loads a compiled artifact from its files. */
import type { FileFacts, Manifest } from '../program/manifest.ts';
import { TARGET_NAMES, type Program, type TargetName } from '../program/program.ts';
import { parseSafetensors, SafetensorsError } from '../program/safetensors.ts';
import type { JsKernelFactory } from './devices/js.ts';
import type { Gpu } from './devices/webgpu/api.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { checkBytes, readBytes } from './files.ts';
import { createModel, type GpuModelFactory, type Model } from './model.ts';
import { checkOptions } from './options.ts';
import type { WeightSource } from './weights.ts';

/** Where the parts of an artifact are; what it was compiled without is absent. */
export interface ArtifactFiles {
  readonly manifest: URL;
  /** SHA-256 of the manifest, which has those of the other files. */
  readonly digest: string;
  readonly program: URL;
  readonly wasm?: URL;
  readonly js?: URL;
  readonly webgpu?: URL;
  /** Imports the file behind `js`. */
  readonly importJs?: () => Promise<{ readonly kernels: JsKernelFactory }>;
  readonly weights?: URL;
  /** Comes with `webgpu`. */
  readonly createGpuModel?: GpuModelFactory;
}

/** Names of the files in the manifest. */
const NAMES = {
  program: 'program.json',
  wasm: 'program.wasm',
  js: 'kernels.js',
  webgpu: 'shaders.json',
  weights: 'weights.safetensors',
};

/** What a load is at. `prepare` is the work that is done once for all runs, such as packing the weights. */
export type LoadPhase = 'program' | 'kernels' | 'weights' | 'prepare';

export interface LoadProgress {
  readonly phase: LoadPhase;
  /** Bytes; in the phase `prepare`, kernel calls. */
  readonly loaded: number;
  /** Absent where a server does not say how long a file is. */
  readonly total?: number;
}

export interface LoadOptions {
  /** `wasm` where it is compiled in and the engine allows it, else `js`, else `webgpu`. */
  readonly target?: TargetName;
  /** For webgpu, in place of the engine's `navigator.gpu`: what `create([])` of the package `webgpu` answers in Node. */
  readonly gpu?: Gpu;
  /** A safetensors file in place of the artifact's own: its location or its bytes. */
  readonly weights?: URL | string | Uint8Array<ArrayBuffer> | ArrayBuffer;
  /** Called as the files arrive, which they do at the same time. What it throws ends the load. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends the load, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Loads the program, its kernels and its weights. Rejects with HeddleError, or with the reason of `signal`. */
export async function loadArtifact(files: ArtifactFiles, options: LoadOptions = {}): Promise<Model> {
  checkLoadOptions(files, options);
  return abortable(options.signal, (controller) => new Loader(files, options, controller).load());
}

function checkLoadOptions(files: ArtifactFiles, options: LoadOptions): void {
  checkOptions('load', options);
  const { target, gpu, onProgress, signal } = options;
  if (target !== undefined) {
    if (!TARGET_NAMES.includes(target))
      throw new HeddleError('option', `the option target is ${String(target)}; it can be ${TARGET_NAMES.join(' or ')}`);
    if (!kernelsLocation(files, target)) throw new HeddleError('target', `the artifact was not compiled for ${target}`);
  }
  if (gpu !== undefined && typeof gpu?.requestAdapter !== 'function')
    throw new HeddleError('option', 'the option gpu is no WebGPU: it has no requestAdapter');
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new HeddleError('option', 'the option onProgress is no function');
  // By what it can do, not by class: it may come from another realm.
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function')
    throw new HeddleError('option', 'the option signal is no AbortSignal');
}

/**
 * Runs `action` with a controller that follows `outer`. However it ends, no request goes on and no listener stays;
 * when it was aborted, it rejects with the reason.
 */
async function abortable<T>(
  outer: AbortSignal | undefined,
  action: (controller: AbortController) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const follow = (): void => controller.abort(outer!.reason);
  outer?.addEventListener('abort', follow);
  try {
    return await action(controller);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    outer?.removeEventListener('abort', follow);
    controller.abort();
  }
}

type Kernels = Uint8Array<ArrayBuffer> | JsKernelFactory | readonly string[];

/** Undefined for a target that the artifact was not compiled for. */
function kernelsLocation(files: ArtifactFiles, target: TargetName): URL | undefined {
  return files[target];
}

class Loader {
  readonly #files: ArtifactFiles;
  readonly #options: LoadOptions;
  readonly #controller: AbortController;

  constructor(files: ArtifactFiles, options: LoadOptions, controller: AbortController) {
    this.#files = files;
    this.#options = options;
    this.#controller = controller;
  }

  async load(): Promise<Model> {
    const { target } = this.#options;
    const manifest = await this.#manifest();
    const first = target ?? (this.#files.wasm ? 'wasm' : this.#files.js ? 'js' : 'webgpu');
    const [program, weights, kernels] = await Promise.all([
      this.#program(manifest),
      this.#weights(manifest),
      this.#kernels(manifest, first),
    ]);
    const create = (target: TargetName, kernels: Kernels): Promise<Model> =>
      createModel({
        program,
        target,
        kernels,
        weights,
        gpu: this.#options.gpu,
        createGpuModel: this.#files.createGpuModel,
        signal: this.#controller.signal,
        onLoadStep: (loaded, total) => this.#report('prepare', loaded, total),
      });
    try {
      return await create(first, kernels);
    } catch (error) {
      // Nobody asked for WebAssembly by name, so an engine without it may take the slow way.
      const isRefused = error instanceof HeddleError && error.code === 'unsupported';
      if (!isRefused || target || first === 'js' || !this.#files.js) throw error;
      return create('js', await this.#kernels(manifest, 'js'));
    }
  }

  /** What `onProgress` throws ends the load; it must not be taken for the failure of what is being loaded. */
  #report(phase: LoadPhase, loaded: number, total: number | undefined): void {
    try {
      this.#options.onProgress?.({ phase, loaded, ...(total !== undefined && { total }) });
    } catch (error) {
      this.#controller.abort(error);
    }
  }

  #read(location: URL | string, phase?: LoadPhase, size?: number): Promise<Uint8Array<ArrayBuffer>> {
    return readBytes(location, {
      signal: this.#controller.signal,
      ...(size !== undefined && { size }),
      ...(phase && { onBytes: (loaded, total) => this.#report(phase, loaded, total) }),
    });
  }

  /** A file of the artifact, known to be the one that was compiled. */
  async #own(location: URL, facts: FileFacts, phase: LoadPhase): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#read(location, phase, facts.bytes);
    await checkBytes(location, bytes, facts);
    return bytes;
  }

  async #manifest(): Promise<Manifest> {
    const { manifest, digest } = this.#files;
    const bytes = await this.#read(manifest);
    await checkBytes(manifest, bytes, { bytes: bytes.length, sha256: digest });
    return JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
  }

  async #program({ files }: Manifest): Promise<Program> {
    const bytes = await this.#own(this.#files.program, files[NAMES.program]!, 'program');
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Program;
    } catch (error) {
      throw new HeddleError('program-malformed', `program.json is not JSON: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #kernels({ files }: Manifest, target: TargetName): Promise<Kernels> {
    const location = kernelsLocation(this.#files, target);
    if (!location) throw new HeddleError('target', `the artifact was not compiled for ${target}`);
    const bytes = await this.#own(location, files[NAMES[target]]!, 'kernels');
    if (target === 'wasm') return bytes;
    if (target === 'webgpu') return JSON.parse(new TextDecoder().decode(bytes)) as string[];
    try {
      return (await this.#files.importJs!()).kernels;
    } catch (error) {
      throw new HeddleError('file', `kernels.js cannot be imported: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #weights({ files }: Manifest): Promise<WeightSource> {
    const own = this.#files.weights;
    const given = this.#options.weights;
    // A program without weights needs no file; one with weights will say which are missing.
    if (given === undefined && !own) return () => undefined;
    const bytes =
      given === undefined ? await this.#own(own!, files[NAMES.weights]!, 'weights') : await this.#given(given);
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

  async #given(weights: NonNullable<LoadOptions['weights']>): Promise<Uint8Array<ArrayBuffer>> {
    if (weights instanceof Uint8Array) return weights;
    if (weights instanceof ArrayBuffer) return new Uint8Array(weights);
    if (typeof weights === 'string' || weights instanceof URL) return this.#read(weights, 'weights');
    throw new HeddleError('option', 'the option weights is neither a location nor bytes');
  }
}
