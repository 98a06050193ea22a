/**
 * A loaded program on wasm or js: binds dimensions, puts inputs in place and shows what lies in memory. Which steps run,
 * and when, is decided by those who use it.
 */
import { placeArena, placeKept, placePersistent, touchesKept, type Addresses } from '../program/memory.ts';
import type {
  Program,
  Routine,
  SimdVariant,
  TargetName,
  TargetProgram,
  TensorSpec,
  WeightSpec,
} from '../program/program.ts';
import { elementCount } from '../program/safetensors.ts';
import { checkProgram, ProgramError } from '../program/schema.ts';
import { evaluateSize, type Dims, type SizeExpr } from '../program/size.ts';
import type { Activation, Device } from './devices/device.ts';
import { createJsDevice, type JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import { chooseTile, tileName, tileNamed } from './devices/tiles.ts';
import { createWasmDevice } from './devices/wasm.ts';
import { bindDims, placedAt, sameDims } from './dims.ts';
import { HeddleError, reasonOf } from './errors.ts';
import { readInputs, type GivenTensor } from './inputs.ts';
import type { Inputs, ModelParts, Outputs, OutputTensor, RunOptions } from './model.ts';
import { checkReceivers } from './outputs.ts';
import { formsOf, readRepeated, type InputArray } from './repeated.ts';
import { VIEWS } from './tensors.ts';
import { checkWeights, loadWeights, streamOf } from './weights.ts';
import type { WeightStream } from './weight-stream.ts';

/** What a run of a routine takes and gives; of one routine there may be several. */
export interface Face {
  readonly routine: Routine;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** All that a routine takes and gives. */
export function wholeFace(routine: Routine): Face {
  return { routine, inputs: routine.inputs, outputs: routine.outputs };
}

/** Of products whose rows are in groups, such as those of a mixture of experts. */
export interface MultiplyAdds {
  /** What was computed, what fills up tiles included. */
  readonly executed: number;
  /** What it would have been, had every group taken all tokens. */
  readonly dense: number;
}

export type ElementView = Float32Array | Int32Array | Uint32Array;

/** The tensors of a face in memory. */
export interface Views {
  readonly memory: ArrayBufferLike;
  readonly inputs: readonly ElementView[];
  readonly outputs: Outputs;
  /** Bool outputs: the elements in memory and the bytes handed out. */
  readonly bools: readonly { readonly from: Int32Array; readonly to: Uint8Array }[];
}

/** What has to be right whatever the program is loaded on. */
export interface CheckedParts {
  readonly targetProgram: TargetProgram;
  readonly simd: SimdVariant | undefined;
  /** The tile that was asked for. */
  readonly tile: number | undefined;
  readonly weights: WeightStream;
}

/** Checks program, options and weights, and warns where there can be no threads. Throws HeddleError. */
export function checkParts({ program, target, simd, tile, weights, threads }: ModelParts): CheckedParts {
  const targetProgram = checkedTarget(program, target);
  const variant = target === 'wasm' ? (simd ?? 'strict') : undefined;
  const wanted = tile === undefined ? undefined : tileNamed(tile, targetProgram, variant);
  const stream = streamOf(weights, targetProgram);
  checkWeights(targetProgram, stream);
  if (threads && target !== 'wasm')
    threads.onWarning(`the model runs on one thread instead of ${threads.count}: ${target} has no others`);
  return { targetProgram, simd: variant, tile: wanted, weights: stream };
}

/** The program of one target. Throws HeddleError where it is malformed, of another version or not for the target. */
export function checkedTarget(program: unknown, target: TargetName): TargetProgram {
  const { name, targets } = soundly(() => checkProgram(program));
  const found = Object.hasOwn(targets, target) ? targets[target] : undefined;
  if (found) return found;
  const others = Object.keys(targets).join(', ');
  throw new HeddleError('target', `${name} was not compiled for ${target}, but for ${others}`);
}

/** The answer of a check, whose ProgramError becomes a HeddleError. */
export function soundly<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const code = error.isVersion ? 'program-version' : 'program-malformed';
    throw new HeddleError(code, error.message, { cause: error });
  }
}

