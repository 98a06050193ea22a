/** A loaded program: binds dimensions, runs, and hands out results. */
import { placeArena, placePersistent, type Addresses } from '../program/memory.ts';
import type { Program, SimdVariant, TargetName, TargetProgram, TensorSpec } from '../program/program.ts';
import { checkProgram, ProgramError } from '../program/schema.ts';
import { evaluateSize, type Dims } from '../program/size.ts';
import type { Activation, Device } from './devices/device.ts';
import { createJsDevice, type JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import type { Threads } from './devices/threads/team.ts';
import { chooseTile, tileName, tileNamed } from './devices/tiles.ts';
import { createWasmDevice } from './devices/wasm.ts';
import type { Gpu } from './devices/webgpu/api.ts';
import { bindDims, placedAt, sameDims } from './dims.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { readInputs, type GivenTensor, type TensorInput } from './inputs.ts';
import { checkOptions } from './options.ts';
import { checkReceivers, delivered } from './outputs.ts';
import { formsOf, readRepeated, type InputArray } from './repeated.ts';
import { tensorInfo, VIEWS, type TensorInfo } from './tensors.ts';
import { checkWeights, loadWeights, streamOf, type LoadWatch, type WeightSource } from './weights.ts';
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
  const { program, target, kernels, signal } = parts;
  const targetProgram = checkedTarget(program, target);
  const simd = target === 'wasm' ? (parts.simd ?? 'strict') : undefined;
  const wanted = parts.tile === undefined ? undefined : tileNamed(parts.tile, targetProgram, simd);
  const weights = streamOf(parts.weights, targetProgram);
  checkWeights(targetProgram, weights);
  if (parts.threads && target !== 'wasm')
    parts.threads.onWarning(`the model runs on one thread instead of ${parts.threads.count}: ${target} has no others`);
  if (target === 'webgpu') {
    if (!parts.createGpuModel) throw new HeddleError('target', 'this runtime was built without webgpu');
    return parts.createGpuModel(parts, targetProgram, weights);
  }
  const device =
    target === 'wasm'
      ? await createWasmDevice(targetProgram, kernels as Uint8Array<ArrayBuffer> | WasmModule, parts.threads)
      : createJsDevice(targetProgram, kernels as JsKernelFactory);
  const persistent = placePersistent(targetProgram, device.base);
  let tile = wanted;
  try {
    signal?.throwIfAborted();
    if (simd) tile ??= chooseTile(device, targetProgram, simd, parts.tilesFound);
    await loadWeights(targetProgram, device, persistent, weights, parts, tile);
  } catch (error) {
    device.dispose();
    throw signal?.aborted ? signal.reason : asHeddleError(error);
  }
  return new LoadedModel(program, { target, simd, tile: tile ?? 0 }, targetProgram, device, persistent);
}

function checkedTarget(program: unknown, target: TargetName): TargetProgram {
  try {
    const { name, targets } = checkProgram(program);
    const found = Object.hasOwn(targets, target) ? targets[target] : undefined;
    if (found) return found;
    const others = Object.keys(targets).join(', ');
    throw new HeddleError('target', `${name} was not compiled for ${target}, but for ${others}`);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const code = error.isVersion ? 'program-version' : 'program-malformed';
    throw new HeddleError(code, error.message, { cause: error });
  }
}

/** What device code throws is a HeddleError, or becomes one. */
function asHeddleError(error: unknown): HeddleError {
  if (error instanceof HeddleError) return error;
  return new HeddleError('internal', `a kernel failed: ${reasonOf(error)}`, { cause: error });
}

/** Everything that depends on the dimensions' values. */
interface Binding {
  readonly dims: Dims;
  readonly addresses: Addresses;
  readonly activate: Activation;
  /** Made anew when the memory has moved. */
  views: Views;
  /** Of the inputs that were bound to this last; undefined where those have to be looked at each time. */
  forms: ReturnType<typeof formsOf>;
}

interface Views {
  readonly memory: ArrayBufferLike;
  readonly inputs: readonly (Float32Array | Int32Array | Uint32Array)[];
  readonly outputs: Outputs;
  /** Bool outputs: the elements in memory and the bytes handed out. */
  readonly bools: readonly { readonly from: Int32Array; readonly to: Uint8Array }[];
}

