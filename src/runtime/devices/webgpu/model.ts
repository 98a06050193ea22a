/** A loaded program on a GPU. Each run is one submission, and its results are read back at the end. */
import { givenInputs } from '../../../program/training.ts';
import { scheduleLoad } from '../../../program/loading.ts';
import { arenaOf } from '../../../program/memory.ts';
import type { GpuProgram, Program, Routine, Step, TargetProgram } from '../../../program/program.ts';
import { evaluateSize, type Dims } from '../../../program/size.ts';
import { bindDims, placedAt, sameDims } from '../../dims.ts';
import { HeddleError } from '../../errors.ts';
import { readInputs, type GivenTensor } from '../../inputs.ts';
import type { Inputs, Model, ModelParts, OutputData, Outputs, RunOptions } from '../../model.ts';
import { checkOptions } from '../../options.ts';
import { SeededInputs } from '../../random-key.ts';
import { checkReceivers, delivered } from '../../outputs.ts';
import { modelRoutine } from '../../routine.ts';
import { tensorInfo, VIEWS, type TensorInfo } from '../../tensors.ts';
import type { WeightStream } from '../../weight-stream.ts';
import { followSchedule, type LoadActions, type LoadWatch } from '../../weights.ts';
import { MAP_READ, USAGE, type GpuBuffer } from './api.ts';
import { assignSlots, createTensorBuffer, type Place } from './buffers.ts';
import { createPipelines, type GpuPipeline } from './pipelines.ts';
import { GpuSession } from './session.ts';
import { BoundSteps } from './steps.ts';

const NO_DIMS: Dims = new Map();

/** What a program is on a device once it is loaded. */
interface Loaded {
  readonly session: GpuSession;
  readonly pipelines: readonly GpuPipeline[];
  /** Of persistent buffers; the others have none. */
  readonly places: readonly (Place | undefined)[];
}

/** Loads a program whose weights have been checked. Rejects with HeddleError, or with the signal's reason. */
export async function createGpuModel(parts: ModelParts, target: TargetProgram, weights: WeightStream): Promise<Model> {
  const { gpu } = target;
  if (!gpu || target.steps.some((step) => !step.grid))
    throw new HeddleError('program-malformed', 'the program does not say how its kernels are dispatched');
  const session = await GpuSession.open(parts.gpu);
  try {
    const modules = modulesOf(parts.kernels, gpu);
    const pipelines = await session.checked(() => createPipelines(session.device, gpu, modules));
    const places = await loadGpuWeights({ session, gpu, pipelines }, target, weights, parts);
    return new GpuModel(parts.program, target, gpu, { session, pipelines, places });
  } catch (error) {
    session.close();
    throw error;
  }
}

/** The text of a module for each kernel. Throws HeddleError 'program-malformed'. */
function modulesOf(kernels: ModelParts['kernels'], gpu: GpuProgram): readonly string[] {
  const { length } = gpu.kernels;
  if (Array.isArray(kernels) && kernels.length === length && kernels.every((module) => typeof module === 'string'))
    return kernels;
  throw new HeddleError('program-malformed', `the shaders are not a list of the program's ${length} kernels`);
}

/** Fills the persistent buffers; what only loading needs is created when it is first used, and freed after the last. */
async function loadGpuWeights(
  { session, gpu, pipelines }: Omit<Loaded, 'places'> & { readonly gpu: GpuProgram },
  target: TargetProgram,
  weights: WeightStream,
  watch: LoadWatch,
): Promise<readonly (Place | undefined)[]> {
  const { device } = session;
  const places: (Place | undefined)[] = target.buffers.map(() => undefined);
  const create = (number: number): Place => {
    const bytes = 4 * (target.buffers[number]!.size as number);
    return (places[number] ??= { buffer: createTensorBuffer(device, bytes), bytes });
  };
  const schedule = scheduleLoad(target, weights.tensors.keys());
  const actions: LoadActions = {
    write: ({ buffer }, offset, values) =>
      session.checked(() => device.queue.writeBuffer(create(buffer).buffer, offset, values)),
    run: (step, moment) =>
      session.checked(() => {
        const { buffers } = target.loadSteps[step]!;
        buffers.forEach(create);
        submitOnce(session, gpu, pipelines, target.loadSteps[step]!, places);
        for (const buffer of new Set(buffers)) {
          if (schedule.lives.get(buffer)?.last === moment) places[buffer]!.buffer.destroy();
        }
      }),
  };
  await session.checked(() =>
    target.buffers.forEach(({ kind }, number) => {
      if (kind === 'persistent') create(number);
    }),
  );
  await followSchedule(schedule, weights, watch, actions);
  return places;
}

