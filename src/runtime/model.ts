/** A loaded program as a model: runs, and hands out results. */
import { givenInputs } from '../program/training.ts';
import type { Program, SimdVariant, TargetName, TensorSpec } from '../program/program.ts';
import type { Choice } from './choice.ts';
import type { JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import type { Threads } from './devices/threads/team.ts';
import type { GpuOptions } from './devices/webgpu/options.ts';
import { HeddleError } from './errors.ts';
import type { TensorInput } from './inputs.ts';
import { openSession } from './open-session.ts';
import { checkNames, checkOptions } from './options.ts';
import { delivered } from './outputs.ts';
import { SeededInputs } from './random-key.ts';
import { modelRoutine } from './routine.ts';
import {
  collect,
  wholeFace,
  type DeviceTensor,
  type CheckedParts,
  type Face,
  type MultiplyAdds,
  type Session,
  type Views,
} from './session.ts';
import { tensorInfo, type TensorInfo } from './tensors.ts';
import type { LoadWatch, ReopenWeights, WeightSource } from './weights.ts';
import type { WeightStream } from './weight-stream.ts';

/** Elements of an output: bool as bytes of 0 or 1. */
export type OutputData = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** `data` is a view of the model's memory, or a buffer of the model: valid until its next run. */
export interface OutputTensor {
  readonly data: OutputData;
  readonly shape: readonly number[];
}

/** Outputs that were left on the GPU are buffers of the model, valid until its next run, with the usages STORAGE and COPY_SRC. */
export type KeptOutputs = { readonly [name: string]: OutputTensor | DeviceTensor };

export type Inputs = { readonly [name: string]: TensorInput };
export type Outputs = { readonly [name: string]: OutputTensor };

export interface RunOptions {
  /** Dimensions that the inputs' shapes do not tell. */
  readonly dims?: { readonly [name: string]: number };
  /** Of a model that draws random numbers, which are the same for the same seed: from 0, the default, to 2^32 - 1. */
  readonly seed?: number;
  /** Arrays of the right type and length to receive outputs, which then outlive the next run. */
  readonly outputs?: { readonly [name: string]: OutputData };
}

export interface KeepOptions extends RunOptions {
  /** For webgpu, names of outputs that stay on the GPU: they are not read back. */
  readonly keep: readonly string[];
}

export interface Model {
  readonly name: string;
  readonly target: TargetName;
  /** For wasm, the module that runs. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of the products, `6x8`; absent where there are none. */
  readonly tile?: string;
  /** How many threads run it. */
  readonly threads: number;
  /** Of a load with `device: 'auto'`, what it chose and why. */
  readonly choice?: Choice;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the model. Repeated runs with the same dimensions allocate no buffers and return the same object, whose data
   * the next run overwrites; await each before the next. Rejects with HeddleError.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The same, but that the outputs in the option `keep` stay on the GPU. Rejects with HeddleError 'option' elsewhere. */
  run(inputs: Inputs, options: KeepOptions): Promise<KeptOutputs>;
  /**
   * The same, at once; not on webgpu. On the main thread of a page, which may not wait, by this thread alone. Throws
   * HeddleError.
   */
  runSync(inputs: Inputs, options?: RunOptions): Outputs;
  /** Of the last run; undefined where no products have their rows in groups. */
  readonly multiplyAdds?: MultiplyAdds | undefined;
  /** Frees the memory and ends the threads. Later runs fail with the code 'disposed'. */
  dispose(): void;
}

/** Runs the steps from `first` up to but not including `last`. */
export type RunSteps = (first: number, last: number) => void;

/** A model as a profile uses it. */
export interface SteppedModel extends Model {
  /**
   * The same as `runSync`, not on webgpu either, but that `drive` runs the steps, at what pace and how often it likes. Throws
   * HeddleError.
   */
  runBySteps(inputs: Inputs, options: RunOptions, drive: (runSteps: RunSteps) => void): Outputs;
}

/** Seconds by a GPU's own clock. */
export interface StepTimes {
  /** Of each step of a run, in a pass of its own. */
  readonly steps: readonly number[];
  /** Of another run, all steps in one pass. */
  readonly whole: number;
}

/** A model on webgpu, as a profile uses it. */
export interface TimedModel extends Model {
  /** Runs the model twice. Rejects with HeddleError: 'unsupported' where the GPU tells no times. */
  runTimed(inputs: Inputs, options: RunOptions): Promise<StepTimes>;
}

export interface ModelParts extends LoadWatch, GpuOptions {
  readonly program: Program;
  readonly target: TargetName;
  /** For wasm the module or its bytes; for js what `kernels.js` exports; for webgpu the modules' texts, `shaders.json`. */
  readonly kernels: Uint8Array<ArrayBuffer> | WasmModule | JsKernelFactory | readonly string[];
  /** For wasm, which of the two modules `kernels` is; without it, the strict one. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of the products, `6x8`; without it, the fastest in a short trial. */
  readonly tile?: string | undefined;
  /** What trials found, to be remembered for the next model of the program. */
  readonly tilesFound?: Map<SimdVariant, number> | undefined;
  /** For wasm: the threads to run on, where it is more than one. */
  readonly threads?: Threads | undefined;
  readonly weights: WeightSource | WeightStream;
  /**
   * For webgpu, the same weights once more, for when the GPU was lost. Not needed where `weights` is a function, which can
   * be asked again.
   */
  readonly reopenWeights?: ReopenWeights | undefined;
  /** What loads for webgpu. It is handed in, so that artifacts without that target do without its code. */
  readonly createGpuSession?: GpuSessionFactory | undefined;
}

/** Loads a program whose parts have been checked onto a GPU. Rejects as `createModel` does. */
export type GpuSessionFactory = (parts: ModelParts, checked: CheckedParts) => Promise<Session>;

/**
 * Loads a program: checks it, makes its device, puts the weights in place and runs the load steps. Rejects with
 * HeddleError, or with the signal's reason.
 */
export async function createModel(parts: ModelParts): Promise<Model> {
  return new LoadedModel(await openSession(parts));
}

const NO_OPTIONS: RunOptions = {};
const OPTION_NAMES: readonly (keyof KeepOptions)[] = ['dims', 'seed', 'outputs', 'keep'];

export class LoadedModel implements SteppedModel, TimedModel {
  readonly name: string;
  readonly target: TargetName;
  readonly simd?: SimdVariant;
  readonly tile?: string;
  readonly threads: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  protected readonly session: Session;
  readonly #face: Face;
  readonly #seeded: SeededInputs;
  /** Those that leave outputs on a GPU, by the names of these. */
  readonly #keeping = new Map<string, Face>();
  /** While a run is under way or its outputs have not been taken, nothing else may run. */
  protected isDelivering = false;

  constructor(session: Session) {
    const { program, targetProgram, simd, tile } = session;
    this.name = program.name;
    this.target = session.target;
    if (simd) this.simd = simd;
    if (tile !== undefined) this.tile = tile;
    this.threads = session.threads;
    const face = wholeFace(modelRoutine(targetProgram));
    this.inputs = givenInputs(face.inputs).map(tensorInfo);
    this.outputs = face.outputs.map(tensorInfo);
    this.#face = face;
    this.session = session;
    this.#seeded = new SeededInputs(face.inputs);
  }

  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  run(inputs: Inputs, options: KeepOptions): Promise<KeptOutputs>;
  async run(inputs: Inputs, options: RunOptions & Partial<KeepOptions> = NO_OPTIONS): Promise<KeptOutputs> {
    this.ready();
    const face = options?.keep === undefined ? this.#face : this.#faceKeeping(options.keep);
    if (this.session.runElsewhere) return this.#runElsewhere(face, inputs, options);
    const outputs = this.runSync(inputs, options);
    // Another run before the caller has these would overwrite them unseen.
    this.isDelivering = true;
    await undefined;
    this.isDelivering = false;
    return outputs;
  }

  runSync(inputs: Inputs, options: RunOptions = NO_OPTIONS): Outputs {
    this.ready();
    const views = this.#put(this.#face, inputs, options);
    const { first, last } = this.#face.routine;
    this.session.runSteps(first, last);
    return received(views, options);
  }

  runBySteps(inputs: Inputs, options: RunOptions, drive: (runSteps: RunSteps) => void): Outputs {
    this.ready();
    const views = this.#put(this.#face, inputs, options);
    drive((first, last) => this.session.runSteps(first, last));
    return received(views, options);
  }

  get multiplyAdds(): MultiplyAdds | undefined {
    return this.session.multiplyAdds;
  }

  dispose(): void {
    this.session.dispose();
  }

  async runTimed(inputs: Inputs, options: RunOptions): Promise<StepTimes> {
    this.ready();
    const { timeSteps } = this.session;
    if (!timeSteps) throw new HeddleError('unsupported', 'only a GPU tells how long the steps of a run took');
    this.#put(this.#face, inputs, options);
    const { first, last } = this.#face.routine;
    return this.#delivering(timeSteps(first, last));
  }

  async #runElsewhere(face: Face, inputs: Inputs, options: RunOptions): Promise<KeptOutputs> {
    const views = this.#put(face, inputs, options);
    const { first, last } = face.routine;
    await this.#delivering(this.session.runElsewhere!(first, last));
    const outputs = received(views, options);
    return face.left ? { ...outputs, ...this.session.leftOn!(face) } : outputs;
  }

  /** Throws HeddleError 'option' where outputs cannot be kept, or there is none of a name. */
  #faceKeeping(keep: unknown): Face {
    if (!this.session.leftOn)
      throw new HeddleError('option', 'the option keep is for webgpu: elsewhere outputs are arrays');
    if (!Array.isArray(keep)) throw new HeddleError('option', 'the option keep is not a list of names of outputs');
    const { outputs } = this.#face;
    const unknown = (keep as readonly unknown[]).find((name) => !outputs.some((output) => output.name === name));
    if (unknown !== undefined)
      throw new HeddleError('option', `the option keep names ${String(unknown)}, which is no output`);
    const isKept = ({ name }: TensorSpec): boolean => keep.includes(name);
    const left = outputs.filter(isKept);
    const key = left.map(({ name }) => name).join();
    const face = this.#keeping.get(key) ?? {
      ...this.#face,
      outputs: outputs.filter((output) => !isKept(output)),
      left,
    };
    this.#keeping.set(key, face);
    return face;
  }

  async #delivering<T>(running: Promise<T>): Promise<T> {
    this.isDelivering = true;
    try {
      return await running;
    } finally {
      this.isDelivering = false;
    }
  }

  /** Throws HeddleError unless a run can begin. */
  protected ready(): void {
    this.session.check();
    if (this.isDelivering)
      throw new HeddleError('busy', `the model ${this.name} is still running; await each run before the next`);
  }

  /** Checks everything and puts the inputs in place. */
  #put(face: Face, inputs: Inputs, options: RunOptions): Views {
    checkOptions('run', options);
    checkNames('run', options, OPTION_NAMES);
    return this.session.put(face, this.#seeded.complete(inputs, options.seed), options);
  }
}

function received(views: Views, { outputs: receivers }: RunOptions): Outputs {
  const outputs = collect(views);
  return receivers ? delivered(outputs, receivers) : outputs;
}
