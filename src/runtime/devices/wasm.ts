/**
 * The WebAssembly device. The module imports one memory and exports `run(first, last)`, which executes the steps from `first`
 * up to but not including `last`, and a function `k<i>` for each kernel that is needed at load. `run` reads its arguments
 * from the tables at address 0 of the memory; `k<i>` takes byte addresses, then sizes, as i32.
 */
import { firstThatHolds, type Situation } from '../../program/choice.ts';
import { isCounting, type Routine, type TargetProgram } from '../../program/program.ts';
import { tableStarts } from '../../program/table.ts';
import { counterWords, endOfTeamWords, teamWords, type CounterWords } from '../../program/team.ts';
import { HeddleError, reasonOf } from '../errors.ts';
import { checkMemory, sizeArgument, type Activation, type Counter, type Device } from './device.ts';
import { wasmApi, type WasmInstance, type WasmMemory, type WasmModule } from './platform.ts';
import { withSharedMemory } from './threads/module.ts';
import { gatherTeam, hindranceToThreads, Team, type Threads } from './threads/team.ts';

const PAGE = 65536;

/** What modules declare as the maximum of their memory. */
const MAX_PAGES = 65536;

type WasmFunction = (...values: number[]) => void;

/**
 * Compiles and instantiates `kernels`: the bytes of the module, or a module compiled before. Where several threads are
 * wanted and cannot be had, warns and takes one. Rejects with HeddleError 'unsupported' when the engine refuses the module,
 * 'program-malformed' when it lacks an export.
 */
export async function createWasmDevice(
  program: TargetProgram,
  kernels: Uint8Array<ArrayBuffer> | WasmModule,
  threads?: Threads,
): Promise<Device> {
  const api = wasmApi();
  if (!api) throw new HeddleError('unsupported', 'this engine has no WebAssembly; use the js target');
  const slots = tableStarts(program.routines).at(-1)!;
  const counters = isCounting(program) ? counterWords(slots) : undefined;
  const base = counters?.end ?? endOfTeamWords(slots);
  const hindrance =
    threads &&
    (kernels instanceof Uint8Array
      ? hindranceToThreads(threads)
      : 'a module that is compiled already has a memory of its own');
  const shared = threads !== undefined && hindrance === undefined;
  let memory: WasmMemory;
  let module: WasmModule;
  let solo: WasmInstance;
  try {
    memory = new api.Memory({ initial: Math.ceil(base / PAGE) + 1, maximum: MAX_PAGES, shared });
    module = kernels instanceof Uint8Array ? await api.compile(shared ? withSharedMemory(kernels) : kernels) : kernels;
    solo = await api.instantiate(module, { env: { memory, rank: 0, ranks: 1 } });
  } catch (error) {
    if (error instanceof HeddleError) throw error;
    throw new HeddleError('unsupported', `the WebAssembly module cannot be used here: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const functionNamed = (name: string): WasmFunction => {
    const found = solo.exports[name];
    if (typeof found !== 'function')
      throw new HeddleError('program-malformed', `the WebAssembly module has no function ${name}`);
    return found as WasmFunction;
  };
  for (const { kernel, alternatives = [] } of program.loadSteps)
    for (const number of [kernel, ...alternatives.map((one) => one.kernel)]) functionNamed(`k${number}`);
  functionNamed('run');
  const counter = counters && counterOf(memory, counters);
  const parts = { program, memory, base, functionNamed, ...(counter && { counter }) };
  if (!threads) return new WasmDevice(parts);
  const team = hindrance ?? (await gatherTeam({ module, memory, words: teamWords(slots) }, threads));
  if (team instanceof Team) return new WasmDevice({ ...parts, team });
  threads.onWarning(`the model runs on one thread instead of ${threads.count}: ${team}`);
  return new WasmDevice(parts);
}

/** The sum of the counters of all ranks. */
function counterOf(memory: WasmMemory, { first, stride, end }: CounterWords): Counter {
  // The memory may have grown, and then has another buffer.
  const view = (): Float64Array => new Float64Array(memory.buffer as ArrayBuffer, first, (end - first) / 8);
  return {
    reset: () => void view().fill(0),
    read: () => view().reduce((sum, count, at) => (at % (stride / 8) === 0 ? sum + count : sum), 0),
  };
}

interface WasmParts {
  readonly program: TargetProgram;
  readonly memory: WasmMemory;
  readonly base: number;
  /** Finds the functions of an instance that is a rank of its own. */
  readonly functionNamed: (name: string) => WasmFunction;
  readonly counter?: Counter;
  readonly team?: Team;
}

class WasmDevice implements Device {
  readonly base: number;
  readonly threads: number;
  readonly runSteps: (first: number, last: number) => void;
  readonly runElsewhere?: (first: number, last: number) => Promise<void>;
  readonly counter?: Counter;
  readonly #program: TargetProgram;
  readonly #memory: WasmMemory;
  readonly #functionNamed: (name: string) => WasmFunction;
  readonly #team: Team | undefined;

  constructor({ program, memory, base, functionNamed, counter, team }: WasmParts) {
    this.#program = program;
    this.#memory = memory;
    this.#functionNamed = functionNamed;
    this.#team = team;
    this.base = base;
    if (counter) this.counter = counter;
    this.threads = team?.ranks ?? 1;
    this.runSteps = team?.isLedHere ? (first, last) => team.run(first, last) : functionNamed('run');
    if (team && !team.isLedHere) this.runElsewhere = (first, last) => team.runElsewhere(first, last);
    team?.belongTo(this);
  }

  get memory(): ArrayBufferLike {
    return this.#memory.buffer;
  }

  dispose(): void {
    this.#team?.dismiss();
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

  prepare(routine: Routine, addresses: readonly number[], situation: Situation): Activation {
    const { routines } = this.#program;
    const { buffers, sizes, choices = [] } = routine.table;
    const start = 4 * tableStarts(routines)[routines.indexOf(routine)]!;
    // A negative size wraps to the same 32 bits.
    const table = Uint32Array.from([
      ...buffers.map((buffer) => addresses[buffer]!),
      ...sizes.map((size) => sizeArgument(size, situation.dims)),
      ...choices.map((guards) => firstThatHolds(guards, situation)),
    ]);
    return () => new Uint32Array(this.memory, start, table.length).set(table);
  }
}
