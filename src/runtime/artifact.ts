/** Loads a compiled artifact from its files. */
import { WINDOW_BYTES, type FileFacts, type Manifest } from '../program/manifest.ts';
import { TARGET_NAMES, type Program, type SimdVariant, type TargetName } from '../program/program.ts';
import { parseSafetensors } from '../program/safetensors.ts';
import { sha256 } from '../program/sha256.ts';
import type { Attempt } from './choice.ts';
import type { DeviceTools } from './device-tools.ts';
import type { JsKernelFactory } from './devices/js.ts';
import { checkSimd, chooseSimd } from './devices/simd.ts';
import { checkThreads, type ThreadOptions } from './devices/threads/options.ts';
import { hindranceToThreads, type Threads } from './devices/threads/team.ts';
import type { StartWorker } from './devices/threads/workers.ts';
import { checkGpu, type GpuOptions } from './devices/webgpu/options.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { checkBytes, damaged, describeLength, openFile, type OpenFile } from './files.ts';
import { createModel, type GpuSessionFactory, type Model, type ModelParts } from './model.ts';
import { checkNames, checkOptions, type Loading } from './options.ts';
import type { Testable } from './self-test.ts';
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
  /** What a model should answer with these weights. */
  readonly selfTest?: URL;
  /** Both come with `webgpu`. */
  readonly createGpuSession?: GpuSessionFactory;
  readonly deviceTools?: DeviceTools;
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
  selfTest: 'self-test.json',
};

/**
 * What a load is at. `pipelines`: for webgpu, kernels are compiled for the GPU. `prepare` is the work that is done once for
 * all runs, such as packing the weights.
 */
export type LoadPhase = 'program' | 'kernels' | 'weights' | 'pipelines' | 'prepare';

export interface LoadProgress {
  readonly phase: LoadPhase;
  /** Bytes; in the phase `pipelines` kernels, and in `prepare` kernel calls. */
  readonly loaded: number;
  /** Absent where a server does not say how long a file is. */
  readonly total?: number;
}