function submitOnce(
  { device }: GpuSession,
  gpu: GpuProgram,
  pipelines: readonly GpuPipeline[],
  step: Step,
  places: readonly (Place | undefined)[],
): void {
  const bound = BoundSteps.bind(device, gpu, pipelines, { steps: [step], places: places as Place[], dims: NO_DIMS });
  const encoder = device.createCommandEncoder();
  bound.encode(encoder);
  device.queue.submit([encoder.finish()]);
  bound.destroy();
}

/** Everything that depends on the dimensions' values. */
interface Binding {
  readonly dims: Dims;
  readonly places: readonly Place[];
  readonly steps: BoundSteps;
  /** What is freed with the binding. */
  readonly buffers: readonly GpuBuffer[];
  /** Holds all outputs, one after the other, for the caller to read. */
  readonly readBack: GpuBuffer;
  readonly outputs: Outputs;
}

class GpuModel implements Model {
  readonly name: string;
  readonly target = 'webgpu';
  readonly threads = 1;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #program: Program;
  readonly #targetProgram: TargetProgram;
  readonly #routine: Routine;
  readonly #gpu: GpuProgram;
  readonly #loaded: Loaded;
  readonly #seeded: SeededInputs;
  #isDisposed = false;
  #isRunning = false;
  #binding: Binding | undefined;

