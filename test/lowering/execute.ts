/** Runs lowered programs in the kernel interpreter, on buffers of exactly their sizes. */
import { evaluate } from '../../src/compiler/dims/dim.ts';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import type { LoweredBuffer, LoweredProgram } from '../../src/compiler/plan/lowered.ts';

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
  for (const { kernel, buffers, sizes } of program.calls) {
    const bound = Object.fromEntries(kernel.buffers.map(({ name }, at) => [name, memory[buffers[at]!]!]));
    const values = Object.fromEntries(kernel.sizes.map((name, at) => [name, evaluate(sizes[at]!, symbols)]));
    run(kernel, bound, values);
  }
  return new Map([...outputs, ...kept].map(({ name, buffer }) => [name, memory[buffer]!]));
}
