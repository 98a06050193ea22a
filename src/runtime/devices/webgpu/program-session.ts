/**
 * A program on a GPU. A run of a routine is one submission: what the caller gave is uploaded before it, and the outputs are
 * read back at its end, all at once.
 */
import { arenaOf, touchesKept } from '../../../program/memory.ts';
import type { Program, Routine, TargetProgram, TensorSpec, WeightSpec } from '../../../program/program.ts';
import { elementCount } from '../../../program/safetensors.ts';
import { evaluateSize, type Dims } from '../../../program/size.ts';
import { BoundSession, type Binding } from '../../bound-session.ts';
import { placedAt } from '../../dims.ts';
import { HeddleError, isLoss } from '../../errors.ts';
import type { GpuSessionFactory, StepTimes } from '../../model.ts';
import type { DeviceTensors, ElementView, Face, ReadWeight, Session } from '../../session.ts';
import { VIEWS } from '../../tensors.ts';
import { MAP_READ, type CommandEncoder, type GpuBuffer } from './api.ts';
import { BufferPool, checkBytes, createTensorBuffer, isBoundWhole, type Place } from './buffers.ts';
import { deviceBytes } from './halves.ts';
import { loadProgram, type LoadedProgram } from './loaded-program.ts';
import { reloaderOf, type Reload } from './lost.ts';
import { readStretches, type Stretch } from './read-back.ts';
import { bytesIn, freeResources, makeResources, withSize, type Resources, type Tenant } from './resources.ts';
import { timeSteps } from './timestamps.ts';

/** Loads a program whose parts have been checked. Rejects with HeddleError, or with the signal's reason. */
export const createGpuSession: GpuSessionFactory = async (parts, checked): Promise<Session> => {
  const { targetProgram } = checked;
  const reload = reloaderOf(parts, targetProgram);
  return new GpuProgramSession(parts.program, targetProgram, await loadProgram(parts, checked), reload);
};

interface GpuBinding extends Binding {
  readonly routine: Routine;
  /** Inputs and outputs on this side, by buffer. */
  readonly arrays: Map<number, ElementView>;
  /** What is on the device; undefined before the first run, and when others needed the memory. */
  resources: Resources | undefined;
}

export class GpuProgramSession extends BoundSession<GpuBinding> {
  readonly target = 'webgpu';
  readonly simd = undefined;
  readonly tile = undefined;
  readonly threads = 1;
  readonly runsWhole = true;
  protected override readonly takesBuffers = true;
  readonly #reload: Reload;
  #loaded: LoadedProgram;
  #pool: BufferPool;
  /** Buffers that tell how many workgroups are dispatched. */
  readonly #indirect: ReadonlySet<number>;
  /** Bytes of the kept buffers, by number. */
  #keptBytes: ReadonlyMap<number, number> = new Map();
  readonly #kept = new Map<number, Place>();
  /** The bindings that have resources, in the order of their last runs. */
  readonly #resident = new Set<GpuBinding>();
  #executed: number | undefined;
  #losses = 0;

  constructor(program: Program, targetProgram: TargetProgram, loaded: LoadedProgram, reload: Reload) {
    super(program, targetProgram);
    this.#reload = reload;
    this.#loaded = loaded;
    this.#pool = new BufferPool(loaded.device);
    this.#indirect = new Set(targetProgram.steps.flatMap(({ indirect }) => indirect ?? []));
  }

  runSteps(): void {
    throw new HeddleError(
      'unsupported',
      'a GPU cannot be waited for: use what answers with a promise, `run` or `step`, in place of `runSync` or `stepSync`',
    );
  }

