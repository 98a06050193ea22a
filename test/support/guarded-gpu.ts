/**
 * A GPU for the models of a test process. They share one device, which builds a pipeline when it is first used and keeps
 * it: most of the time of a software driver goes into those. To each model it looks like a device of its own, on which a
 * buffer holds no zeros at first and is followed by a tail that no kernel may write.
 */
import {
  MAP_READ,
  USAGE,
  type CommandEncoder,
  type Gpu,
  type GpuAdapter,
  type GpuBuffer,
  type GpuDevice,
} from '../../src/runtime/devices/webgpu/api.ts';

/** A NaN, which shows where it is computed with, and as an integer no likely index. */
const GUARD = 0x7fc0dead;
const TAIL_BYTES = 64;
/** How many are copied at once. */
const TAILS = 64;

type Descriptor<Method extends keyof GpuDevice> = GpuDevice[Method] extends (descriptor: infer D) => unknown
  ? D
  : never;

/** Whose devices are views of the ones that `gpu` opens, one for each set of limits and features asked for. */
export function guardedGpu(gpu: Gpu, onOpened: (view: DeviceView) => void): Gpu {
  const opened = new Map<string, Promise<SharedDevice>>();
  return forwarding(gpu, {
    async requestAdapter(options?: object): Promise<GpuAdapter | null> {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return null;
      return forwarding(adapter, {
        async requestDevice(descriptor?: object): Promise<GpuDevice> {
          const key = JSON.stringify(descriptor ?? {});
          const shared =
            opened.get(key) ?? adapter.requestDevice(descriptor).then((device) => new SharedDevice(device));
          opened.set(key, shared);
          const view = new DeviceView(await shared);
          onOpened(view);
          return view.device;
        },
      });
    },
  });
}

