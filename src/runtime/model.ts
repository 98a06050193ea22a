/** A loaded program: binds dimensions, runs, and hands out results. */
import { placeArena, placePersistent, type Addresses } from '../program/memory.ts';
import type { Program, TargetName, TargetProgram, TensorSpec } from '../program/program.ts';
import { checkProgram, ProgramError } from '../program/schema.ts';
import { evaluateSize, type Dims } from '../program/size.ts';
import type { Activation, Device } from './devices/device.ts';
import { createJsDevice, type JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import { createWasmDevice } from './devices/wasm.ts';
import type { Gpu } from './devices/webgpu/api.ts';
import { bindDims, placedAt, sameDims } from './dims.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { readInputs, type GivenTensor, type TensorInput } from './inputs.ts';
import { checkOptions } from './options.ts';
import { checkReceivers, delivered } from './outputs.ts';
import { tensorInfo, VIEWS, type TensorInfo } from './tensors.ts';
import { checkWeights, loadWeights, type LoadWatch, type WeightSource } from './weights.ts';

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
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the model. Repeated runs with the same dimensions allocate no buffers and return the same object, whose data
   * the next run overwrites; await each before the next. Rejects with HeddleError.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The same, at once; not on webgpu. Throws HeddleError. */
  runSync(inputs: Inputs, options?: RunOptions): Outputs;
  /** Frees the memory. Later runs fail with the code 'disposed'. */
  dispose(): void;
}

export interface ModelParts extends LoadWatch {
  readonly program: Program;
  readonly target: TargetName;
  /** For wasm the module or its bytes; for js what `kernels.js` exports; for webgpu the modules' texts, `shaders.json`. */
  readonly kernels: Uint8Array<ArrayBuffer> | WasmModule | JsKernelFactory | readonly string[];
  readonly weights: WeightSource;
  /** For webgpu, what stands in for the engine's `navigator.gpu`. */
  readonly gpu?: Gpu | undefined;
  /** What loads for webgpu. It is handed in, so that artifacts without that target do without its code. */
  readonly createGpuModel?: GpuModelFactory | undefined;
}

/** Loads a program whose weights have been checked onto a GPU. */
export type GpuModelFactory = (parts: ModelParts, target: TargetProgram) => Promise<Model>;

/**
 * Loads a program: checks it, makes its device, puts the weights in place and runs the load steps. Rejects with
 * HeddleError, or with the signal's reason.
 */
export async function createModel(parts: ModelParts): Promise<Model> {
  const { program, target, kernels, weights, signal } = parts;
  const targetProgram = checkedTarget(program, target);
  checkWeights(targetProgram, weights);
  if (target === 'webgpu') {
    if (!parts.createGpuModel) throw new HeddleError('target', 'this runtime was built without webgpu');
    return parts.createGpuModel(parts, targetProgram);
  }
  const device =
    target === 'wasm'
      ? await createWasmDevice(targetProgram, kernels as Uint8Array<ArrayBuffer> | WasmModule)
      : createJsDevice(targetProgram, kernels as JsKernelFactory);
  signal?.throwIfAborted();
  const persistent = placePersistent(targetProgram, device.base);
  try {
    await loadWeights(targetProgram, device, persistent, weights, parts);
  } catch (error) {
    throw signal?.aborted ? signal.reason : asHeddleError(error);
  }
  return new LoadedModel(program, target, targetProgram, device, persistent);
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

/** Runs device code; whatever it throws becomes a HeddleError. */
function guarded<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asHeddleError(error);
  }
}

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
}

interface Views {
  readonly memory: ArrayBuffer;
  readonly inputs: readonly (Float32Array | Int32Array | Uint32Array)[];
  readonly outputs: Outputs;
  /** Bool outputs: the elements in memory and the bytes handed out. */
  readonly bools: readonly { readonly from: Int32Array; readonly to: Uint8Array }[];
}

/** Bindings kept for dimensions that may come back. */
const MAX_BINDINGS = 16;

class LoadedModel implements Model {
  readonly name: string;
  readonly target: TargetName;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #program: Program;
  readonly #targetProgram: TargetProgram;
  readonly #persistent: Addresses;
  readonly #bindings = new Map<string, Binding>();
  #device: Device | undefined;
  #current: Binding | undefined;
  #isDelivering = false;

  constructor(
    program: Program,
    target: TargetName,
    targetProgram: TargetProgram,
    device: Device,
    persistent: Addresses,
  ) {
    this.name = program.name;
    this.target = target;
    this.inputs = targetProgram.inputs.map(tensorInfo);
    this.outputs = targetProgram.outputs.map(tensorInfo);
    this.#program = program;
    this.#targetProgram = targetProgram;
    this.#device = device;
    this.#persistent = persistent;
  }

  async run(inputs: Inputs, options?: RunOptions): Promise<Outputs> {
    const outputs = this.runSync(inputs, options);
    // Another run before the caller has these would overwrite them unseen.
    this.#isDelivering = true;
    await undefined;
    this.#isDelivering = false;
    return outputs;
  }

  runSync(inputs: Inputs, options: RunOptions = {}): Outputs {
    const device = this.#device;
    if (!device) throw new HeddleError('disposed', `the model ${this.name} has been disposed`);
    if (this.#isDelivering)
      throw new HeddleError('busy', `the model ${this.name} is still running; await each run before the next`);
    checkOptions('run', options);
    let given = readInputs(this.#targetProgram.inputs, inputs);
    const dims = bindDims(this.#program.dims, given, options.dims);
    // An earlier output given as input would be overwritten, or detached, before it is read.
    if (given.some(({ data }) => isInMemory(data, device.memory))) given = given.map(copied);
    const { views } = this.#bind(device, dims);
    checkReceivers(this.#targetProgram.outputs, views.outputs, options.outputs);
    given.forEach(({ data }, at) => views.inputs[at]!.set(data as readonly number[]));
    guarded(() => device.run());
    for (const { from, to } of views.bools) to.set(from);
    return options.outputs ? delivered(views.outputs, options.outputs) : views.outputs;
  }

  dispose(): void {
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
    const addresses = placedAt(this.#program, dims, () =>
      placeArena(this.#targetProgram, 'arena', this.#persistent, dims),
    );
    device.reserve(addresses.end);
    const activate = device.prepare(addresses.byBuffer, dims);
    return { dims, addresses, activate, views: this.#makeViews(device.memory, { dims, addresses }) };
  }

  #makeViews(memory: ArrayBuffer, { dims, addresses }: Pick<Binding, 'dims' | 'addresses'>): Views {
    const bools: { from: Int32Array; to: Uint8Array }[] = [];
    const view = ({ name, dtype, shape, buffer }: TensorSpec): Float32Array | Int32Array | Uint32Array => {
      const length = evaluateSize(['*', 1, ...shape], dims);
      if (length !== evaluateSize(this.#targetProgram.buffers[buffer]!.size, dims))
        throw new HeddleError('program-malformed', `the buffer of ${name} has not the size of its shape`);
      return new VIEWS[dtype](memory, addresses.byBuffer[buffer]!, length);
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

function isInMemory(data: GivenTensor['data'], memory: ArrayBuffer): boolean {
  return ArrayBuffer.isView(data) && data.buffer === memory;
}

function copied(given: GivenTensor): GivenTensor {
  return { ...given, data: given.data.slice() };
}
