/** Runs one kernel on every backend, with guard zones around its buffers. */
import { expect } from 'vitest';
import { emitJs } from '../../src/compiler/codegen/js/emit.ts';
import { emitWasm } from '../../src/compiler/codegen/wasm/emit.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { teamWords } from '../../src/program/team.ts';
import { engine, instantiate, memoryOf } from './engine.ts';
import { GUARD, GUARD_ELEMENTS, viewOf, type Contents, type Sizes } from './buffers.ts';
import { runWebgpu } from './webgpu.ts';

/** `relaxed` is the module of wasm with relaxed SIMD, `wasm` the one without. */
export type Backend = 'wasm' | 'relaxed' | 'js' | 'webgpu';

interface Image {
  readonly bytes: ArrayBuffer;
  /** Of each buffer, in elements. */
  readonly offsets: readonly number[];
}

function offsetsOf(kernel: Kernel, contents: Contents, first: number): { offsets: number[]; end: number } {
  let next = first;
  const offsets = kernel.buffers.map(({ name }) => {
    const at = next + GUARD_ELEMENTS;
    next = at + contents[name]!.length;
    return at;
  });
  return { offsets, end: next + GUARD_ELEMENTS };
}

function fill(kernel: Kernel, contents: Contents, { bytes, offsets }: Image): void {
  new Int32Array(bytes).fill(GUARD);
  kernel.buffers.forEach(({ name, type }, at) => viewOf(type, bytes).set(contents[name]!, offsets[at]));
}

/** The buffers afterwards; fails when anything around them changed. */
function collect(kernel: Kernel, contents: Contents, { bytes, offsets }: Image): Record<string, number[]> {
  const result: Record<string, number[]> = {};
  const rest = new Int32Array(bytes.slice(0));
  kernel.buffers.forEach(({ name, type }, at) => {
    const [start, length] = [offsets[at]!, contents[name]!.length];
    result[name] = Array.from(viewOf(type, bytes).subarray(start, start + length));
    rest.fill(GUARD, start, start + length);
  });
  expect(
    rest.findIndex((word) => word !== GUARD),
    'an element outside the buffers was written',
  ).toBe(-1);
  return result;
}

function valuesOf(kernel: Kernel, sizes: Sizes): number[] {
  return kernel.sizes.map((name) => sizes[name]!);
}

function runWasm(kernel: Kernel, contents: Contents, sizes: Sizes, relaxed: boolean): Record<string, number[]> {
  const { offsets, end } = offsetsOf(kernel, contents, 0);
  const memory = memoryOf(Math.ceil((end * 4) / 65536));
  const image = { bytes: memory.buffer, offsets };
  fill(kernel, contents, image);
  const bytes = emitWasm({ kernels: [kernel], steps: [], tableAddress: 0, team: teamWords(0), exported: [0], relaxed });
  expect(engine.validate(bytes)).toBe(true);
  const { exports } = instantiate(bytes, memory);
  exports['k0']!(...offsets.map((at) => 4 * at), ...valuesOf(kernel, sizes));
  return collect(kernel, contents, image);
}

type KernelFunction = (...values: number[]) => void;
type KernelModule = {
  readonly kernels: (
    f32: Float32Array,
    i32: Int32Array,
    u32: Uint32Array,
    counts?: Float64Array,
  ) => readonly KernelFunction[];
};

export async function importJs(text: string): Promise<KernelModule> {
  const url = `data:text/javascript,${encodeURIComponent(text)}`;
  return (await import(/* @vite-ignore */ url)) as KernelModule;
}

async function runJs(kernel: Kernel, contents: Contents, sizes: Sizes): Promise<Record<string, number[]>> {
  const { offsets, end } = offsetsOf(kernel, contents, 0);
  const image = { bytes: new ArrayBuffer(4 * end), offsets };
  fill(kernel, contents, image);
  const { kernels } = await importJs(emitJs([kernel]));
  const [f32, i32, u32] = [Float32Array, Int32Array, Uint32Array].map((View) => new View(image.bytes));
  const [run] = kernels(f32 as Float32Array, i32 as Int32Array, u32 as Uint32Array, new Float64Array(1));
  run!(...offsets, ...valuesOf(kernel, sizes));
  return collect(kernel, contents, image);
}

/** The contents of all buffers after `kernel` ran. */
export async function execute(
  backend: Backend,
  kernel: Kernel,
  contents: Contents,
  sizes: Sizes = {},
): Promise<Record<string, number[]>> {
  switch (backend) {
    case 'wasm':
      return runWasm(kernel, contents, sizes, false);
    case 'relaxed':
      return runWasm(kernel, contents, sizes, true);
    case 'js':
      return runJs(kernel, contents, sizes);
    case 'webgpu':
      return runWebgpu(kernel, contents, sizes);
  }
}