  constructor(program: Program, targetProgram: TargetProgram, gpu: GpuProgram, loaded: Loaded) {
    this.name = program.name;
    this.#routine = modelRoutine(targetProgram);
    this.inputs = givenInputs(this.#routine.inputs).map(tensorInfo);
    this.outputs = this.#routine.outputs.map(tensorInfo);
    this.#program = program;
    this.#targetProgram = targetProgram;
    this.#gpu = gpu;
    this.#loaded = loaded;
    this.#seeded = new SeededInputs(this.#routine.inputs);
  }

  async run(inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    if (this.#isDisposed) throw new HeddleError('disposed', `the model ${this.name} has been disposed`);
    if (this.#isRunning)
      throw new HeddleError('busy', `the model ${this.name} is still running; await each run before the next`);
    checkOptions('run', options);
    const given = readInputs(this.#routine.inputs, this.#seeded.complete(inputs, options.seed));
    const dims = bindDims(this.#program.dims, given, options.dims);
    this.#isRunning = true;
    try {
      // The inputs are copied before the first wait: the caller may go on to change its arrays.
      return await this.#run(given.map(wordsOf), dims, options);
    } finally {
      this.#isRunning = false;
    }
  }

  runSync(): Outputs {
    throw new HeddleError('unsupported', 'a GPU cannot be waited for; use run in place of runSync');
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#binding = undefined;
    this.#loaded.session.close();
  }

  async #run(inputs: readonly ArrayBufferView[], dims: Dims, options: RunOptions): Promise<Outputs> {
    const { session } = this.#loaded;
    const binding = await this.#bind(dims);
    checkReceivers(this.#routine.outputs, binding.outputs, options.outputs);
    await session.checked(() => {
      const { device } = session;
      this.#routine.inputs.forEach(({ buffer }, at) =>
        device.queue.writeBuffer(binding.places[buffer]!.buffer, 0, inputs[at]!),
      );
      const encoder = device.createCommandEncoder();
      binding.steps.encode(encoder);
      let end = 0;
      for (const { buffer: number } of this.#routine.outputs) {
        const { buffer, bytes } = binding.places[number]!;
        encoder.copyBufferToBuffer(buffer, 0, binding.readBack, end, bytes);
        end += bytes;
      }
      device.queue.submit([encoder.finish()]);
      return binding.readBack.mapAsync(MAP_READ);
    });
    this.#readOutputs(binding);
    return options.outputs ? delivered(binding.outputs, options.outputs) : binding.outputs;
  }

  #readOutputs({ readBack, places, outputs }: Binding): void {
    const mapped = readBack.getMappedRange();
    let end = 0;
    for (const { name, dtype, buffer } of this.#routine.outputs) {
      const { bytes } = places[buffer]!;
      (outputs[name]!.data as Float32Array).set(new VIEWS[dtype](mapped, end, bytes / 4));
      end += bytes;
    }
    readBack.unmap();
  }

  /** The binding for these dimensions, in place of one for others. */
  async #bind(dims: Dims): Promise<Binding> {
    if (this.#binding && sameDims(this.#binding.dims, dims)) return this.#binding;
    if (this.#binding) free(this.#binding);
    this.#binding = undefined;
    const binding = await this.#loaded.session.checked(() => this.#makeBinding(dims));
    this.#binding = binding;
    return binding;
  }

  #makeBinding(dims: Dims): Binding {
    const { session, pipelines, places: persistent } = this.#loaded;
    const { device } = session;
    const buffers: GpuBuffer[] = [];
    const places = persistent.slice();
    const arena = this.#arena(dims);
    const slots = assignSlots(arena);
    for (const bytes of slots.bytes) buffers.push(createTensorBuffer(device, bytes));
    arena.forEach(({ number, bytes }, at) => {
      places[number] = { buffer: buffers[slots.slotOf[at]!]!, bytes };
    });
    const { first, last } = this.#routine;
    const bound = { dims, places: places as Place[], steps: this.#targetProgram.steps.slice(first, last) };
    const steps = BoundSteps.bind(device, this.#gpu, pipelines, bound);
    const size = this.#routine.outputs.reduce((sum, { buffer }) => sum + places[buffer]!.bytes, 0);
    const readBack = device.createBuffer({ size: Math.max(4, size), usage: USAGE.mapRead | USAGE.copyTarget });
    return { ...bound, steps, buffers, readBack, outputs: this.#outputs(dims) };
  }

  /** The buffers of a run with their sizes. Throws HeddleError 'dimension'. */
  #arena(dims: Dims): { number: number; bytes: number; first: number; last: number }[] {
    return placedAt(this.#program, this.#routine, dims, () =>
      arenaOf(this.#targetProgram, this.#routine).map((number) => {
        const { size, first, last } = this.#targetProgram.buffers[number]!;
        const elements = evaluateSize(size, dims);
        if (elements < 0) throw new RangeError(`these dimensions give a buffer of ${elements} elements`);
        return { number, bytes: 4 * elements, first, last };
      }),
    );
  }

  #outputs(dims: Dims): Outputs {
    return Object.fromEntries(
      this.#routine.outputs.map(({ name, dtype, shape: sizes }) => {
        const shape = sizes.map((size) => evaluateSize(size, dims));
        const length = shape.reduce((product, size) => product * size, 1);
        const data: OutputData = dtype === 'bool' ? new Uint8Array(length) : new VIEWS[dtype](length);
        return [name, { data, shape }];
      }),
    );
  }
}

/** A copy of an input as it lies in memory. */
function wordsOf({ spec, data }: GivenTensor): ArrayBufferView {
  return new VIEWS[spec.dtype](data as readonly number[]);
}

function free({ steps, buffers, readBack }: Binding): void {
  steps.destroy();
  [...buffers, readBack].forEach((buffer) => buffer.destroy());
}