/** What device code throws is a HeddleError, or becomes one. */
export function asHeddleError(error: unknown): HeddleError {
  if (error instanceof HeddleError) return error;
  return new HeddleError('internal', `a kernel failed: ${reasonOf(error)}`, { cause: error });
}

/** Makes the device, puts the weights in place and runs the load steps. Rejects as `createModel` does. */
export async function openSession(parts: ModelParts): Promise<Session> {
  const { program, kernels, signal } = parts;
  const checked = checkParts(parts);
  const { targetProgram, simd, weights } = checked;
  const device = simd
    ? await createWasmDevice(targetProgram, kernels as Uint8Array<ArrayBuffer> | WasmModule, parts.threads)
    : createJsDevice(targetProgram, kernels as JsKernelFactory);
  const persistent = placePersistent(targetProgram, device.base);
  let { tile } = checked;
  try {
    signal?.throwIfAborted();
    if (simd) tile ??= chooseTile(device, targetProgram, simd, parts.tilesFound);
    await loadWeights(targetProgram, device, persistent, weights, parts, tile);
  } catch (error) {
    device.dispose();
    throw signal?.aborted ? signal.reason : asHeddleError(error);
  }
  return new Session(program, targetProgram, { target: parts.target, simd, tile: tile ?? 0 }, device, persistent);
}

/** Everything of a routine that depends on the dimensions' values. */
interface Binding {
  readonly dims: Dims;
  readonly addresses: Addresses;
  readonly activate: Activation;
  readonly faces: Map<Face, BoundFace>;
}

interface BoundFace {
  readonly views: Views;
  /** Of the inputs that were put there last; undefined where those have to be looked at each time. */
  forms: ReturnType<typeof formsOf>;
}

/** The bindings of one routine; its steps have the arguments of the current one. */
interface Bindings {
  readonly byDims: Map<string, Binding>;
  current: Binding;
}

/** Bindings of a routine kept for dimensions that may come back. */
const MAX_BINDINGS = 16;

const NO_ARRAY = new Float32Array(0);

/** What of the target runs. */
interface Engine {
  readonly target: TargetName;
  readonly simd: SimdVariant | undefined;
  readonly tile: number;
}

/**
 * Each routine of the program is bound by itself: what was put in place for one stays bound while others run. But they use
 * the same memory for what is not kept, so that inputs and outputs of one are lost when another runs. Kept buffers are lost
 * when a routine that touches them is bound to dimensions that place them elsewhere, and only then.
 */
export class Session {
  readonly program: Program;
  readonly targetProgram: TargetProgram;
  readonly target: TargetName;
  readonly simd: SimdVariant | undefined;
  /** The name of the register tile; undefined where the program has none. */
  readonly tile: string | undefined;
  readonly threads: number;
  readonly #tile: number;
  readonly #persistent: Addresses;
  /** The persistent buffers and, from when a routine touches them, the kept ones: arenas lie above. */
  #below: Addresses;
  readonly #bindings = new Map<Routine, Bindings>();
  /** Buffers of which outputs were views. */
  readonly #memories = new WeakSet<ArrayBufferLike>();
  /** Where the arrays of a repeated run are while they are checked. */
  readonly #arrays: InputArray[] = [];
  #device: Device | undefined;
  /** Of the last `put`. */
  #running: Routine | undefined;
  /** What was put in place last; its routine is still bound as it was then. */
  #last: { readonly face: Face; readonly bound: BoundFace } | undefined;

