/** A loaded program: binds dimensions, runs, and hands out results. */
import type { Program, TargetName, TargetProgram, TensorSpec } from '../program/program.ts';
import { checkProgram, ProgramError } from '../program/schema.ts';
import { evaluateSize, type Dims, type SizeExpr } from '../program/size.ts';
import type { Activation, Device } from './devices/device.ts';
import { createJsDevice, type JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import { createWasmDevice } from './devices/wasm.ts';
import { bindDims, checkConditions } from './dims.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { describeSpec, readInputs, type GivenTensor, type TensorInput } from './inputs.ts';
import { placeArena, placePersistent, type Addresses } from './memory.ts';
import { checkOptions } from './options.ts';
import { checkWeights, loadWeights, type WeightSource } from './weights.ts';

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

/** An input or output of a model. Symbolic sizes are expressions over dimension names. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorSpec['dtype'];
  readonly shape: readonly SizeExpr[];
}

export interface Model {
  readonly name: string;
  readonly target: TargetName;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the model. Repeated runs with the same dimensions allocate no buffers and return the same object, whose data
   * the next run overwrites. Rejects with HeddleError.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The same, at once. Throws HeddleError. */
  runSync(inputs: Inputs, options?: RunOptions): Outputs;
  /** Frees the memory. Later runs fail with the code 'disposed'. */
  dispose(): void;
}

export interface ModelParts {
  readonly program: Program;
  readonly target: TargetName;
  /** For wasm the module or its bytes; for js what `kernels.js` exports. */
  readonly kernels: Uint8Array<ArrayBuffer> | WasmModule | JsKernelFactory;
  readonly weights: WeightSource;
}

/**
 * Loads a program: checks it, makes its device, puts the weights in place and runs the load steps. Rejects with
 * HeddleError.
 */
export async function createModel({ program, target, kernels, weights }: ModelParts): Promise<Model> {
  const targetProgram = checkedTarget(program, target);
  checkWeights(targetProgram, weights);
  const device =
    target === 'wasm'
      ? await createWasmDevice(targetProgram, kernels)
      : createJsDevice(targetProgram, kernels as JsKernelFactory);
  const persistent = placePersistent(targetProgram, device.base);
  guarded(() => loadWeights(targetProgram, device, persistent, weights));
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
    if (error instanceof HeddleError) throw error;
    throw new HeddleError('internal', `a kernel failed: ${reasonOf(error)}`, { cause: error });
  }
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

  constructor(
    program: Program,
    target: TargetName,
    targetProgram: TargetProgram,
    device: Device,
    persistent: Addresses,
  ) {
    const info = ({ name, dtype, shape }: TensorSpec): TensorInfo => ({ name, dtype, shape });
    this.name = program.name;
    this.target = target;
    this.inputs = targetProgram.inputs.map(info);
    this.outputs = targetProgram.outputs.map(info);
    this.#program = program;
    this.#targetProgram = targetProgram;
    this.#device = device;
    this.#persistent = persistent;
  }

  async run(inputs: Inputs, options?: RunOptions): Promise<Outputs> {
    return this.runSync(inputs, options);
  }

  runSync(inputs: Inputs, options: RunOptions = {}): Outputs {
    const device = this.#device;
    if (!device) throw new HeddleError('disposed', `the model ${this.name} has been disposed`);
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
    const addresses = this.#addresses(dims);
    device.reserve(addresses.end);
    const activate = device.prepare(addresses.byBuffer, dims);
    return { dims, addresses, activate, views: this.#makeViews(device.memory, { dims, addresses }) };
  }

  #addresses(dims: Dims): Addresses {
    try {
      checkConditions(this.#program, dims);
      return placeArena(this.#targetProgram, 'arena', this.#persistent, dims);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const hint = this.#program.dims.every(({ name }) => dims.has(name)) ? '' : '; pass it in the option dims';
      throw new HeddleError('dimension', error.message + hint, { cause: error });
    }
  }

  #makeViews(memory: ArrayBuffer, { dims, addresses }: Pick<Binding, 'dims' | 'addresses'>): Views {
    const bools: { from: Int32Array; to: Uint8Array }[] = [];
    const view = ({ name, dtype, shape, buffer }: TensorSpec): Float32Array | Int32Array | Uint32Array => {
      const length = evaluateSize(['*', 1, ...shape], dims);
      if (length !== evaluateSize(this.#targetProgram.buffers[buffer]!.size, dims))
        throw new HeddleError('program-malformed', `the buffer of ${name} has not the size of its shape`);
      const ArrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Int32Array }[dtype];
      return new ArrayOf(memory, addresses.byBuffer[buffer]!, length);
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

function sameDims(a: Dims, b: Dims): boolean {
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return a.size === b.size;
}

function isInMemory(data: GivenTensor['data'], memory: ArrayBuffer): boolean {
  return ArrayBuffer.isView(data) && data.buffer === memory;
}

function copied(given: GivenTensor): GivenTensor {
  return { ...given, data: given.data.slice() };
}

function checkReceivers(specs: readonly TensorSpec[], outputs: Outputs, receivers: unknown): void {
  if (receivers === undefined) return;
  if (typeof receivers !== 'object' || receivers === null)
    throw new HeddleError('option', 'the option outputs is not an object of typed arrays');
  for (const [name, receiver] of Object.entries(receivers)) {
    const spec = specs.find((candidate) => candidate.name === name);
    if (!spec) throw new HeddleError('output-buffer', `there is no output ${name}`);
    const { data } = outputs[name]!;
    const tag = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);
    if (tag(receiver) === tag(data) && (receiver as OutputData).length === data.length) continue;
    const message = `the output ${name} (${describeSpec(spec)}) needs a ${tag(data)} of ${data.length} elements`;
    throw new HeddleError('output-buffer', message);
  }
}

/** The outputs with those that have receivers copied there. */
function delivered(outputs: Outputs, receivers: NonNullable<RunOptions['outputs']>): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => {
      const data = Object.hasOwn(receivers, name) ? receivers[name]! : output.data;
      if (data !== output.data) data.set(output.data);
      return [name, { data, shape: output.shape }];
    }),
  );
}
