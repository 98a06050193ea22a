/**
 * A small program written by hand, for both devices. It computes `scaled = x * (2 * w) + 1` and
 * `large = scaled > limit` for `x: f32[batch, 3]`, with `2 * w` folded at load.
 */
import wabt from 'wabt';
import { PROGRAM_VERSION, type Program, type Routine, type TargetProgram } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { JsKernelFactory } from '../../src/runtime/devices/js.ts';
import { createModel, type Model } from '../../src/runtime/model.ts';
import type { TargetName } from '../../src/program/program.ts';

/** The one routine of a model with so many steps. */
export function runOf(steps: number, parts: Partial<Routine> = {}): Routine[] {
  const table = { buffers: [], sizes: [] };
  return [{ name: 'run', inputs: [], outputs: [], first: 0, last: steps, table, ...parts }];
}

const target: TargetProgram = {
  buffers: [
    { kind: 'arena', size: ['*', 3, 'batch'], first: -1, last: 0 }, // 0: x
    { kind: 'arena', size: 1, first: -1, last: 2 }, // 1: limit
    { kind: 'staging', size: 3, first: 0, last: 0 }, // 2: w
    { kind: 'persistent', size: 3, first: 0, last: 0 }, // 3: 2 * w
    { kind: 'arena', size: ['*', 3, 'batch'], first: 0, last: 1 }, // 4: x * (2 * w)
    { kind: 'arena', size: ['*', 3, 'batch'], first: 1, last: 3 }, // 5: scaled
    { kind: 'arena', size: ['*', 3, 'batch'], first: 2, last: 3 }, // 6: large
  ],
  routines: runOf(3, {
    inputs: [
      { name: 'x', dtype: 'f32', shape: ['batch', 3], buffer: 0 },
      { name: 'limit', dtype: 'f32', shape: [], buffer: 1 },
    ],
    outputs: [
      { name: 'scaled', dtype: 'f32', shape: ['batch', 3], buffer: 5 },
      { name: 'large', dtype: 'bool', shape: ['batch', 3], buffer: 6 },
    ],
    table: { buffers: [0, 3, 4, 5, 1, 6], sizes: ['batch', 3, ['*', 3, 'batch']] },
  }),
  weights: [{ name: 'w', dtype: 'f32', shape: [3], buffer: 2 }],
  loadSteps: [{ kernel: 0, buffers: [2, 3], sizes: [3], origin: 'scale' }],
  steps: [
    { kernel: 1, buffers: [0, 3, 4], sizes: ['batch', 3], origin: 'scale' },
    { kernel: 2, buffers: [4, 5], sizes: [['*', 3, 'batch']], origin: 'shift' },
    { kernel: 3, buffers: [5, 1, 6], sizes: [['*', 3, 'batch']], origin: 'compare' },
  ],
  kernels: ['double', 'multiplyRows', 'addOne', 'isGreater'],
};

export const sampleProgram: Program = {
  version: PROGRAM_VERSION,
  name: 'Sample',
  dims: [{ name: 'batch', max: 100_000 }],
  targets: { wasm: target, js: target },
};

export const sampleWeights: ReadonlyMap<string, StoredTensor> = new Map([
  ['w', { dtype: 'F32', shape: [3], bytes: new Uint8Array(Float32Array.of(1, 2, 3).buffer) }],
]);

/** What the program means. */
export function expectedScaled(x: readonly number[]): number[] {
  return x.map((value, at) => value * 2 * ((at % 3) + 1) + 1);
}

export const sampleKernels: JsKernelFactory = (f32, i32) => [
  (w, out, n) => {
    for (let i = 0; i < n!; i++) f32[out! + i] = f32[w! + i]! * 2;
  },
  (x, row, out, rows, columns) => {
    for (let i = 0; i < rows! * columns!; i++) f32[out! + i] = f32[x! + i]! * f32[row! + (i % columns!)]!;
  },
  (x, out, n) => {
    for (let i = 0; i < n!; i++) f32[out! + i] = f32[x! + i]! + 1;
  },
  (x, limit, out, n) => {
    for (let i = 0; i < n!; i++) i32[out! + i] = f32[x! + i]! > f32[limit!]! ? 1 : 0;
  },
];

const sampleWat = `
(module
  (import "env" "memory" (memory 1))
  (func $at (param $base i32) (param $i i32) (result i32)
    (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 2))))
  (func $slot (param $i i32) (result i32) (i32.load (i32.shl (local.get $i) (i32.const 2))))
  (func $double (export "k0") (param $w i32) (param $out i32) (param $n i32) (local $i i32)
    (block $end (loop $next
      (br_if $end (i32.ge_s (local.get $i) (local.get $n)))
      (f32.store (call $at (local.get $out) (local.get $i))
        (f32.mul (f32.load (call $at (local.get $w) (local.get $i))) (f32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func $multiplyRows (param $x i32) (param $row i32) (param $out i32) (param $rows i32) (param $columns i32)
    (local $i i32)
    (block $end (loop $next
      (br_if $end (i32.ge_s (local.get $i) (i32.mul (local.get $rows) (local.get $columns))))
      (f32.store (call $at (local.get $out) (local.get $i))
        (f32.mul
          (f32.load (call $at (local.get $x) (local.get $i)))
          (f32.load (call $at (local.get $row) (i32.rem_u (local.get $i) (local.get $columns))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func $addOne (param $x i32) (param $out i32) (param $n i32) (local $i i32)
    (block $end (loop $next
      (br_if $end (i32.ge_s (local.get $i) (local.get $n)))
      (f32.store (call $at (local.get $out) (local.get $i))
        (f32.add (f32.load (call $at (local.get $x) (local.get $i))) (f32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func $isGreater (param $x i32) (param $limit i32) (param $out i32) (param $n i32) (local $i i32)
    (block $end (loop $next
      (br_if $end (i32.ge_s (local.get $i) (local.get $n)))
      (i32.store (call $at (local.get $out) (local.get $i))
        (f32.gt (f32.load (call $at (local.get $x) (local.get $i))) (f32.load (local.get $limit))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func (export "run")
    (call $multiplyRows (call $slot (i32.const 0)) (call $slot (i32.const 1)) (call $slot (i32.const 2))
      (call $slot (i32.const 6)) (call $slot (i32.const 7)))
    (call $addOne (call $slot (i32.const 2)) (call $slot (i32.const 3)) (call $slot (i32.const 8)))
    (call $isGreater (call $slot (i32.const 3)) (call $slot (i32.const 4)) (call $slot (i32.const 5))
      (call $slot (i32.const 8)))))
`;

/** Bytes of a module in the text format. */
export async function assemble(wat: string): Promise<Uint8Array<ArrayBuffer>> {
  const module = (await wabt()).parseWat('test.wat', wat);
  return new Uint8Array(module.toBinary({}).buffer);
}

export async function sampleModule(): Promise<Uint8Array<ArrayBuffer>> {
  return assemble(sampleWat);
}

export async function loadSample(target: TargetName): Promise<Model> {
  return createModel({
    program: sampleProgram,
    target,
    kernels: target === 'wasm' ? await sampleModule() : sampleKernels,
    weights: (name) => sampleWeights.get(name),
  });
}
