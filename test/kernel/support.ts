/** Kernels and helpers that several kernel tests use. */
import { symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { binary, literal, load, variable } from '../../src/compiler/kernel/build.ts';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import type {
  Expr,
  GridAxis,
  Kernel,
  KernelBuffer,
  LoopMode,
  ScalarType,
  Statement,
  UnaryOp,
} from '../../src/compiler/kernel/ir.ts';
import type { ReductionOp } from '../../src/compiler/kernel/arithmetic.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import type { Target } from '../../src/compiler/kernel/target.ts';

/** The functions that WebAssembly computes itself. */
const WASM_NATIVE: readonly UnaryOp[] = ['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'trunc', 'not'];

export const WASM: Target = {
  name: 'wasm',
  lanes: 4,
  tiles: [],
  nativeUnary: new Set(WASM_NATIVE),
  nativePow: false,
  nativeMod: false,
  strictArithmetic: true,
};

export const SCALAR: Target = { ...WASM, lanes: 1 };

/** A target that runs the points of a grid at once, behind a compiler that may reorder arithmetic. */
export const GRID: Target = { ...SCALAR, strictArithmetic: false, workgroups: webgpuTarget.workgroups };

/** A target that has to do without even the rounding functions. */
export const POOR: Target = { ...WASM, nativeUnary: new Set<UnaryOp>(['neg', 'abs', 'sqrt', 'not']) };

export function input(name: string, type: ScalarType = 'f32'): KernelBuffer {
  return { name, type, access: 'read' };
}

export function output(name: string, type: ScalarType = 'f32'): KernelBuffer {
  return { name, type, access: 'write' };
}

export function kernel(
  buffers: readonly KernelBuffer[],
  sizes: readonly string[],
  grid: readonly GridAxis[],
  body: readonly Statement[],
): Kernel {
  return { name: 'test', buffers, sizes, grid, body };
}

export function loop(variable: string, extent: Dim, mode: LoopMode, body: readonly Statement[]): Statement {
  return { kind: 'loop', variable, extent, mode, body };
}

export function letBe(name: string, value: Expr): Statement {
  return { kind: 'let', name, value };
}

export function declare(name: string, value: Expr): Statement {
  return { kind: 'declare', name, value };
}

export function assign(name: string, value: Expr): Statement {
  return { kind: 'assign', name, value };
}

/** `name = name op operand` */
export function reduce(name: string, op: ReductionOp, operand: Expr): Statement {
  return { kind: 'assign', name, value: binary(op, variable(name, operand.type), operand), reduction: op };
}

export function store(buffer: string, index: Dim, value: Expr): Statement {
  return { kind: 'store', buffer, index, value };
}

export function when(condition: Expr, taken: readonly Statement[], otherwise: readonly Statement[] = []): Statement {
  return Object.assign({ kind: 'if', condition, else: otherwise } as const, { then: taken });
}

/** `out[v] = value(x[v])` for v below `n`. */
export function mapKernel(value: (x: Expr) => Expr, type: ScalarType = 'f32'): Kernel {
  const v = symbol('v');
  return kernel(
    [input('x'), output('out', type)],
    ['n'],
    [],
    [loop('v', symbol('n'), 'vector', [store('out', v, value(load('x', v, 'f32')))])],
  );
}

/** Runs a kernel of `mapKernel` on `x`. */
export function runMap(prepared: Kernel, x: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  interpretKernel(prepared, { x, out }, { n: x.length });
  return out;
}

/** Copies of buffers, so that two kernels can run on the same ones. */
export function copies(buffers: Record<string, BufferData>): Record<string, BufferData> {
  return Object.fromEntries(Object.entries(buffers).map(([name, data]) => [name, data.slice()]));
}

export const zero: Expr = literal(0);
