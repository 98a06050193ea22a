/** What every session does: it binds routines to dimensions, and puts inputs in place. */
import { touchesKept } from '../program/memory.ts';
import type {
  Program,
  Routine,
  SimdVariant,
  TargetName,
  TargetProgram,
  TensorSpec,
  WeightSpec,
} from '../program/program.ts';
import { evaluateSize, type Dims, type SizeExpr } from '../program/size.ts';
import { bindDims, sameDims } from './dims.ts';
import type { GpuBuffer } from './devices/webgpu/api.ts';
import { HeddleError } from './errors.ts';
import { readInputs, type GivenTensor } from './inputs.ts';
import type { Inputs, OutputTensor, RunOptions } from './model.ts';
import { checkReceivers } from './outputs.ts';
import { formsOf, readRepeated, type InputArray } from './repeated.ts';
import type { ElementView, Face, MultiplyAdds, ReadWeight, Session, Views } from './session.ts';

/** Everything of a routine that depends on the dimensions' values. */
export interface Binding {
  readonly dims: Dims;
  readonly faces: Map<Face, BoundFace>;
}

/** An input on the device. */
export interface GivenBuffer {
  readonly spec: TensorSpec;
  readonly buffer: GpuBuffer;
}

const NO_BUFFERS: readonly GivenBuffer[] = [];

export interface BoundFace {
  readonly views: Views;
  /** Of the inputs that were put there last; undefined where those have to be looked at each time. */
  forms: ReturnType<typeof formsOf>;
}

/** The bindings of one routine; its steps have the arguments of the current one. */
interface Bindings<B> {
  readonly byDims: Map<string, B>;
  current: B;
}

/** Bindings of a routine kept for dimensions that may come back. */
const MAX_BINDINGS = 16;

const NO_ARRAY = new Float32Array(0);

export abstract class BoundSession<B extends Binding> implements Session {
  readonly program: Program;
  readonly targetProgram: TargetProgram;
  abstract readonly target: TargetName;
  abstract readonly simd: SimdVariant | undefined;
  abstract readonly tile: string | undefined;
  abstract readonly threads: number;
  abstract readonly runsWhole: boolean;
  abstract readonly runElsewhere: ((first: number, last: number) => Promise<void>) | undefined;
  readonly #bindings = new Map<Routine, Bindings<B>>();
  /** Buffers of which outputs were views. */
  readonly #memories = new WeakSet<ArrayBufferLike>();
  /** Where the arrays of a repeated run are while they are checked. */
  readonly #arrays: InputArray[] = [];
  /** Inputs of the last `put` that lie on the device. */
  protected buffers: readonly GivenBuffer[] = NO_BUFFERS;
  /** Whether inputs may lie on the device. */
  protected readonly takesBuffers: boolean = false;
  protected isDisposed = false;
  /** Of the last `put`. */
  #running: Face | undefined;
  /** What was put in place last; its routine is still bound as it was then. */
  #last: { readonly face: Face; readonly bound: BoundFace } | undefined;

  constructor(program: Program, targetProgram: TargetProgram) {
    this.program = program;
    this.targetProgram = targetProgram;
  }

  abstract runSteps(first: number, last: number): void;
  abstract readWeights<T>(weights: readonly WeightSpec[], use: (read: ReadWeight) => T): Promise<T>;
  abstract writeWeights(weights: readonly WeightSpec[], values: readonly ElementView[]): Promise<void>;

  /** Where tensors lie; another object after it has grown. Undefined where each has an array. */
  protected abstract readonly memory: ArrayBufferLike | undefined;
  /** The multiply-adds since `beginCounting`; undefined where nothing counts them. */
  protected abstract readonly executed: number | undefined;
  protected abstract beginCounting(): void;
  /** Makes room for what is kept between runs. Answers whether that moved or lost what was there. Throws HeddleError. */
  protected abstract placeKept(routine: Routine, dims: Dims): boolean;
  /** Throws HeddleError. */
  protected abstract makeBinding(routine: Routine, dims: Dims): B;
  /** Has the steps of a routine run with this binding. Throws HeddleError 'memory'. */
  protected abstract activate(binding: B): void;
  /** Frees what belongs to a binding that is no longer used. */
  protected abstract release(binding: B): void;
  /** The elements of an input or output. */
  protected abstract elements(binding: B, tensor: TensorSpec, length: number): ElementView;
  protected abstract free(): void;

  check(): void {
    if (this.isDisposed) throw new HeddleError('disposed', `the model ${this.program.name} has been disposed`);
  }

  put(face: Face, inputs: Inputs, { dims, outputs }: RunOptions): Views {
    this.check();
    this.buffers = NO_BUFFERS;
    const views = this.#putRepeated(face, inputs, dims, outputs) ?? this.#put(face, inputs, dims, outputs);
    this.#running = face;
    this.beginCounting();
    return views;
  }

  get multiplyAdds(): MultiplyAdds | undefined {
    const routine = this.#running?.routine;
    const dims = routine && this.#bindings.get(routine)?.current.dims;
    const executed = dims && this.executed;
    return executed !== undefined && routine?.dense !== undefined
      ? { executed, dense: evaluateSize(routine.dense, dims!) }
      : undefined;
  }

