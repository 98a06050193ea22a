/** Multiply-adds that kernels count while they run. */
import { describe, expect, test } from 'vitest';
import { emitJs } from '../../src/compiler/codegen/js/emit.ts';
import { emitWasm } from '../../src/compiler/codegen/wasm/emit.ts';
import { emitWgsl } from '../../src/compiler/codegen/wgsl/emit.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { add, constant, floorDiv, minimum, multiply, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import { literal } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { prepareKernel } from '../../src/compiler/kernel/prepare.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { counterWords, teamWords } from '../../src/program/team.ts';
import { instantiate, memoryOf } from './engine.ts';
import { importJs } from './harness.ts';

const n = symbol('n');
const i = symbol('i');
/** What is left of n from 3 i on, 3 at most, times a number beyond 32 bits; and n^2 of a loop inside. */
const amount = multiply(minimum(constant(3), subtract(n, multiply(constant(3), i))), constant(5 * 2 ** 31));

const kernel: Kernel = {
  name: 'tally',
  buffers: [{ name: 'y', type: 'f32', access: 'write' }],
  sizes: ['n'],
  grid: [{ variable: 'i', extent: floorDiv(add(n, constant(2)), constant(3)) }],
  body: [
    { kind: 'count', amount },
    {
      kind: 'loop',
      variable: 'j',
      extent: n,
      mode: 'vector',
      body: [
        { kind: 'store', buffer: 'y', index: symbol('j'), value: literal(1, 'f32') },
        { kind: 'count', amount: symbol('j') },
      ],
    },
  ],
};

const wanted = (size: number): number => size * 5 * 2 ** 31 + (Math.ceil(size / 3) * size * (size - 1)) / 2;

const SIZES = [1, 3, 7, 100];
const RANKS = 5;

describe('a kernel that counts', () => {
  test('is printed and sound, and counts where it is interpreted', () => {
    expect(kernelFaults(kernel)).toEqual([]);
    expect(printKernel(kernel)).toContain('count j');
    for (const size of SIZES)
      expect(interpretKernel(kernel, { y: new Float32Array(size) }, { n: size })).toBe(wanted(size));
    const prepared = prepareKernel(kernel, wasmTarget);
    for (const size of SIZES)
      expect(interpretKernel(prepared, { y: new Float32Array(size) }, { n: size })).toBe(wanted(size));
  });

  test('adds to the counter of its rank on wasm', () => {
    const words = counterWords(0);
    const { first, stride, end } = words;
    const prepared = prepareKernel(kernel, wasmTarget);
    const step = { kernel: 0, arguments: [0, 1] };
    const parts = { kernels: [prepared], steps: [step], tableAddress: 0, exported: [0], counters: words };
    const bytes = emitWasm({ ...parts, team: teamWords(2) });
    const memory = memoryOf(1);
    const counters = new Float64Array(memory.buffer, first, (end - first) / 8);
    for (let rank = 0; rank < RANKS; rank++) instantiate(bytes, memory, rank, RANKS).exports['k0']!(16384, 100);
    const counted = Array.from({ length: RANKS }, (_, rank) => counters[(rank * stride) / 8]!);
    expect(Math.min(...counted)).toBeGreaterThan(0);
    expect(counted.reduce((sum, count) => sum + count)).toBe(wanted(100));
    expect(counters.reduce((sum, count) => sum + count)).toBe(wanted(100));
  });

  test('adds to the counter that it is given on js', async () => {
    for (const size of SIZES) {
      const text = emitJs([prepareKernel(kernel, { ...wasmTarget, lanes: 1 })]);
      const memory = new ArrayBuffer(4 * size);
      const counts = Float64Array.of(1);
      const { kernels } = await importJs(text);
      kernels(new Float32Array(memory), new Int32Array(memory), new Uint32Array(memory), counts)[0]!(0, size);
      expect(counts[0]).toBe(1 + wanted(size));
    }
  });

  test('does not count on a GPU', () => {
    const [shader] = emitWgsl([kernel], webgpuTarget.workgroups);
    expect(shader!.code).toContain('b0[j] = 1f');
    expect(shader!.code).not.toContain('count');
  });
});
