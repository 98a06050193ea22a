/** Runs lowered programs in the kernel interpreter, on buffers of exactly their sizes. */
import { evaluate, type Dim } from '../../src/compiler/dims/dim.ts';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import type { KernelCall, LoweredBuffer, LoweredProgram } from '../../src/compiler/plan/lowered.ts';

function memoryOf({ type, size }: LoweredBuffer, symbols: ReadonlyMap<string, number>): BufferData {
  const length = evaluate(size, symbols);
  switch (type) {
    case 'f32':
      return new Float32Array(length).fill(NaN);
    case 'u32':
      return new Uint32Array(length);
    case 'i32':
    case 'bool':
      return new Int32Array(length);
  }
}

/** The kernel that a call runs with the first of the target's tiles. */
function chosen({ kernel, alternatives = [] }: KernelCall, symbols: ReadonlyMap<string, number>): Kernel {
  const holds = (atLeastZero: Dim | undefined): boolean => !atLeastZero || evaluate(atLeastZero, symbols) >= 0;
  const other = alternatives.find(({ tile, atLeastZero }) => tile === undefined && holds(atLeastZero));
  return other?.kernel ?? kernel;
}

/**
 * The outputs of the first routine by name, with what is kept. Memory begins as NaN; the interpreter throws on any access
 * beyond a buffer. `run` may stand in for it, to watch kernels.
 */
export function execute(
  program: LoweredProgram,
  symbols: ReadonlyMap<string, number>,
  given: ReadonlyMap<string, ArrayLike<number>>,
  run: (...given: Parameters<typeof interpretKernel>) => void = interpretKernel,
): Map<string, BufferData> {
  const memory = program.buffers.map((buffer) => memoryOf(buffer, symbols));
  const { inputs, outputs } = program.routines[0]!;
  const kept = program.kept ?? [];
  for (const { name, buffer } of [...inputs, ...program.weights, ...kept]) memory[buffer]!.set(given.get(name)!);
  for (const call of program.calls) {
    const { buffers, sizes } = call;
    const kernel = chosen(call, symbols);
    const bound = Object.fromEntries(kernel.buffers.map(({ name }, at) => [name, memory[buffers[at]!]!]));
    const values = Object.fromEntries(kernel.sizes.map((name, at) => [name, evaluate(sizes[at]!, symbols)]));
    run(kernel, bound, values);
  }
  return new Map([...outputs, ...kept].map(({ name, buffer }) => [name, memory[buffer]!]));
}