  views(face: Face): Views {
    return this.#boundFace(this.currentOf(face), face).views;
  }

  valueOf(face: Face, size: SizeExpr): number {
    return evaluateSize(size, this.currentOf(face).dims);
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.#last = undefined;
    this.#running = undefined;
    this.forgetBindings();
    this.free();
  }

  /** What was put last. */
  protected get running(): Face {
    if (this.#running) return this.#running;
    throw new Error('internal: nothing has been put in place');
  }

  protected currentOf({ routine }: Face): B {
    const bindings = this.#bindings.get(routine);
    if (bindings) return bindings.current;
    throw new Error(`internal: the routine ${routine.name} has not been bound`);
  }

  protected forgetBindings(): void {
    for (const { byDims } of this.#bindings.values()) for (const binding of byDims.values()) this.release(binding);
    this.#bindings.clear();
    this.#last = undefined;
  }

  #put(face: Face, inputs: Inputs, chosen: RunOptions['dims'], receivers: RunOptions['outputs']): Views {
    let given = readInputs(face.inputs, inputs);
    const dims = bindDims(this.program.dims, given, chosen);
    // An earlier output given as input would be overwritten, or detached, before it is read.
    if (given.some(({ data }) => this.#isInMemory(data))) given = given.map(copied);
    const bound = this.#boundFace(this.#bind(face.routine, dims), face);
    const { views } = bound;
    checkReceivers(face, views.outputs, receivers);
    this.buffers = this.#buffersOf(given, views);
    given.forEach(({ data }, at) => views.inputs[at]!.set(data as readonly number[]));
    bound.forms = chosen === undefined ? formsOf(given) : undefined;
    this.#last = { face, bound };
    return views;
  }

  /** Throws HeddleError 'input-dtype' where none may lie on the device, and 'input-shape' for one that is too small. */
  #buffersOf(given: readonly GivenTensor[], { inputs }: Views): readonly GivenBuffer[] {
    return given.flatMap(({ spec, buffer }, at) => {
      if (!buffer) return [];
      if (!this.takesBuffers)
        throw new HeddleError(
          'input-dtype',
          `the input ${spec.name} is a GPUBuffer, which ${this.target} does not take`,
        );
      const needed = inputs[at]!.byteLength;
      if (buffer.size >= needed) return [{ spec, buffer }];
      const message = `the input ${spec.name} takes ${needed} bytes, and its buffer has ${buffer.size}`;
      throw new HeddleError('input-shape', message);
    });
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
    if (!forms || !views || chosen !== undefined || views.memory !== this.memory) return undefined;
    const arrays = this.#arrays;
    if (!readRepeated(forms, inputs, arrays)) return undefined;
    const count = forms.length;
    for (let at = 0; at < count; at++) if (this.#isInMemory(arrays[at]!)) return undefined;
    checkReceivers(face, views.outputs, receivers);
    for (let at = 0; at < count; at++) {
      views.inputs[at]!.set(arrays[at]!);
      // What the caller gave is not kept alive.
      arrays[at] = NO_ARRAY;
    }
    return views;
  }

  /** Makes `dims` the current binding of a routine; does nothing when it is. */
  #bind(routine: Routine, dims: Dims): B {
    const known = this.#bindings.get(routine);
    if (known && sameDims(known.current.dims, dims)) return known.current;
    this.#last = undefined;
    if (touchesKept(this.targetProgram, routine) && this.placeKept(routine, dims)) this.forgetBindings();
    const byDims = this.#bindings.get(routine)?.byDims ?? new Map<string, B>();
    const key = this.program.dims.map(({ name }) => dims.get(name)).join();
    const current = byDims.get(key) ?? this.makeBinding(routine, dims);
    this.activate(current);
    byDims.delete(key);
    byDims.set(key, current);
    this.#bindings.set(routine, { byDims, current });
    if (byDims.size > MAX_BINDINGS) {
      const [oldest, binding] = byDims.entries().next().value!;
      byDims.delete(oldest);
      this.release(binding);
    }
    return current;
  }

  /** Made anew when the memory has moved. */
  #boundFace(binding: B, face: Face): BoundFace {
    const found = binding.faces.get(face);
    if (found && found.views.memory === this.memory) return found;
    const made: BoundFace = { views: this.#makeViews(binding, face), forms: undefined };
    binding.faces.set(face, made);
    return made;
  }

  /** Shared memory has another buffer after it has grown, and the earlier ones are still views of it. */
  #isInMemory(data: GivenTensor['data']): boolean {
    return ArrayBuffer.isView(data) && this.#memories.has(data.buffer);
  }

  #makeViews(binding: B, face: Face): Views {
    const { memory } = this;
    const { dims } = binding;
    if (memory) this.#memories.add(memory);
    const bools: { from: Int32Array; to: Uint8Array }[] = [];
    const view = (tensor: TensorSpec): ElementView => {
      const { name, shape, buffer } = tensor;
      const length = evaluateSize(['*', 1, ...shape], dims);
      if (length !== evaluateSize(this.targetProgram.buffers[buffer]!.size, dims))
        throw new HeddleError('program-malformed', `the buffer of ${name} has not the size of its shape`);
      return this.elements(binding, tensor, length);
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

function copied(given: GivenTensor): GivenTensor {
  return { ...given, data: given.data.slice() };
}
