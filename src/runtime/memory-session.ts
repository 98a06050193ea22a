/** A program on wasm or js: all its tensors lie in one memory. */
import { placeArena, placeKept, placePersistent, type Addresses } from '../program/memory.ts';
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
import type { Dims } from '../program/size.ts';
import { BoundSession, type Binding } from './bound-session.ts';
import type { Activation, Device } from './devices/device.ts';
import { createJsDevice, type JsKernelFactory } from './devices/js.ts';
import type { WasmModule } from './devices/platform.ts';
import { chooseTile, tileName } from './devices/tiles.ts';
import { createWasmDevice } from './devices/wasm.ts';
import { placedAt } from './dims.ts';
import type { ModelParts } from './model.ts';
import { asHeddleError, checkParts, type ElementView, type ReadWeight } from './session.ts';
import { VIEWS } from './tensors.ts';
import { loadWeights } from './weights.ts';

/** Makes the device, puts the weights in place and runs the load steps. Rejects as `createModel` does. */
export async function openMemorySession(parts: ModelParts): Promise<MemorySession> {
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
  return new MemorySession(program, targetProgram, { target: parts.target, simd, tile: tile ?? 0 }, device, persistent);
}

/** What of the target runs. */
interface Engine {
  readonly target: TargetName;
  readonly simd: SimdVariant | undefined;
  readonly tile: number;
}

interface MemoryBinding extends Binding {
  readonly addresses: Addresses;
  readonly install: Activation;
}

export class MemorySession extends BoundSession<MemoryBinding> {
  readonly target: TargetName;
  readonly simd: SimdVariant | undefined;
  readonly tile: string | undefined;
  readonly threads: number;
  readonly runsWhole = false;
  readonly runElsewhere: ((first: number, last: number) => Promise<void>) | undefined;
  readonly #tile: number;
  readonly #persistent: Addresses;
  /** The persistent buffers and, from when a routine touches them, the kept ones: arenas lie above. */
  #below: Addresses;
  #device: Device | undefined;

  constructor(
    program: Program,
    targetProgram: TargetProgram,
    { target, simd, tile }: Engine,
    device: Device,
    persistent: Addresses,
  ) {
    super(program, targetProgram);
    this.target = target;
    this.simd = simd;
    this.tile = targetProgram.tiles && tileName(targetProgram.tiles.candidates[tile]!);
    this.threads = device.threads;
    this.runElsewhere = device.runElsewhere;
    this.#tile = tile;
    this.#persistent = persistent;
    this.#below = persistent;
    this.#device = device;
  }

  /** Throws HeddleError 'disposed'. */
  get device(): Device {
    if (!this.#device) this.check();
    return this.#device!;
  }

  runSteps(first: number, last: number): void {
    try {
      this.device.runSteps(first, last);
    } catch (error) {
      throw asHeddleError(error);
    }
  }

  /** A weight where the steps read and write it: valid until a `put` binds other dimensions. */
  weight({ dtype, shape, buffer, at = 0 }: WeightSpec): ElementView {
    if (this.targetProgram.buffers[buffer]!.kind !== 'persistent') throw new Error('internal: the weight is not kept');
    const address = this.#persistent.byBuffer[buffer]! + 4 * at;
    return new VIEWS[dtype](this.device.memory as ArrayBuffer, address, elementCount(shape));
  }

  async readWeights<T>(_: readonly WeightSpec[], use: (read: ReadWeight) => T): Promise<T> {
    return use((weight) => this.weight(weight));
  }

  async writeWeights(weights: readonly WeightSpec[], values: readonly ElementView[]): Promise<void> {
    weights.forEach((weight, at) => this.weight(weight).set(values[at]!));
  }

  protected get memory(): ArrayBufferLike {
    return this.device.memory;
  }

  protected get executed(): number | undefined {
    return this.#device?.counter?.read();
  }

  protected beginCounting(): void {
    this.device.counter?.reset();
  }

  /** Where that moves kept buffers, nothing above is where it was. */
  protected placeKept(routine: Routine, dims: Dims): boolean {
    const { byBuffer, end } = this.#below;
    const placed = placedAt(this.program, routine, dims, () => placeKept(this.targetProgram, this.#persistent, dims));
    if (placed.end === end && placed.byBuffer.every((address, at) => address === byBuffer[at])) return false;
    this.#below = placed;
    return true;
  }

  protected makeBinding(routine: Routine, dims: Dims): MemoryBinding {
    const { device, targetProgram } = this;
    const addresses = placedAt(this.program, routine, dims, () =>
      placeArena(targetProgram, routine, this.#below, dims),
    );
    device.reserve(addresses.end);
    const install = device.prepare(routine, addresses.byBuffer, { dims, tile: this.#tile });
    return { dims, addresses, install, faces: new Map() };
  }

  protected activate({ addresses, install }: MemoryBinding): void {
    this.device.reserve(addresses.end);
    install();
  }

  protected release(): void {
    // All bindings share the memory.
  }

  protected elements({ addresses }: MemoryBinding, { dtype, buffer }: TensorSpec, length: number): ElementView {
    // The constructors take shared memory too, which the union of their types does not.
    return new VIEWS[dtype](this.memory as ArrayBuffer, addresses.byBuffer[buffer]!, length);
  }

  protected free(): void {
    this.#device?.dispose();
    this.#device = undefined;
  }
}
