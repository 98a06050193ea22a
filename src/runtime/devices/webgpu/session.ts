/** One GPU device: how long it is there, and how what it reports becomes errors. It knows nothing of programs. */
import { HeddleError, reasonOf } from '../../errors.ts';
import { nextTask } from '../../next-task.ts';
import { openDevice, type OpenDevice } from './adapter.ts';
import type { ErrorFilter, GpuDevice } from './api.ts';
import type { GpuOptions } from './options.ts';

/** The scopes in which errors are caught, and what each kind means here. */
const SCOPES: readonly (readonly [ErrorFilter, HeddleError['code']])[] = [
  ['validation', 'internal'],
  ['out-of-memory', 'memory'],
  ['internal', 'internal'],
];

export class GpuSession {
  readonly device: GpuDevice;
  /** Kept with the session, because implementations outside browsers end with their object. */
  readonly #opened: OpenDevice;
  #loss: string | undefined;
  #isClosed = false;

  private constructor(opened: OpenDevice) {
    this.#opened = opened;
    this.device = opened.device;
    void this.device.lost.then(({ message }) => {
      this.#loss = message;
    });
  }

  /** Rejects with HeddleError 'unsupported'. */
  static async open(options: GpuOptions): Promise<GpuSession> {
    return new GpuSession(await openDevice(options));
  }

  /** Whether the device is the caller's, who may have other things on it. */
  get isShared(): boolean {
    return this.#opened.gpu === undefined;
  }

  /** Whether the device was taken away, not closed. */
  get isLost(): boolean {
    return this.#loss !== undefined && !this.#isClosed;
  }

  /** Runs `action`, and fails with what the device has against it. Throws HeddleError. */
  async checked<T>(action: () => T): Promise<Awaited<T>> {
    const { device } = this;
    for (const [filter] of SCOPES) device.pushErrorScope(filter);
    const results = [settled(action), ...SCOPES.map(() => settled(() => device.popErrorScope()))] as const;
    const [result, ...reports] = await Promise.all(results);
    // What fails because the device is gone may tell so before the device does.
    if ('error' in result || reports.some((report) => 'error' in report)) await nextTask();
    if (this.#isClosed) throw new HeddleError('disposed', 'the GPU was freed while it was in use');
    if (this.#loss !== undefined) throw new HeddleError('device-lost', `the GPU was lost (${this.#loss})`);
    // It says more than the report of what led to it.
    if ('error' in result && result.error instanceof HeddleError) throw result.error;
    // Scopes close innermost first.
    SCOPES.toReversed().forEach(([, code], at) => {
      const report = reports[at]!;
      const problem = 'value' in report ? (report.value as { readonly message: string } | null) : undefined;
      if (problem) throw new HeddleError(code, `the GPU reports: ${problem.message}`);
    });
    if ('value' in result) return result.value;
    throw new HeddleError('internal', `the GPU refuses: ${reasonOf(result.error)}`, { cause: result.error });
  }

  /** Frees the device and all that is on it. One that is shared stays: there everybody frees what is theirs. */
  close(): void {
    this.#isClosed = true;
    if (!this.isShared) this.device.destroy();
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
