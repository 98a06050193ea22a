/** Short spellings of kernels for the tests of the emitters. */
import { constant, type Dim } from '../../src/compiler/dims/dim.ts';
import type { Expr, Kernel, KernelBuffer, LoopMode, ScalarType, Statement } from '../../src/compiler/kernel/ir.ts';

export function buffer(name: string, type: ScalarType = 'f32'): KernelBuffer {
  return { name, type, access: 'readwrite' };
}

interface KernelParts {
  readonly buffers: readonly KernelBuffer[];
  readonly body: readonly Statement[];
  readonly sizes?: readonly string[];
  readonly grid?: readonly (readonly [variable: string, extent: Dim])[];
  readonly name?: string;
}

export function kernel({ name = 'tested', buffers, body, sizes = [], grid = [] }: KernelParts): Kernel {
  return { name, buffers, body, sizes, grid: grid.map(([variable, extent]) => ({ variable, extent })) };
}

export function dim(value: number | Dim): Dim {
  return typeof value === 'number' ? constant(value) : value;
}

export function store(buffer: string, index: number | Dim, value: Expr): Statement {
  return { kind: 'store', buffer, index: dim(index), value };
}

export function constantly(name: string, value: Expr): Statement {
  return { kind: 'let', name, value };
}

export function declare(name: string, value: Expr): Statement {
  return { kind: 'declare', name, value };
}

export function assign(name: string, value: Expr): Statement {
  return { kind: 'assign', name, value };
}

export function loop(
  variable: string,
  extent: number | Dim,
  body: readonly Statement[],
  mode: LoopMode = 'serial',
): Statement {
  return { kind: 'loop', variable, extent: dim(extent), mode, body };
}

export function when(condition: Expr, then: readonly Statement[], otherwise: readonly Statement[] = []): Statement {
  return { kind: 'if', condition, then, else: otherwise };
}