/** Bindings kept for dimensions that may come back. */
const MAX_BINDINGS = 16;

const NO_ARRAY = new Float32Array(0);
const NO_OPTIONS: RunOptions = {};

function runAll(device: Device): void {
  device.run();
}

/** What of the target runs. */
interface Engine {
  readonly target: TargetName;
  readonly simd: SimdVariant | undefined;
  readonly tile: number;
}

class LoadedModel implements SteppedModel {
  readonly name: string;
  readonly target: TargetName;
  readonly simd?: SimdVariant;
  readonly tile?: string;
  readonly threads: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #program: Program;
  readonly #targetProgram: TargetProgram;
  readonly #persistent: Addresses;
  readonly #tile: number;
  readonly #bindings = new Map<string, Binding>();
  /** Buffers of which outputs were views. */
  readonly #memories = new WeakSet<ArrayBufferLike>();
  #device: Device | undefined;
  #current: Binding | undefined;
  #isDelivering = false;
  /** Where the arrays of a repeated run are while they are checked. */
  readonly #arrays: InputArray[];

  constructor(
    program: Program,
    { target, simd, tile }: Engine,
    targetProgram: TargetProgram,
    device: Device,
    persistent: Addresses,
  ) {
    this.name = program.name;
    this.target = target;
    if (simd) this.simd = simd;
    if (targetProgram.tiles) this.tile = tileName(targetProgram.tiles.candidates[tile]!);
    this.#tile = tile;
    this.threads = device.threads;
    this.inputs = targetProgram.inputs.map(tensorInfo);
    this.outputs = targetProgram.outputs.map(tensorInfo);
    this.#program = program;
    this.#targetProgram = targetProgram;
    this.#device = device;
    this.#persistent = persistent;
    this.#arrays = targetProgram.inputs.map(() => NO_ARRAY);
  }

  async run(inputs: Inputs, options: RunOptions = NO_OPTIONS): Promise<Outputs> {
    if (this.#device?.runElsewhere) return this.#runElsewhere(inputs, options);
    const outputs = this.runSync(inputs, options);
    // Another run before the caller has these would overwrite them unseen.
    this.#isDelivering = true;
    await undefined;
    this.#isDelivering = false;
    return outputs;
  }

  runSync(inputs: Inputs, options: RunOptions = NO_OPTIONS): Outputs {
    return this.#run(inputs, options, runAll);
  }

  runBySteps(inputs: Inputs, options: RunOptions, drive: (runSteps: RunSteps) => void): Outputs {
    return this.#run(inputs, options, (device) => drive((first, last) => device.runSteps(first, last)));
  }

  async #runElsewhere(inputs: Inputs, options: RunOptions): Promise<Outputs> {
    const device = this.#ready();
    const views = this.#prepare(device, inputs, options);
    this.#isDelivering = true;
    try {
      await device.runElsewhere!();
    } finally {
      this.#isDelivering = false;
    }
    return collect(views, options);
  }

