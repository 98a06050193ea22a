/**
 * A WebAssembly module from kernels and the sequence of their calls. Each kernel is two functions: a body that computes one
 * point of the grid, and a driver that loops over the grid. Engines move to optimised code only between calls, so the
 * body must be entered anew for every point.
 */
import type { Kernel } from '../../kernel/ir.ts';
import { unrollLoops } from '../unroll.ts';
import { encodeModule, type WasmFunction } from './encoder.ts';
import { Frame } from './frame.ts';
import type { ValueType } from './instructions.ts';
import { emitCountingUp, emitUnlessEmpty } from './loop.ts';
import { emitRegion } from './statement.ts';

export interface WasmInput {
  readonly kernels: readonly Kernel[];
  /** The step sequence of `run`: every argument is loaded as i32 from `tableAddress + 4 * slot`. */
  readonly steps: readonly WasmStep[];
  readonly tableAddress: number;
  /** Indices of kernels exported as `k<i>` so that the host may call them at load. */
  readonly exported: readonly number[];
}

export interface WasmStep {
  /** An index into the kernels. */
  readonly kernel: number;
  /** Slots of the table: byte addresses of the buffers in order, then sizes. */
  readonly arguments: readonly number[];
}

/** The bytes of a module that imports the memory `env.memory` and exports `run` and the exported kernels. */
export function emitWasm(input: WasmInput): Uint8Array<ArrayBuffer> {
  const functions: WasmFunction[] = [];
  const entries = input.kernels.map((kernel) => {
    functions.push(bodyFunction(kernel));
    if (kernel.grid.length > 0) functions.push(driverFunction(kernel, functions.length - 1));
    return functions.length - 1;
  });
  functions.push(runFunction(input, entries));
  return encodeModule({
    memory: { module: 'env', name: 'memory', minimum: 1 },
    functions,
    exports: [
      { name: 'run', function: functions.length - 1 },
      ...input.exported.map((kernel) => ({ name: `k${kernel}`, function: entries[kernel]! })),
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

function bodyFunction(kernel: Kernel): WasmFunction {
  const parameters = [...parametersOf(kernel), ...kernel.grid.map((axis) => axis.variable)];
  const frame = new Frame(kernel.name, parameters);
  emitRegion(frame, unrollLoops(kernel).body);
  return functionOf(kernel.grid.length > 0 ? `${kernel.name}.body` : kernel.name, frame, parameters);
}

function driverFunction(kernel: Kernel, body: number): WasmFunction {
  const parameters = parametersOf(kernel);
  const frame = new Frame(kernel.name, parameters);
  const { code } = frame;
  const emitAxis = (depth: number): void => {
    const axis = kernel.grid[depth];
    if (!axis) {
      for (const name of [...parameters, ...kernel.grid.map((each) => each.variable)])
        code.emit('local.get', frame.local(name));
      return code.emit('call', body);
    }
    emitUnlessEmpty(frame, axis.extent, (pushEnd) =>
      emitCountingUp(frame, axis.variable, pushEnd, { emit: () => emitAxis(depth + 1) }),
    );
  };
  emitAxis(0);
  return functionOf(kernel.name, frame, parameters);
}

function runFunction(input: WasmInput, entries: readonly number[]): WasmFunction {
  const frame = new Frame('run', []);
  const { code } = frame;
  for (const step of input.steps) {
    for (const slot of step.arguments) {
      code.emit('i32.const', 0);
      code.emit('i32.load', { offset: input.tableAddress + 4 * slot });
    }
    code.emit('call', entries[step.kernel]!);
  }
  return functionOf('run', frame, []);
}