export interface LoadOptions extends ThreadOptions, GpuOptions {
  /** `wasm` where it is compiled in and the engine allows it, else `js`, else `webgpu`. */
  readonly target?: TargetName;
  /**
   * The same, or `auto`: what should be fastest here by an estimate of the program's work, or what can run at all. The
   * model's `choice` tells why.
   */
  readonly device?: TargetName | 'auto';
  /** For `device: 'auto'`, the sizes that most runs will have; by default the limits of the dimensions, or 1. */
  readonly expect?: { readonly [dim: string]: number };
  /**
   * Whether to compare what it computes with what it should: with answers that were stored with the artifact's weights,
   * else with wasm or js on the weights that are given. What is wrong is not used: the load warns, and takes the next
   * device, or rejects with 'self-test' where there is none or one was asked for by name.
   */
  readonly selfTest?: boolean;
  /** Which module of wasm runs; by default the relaxed one, with fused multiply-adds, where the engine has relaxed SIMD. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of products, `6x8`: without it, the fastest in a short trial. */
  readonly tile?: string;
  /** A safetensors file in place of the artifact's own: its location or its bytes. */
  readonly weights?: URL | string | Uint8Array<ArrayBuffer> | ArrayBuffer;
  /** Called as the files arrive, which they do at the same time. What it throws ends the load. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends the load, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = {
  target: true,
  device: true,
  expect: true,
  selfTest: true,
  simd: true,
  tile: true,
  threads: true,
  weights: true,
  gpu: true,
  powerPreference: true,
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
export async function openArtifact<T extends Testable>(
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
  const { simd, onProgress, signal } = options;
  const target = checkDevice(files, options);
  checkSimd(simd);
  checkThreads(options);
  if (simd !== undefined && (target ?? 'wasm') !== 'wasm')
    throw new HeddleError('option', `the option simd is for wasm, not for ${target}`);
  if (simd !== undefined && !files.wasm) throw new HeddleError('target', 'the artifact was not compiled for wasm');
  checkGpu(options);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new HeddleError('option', 'the option onProgress is no function');
  // By what it can do, not by class: it may come from another realm.
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function')
    throw new HeddleError('option', 'the option signal is no AbortSignal');
}

/** What is asked for by name. Throws HeddleError 'option' or 'target'. */
function checkDevice(files: ArtifactFiles, { target, device, expect, selfTest }: LoadOptions): TargetName | undefined {
  if (target !== undefined && device !== undefined)
    throw new HeddleError('option', 'the options target and device say the same; give one of them');
  const check = (name: 'target' | 'device', value: unknown, known: readonly unknown[]): void => {
    if (value !== undefined && !known.includes(value))
      throw new HeddleError('option', `the option ${name} is ${String(value)}; it can be ${known.join(' or ')}`);
  };
  check('target', target, TARGET_NAMES);
  check('device', device, ['auto', ...TARGET_NAMES]);
  if (files.deviceTools) files.deviceTools.checkOptions({ expect, selfTest });
  else if (selfTest) throw new HeddleError('target', 'a self-test is of artifacts that were compiled for webgpu');
  const wanted = target ?? (device === 'auto' ? undefined : device);
  if (wanted !== undefined && !files[wanted])
    throw new HeddleError('target', `the artifact was not compiled for ${wanted}`);
  return wanted;
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

/** Why a device is given up for the next: that it is not there, and where it was chosen, also that it does not work. */
const FAILURES: readonly HeddleError['code'][] = ['unsupported', 'internal', 'memory', 'device-lost'];

type Kernels = ModelParts['kernels'];
type Weights = WeightSource | WeightStream;

/** What is read anew for each attempt. */
type Read = readonly [weights: Weights, kernels: Kernels, threads: Threads | undefined];

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

  async load<T extends Testable>(create: (parts: ModelParts) => Promise<T>): Promise<T> {
    const manifest = await this.#manifest();
    const { deviceTools: tools } = this.#files;
    const opened = tools && this.#options.device === 'auto' ? await this.#program(manifest) : undefined;
    const choice = opened && (await tools!.chooseDevice(opened, this.#files, this.#options, tools!.hindranceToGpu));
    const attempts = choice?.considered.filter(({ hindrance }) => hindrance === undefined) ?? this.#attempts();
    const faults = new Map<Attempt, string>();
    let weights: Weights | undefined;
    for (const [at, attempt] of attempts.entries()) {
      const [program, ...parts] = await Promise.all([
        opened ?? this.#program(manifest),
        weights ?? this.#weights(manifest),
        this.#kernels(manifest, attempt.device),
        this.#threads(manifest, attempt),
      ]);
      [weights] = parts;
      const next = attempts[at + 1];
      try {
        const loaded = await create(this.#parts(manifest, program, attempt, parts));
        const fault = await this.#faultOf(loaded, manifest, program, attempt, create);
        if (fault === undefined)
          return choice ? tools!.chosen(loaded, program, this.#options, choice, attempt, faults) : loaded;
        loaded.dispose();
        if (!next) throw new HeddleError('self-test', `the self-test failed on ${attempt.device}: ${fault}`);
        this.#warn(`the self-test failed on ${attempt.device}: ${fault}; ${next.device} is used instead`);
        faults.set(attempt, `the self-test failed: ${fault}`);
        // What the first device has read is gone.
        weights = undefined;
      } catch (error) {
        // Nobody asked for the device by name, so an engine without it may take another way.
        const isPassedOver =
          error instanceof HeddleError && (choice ? FAILURES : FAILURES.slice(0, 1)).includes(error.code);
        if (!next || !isPassedOver) throw error;
        faults.set(attempt, error.message);
        if (error.code === 'unsupported') continue;
        this.#warn(`${attempt.device} failed: ${error.message}; ${next.device} is used instead`);
        weights = undefined;
      }
    }
    throw new HeddleError('unsupported', 'nothing that the artifact was compiled for can run here');
  }

  /** What is tried where nothing is chosen. */
  #attempts(): readonly Attempt[] {
    const { target, device, simd, tile, threads = 1 } = this.#options;
    const { wasm, js } = this.#files;
    const named = target ?? (device === 'auto' ? undefined : device);
    const first: TargetName = named ?? (wasm ? 'wasm' : js ? 'js' : 'webgpu');
    const isFixed = named ?? simd ?? tile;
    const others: Attempt[] = isFixed === undefined && first === 'wasm' && js ? [{ device: 'js', threads }] : [];
    return [{ device: first, threads }, ...others];
  }

  #parts(manifest: Manifest, program: Program, { device }: Attempt, [weights, kernels, threads]: Read): ModelParts {
    return {
      program,
      target: device,
      kernels,
      ...(device === 'wasm' && { simd: this.#simd }),
      ...(device === 'wasm' && { tile: this.#options.tile }),
      tilesFound: this.#files.tilesFound,
      threads,
      weights,
      reopenWeights: (reading) => this.#reopenWeights(manifest, reading),
      gpu: this.#options.gpu,
      powerPreference: this.#options.powerPreference,
      createGpuSession: this.#files.createGpuSession,
      signal: this.#controller.signal,
      onPipeline: (loaded, total) => this.#report('pipelines', loaded, total),
      onLoadStep: (loaded, total) => this.#report('prepare', loaded, total),
    };
  }

  /** What is wrong with a device, by the self-test; undefined where nothing is, or none was asked for. */
  async #faultOf<T extends Testable>(
    loaded: T,
    manifest: Manifest,
    program: Program,
    { device }: Attempt,
    create: (parts: ModelParts) => Promise<T>,
  ): Promise<string | undefined> {
    const { selfTest, weights: given } = this.#options;
    if (!selfTest) return undefined;
    const { selfTest: location, wasm, js, deviceTools } = this.#files;
    const read = (): Promise<Uint8Array<ArrayBuffer>> => this.#own(location!, manifest.files[NAMES.selfTest]!);
    return deviceTools!.faultOf({
      loaded,
      program,
      device,
      others: wasm ? (js ? ['wasm', 'js'] : ['wasm']) : js ? ['js'] : [],
      stored: location && given === undefined ? read : undefined,
      load: async (other) => {
        const quiet = new Loader(this.#files, given === undefined ? {} : { weights: given }, this.#controller);
        const parts = await Promise.all([quiet.#weights(manifest), quiet.#kernels(manifest, other), undefined]);
        return create(quiet.#parts(manifest, program, { device: other, threads: 1 }, parts));
      },
      warn: (message) => this.#warn(message),
    });
  }

  #warn(message: string): void {
    // oxlint-disable-next-line no-console
    const { onWarning = console.warn } = this.#options;
    onWarning(message);
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
    return parsed<Program>(bytes, NAMES.program);
  }

  async #kernels({ files }: Manifest, target: TargetName): Promise<Kernels> {
    const name = target === 'wasm' ? this.#simd : target;
    const location = target === 'wasm' ? this.#files.wasm?.[this.#simd] : this.#files[target];
    if (!location) throw new HeddleError('target', `the artifact was not compiled for ${target}`);
    const bytes = await this.#own(location, files[NAMES[name]]!, 'kernels');
    if (target === 'wasm') return bytes;
    if (target === 'webgpu') return parsed<Kernels>(bytes, NAMES.webgpu);
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
  async #threads({ files }: Manifest, { device, threads }: Attempt): Promise<Threads | undefined> {
    if (threads === 1) return undefined;
    const { worker } = this.#files;
    const onWarning = (message: string): void => this.#warn(message);
    const wanted = { count: threads, startWorker: worker?.start, onWarning };
    if (worker && device === 'wasm' && !hindranceToThreads(wanted))
      await this.#own(worker.script, files[NAMES.worker]!);
    return wanted;
  }

  /** The weights once more, of which nobody is told. */
  async #reopenWeights(manifest: Manifest, reading: AbortController): Promise<WeightSource | WeightStream> {
    const { weights } = this.#options;
    return new Loader(this.#files, weights === undefined ? {} : { weights }, reading).#weights(manifest);
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

/** Throws HeddleError 'program-malformed'. */
function parsed<T>(bytes: Uint8Array, name: string): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (error) {
    throw new HeddleError('program-malformed', `${name} is not JSON: ${reasonOf(error)}`, { cause: error });
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
