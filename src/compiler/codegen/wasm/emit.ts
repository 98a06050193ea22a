/**
 * A WebAssembly module from kernels and the sequence of their calls. Each kernel is two functions: a body that computes one
 * point of the grid, and a driver that loops over the grid. Engines move to optimised code only between calls, so the
 * body must be entered anew for every point.
 */
import type { Kernel } from '../../kernel/ir.ts';
import { unrollLoops } from '../unroll.ts';
import { emitDriver } from './driver.ts';
import { encodeModule, type WasmFunction } from './encoder.ts';
import { Frame, type Counters, type KernelOptions } from './frame.ts';
import type { ValueType } from './instructions.ts';
import { emitRegion } from './statement.ts';
import { emitMeeting, emitOnFirstRank, teamFunctions, type TeamWords } from './team.ts';

/** All that 32-bit addresses reach, in pages of 64 KiB. */
const MAX_PAGES = 65536;

export interface WasmInput extends KernelOptions {
  readonly kernels: readonly Kernel[];
  /** The step sequence of `run`: every argument is loaded as i32 from `tableAddress + 4 * slot`. */
  readonly steps: readonly WasmStep[];
  readonly tableAddress: number;
  /** Where the ranks agree; instances that are the only rank do not touch it. */
  readonly team: TeamWords;
  /** Indices of kernels exported as `k<i>` so that the host may call them at load. */
  readonly exported: readonly number[];
  /** Whether the module may use relaxed SIMD: then products of vectors that are added to something are fused. */
  readonly relaxed?: boolean;
  /** Where they are absent nothing is counted. */
  readonly counters?: Counters;
}

export interface WasmStep {
  /** An index into the kernels. */
  readonly kernel: number;
  /** Slots of the table: byte addresses of the buffers in order, then sizes. */
  readonly arguments: readonly number[];
  /**
   * Kernels that may be called in its place: which one, counted from 1, is at `slot`; 0 is the kernel itself. Those that are
   * absent never are.
   */
  readonly choice?: { readonly slot: number; readonly kernels: readonly (number | undefined)[] };
}

/**
 * The bytes of a module that imports the memory `env.memory` and the globals `env.rank` and `env.ranks`. It exports
 * `run(first, last)`, the exported kernels, and what several ranks need, `round()` and `work()`.
 */
export function emitWasm(input: WasmInput): Uint8Array<ArrayBuffer> {
  const functions: WasmFunction[] = [];
  const called = new Set([...input.steps.flatMap(kernelsOf), ...input.exported]);
  const entries = new Map<number, number>();
  for (const number of [...called].sort((a, b) => a - b)) {
    const kernel = input.kernels[number]!;
    functions.push(bodyFunction(kernel, input));
    if (kernel.grid.length > 0) functions.push(driverFunction(kernel, functions.length - 1));
    entries.set(number, functions.length - 1);
  }
  const entryOf = stepEntries(input, entries, functions);
  const run = functions.length;
  const { meet, round, work } = teamFunctions(input.team, run, run + 1);
  functions.push(
    runFunction(input, entryOf, run + 1),
    functionOf('meet', meet, []),
    functionOf('round', round, []),
    functionOf('work', work, []),
  );
  return encodeModule({
    // Shared memories need a maximum. With it, a shared and an unshared one differ in a bit of the import's flags.
    memory: { module: 'env', name: 'memory', minimum: 1, maximum: MAX_PAGES },
    globals: [
      { module: 'env', name: 'rank' },
      { module: 'env', name: 'ranks' },
    ],
    functions,
    exports: [
      { name: 'run', function: run },
      { name: 'round', function: run + 2 },
      { name: 'work', function: run + 3 },
      ...input.exported.map((kernel) => ({ name: `k${kernel}`, function: entries.get(kernel)! })),
    ],
  });
}

function parametersOf(kernel: Kernel): string[] {
  return [...kernel.buffers.map((buffer) => buffer.name), ...kernel.sizes];
}

function functionOf(name: string, frame: Frame, parameters: readonly string[]): WasmFunction {
  const types: ValueType[] = parameters.map(() => 'i32');
  return { name, parameters: types, results: [], locals: frame.locals, code: frame.code };
}

function bodyFunction(kernel: Kernel, options: KernelOptions): WasmFunction {
  const parameters = [...parametersOf(kernel), ...kernel.grid.map((axis) => axis.variable)];
  const frame = new Frame(kernel.name, parameters, options);
  emitRegion(frame, unrollLoops(kernel).body);
  return functionOf(kernel.grid.length > 0 ? `${kernel.name}.body` : kernel.name, frame, parameters);
}