  #run(inputs: Inputs, options: RunOptions, execute: (device: Device) => void): Outputs {
    const device = this.#ready();
    const views = this.#prepare(device, inputs, options);
    try {
      execute(device);
    } catch (error) {
      throw asHeddleError(error);
    }
    return collect(views, options);
  }

  /** The device, if it can take a run. */
  #ready(): Device {
    const device = this.#device;
    if (!device) throw new HeddleError('disposed', `the model ${this.name} has been disposed`);
    if (this.#isDelivering)
      throw new HeddleError('busy', `the model ${this.name} is still running; await each run before the next`);
    return device;
  }

  /** Checks everything and puts the inputs in place. */
  #prepare(device: Device, inputs: Inputs, options: RunOptions): Views {
    checkOptions('run', options);
    return this.#putRepeated(device, inputs, options) ?? this.#put(device, inputs, options);
  }

  #put(device: Device, inputs: Inputs, options: RunOptions): Views {
    let given = readInputs(this.#targetProgram.inputs, inputs);
    const dims = bindDims(this.#program.dims, given, options.dims);
    // An earlier output given as input would be overwritten, or detached, before it is read.
    if (given.some(({ data }) => this.#isInMemory(data))) given = given.map(copied);
    const binding = this.#bind(device, dims);
    const { views } = binding;
    checkReceivers(this.#targetProgram.outputs, views.outputs, options.outputs);
    given.forEach(({ data }, at) => views.inputs[at]!.set(data as readonly number[]));
    binding.forms = options.dims === undefined ? formsOf(given) : undefined;
    return views;
  }

  /** The same where the inputs are like those of the run before; otherwise does nothing. */
  #putRepeated(device: Device, inputs: Inputs, options: RunOptions): Views | undefined {
    const { forms, views } = this.#current ?? {};
    if (!forms || !views || options.dims !== undefined || views.memory !== device.memory) return undefined;
    const arrays = this.#arrays;
    if (!readRepeated(forms, inputs, arrays)) return undefined;
    for (const array of arrays) if (this.#isInMemory(array)) return undefined;
    checkReceivers(this.#targetProgram.outputs, views.outputs, options.outputs);
    for (let at = 0; at < arrays.length; at++) {
      views.inputs[at]!.set(arrays[at]!);
      // What the caller gave is not kept alive.
      arrays[at] = NO_ARRAY;
    }
    return views;
  }

  dispose(): void {
    this.#device?.dispose();
    this.#device = undefined;
    this.#current = undefined;
    this.#bindings.clear();
  }

  /** Makes `dims` the current binding; does nothing when it is. */
  #bind(device: Device, dims: Dims): Binding {
    const current = this.#current;
    if (current && current.views.memory === device.memory && sameDims(current.dims, dims)) return current;
    const key = this.#program.dims.map(({ name }) => dims.get(name)).join();
    const binding = this.#bindings.get(key) ?? this.#makeBinding(device, dims);
    device.reserve(binding.addresses.end);
    if (binding.views.memory !== device.memory) binding.views = this.#makeViews(device.memory, binding);
    this.#bindings.delete(key);
    this.#bindings.set(key, binding);
    if (this.#bindings.size > MAX_BINDINGS) this.#bindings.delete(this.#bindings.keys().next().value!);
    binding.activate();
    this.#current = binding;
    return binding;
  }

  #makeBinding(device: Device, dims: Dims): Binding {
    const addresses = placedAt(this.#program, dims, () => placeArena(this.#targetProgram, this.#persistent, dims));
    device.reserve(addresses.end);
    const activate = device.prepare(addresses.byBuffer, { dims, tile: this.#tile });
    return { dims, addresses, activate, views: this.#makeViews(device.memory, { dims, addresses }), forms: undefined };
  }

  /** Shared memory has another buffer after it has grown, and the earlier ones are still views of it. */
  #isInMemory(data: GivenTensor['data']): boolean {
    return ArrayBuffer.isView(data) && this.#memories.has(data.buffer);
  }

  #makeViews(memory: ArrayBufferLike, { dims, addresses }: Pick<Binding, 'dims' | 'addresses'>): Views {
    this.#memories.add(memory);
    const bools: { from: Int32Array; to: Uint8Array }[] = [];
    const view = ({ name, dtype, shape, buffer }: TensorSpec): Float32Array | Int32Array | Uint32Array => {
      const length = evaluateSize(['*', 1, ...shape], dims);
      if (length !== evaluateSize(this.#targetProgram.buffers[buffer]!.size, dims))
        throw new HeddleError('program-malformed', `the buffer of ${name} has not the size of its shape`);
      // The constructors take shared memory too, which the union of their types does not.
      return new VIEWS[dtype](memory as ArrayBuffer, addresses.byBuffer[buffer]!, length);
    };
    const output = (spec: TensorSpec): OutputTensor => {
      const shape = spec.shape.map((size) => evaluateSize(size, dims));
      const from = view(spec);
      if (spec.dtype !== 'bool') return { data: from, shape };
      const to = new Uint8Array(from.length);
      bools.push({ from: from as Int32Array, to });
      return { data: to, shape };
    };
    const outputs = Object.fromEntries(this.#targetProgram.outputs.map((spec) => [spec.name, output(spec)]));
    return { memory, inputs: this.#targetProgram.inputs.map(view), outputs, bools };
  }
}

function collect({ outputs, bools }: Views, options: RunOptions): Outputs {
  for (const { from, to } of bools) to.set(from);
  return options.outputs ? delivered(outputs, options.outputs) : outputs;
}

function copied(given: GivenTensor): GivenTensor {
  return { ...given, data: given.data.slice() };
}
