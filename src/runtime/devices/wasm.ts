/**
 * The WebAssembly device. The module imports one memory and exports `run`, which executes all steps, and a function
 * `k<i>` for each kernel that is needed at load. `run` reads its arguments from the table at address 0 of the memory;
 * `k<i>` takes byte addresses, then sizes, as i32.
 */
import type { TargetProgram } from '../../program/program.ts';
import type { Dims } from '../../program/size.ts';
import { alignUp } from '../../program/layout.ts';
import { HeddleError, reasonOf } from '../errors.ts';
import { checkMemory, sizeArgument, type Activation, type Device } from './device.ts';
import { wasmApi, type WasmMemory, type WasmModule } from './platform.ts';

const PAGE = 65536;

type WasmFunction = (...values: number[]) => void;

/**
 * Compiles and instantiates `kernels`: the bytes of the module, or a module compiled before. Throws HeddleError
 * 'unsupported' when the engine refuses it, 'program-malformed' when it lacks an export.
 */
export async function createWasmDevice(
  program: TargetProgram,
  kernels: Uint8Array<ArrayBuffer> | WasmModule,
): Promise<Device> {
  const api = wasmApi();
  if (!api) throw new HeddleError('unsupported', 'this engine has no WebAssembly; use the js target');
  const base = alignUp(4 * (program.table.buffers.length + program.table.sizes.length));
  const memory = new api.Memory({ initial: Math.ceil(base / PAGE) + 1 });
  let exports: Readonly<Record<string, unknown>>;
  try {
    const module = kernels instanceof Uint8Array ? await api.compile(kernels) : kernels;
    const imports: Record<string, Record<string, unknown>> = {};
    for (const { module: from, name, kind } of api.Module.imports(module)) {
      if (kind === 'memory') (imports[from] ??= {})[name] = memory;
    }
    exports = (await api.instantiate(module, imports)).exports;
  } catch (error) {
    throw new HeddleError('unsupported', `the WebAssembly module cannot be used here: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const functionNamed = (name: string): WasmFunction => {
    const found = exports[name];
    if (typeof found !== 'function')
      throw new HeddleError('program-malformed', `the WebAssembly module has no function ${name}`);
    return found as WasmFunction;
  };
  for (const { kernel } of program.loadSteps) functionNamed(`k${kernel}`);
  return new WasmDevice(program, memory, base, functionNamed);
}

class WasmDevice implements Device {
  readonly base: number;
  readonly run: () => void;
  readonly #program: TargetProgram;
  readonly #memory: WasmMemory;
  readonly #functionNamed: (name: string) => WasmFunction;

  constructor(program: TargetProgram, memory: WasmMemory, base: number, functionNamed: (name: string) => WasmFunction) {
    this.#program = program;
    this.#memory = memory;
    this.#functionNamed = functionNamed;
    this.base = base;
    this.run = functionNamed('run');
  }

  get memory(): ArrayBuffer {
    return this.#memory.buffer;
  }

  reserve(bytes: number): void {
    checkMemory(bytes);
    const missing = Math.ceil((bytes - this.memory.byteLength) / PAGE);
    if (missing <= 0) return;
    try {
      this.#memory.grow(missing);
    } catch (error) {
      const mebibytes = Math.ceil(bytes / 2 ** 20);
      throw new HeddleError('memory', `the engine gives no ${mebibytes} MiB of memory`, { cause: error });
    }
  }

  call(kernel: number, addresses: readonly number[], sizes: readonly number[]): void {
    this.#functionNamed(`k${kernel}`)(...addresses, ...sizes);
  }

  prepare(addresses: readonly number[], dims: Dims): Activation {
    const { buffers, sizes } = this.#program.table;
    // A negative size wraps to the same 32 bits.
    const table = Uint32Array.from([
      ...buffers.map((buffer) => addresses[buffer]!),
      ...sizes.map((size) => sizeArgument(size, dims)),
    ]);
    return () => new Uint32Array(this.memory, 0, table.length).set(table);
  }
}