function driverFunction(kernel: Kernel, body: number): WasmFunction {
  const parameters = parametersOf(kernel);
  const frame = new Frame(kernel.name, parameters);
  emitDriver(frame, parameters, kernel.grid, body);
  return functionOf(kernel.name, frame, parameters);
}

function kernelsOf({ kernel, choice }: WasmStep): number[] {
  return [kernel, ...(choice?.kernels ?? []).filter((one) => one !== undefined)];
}

/** Whether there is more than one kernel for a step. */
function isChosen(step: WasmStep): boolean {
  return kernelsOf(step).length > 1;
}

/** What a step calls: a kernel, or a function among `functions` that takes a kernel's arguments and which one to call. */
function stepEntries(
  input: WasmInput,
  entries: ReadonlyMap<number, number>,
  functions: WasmFunction[],
): (step: WasmStep) => number {
  const choosers = new Map<string, number>();
  for (const step of input.steps) {
    const key = keyOf(step);
    if (!isChosen(step) || choosers.has(key)) continue;
    functions.push(chooserFunction([step.kernel, ...step.choice!.kernels], input.kernels, entries));
    choosers.set(key, functions.length - 1);
  }
  return (step) => (isChosen(step) ? choosers.get(keyOf(step))! : entries.get(step.kernel)!);
}

/** The same for steps that choose among the same kernels. */
function keyOf({ kernel, choice }: WasmStep): string {
  return [kernel, ...(choice?.kernels ?? [])].join();
}

/** Calls the first of `numbers` where the last argument is 0, the next where it is 1 … */
function chooserFunction(
  numbers: readonly (number | undefined)[],
  kernels: readonly Kernel[],
  entries: ReadonlyMap<number, number>,
): WasmFunction {
  const own = kernels[numbers[0]!]!;
  const parameters = [...own.buffers, ...own.sizes].map((_, at) => `argument${at}`);
  const frame = new Frame(own.name, [...parameters, 'choice']);
  const { code } = frame;
  const emitCall = (number: number): void => {
    const call = (): void => {
      for (const name of parameters) code.emit('local.get', frame.local(name));
      code.emit('call', entries.get(number)!);
    };
    if (kernels[number]!.grid.length > 0) call();
    else emitOnFirstRank(frame, call);
  };
  const [first, ...others] = numbers;
  others.forEach((number, at) => {
    if (number === undefined) return;
    code.emit('local.get', frame.local('choice'));
    code.emit('i32.const', at + 1);
    code.emit('i32.eq');
    code.emit('if', 'void');
    emitCall(number);
    code.emit('else');
  });
  emitCall(first!);
  for (const number of others) if (number !== undefined) code.emit('end');
  return functionOf(`${own.name}.choice`, frame, [...parameters, 'choice']);
}

/** `run(first, last)`: the steps from `first` up to but not including `last`. Several ranks meet after each. */
function runFunction(input: WasmInput, entryOf: (step: WasmStep) => number, meet: number): WasmFunction {
  const parameters = ['first', 'last'];
  const frame = new Frame('run', parameters);
  const { code } = frame;
  const [first, last] = [frame.local('first'), frame.local('last')];
  const hasGrid = (step: WasmStep): boolean => kernelsOf(step).some((kernel) => input.kernels[kernel]!.grid.length > 0);
  // From here on `last` is the number of steps to run, so that one comparison of unsigned numbers tells whether a step is in.
  code.emit('local.get', last);
  code.emit('local.get', first);
  code.emit('i32.sub');
  code.emit('local.set', last);
  input.steps.forEach((step, at) => {
    code.emit('i32.const', at);
    code.emit('local.get', first);
    code.emit('i32.sub');
    code.emit('local.get', last);
    code.emit('i32.lt_u');
    code.emit('if', 'void');
    const emitCall = (): void => {
      for (const slot of [...step.arguments, ...(isChosen(step) ? [step.choice!.slot] : [])]) {
        code.emit('i32.const', 0);
        code.emit('i32.load', { offset: input.tableAddress + 4 * slot });
      }
      code.emit('call', entryOf(step));
    };
    if (hasGrid(step)) emitCall();
    else emitOnFirstRank(frame, emitCall);
    // What the first rank does alone needs no meeting before what it does next alone, or before the caller sees it.
    const next = input.steps[at + 1];
    if (hasGrid(step) || (next && hasGrid(next))) emitMeeting(frame, meet);
    code.emit('end');
  });
  return functionOf('run', frame, parameters);
}
