/** One GPU device: how it is opened, and how what it reports becomes errors. It knows nothing of programs. */
import { HeddleError, reasonOf } from '../../errors.ts';
import { engineGpu, type ErrorFilter, type Gpu, type GpuDevice } from './api.ts';

/** The scopes in which errors are caught, and what each kind means here. */
const SCOPES: readonly (readonly [ErrorFilter, HeddleError['code']])[] = [
  ['validation', 'internal'],
  ['out-of-memory', 'memory'],
  ['internal', 'internal'],
];

export class GpuSession {
  readonly device: GpuDevice;
  /** Kept, because implementations outside browsers end with it. */
  readonly gpu: Gpu;
  #loss: string | undefined;

  private constructor(gpu: Gpu, device: GpuDevice) {
    this.gpu = gpu;
    this.device = device;
    void device.lost.then(({ message }) => {
      this.#loss = message;
    });
  }

  /**
   * A device of `gpu`, or else of the engine's own WebGPU. It is asked for the largest buffers it has, because a tensor
   * must fit into one binding. Throws HeddleError 'unsupported'.
   */
  static async open(gpu: Gpu | undefined): Promise<GpuSession> {
    const offered = gpu ?? engineGpu();
    if (!offered) throw new HeddleError('unsupported', 'this engine has no WebGPU; pass one in the option gpu');
    try {
      const adapter = await offered.requestAdapter({ powerPreference: 'high-performance' });
      if (!adapter) throw new HeddleError('unsupported', 'there is no GPU that WebGPU can use');
      const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
      const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
      return new GpuSession(offered, device);
    } catch (error) {
      if (error instanceof HeddleError) throw error;
      throw new HeddleError('unsupported', `the GPU cannot be used: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Runs `action`, and fails with what the device has against it. Throws HeddleError. */
  async checked<T>(action: () => T): Promise<Awaited<T>> {
    const { device } = this;
    for (const [filter] of SCOPES) device.pushErrorScope(filter);
    const results = [settled(action), ...SCOPES.map(() => settled(() => device.popErrorScope()))] as const;
    const [result, ...reports] = await Promise.all(results);
    if (this.#loss !== undefined) throw new HeddleError('device-lost', `the GPU was lost: ${this.#loss}`);
    // Scopes close innermost first.
    SCOPES.toReversed().forEach(([, code], at) => {
      const report = reports[at]!;
      const problem = 'value' in report ? (report.value as { readonly message: string } | null) : undefined;
      if (problem) throw new HeddleError(code, `the GPU reports: ${problem.message}`);
    });
    if ('value' in result) return result.value;
    if (result.error instanceof HeddleError) throw result.error;
    throw new HeddleError('internal', `the GPU refuses: ${reasonOf(result.error)}`, { cause: result.error });
  }

  close(): void {
    this.device.destroy();
  }
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

async function settled<T>(action: () => T): Promise<Settled<Awaited<T>>> {
  try {
    return { value: await action() };
  } catch (error) {
    return { error };
  }
}
