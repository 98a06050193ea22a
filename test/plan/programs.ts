/** Small lowered programs, and kernels whose only content is their interface. */
import { constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { literal } from '../../src/compiler/kernel/build.ts';
import {
  onlyRoutine,
  type KernelCall,
  type LoweredBuffer,
  type LoweredProgram,
  type NamedTensor,
} from '../../src/compiler/plan/lowered.ts';

export const batch = symbol('batch');

export function size(value: number | Dim): Dim {
  return typeof value === 'number' ? constant(value) : value;
}

/** Reads the first buffers and writes the last; `mark` tells kernels apart. */
export function kernel(name: string, reads: number, mark = 0, sizes = 0): Kernel {
  const buffers = Array.from({ length: reads }, (_, i) => ({ name: `x${i}`, type: 'f32', access: 'read' }) as const);
  return {
    name,
    buffers: [...buffers, { name: 'y', type: 'f32', access: 'write' }],
    sizes: Array.from({ length: sizes }, (_, i) => `n${i}`),
    grid: [],
    body: [{ kind: 'store', buffer: 'y', index: constant(0), value: literal(mark) }],
  };
}

/** Adds into its last buffer. */
export function accumulator(name: string): Kernel {
  const plain = kernel(name, 1);
  return { ...plain, buffers: [plain.buffers[0]!, { name: 'y', type: 'f32', access: 'readwrite' }] };
}

export function call(kernel: Kernel, buffers: readonly number[], sizes: readonly (number | Dim)[] = []): KernelCall {
  return { kernel, buffers, sizes: sizes.map(size), origin: { path: kernel.name } };
}

interface Parts {
  /** Elements by buffer number. */
  readonly sizes: readonly (number | Dim)[];
  readonly inputs?: readonly number[];
  readonly weights?: readonly number[];
  readonly outputs?: readonly number[];
  readonly calls: readonly KernelCall[];
}

export function lowered({ sizes, inputs = [], weights = [], outputs = [], calls }: Parts): LoweredProgram {
  const buffers = sizes.map((elements): LoweredBuffer => ({ type: 'f32', size: size(elements) }));
  const named =
    (role: string) =>
    (buffer: number): NamedTensor => ({
      name: `${role}${buffer}`,
      type: 'f32',
      shape: [buffers[buffer]!.size],
      buffer,
    });
  return {
    name: 'Test',
    dims: [{ name: 'batch' }],
    buffers,
    routines: [
      onlyRoutine({ inputs: inputs.map(named('input')), outputs: outputs.map(named('output')) }, calls.length),
    ],
    weights: weights.map(named('weight')),
    calls,
  };
}
