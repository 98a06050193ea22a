/** A loaded program as a model: runs, and hands out results. */
import { givenInputs } from '../program/training.ts';
import type { Program, SimdVariant, TargetName, TargetProgram } from '../program/program.ts';
import type { Device } from './devices/device.ts';
import type { JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import type { Threads } from './devices/threads/team.ts';
import type { Gpu } from './devices/webgpu/api.ts';
import { HeddleError } from './errors.ts';
import type { TensorInput } from './inputs.ts';
import { checkOptions } from './options.ts';
import { delivered } from './outputs.ts';
import { SeededInputs } from './random-key.ts';
import { modelRoutine } from './routine.ts';
import {
  asHeddleError,
  checkParts,
  collect,
  openSession,
  wholeFace,
  type Face,
  type MultiplyAdds,
  type Session,
  type Views,
} from './session.ts';
import { tensorInfo, type TensorInfo } from './tensors.ts';
import type { LoadWatch, WeightSource } from './weights.ts';
import type { WeightStream } from './weight-stream.ts';

/** Elements of an output: bool as bytes of 0 or 1. */
export type OutputData = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** `data` is a view of the model's memory, or a buffer of the model: valid until its next run. */
export interface OutputTensor {
  readonly data: OutputData;
  readonly shape: readonly number[];
}

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

export interface Model {
  readonly name: string;
  readonly target: TargetName;
  /** For wasm, the module that runs. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of the products, `6x8`; absent where there are none. */
  readonly tile?: string;
  /** How many threads run it. */
  readonly threads: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the model. Repeated runs with the same dimensions allocate no buffers and return the same object, whose data
   * the next run overwrites; await each before the next. Rejects with HeddleError.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /**
   * The same, at once; not on webgpu. On the main thread of a page, which may not wait, by this thread alone. Throws
   * HeddleError.
   */
  runSync(inputs: Inputs, options?: RunOptions): Outputs;
  /** Of the last run, on wasm and js; undefined where no products have their rows in groups. */
  readonly multiplyAdds?: MultiplyAdds | undefined;
  /** Frees the memory and ends the threads. Later runs fail with the code 'disposed'. */
  dispose(): void;
}

/** Runs the steps from `first` up to but not including `last`. */
export type RunSteps = (first: number, last: number) => void;

/** A model on wasm or js, as a profile uses it. */
export interface SteppedModel extends Model {
  /** The same as `runSync`, but that `drive` runs the steps, at what pace and how often it likes. Throws HeddleError. */
  runBySteps(inputs: Inputs, options: RunOptions, drive: (runSteps: RunSteps) => void): Outputs;
}

export interface ModelParts extends LoadWatch {
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
  /** For webgpu, what stands in for the engine's `navigator.gpu`. */
  readonly gpu?: Gpu | undefined;
  /** What loads for webgpu. It is handed in, so that artifacts without that target do without its code. */
  readonly createGpuModel?: GpuModelFactory | undefined;
}

/** Loads a program whose weights have been checked onto a GPU. */
export type GpuModelFactory = (parts: ModelParts, target: TargetProgram, weights: WeightStream) => Promise<Model>;

/**
 * Loads a program: checks it, makes its device, puts the weights in place and runs the load steps. Rejects with
 * HeddleError, or with the signal's reason.
 */
export async function createModel(parts: ModelParts): Promise<Model> {
  if (parts.target !== 'webgpu') return new LoadedModel(await openSession(parts));
  const { targetProgram, weights } = checkParts(parts);
  if (!parts.createGpuModel) throw new HeddleError('target', 'this runtime was built without webgpu');
  return parts.createGpuModel(parts, targetProgram, weights);
}

const NO_OPTIONS: RunOptions = {};

/** A model on wasm or js. */
export class LoadedModel implements SteppedModel {
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
  readonly #runAll: (device: Device) => void;
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
    const { first, last } = face.routine;
    this.#runAll = (device) => device.runSteps(first, last);
  }

  async run(inputs: Inputs, options: RunOptions = NO_OPTIONS): Promise<Outputs> {
    if (this.ready().runElsewhere) return this.#runElsewhere(inputs, options);
    const outputs = this.runSync(inputs, options);
    // Another run before the caller has these would overwrite them unseen.
    this.isDelivering = true;
    await undefined;
    this.isDelivering = false;
    return outputs;
  }

  runSync(inputs: Inputs, options: RunOptions = NO_OPTIONS): Outputs {
    return this.#run(inputs, options, this.#runAll);
  }

  runBySteps(inputs: Inputs, options: RunOptions, drive: (runSteps: RunSteps) => void): Outputs {
    return this.#run(inputs, options, (device) => drive((first, last) => device.runSteps(first, last)));
  }

  get multiplyAdds(): MultiplyAdds | undefined {
    return this.session.multiplyAdds;
  }

  dispose(): void {
    this.session.dispose();
  }

  async #runElsewhere(inputs: Inputs, options: RunOptions): Promise<Outputs> {
    const device = this.ready();
    const views = this.#put(inputs, options);
    this.isDelivering = true;
    try {
      const { first, last } = this.#face.routine;
      await device.runElsewhere!(first, last);
    } finally {
      this.isDelivering = false;
    }
    return received(views, options);
  }

  #run(inputs: Inputs, options: RunOptions, execute: (device: Device) => void): Outputs {
    const device = this.ready();
    const views = this.#put(inputs, options);
    try {
      execute(device);
    } catch (error) {
      throw asHeddleError(error);
    }
    return received(views, options);
  }

  /** The device, if it can take a run. */
  protected ready(): Device {
    const { device, program } = this.session;
    if (this.isDelivering)
      throw new HeddleError('busy', `the model ${program.name} is still running; await each run before the next`);
    return device;
  }

  /** Checks everything and puts the inputs in place. */
  #put(inputs: Inputs, options: RunOptions): Views {
    checkOptions('run', options);
    return this.session.put(this.#face, this.#seeded.complete(inputs, options.seed), options);
  }
}

function received(views: Views, { outputs: receivers }: RunOptions): Outputs {
  const outputs = collect(views);
  return receivers ? delivered(outputs, receivers) : outputs;
}
