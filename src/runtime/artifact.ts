/** Loads a compiled artifact from its files. */
import { WINDOW_BYTES, type FileFacts, type Manifest } from '../program/manifest.ts';
import { TARGET_NAMES, type Program, type SimdVariant, type TargetName } from '../program/program.ts';
import { parseSafetensors } from '../program/safetensors.ts';
import { sha256 } from '../program/sha256.ts';
import type { JsKernelFactory } from './devices/js.ts';
import { checkSimd, chooseSimd } from './devices/simd.ts';
import { checkThreads, type ThreadOptions } from './devices/threads/options.ts';
import { hindranceToThreads, type Threads } from './devices/threads/team.ts';
import type { StartWorker } from './devices/threads/workers.ts';
import type { Gpu } from './devices/webgpu/api.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { checkBytes, damaged, describeLength, openFile, type OpenFile } from './files.ts';
import { createModel, type GpuModelFactory, type Model, type ModelParts } from './model.ts';
import { checkNames, checkOptions, type Loading } from './options.ts';
import type { WeightSource } from './weights.ts';
import { asMalformed, openWeightStream, readAhead, type WeightStream } from './weight-stream.ts';

/** Where the parts of an artifact are; what it was compiled without is absent. */
export interface ArtifactFiles {
  readonly manifest: URL;
  /** SHA-256 of the manifest, which has those of the other files. */
  readonly digest: string;
  readonly program: URL;
  readonly wasm?: { readonly [variant in SimdVariant]: URL };
  /** Remembers the tiles that trials found fastest; comes with `wasm`. */
  readonly tilesFound?: Map<SimdVariant, number>;
  /** The script of the threads of `wasm`, and what starts one. */
  readonly worker?: { readonly script: URL; readonly start: StartWorker };
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
  strict: 'program.wasm',
  relaxed: 'program.relaxed.wasm',
  worker: 'worker.js',
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

export interface LoadOptions extends ThreadOptions {
  /** `wasm` where it is compiled in and the engine allows it, else `js`, else `webgpu`. */
  readonly target?: TargetName;
  /** Which module of wasm runs; by default the relaxed one, with fused multiply-adds, where the engine has relaxed SIMD. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of products, `6x8`: without it, the fastest in a short trial. */
  readonly tile?: string;
  /** For webgpu, in place of the engine's `navigator.gpu`: what `create([])` of the package `webgpu` answers in Node. */
  readonly gpu?: Gpu;
  /** A safetensors file in place of the artifact's own: its location or its bytes. */
  readonly weights?: URL | string | Uint8Array<ArrayBuffer> | ArrayBuffer;
  /** Called as the files arrive, which they do at the same time. What it throws ends the load. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends the load, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = {
  target: true,
  simd: true,
  tile: true,
  threads: true,
  weights: true,
  gpu: true,
  onProgress: true,
  onWarning: true,
  signal: true,
} satisfies { readonly [name in keyof Required<LoadOptions>]: true };

/** Loads the program, its kernels and its weights. Rejects with HeddleError, or with the reason of `signal`. */
export async function loadArtifact(files: ArtifactFiles, options: LoadOptions = {}): Promise<Model> {
  checkLoadOptions(files, 'load', options);
  return openArtifact(files, options, createModel);
}

/** What `create` makes of the parts of an artifact. The options have been checked. Rejects as `loadArtifact` does. */
export async function openArtifact<T>(
  files: ArtifactFiles,
  options: LoadOptions,
  create: (parts: ModelParts) => Promise<T>,
): Promise<T> {
  return abortable(options.signal, (controller) => new Loader(files, options, controller).load(create));
}

/** `more` are names of options that the caller has beside these. Throws HeddleError 'option' or 'target'. */
export function checkLoadOptions(
  files: ArtifactFiles,
  called: Loading,
  options: LoadOptions,
  more: readonly string[] = [],
): void {
  checkOptions(called, options);
  checkNames(called, options, [...Object.keys(OPTION_NAMES), ...more]);
  const { target, simd, gpu, onProgress, signal } = options;
  if (target !== undefined) {
    if (!TARGET_NAMES.includes(target))
      throw new HeddleError('option', `the option target is ${String(target)}; it can be ${TARGET_NAMES.join(' or ')}`);
    if (!files[target]) throw new HeddleError('target', `the artifact was not compiled for ${target}`);
  }
  checkSimd(simd);
  checkThreads(options);
  if (simd !== undefined && (target ?? 'wasm') !== 'wasm')
    throw new HeddleError('option', `the option simd is for wasm, not for ${target}`);
  if (simd !== undefined && !files.wasm) throw new HeddleError('target', 'the artifact was not compiled for wasm');
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

class Loader {
  readonly #files: ArtifactFiles;
  readonly #options: LoadOptions;
  readonly #controller: AbortController;
  readonly #simd: SimdVariant;

  constructor(files: ArtifactFiles, options: LoadOptions, controller: AbortController) {
    this.#files = files;
    this.#options = options;
    this.#controller = controller;
    this.#simd = chooseSimd(options.simd);
  }

  async load<T>(create: (parts: ModelParts) => Promise<T>): Promise<T> {
    const { target, simd, tile } = this.#options;
    const manifest = await this.#manifest();
    const first = target ?? (this.#files.wasm ? 'wasm' : this.#files.js ? 'js' : 'webgpu');
    const [program, weights, kernels, threads] = await Promise.all([
      this.#program(manifest),
      this.#weights(manifest),
      this.#kernels(manifest, first),
      this.#threads(manifest, first),
    ]);
    const createOn = (target: TargetName, kernels: Kernels): Promise<T> =>
      create({
        program,
        target,
        kernels,
        ...(target === 'wasm' && { simd: this.#simd }),
        tile,
        tilesFound: this.#files.tilesFound,
        threads,
        weights,
        gpu: this.#options.gpu,
        createGpuModel: this.#files.createGpuModel,
        signal: this.#controller.signal,
        onLoadStep: (loaded, total) => this.#report('prepare', loaded, total),
      });
    try {
      return await createOn(first, kernels);
    } catch (error) {
      // Nobody asked for WebAssembly by name, so an engine without it may take the slow way.
      const isRefused = error instanceof HeddleError && error.code === 'unsupported';
      if (!isRefused || target || simd || tile || first === 'js' || !this.#files.js) throw error;
      return createOn('js', await this.#kernels(manifest, 'js'));
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

  #open(location: URL | string, phase?: LoadPhase, size?: number): Promise<OpenFile> {
    return openFile(location, {
      signal: this.#controller.signal,
      ...(size !== undefined && { size }),
      ...(phase && { onBytes: (loaded, total) => this.#report(phase, loaded, total) }),
    });
  }

  /** A file of the artifact, known to be the one that was compiled. */
  async #own(location: URL, facts: FileFacts, phase?: LoadPhase): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await (await this.#open(location, phase, facts.bytes)).all();
    await checkBytes(location, bytes, facts);
    return bytes;
  }

  async #manifest(): Promise<Manifest> {
    const { manifest, digest } = this.#files;
    const bytes = await (await this.#open(manifest)).all();
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
    const name = target === 'wasm' ? this.#simd : target;
    const location = target === 'wasm' ? this.#files.wasm?.[this.#simd] : this.#files[target];
    if (!location) throw new HeddleError('target', `the artifact was not compiled for ${target}`);
    const bytes = await this.#own(location, files[NAMES[name]]!, 'kernels');
    if (target === 'wasm') return bytes;
    if (target === 'webgpu') return JSON.parse(new TextDecoder().decode(bytes)) as string[];
    try {
      return (await this.#files.importJs!()).kernels;
    } catch (error) {
      throw new HeddleError('file', `kernels.js cannot be imported: ${reasonOf(error)}`, { cause: error });
    }
  }

  /**
   * The threads asked for. Their script is read here too, so that it is known to be the one that was compiled; where there
   * can be no threads, the model does without.
   */
  async #threads({ files }: Manifest, target: TargetName): Promise<Threads | undefined> {
    // oxlint-disable-next-line no-console
    const { threads = 1, onWarning = console.warn } = this.#options;
    if (threads === 1) return undefined;
    const { worker } = this.#files;
    const wanted = { count: threads, startWorker: worker?.start, onWarning };
    if (worker && target === 'wasm' && !hindranceToThreads(wanted))
      await this.#own(worker.script, files[NAMES.worker]!);
    return wanted;
  }

  async #weights({ files }: Manifest): Promise<WeightSource | WeightStream> {
    const own = this.#files.weights;
    const given = this.#options.weights;
    if (given === undefined) {
      // A program without weights needs no file; one with weights will say which are missing.
      if (!own) return () => undefined;
      const facts = files[NAMES.weights]!;
      const file = await this.#open(own, 'weights', facts.bytes);
      return openWeightStream(checkedWindows(file, facts), facts.bytes);
    }
    if (typeof given === 'string' || given instanceof URL) {
      const file = await this.#open(given, 'weights');
      return openWeightStream(file.windows(WINDOW_BYTES), file.size ?? Infinity);
    }
    if (given instanceof Uint8Array) return heldIn(given);
    if (given instanceof ArrayBuffer) return heldIn(new Uint8Array(given));
    throw new HeddleError('option', 'the option weights is neither a location nor bytes');
  }
}

/** The windows of a file, known to be those that were compiled. Rejects with HeddleError 'file-corrupted'. */
async function* checkedWindows(file: OpenFile, facts: FileFacts): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { location, size } = file;
  if (size !== facts.bytes) throw damaged(location, describeLength(size!, facts));
  const windows = facts.windows!;
  let begin = 0;
  for await (const window of readAhead(file.windows(windows.bytes))) {
    const end = begin + window.length;
    if (end > facts.bytes) throw damaged(location, `it has more than ${facts.bytes} bytes`);
    if (window.length < Math.min(windows.bytes, facts.bytes - begin))
      throw damaged(location, describeLength(end, facts));
    const found = await sha256(window);
    if (found !== windows.sha256[begin / windows.bytes])
      throw damaged(location, `the SHA-256 of its bytes ${begin} to ${end - 1} is ${found}`);
    yield window;
    begin = end;
  }
  if (begin < facts.bytes) throw damaged(location, describeLength(begin, facts));
}

function heldIn(bytes: Uint8Array<ArrayBuffer>): WeightSource {
  try {
    const { tensors } = parseSafetensors(bytes);
    return (name) => tensors.get(name);
  } catch (error) {
    throw asMalformed(error);
  }
}