/** `target` with some of its members replaced; native methods have to be called on the object itself. */
function forwarding<T extends object>(target: T, replaced: object): T {
  return new Proxy(target, {
    get(_, name) {
      if (name in replaced) return Reflect.get(replaced, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What the runtime has no use for. */
interface NativeDevice extends GpuDevice {
  createComputePipeline(descriptor: Descriptor<'createComputePipelineAsync'>): object;
}

interface LatePipeline {
  /** The same for the same kernels. */
  readonly key: string;
  readonly descriptor: Descriptor<'createComputePipelineAsync'>;
}

/** What is made once for all that share a device. */
class SharedDevice {
  readonly device: NativeDevice;
  readonly #layouts = new Map<string, object>();
  readonly #modules = new Map<string, object>();
  readonly #pipelines = new Map<string, object>();
  readonly #names = new WeakMap<object, string>();

  constructor(device: GpuDevice) {
    this.device = device as NativeDevice;
  }

  bindGroupLayout(descriptor: Descriptor<'createBindGroupLayout'>): object {
    const key = JSON.stringify(descriptor.entries);
    return this.#once(this.#layouts, key, () => this.device.createBindGroupLayout(descriptor));
  }

  pipelineLayout(descriptor: Descriptor<'createPipelineLayout'>): object {
    const key = `of ${descriptor.bindGroupLayouts.map((layout) => this.#names.get(layout)).join()}`;
    return this.#once(this.#layouts, key, () => this.device.createPipelineLayout(descriptor));
  }

  shaderModule(descriptor: Descriptor<'createShaderModule'>): object {
    return this.#once(this.#modules, descriptor.code, () => this.device.createShaderModule(descriptor));
  }

  /** What stands for a pipeline until it is used: of the kernels for all dimensions, a test needs a few. */
  pipeline(descriptor: Descriptor<'createComputePipelineAsync'>): Promise<object> {
    const { layout, compute } = descriptor;
    const { module, ...stage } = compute;
    const key = [JSON.stringify(stage), this.#names.get(layout), this.#names.get(module)].join('\n');
    return Promise.resolve({ key, descriptor } satisfies LatePipeline);
  }

  commandEncoder(): CommandEncoder {
    const encoder = this.device.createCommandEncoder();
    return forwarding(encoder, {
      beginComputePass: (descriptor?: Parameters<CommandEncoder['beginComputePass']>[0]) => {
        const pass = encoder.beginComputePass(descriptor);
        return forwarding(pass, {
          setPipeline: ({ key, descriptor }: LatePipeline) =>
            pass.setPipeline(this.#once(this.#pipelines, key, () => this.device.createComputePipeline(descriptor))),
        });
      },
    });
  }

  #once(kept: Map<string, object>, key: string, make: () => object): object {
    const known = kept.get(key) ?? make();
    kept.set(key, known);
    this.#names.set(known, key);
    return known;
  }
}

/** A shared device as one model sees it, with the buffers it has made. */
export class DeviceView {
  readonly device: GpuDevice;
  readonly #shared: GpuDevice;
  /** Bytes in front of the tail. */
  readonly #guarded = new Map<GpuBuffer, number>();
  readonly #others: GpuBuffer[] = [];
  /** Not to be used any more, to be freed when their tails have been copied. */
  readonly #discarded: { readonly buffer: GpuBuffer; readonly bytes: number; readonly free: () => void }[] = [];
  readonly #tails: { readonly copy: GpuBuffer; readonly sizes: readonly number[] }[] = [];
  #finished: Promise<void> | undefined;

  constructor(shared: SharedDevice) {
    const { device } = shared;
    this.#shared = device;
    let lose: (loss: Awaited<GpuDevice['lost']>) => void;
    const lost: GpuDevice['lost'] = new Promise((resolve) => (lose = resolve));
    this.device = forwarding(device, {
      lost,
      createBindGroupLayout: shared.bindGroupLayout.bind(shared),
      createPipelineLayout: shared.pipelineLayout.bind(shared),
      createShaderModule: shared.shaderModule.bind(shared),
      createComputePipelineAsync: shared.pipeline.bind(shared),
      createCommandEncoder: shared.commandEncoder.bind(shared),
      createBuffer: (descriptor: Descriptor<'createBuffer'>) => this.#createBuffer(descriptor),
      createBindGroup: (descriptor: Descriptor<'createBindGroup'>) => this.#createBindGroup(descriptor),
      destroy: () => {
        void this.finish().catch(() => undefined);
        lose({ reason: 'destroyed', message: 'the device was destroyed' });
      },
    });
  }

  /** Frees what the model has not, and rejects where the tail of a buffer was written. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  #createBuffer(descriptor: Descriptor<'createBuffer'>): GpuBuffer {
    const { size, usage, mappedAtCreation } = descriptor;
    if ((usage & USAGE.storage) === 0 || mappedAtCreation) {
      const buffer = this.#shared.createBuffer(descriptor);
      this.#others.push(buffer);
      return buffer;
    }
    const bytes = Math.ceil(size / 4) * 4;
    const guarded = { size: bytes + TAIL_BYTES, usage: usage | USAGE.copySource | USAGE.copyTarget };
    const buffer = this.#shared.createBuffer({ ...descriptor, ...guarded });
    this.#shared.queue.writeBuffer(buffer, 0, new Uint32Array(guarded.size / 4).fill(GUARD));
    this.#guarded.set(buffer, bytes);
    const free = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      if (!this.#guarded.delete(buffer)) return;
      this.#discarded.push({ buffer, bytes, free });
      if (this.#discarded.length === TAILS) this.#copyTails();
    };
    return buffer;
  }

  /** Of the buffers that are discarded, one after the other. */
  #copyTails(): void {
    const discarded = this.#discarded.splice(0);
    if (discarded.length === 0) return;
    const usage = USAGE.mapRead | USAGE.copyTarget;
    const copy = this.#shared.createBuffer({ size: discarded.length * TAIL_BYTES, usage });
    const encoder = this.#shared.createCommandEncoder();
    discarded.forEach(({ buffer, bytes }, at) =>
      encoder.copyBufferToBuffer(buffer, bytes, copy, at * TAIL_BYTES, TAIL_BYTES),
    );
    this.#shared.queue.submit([encoder.finish()]);
    for (const { free } of discarded) free();
    this.#tails.push({ copy, sizes: discarded.map(({ bytes }) => bytes) });
  }

  /** A binding that ends where its buffer does has the tail in it, so that a write beyond the end is not moved inside. */
  #createBindGroup(descriptor: Descriptor<'createBindGroup'>): object {
    const entries = descriptor.entries.map(({ binding, resource }) => {
      const bytes = this.#guarded.get(resource.buffer);
      const { buffer, offset = 0, size = (bytes ?? 0) - offset } = resource;
      const isLast = bytes !== undefined && offset + size >= bytes;
      return { binding, resource: isLast ? { buffer, offset, size: size + TAIL_BYTES } : resource };
    });
    return this.#shared.createBindGroup({ ...descriptor, entries });
  }

  async #finish(): Promise<void> {
    for (const buffer of [...this.#guarded.keys(), ...this.#others]) buffer.destroy();
    this.#copyTails();
    for (const { copy, sizes } of this.#tails) {
      await copy.mapAsync(MAP_READ);
      const words = new Uint32Array(copy.getMappedRange().slice(0));
      copy.destroy();
      const at = words.findIndex((word) => word !== GUARD);
      if (at >= 0)
        throw new Error(`a kernel wrote behind a buffer of ${sizes[Math.floor((4 * at) / TAIL_BYTES)]} bytes`);
    }
  }
}