  readonly runElsewhere = async (first: number, last: number): Promise<void> => {
    const face = this.running;
    const binding = this.currentOf(face);
    const run = (): Promise<void> => this.#using(binding, () => this.#submit(binding, face, first, last));
    try {
      await run();
    } catch (error) {
      if (!this.#canRepeat(error, face)) throw this.buffers.length > 0 ? asOfBuffers(error) : error;
      if (isLoss(error)) await this.revive();
      else this.#releaseAll();
      await run();
    }
    this.check();
    this.#readOutputs(binding, face);
  };

  get losses(): number {
    return this.#losses;
  }

  readonly revive = async (): Promise<void> => {
    this.#releaseAll();
    this.#loseKept();
    const loaded = await this.#reload();
    if (this.isDisposed) loaded.session.close();
    this.check();
    this.#loaded.session.close();
    this.#loaded = loaded;
    this.#pool = new BufferPool(loaded.device);
  };

  readonly timeSteps = async (first: number, last: number): Promise<StepTimes> => {
    const face = this.running;
    const binding = this.currentOf(face);
    const from = first - face.routine.first;
    const timed = (isSplit: boolean): Promise<readonly number[]> =>
      this.#using(binding, () => {
        const { places, steps } = this.#resourcesOf(binding);
        return timeSteps(this.#loaded.device, steps, { from, to: from + last - first, isSplit }, (encoder) =>
          this.#upload(encoder, binding, face, places),
        );
      });
    const steps = await timed(true);
    const [whole = 0] = await timed(false);
    return { steps, whole };
  };

  leftOn(face: Face): DeviceTensors {
    this.check();
    const { left = [] } = face;
    const { resources, dims } = this.currentOf(face);
    return Object.fromEntries(
      left.map(({ name, shape, buffer }) => {
        const tensor = { buffer: resources!.left.get(buffer)!, shape: shape.map((size) => evaluateSize(size, dims)) };
        return [name, tensor];
      }),
    );
  }

  async readWeights<T>(weights: readonly WeightSpec[], use: (read: ReadWeight) => T): Promise<T> {
    this.check();
    const found = await readStretches(
      this.#loaded.session,
      weights.map((weight) => this.#stretchOf(weight)),
    );
    const arrays = new Map(
      weights.map((weight, at) => [weight, new VIEWS[weight.dtype](found[at]!.buffer as ArrayBuffer)]),
    );
    return use((weight) => arrays.get(weight)!);
  }

  async writeWeights(weights: readonly WeightSpec[], values: readonly ElementView[]): Promise<void> {
    this.check();
    const { session, device } = this.#loaded;
    await session.checked(() =>
      weights.forEach((weight, number) => {
        const { buffer, at } = this.#stretchOf(weight);
        device.queue.writeBuffer(buffer, at, values[number]!);
      }),
    );
  }

  protected get memory(): undefined {
    return undefined;
  }

  protected get executed(): number | undefined {
    return this.#executed;
  }

  protected beginCounting(): void {
    this.#executed = undefined;
  }

  protected placeKept(routine: Routine, dims: Dims): boolean {
    const { buffers } = this.targetProgram;
    const numbers = buffers.flatMap(({ kind }, number) => (kind === 'kept' ? [number] : []));
    const bytes = placedAt(
      this.program,
      routine,
      dims,
      () => new Map(numbers.map((number) => [number, deviceBytes(this.#loaded.device, buffers[number]!, dims)])),
    );
    if (numbers.every((number) => this.#keptBytes.get(number) === bytes.get(number))) return false;
    for (const [number, size] of bytes) checkBytes(this.#loaded.device, size, isBoundWhole(buffers[number]!));
    this.#dropKept();
    this.#keptBytes = bytes;
    return true;
  }

  protected makeBinding(routine: Routine, dims: Dims): GpuBinding {
    const { buffers } = this.targetProgram;
    const arena = placedAt(this.program, routine, dims, () => this.#arenaOf(routine, dims));
    for (const { number, bytes } of arena) checkBytes(this.#loaded.device, bytes, isBoundWhole(buffers[number]!));
    return { dims, faces: new Map(), routine, arrays: new Map(), resources: undefined };
  }

  protected activate(): void {
    // The resources of a binding are its own.
  }

  protected release(binding: GpuBinding): void {
    const { resources } = binding;
    if (!resources) return;
    binding.resources = undefined;
    this.#resident.delete(binding);
    freeResources(resources);
  }

  protected elements({ arrays }: GpuBinding, { dtype, buffer }: TensorSpec, length: number): ElementView {
    const known = arrays.get(buffer);
    if (known) return known;
    const made = new VIEWS[dtype](length);
    arrays.set(buffer, made);
    return made;
  }

  protected free(): void {
    this.#dropKept();
    for (const place of this.#loaded.places) place?.buffer.destroy();
    this.#loaded.session.close();
  }

  /** Uses the device for a binding. Rejects with HeddleError; then nothing of it is left on the device. */
  async #using<T>(binding: GpuBinding, use: () => T): Promise<Awaited<T>> {
    try {
      return await this.#loaded.session.checked(use);
    } catch (error) {
      const bytes = binding.resources && bytesIn(binding.resources);
      // Whatever state its buffers are in.
      this.release(binding);
      if (touchesKept(this.targetProgram, binding.routine)) this.#loseKept();
      throw bytes === undefined ? error : withSize(error, bytes);
    }
  }

  /** Where what was lost can be had again, and where others have the memory that is lacking. */
  #canRepeat(error: unknown, { routine }: Face): boolean {
    if (touchesKept(this.targetProgram, routine)) return false;
    if (isLoss(error)) return this.program.training === undefined && this.buffers.length === 0;
    return error instanceof HeddleError && error.code === 'memory' && this.#resident.size > 0;
  }

  #releaseAll(): void {
    for (const binding of this.#resident) this.release(binding);
  }

  /** Bindings know where kept buffers are. */
  #loseKept(): void {
    for (const binding of this.#resident) if (touchesKept(this.targetProgram, binding.routine)) this.release(binding);
    this.#dropKept();
    this.#losses++;
  }

  #dropKept(): void {
    for (const { buffer } of this.#kept.values()) buffer.destroy();
    this.#kept.clear();
  }

  #stretchOf({ dtype, shape, buffer, at = 0 }: WeightSpec): Stretch {
    const place = this.#loaded.places[buffer];
    if (!place || this.targetProgram.buffers[buffer]!.kind !== 'persistent')
      throw new Error('internal: the weight is not kept');
    const { BYTES_PER_ELEMENT } = VIEWS[dtype];
    return {
      buffer: place.buffer,
      at: place.offset + BYTES_PER_ELEMENT * at,
      bytes: BYTES_PER_ELEMENT * elementCount(shape),
    };
  }

  /** Answers when the outputs can be read. Throws HeddleError 'memory'. */
  #submit(binding: GpuBinding, face: Face, first: number, last: number): Promise<void> | undefined {
    const { device } = this.#loaded;
    const { routine } = face;
    const resources = this.#resourcesOf(binding);
    const { places, steps, readBack } = resources;
    const encoder = device.createCommandEncoder();
    this.#upload(encoder, binding, face, places);
    steps.encode(encoder, first - routine.first, last - routine.first);
    this.#leaveOutputs(encoder, resources, face);
    const bytes = this.#copyOutputs(encoder, places, face, readBack);
    device.queue.submit([encoder.finish()]);
    return bytes > 0 ? readBack.mapAsync(MAP_READ, 0, bytes) : undefined;
  }

  /** What the caller gave: arrays before all that is encoded, and copies of buffers of the device. */
  #upload(encoder: CommandEncoder, { arrays }: GpuBinding, { routine }: Face, places: Resources['places']): void {
    for (const { buffer: number } of routine.inputs) {
      const { buffer, offset, bytes } = places[number]!;
      const given = this.buffers.find(({ spec }) => spec.buffer === number);
      const array = arrays.get(number);
      if (bytes === 0) continue;
      if (given) encoder.copyBufferToBuffer(given.buffer, 0, buffer, offset, bytes);
      else if (array) this.#loaded.device.queue.writeBuffer(buffer, offset, array);
    }
  }

  /** Copies of what later runs may overwrite, or be given. */
  #leaveOutputs(encoder: CommandEncoder, { places, left: copies }: Resources, { left = [] }: Face): void {
    for (const { buffer: number } of left) {
      const { buffer, offset, bytes } = places[number]!;
      const copy = copies.get(number) ?? createTensorBuffer(this.#loaded.device, bytes);
      copies.set(number, copy);
      if (bytes > 0) encoder.copyBufferToBuffer(buffer, offset, copy, 0, bytes);
    }
  }

  /** Answers how many bytes they are. */
  #copyOutputs(
    encoder: CommandEncoder,
    places: Resources['places'],
    { routine, outputs }: Face,
    readBack: GpuBuffer,
  ): number {
    let end = 0;
    const copy = (number: number, at: number, bytes: number): void => {
      const { buffer, offset } = places[number]!;
      if (bytes > 0) encoder.copyBufferToBuffer(buffer, offset + at, readBack, end, bytes);
      end += bytes;
    };
    for (const { buffer } of outputs) copy(buffer, 0, places[buffer]!.bytes);
    for (const { buffer, at } of routine.executed ?? []) copy(buffer, 4 * at, 4);
    return end;
  }

  #readOutputs({ resources, arrays, dims }: GpuBinding, { routine, outputs }: Face): void {
    const { places, readBack } = resources!;
    const { executed } = routine;
    const bytes = outputs.reduce((sum, { buffer }) => sum + places[buffer]!.bytes, 4 * (executed?.length ?? 0));
    if (bytes === 0) return;
    const mapped = readBack.getMappedRange(0, bytes);
    let end = 0;
    for (const { dtype, buffer } of outputs) {
      const { bytes } = places[buffer]!;
      arrays.get(buffer)!.set(new VIEWS[dtype](mapped, end, bytes / 4));
      end += bytes;
    }
    if (executed) {
      const words = new Uint32Array(mapped, end);
      this.#executed = executed.reduce((sum, { times }, at) => sum + words[at]! * evaluateSize(times, dims), 0);
    }
    readBack.unmap();
  }

  #resourcesOf(binding: GpuBinding): Resources {
    const resources = binding.resources ?? this.#makeResources(binding);
    binding.resources = resources;
    this.#resident.delete(binding);
    this.#resident.add(binding);
    this.#makeRoom(binding);
    return resources;
  }

  /** With their sizes on the device that there is now: another may store halves, or not. */
  #arenaOf(routine: Routine, dims: Dims): readonly Tenant[] {
    const { buffers } = this.targetProgram;
    return arenaOf(this.targetProgram, routine).map((number) => {
      const { first, last } = buffers[number]!;
      return { number, bytes: deviceBytes(this.#loaded.device, buffers[number]!, dims), first, last };
    });
  }

  #makeResources({ routine, dims }: GpuBinding): Resources {
    return makeResources(this.#loaded, this.#pool, {
      routine,
      specs: this.targetProgram.buffers,
      steps: this.targetProgram.steps.slice(routine.first, routine.last),
      dims,
      arena: this.#arenaOf(routine, dims),
      indirect: this.#indirect,
      kept: new Map([...this.#keptBytes].map(([number, bytes]) => [number, this.#keptPlace(number, bytes)])),
    });
  }

  #keptPlace(number: number, bytes: number): Place {
    const known = this.#kept.get(number) ?? {
      buffer: createTensorBuffer(this.#loaded.device, bytes),
      offset: 0,
      bytes,
    };
    this.#kept.set(number, known);
    return known;
  }

  /**
   * Frees bindings that have not run for longest, until all of them together have no more than twice the memory that the
   * largest of them needs.
   */
  #makeRoom(current: GpuBinding): void {
    const needs = [...this.#resident].map(({ resources }) => resources!.lease.bytes);
    const most = 2 * Math.max(LEAST_ROOM, ...needs);
    for (const binding of this.#resident) {
      if (binding === current || this.#pool.bytes <= most) return;
      this.release(binding);
    }
  }
}

/** A GPUBuffer does not tell its device, nor whether it was destroyed: the run does. */
function asOfBuffers(error: unknown): unknown {
  if (!(error instanceof HeddleError) || error.code !== 'internal') return error;
  const question = "are the buffers of the inputs on the model's device, and not destroyed?";
  return new HeddleError('input-dtype', `${question} ${error.message}`, { cause: error });
}

/** Bytes that are nothing to a GPU. */
const LEAST_ROOM = 2 ** 24;