  constructor(
    program: Program,
    targetProgram: TargetProgram,
    { target, simd, tile }: Engine,
    device: Device,
    persistent: Addresses,
  ) {
    this.program = program;
    this.targetProgram = targetProgram;
    this.target = target;
    this.simd = simd;
    this.tile = targetProgram.tiles && tileName(targetProgram.tiles.candidates[tile]!);
    this.threads = device.threads;
    this.#tile = tile;
    this.#persistent = persistent;
    this.#below = persistent;
    this.#device = device;
  }

  /** Throws HeddleError 'disposed'. */
  get device(): Device {
    if (this.#device) return this.#device;
    throw new HeddleError('disposed', `the model ${this.program.name} has been disposed`);
  }

  /** Binds the dimensions that the inputs tell, and puts these in place. Throws HeddleError. */
  put(face: Face, inputs: Inputs, { dims, outputs }: RunOptions): Views {
    const views = this.#putRepeated(face, inputs, dims, outputs) ?? this.#put(face, inputs, dims, outputs);
    this.#running = face.routine;
    this.#device?.counter?.reset();
    return views;
  }

  /** Since the last `put`; undefined where its routine counts nothing, and behind `dispose`. */
  get multiplyAdds(): MultiplyAdds | undefined {
    const { dense } = this.#running ?? {};
    const dims = this.#running && this.#bindings.get(this.#running)?.current.dims;
    const counter = this.#device?.counter;
    return counter && dims && dense !== undefined
      ? { executed: counter.read(), dense: evaluateSize(dense, dims) }
      : undefined;
  }

  /** The tensors of a face with the dimensions of its routine's last `put`. Throws HeddleError 'program-malformed'. */
  views(face: Face): Views {
    return this.#boundFace(this.#currentOf(face), face).views;
  }

  /** The value of a size with the dimensions of the last `put` of a face's routine. */
  valueOf(face: Face, size: SizeExpr): number {
    return evaluateSize(size, this.#currentOf(face).dims);
  }

  /**
   * A weight where the steps read and write it: valid until a `put` binds other dimensions. Not for one of which only what
   * was made of it at load is kept.
   */
  weight({ dtype, shape, buffer, at = 0 }: WeightSpec): ElementView {
    if (this.targetProgram.buffers[buffer]!.kind !== 'persistent') throw new Error('internal: the weight is not kept');
    const address = this.#persistent.byBuffer[buffer]! + 4 * at;
    return new VIEWS[dtype](this.device.memory as ArrayBuffer, address, elementCount(shape));
  }

  dispose(): void {
    this.#device?.dispose();
    this.#device = undefined;
    this.#last = undefined;
    this.#bindings.clear();
  }

  #currentOf({ routine }: Face): Binding {
    const bindings = this.#bindings.get(routine);
    if (bindings) return bindings.current;
    throw new Error(`internal: the routine ${routine.name} has not been bound`);
  }

  #put(face: Face, inputs: Inputs, chosen: RunOptions['dims'], receivers: RunOptions['outputs']): Views {
    let given = readInputs(face.inputs, inputs);
    const dims = bindDims(this.program.dims, given, chosen);
    // An earlier output given as input would be overwritten, or detached, before it is read.
    if (given.some(({ data }) => this.#isInMemory(data))) given = given.map(copied);
    const bound = this.#boundFace(this.#bind(face.routine, dims), face);
    const { views } = bound;
    checkReceivers(face.outputs, views.outputs, receivers);
    given.forEach(({ data }, at) => views.inputs[at]!.set(data as readonly number[]));
    bound.forms = chosen === undefined ? formsOf(given) : undefined;
    this.#last = { face, bound };
    return views;
  }

  /** The same where the inputs are like those that were put there before; otherwise does nothing. */
  #putRepeated(
    face: Face,
    inputs: Inputs,
    chosen: RunOptions['dims'],
    receivers: RunOptions['outputs'],
  ): Views | undefined {
    const last = this.#last;
    const { forms, views } =
      (last?.face === face ? last.bound : this.#bindings.get(face.routine)?.current.faces.get(face)) ?? {};
    if (!forms || !views || chosen !== undefined || views.memory !== this.device.memory) return undefined;
    const arrays = this.#arrays;
    if (!readRepeated(forms, inputs, arrays)) return undefined;
    const count = forms.length;
    for (let at = 0; at < count; at++) if (this.#isInMemory(arrays[at]!)) return undefined;
    checkReceivers(face.outputs, views.outputs, receivers);
    for (let at = 0; at < count; at++) {
      views.inputs[at]!.set(arrays[at]!);
      // What the caller gave is not kept alive.
      arrays[at] = NO_ARRAY;
    }
    return views;
  }

  /** Makes `dims` the current binding of a routine; does nothing when it is. */
  #bind(routine: Routine, dims: Dims): Binding {
    const known = this.#bindings.get(routine);
    if (known && sameDims(known.current.dims, dims)) return known.current;
    this.#last = undefined;
    if (touchesKept(this.targetProgram, routine)) this.#placeKept(routine, dims);
    const byDims = this.#bindings.get(routine)?.byDims ?? new Map<string, Binding>();
    const key = this.program.dims.map(({ name }) => dims.get(name)).join();
    const current = byDims.get(key) ?? this.#makeBinding(routine, dims);
    this.device.reserve(current.addresses.end);
    byDims.delete(key);
    byDims.set(key, current);
    if (byDims.size > MAX_BINDINGS) byDims.delete(byDims.keys().next().value!);
    current.activate();
    this.#bindings.set(routine, { byDims, current });
    return current;
  }

  /** Where that moves kept buffers, nothing above is where it was. */
  #placeKept(routine: Routine, dims: Dims): void {
    const { byBuffer, end } = this.#below;
    const placed = placedAt(this.program, routine, dims, () => placeKept(this.targetProgram, this.#persistent, dims));
    if (placed.end === end && placed.byBuffer.every((address, at) => address === byBuffer[at])) return;
    this.#below = placed;
    this.#bindings.clear();
  }

  #makeBinding(routine: Routine, dims: Dims): Binding {
    const { device, targetProgram } = this;
    const addresses = placedAt(this.program, routine, dims, () =>
      placeArena(targetProgram, routine, this.#below, dims),
    );
    device.reserve(addresses.end);
    const activate = device.prepare(routine, addresses.byBuffer, { dims, tile: this.#tile });
    return { dims, addresses, activate, faces: new Map() };
  }

  /** Made anew when the memory has moved. */
  #boundFace(binding: Binding, face: Face): BoundFace {
    const found = binding.faces.get(face);
    if (found && found.views.memory === this.device.memory) return found;
    const made: BoundFace = { views: this.#makeViews(binding, face), forms: undefined };
    binding.faces.set(face, made);
    return made;
  }

  /** Shared memory has another buffer after it has grown, and the earlier ones are still views of it. */
  #isInMemory(data: GivenTensor['data']): boolean {
    return ArrayBuffer.isView(data) && this.#memories.has(data.buffer);
  }

  #makeViews({ dims, addresses }: Binding, face: Face): Views {
    const { memory } = this.device;
    this.#memories.add(memory);
    const bools: { from: Int32Array; to: Uint8Array }[] = [];
    const view = ({ name, dtype, shape, buffer }: TensorSpec): ElementView => {
      const length = evaluateSize(['*', 1, ...shape], dims);
      if (length !== evaluateSize(this.targetProgram.buffers[buffer]!.size, dims))
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
    const outputs = Object.fromEntries(face.outputs.map((spec) => [spec.name, output(spec)]));
    return { memory, inputs: face.inputs.map(view), outputs, bools };
  }
}

/** The outputs of a run that is done. */
export function collect({ outputs, bools }: Views): Outputs {
  for (const { from, to } of bools) to.set(from);
  return outputs;
}

function copied(given: GivenTensor): GivenTensor {
  return { ...given, data: given.data.slice() };
}
