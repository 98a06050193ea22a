/**
 * A model that is compiled with f16, on the driver at hand: with f16 (that of Mesa 25, named by VK_ICD_FILENAMES) its
 * weights and intermediate tensors are halves, without they are singles. All values here are exact in both.
 */
import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../../src/compiler/driver.ts';
import { createGpuSession } from '../../../src/runtime/devices/webgpu/program-session.ts';
import { Halves } from '../../../src/runtime/devices/webgpu/halves.ts';
import { createModel } from '../../../src/runtime/model.ts';
import { graphOfText, storedTensor } from '../../support/specs.ts';
import { describeGpu, modelGpu } from '../../support/webgpu.ts';

/** Sizes are odd, so that a tensor of halves ends within a word. */
const SPEC = `model Odd() {
  dims n
  input x: f32[n, 5]
  param a: f32[5, 7]
  param b: f32[7, 3]
  param c: f32[3]
  hidden = relu(x @ a)
  normal = hidden - mean(hidden, axis: 0)
  output y: f32[n, 3] = hidden @ b + c
  output z: f32[n, 7] = normal
}
`;

const integers = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, at) => ((at * 7 + seed) % 9) - 4);

describeGpu('a model with f16', () => {
  test('gives what it gives in f32, where f16 holds all values', async () => {
    const { program, wgsl } = compileGraph(graphOfText(SPEC), { targets: ['webgpu'], f16: true });
    const half = program.targets.webgpu!.buffers.filter((buffer) => buffer.half);
    expect(new Set(half.map(({ kind }) => kind))).toEqual(new Set(['persistent', 'arena']));
    const [a, b, c] = [integers(35, 1), integers(21, 2), integers(3, 3)];
    const weights = new Map([
      ['a', storedTensor([5, 7], a)],
      ['b', storedTensor([7, 3], b)],
      ['c', storedTensor([3], c)],
    ]);
    const model = await createModel({
      program,
      kernels: wgsl!,
      target: 'webgpu',
      weights: (name) => weights.get(name),
      gpu: modelGpu(),
      createGpuSession,
    });
    const product = (left: number[], right: number[], depth: number, columns: number): number[] =>
      Array.from({ length: (left.length / depth) * columns }, (_, at) => {
        const [row, column] = [Math.floor(at / columns), at % columns];
        return Array.from({ length: depth }, (_, k) => left[row * depth + k]! * right[k * columns + column]!).reduce(
          (sum, term) => sum + term,
        );
      });
    for (const n of [1, 4, 2]) {
      const x = integers(5 * n, n);
      const { y, z } = await model.run({ x: { data: Float32Array.from(x), shape: [n, 5] } });
      const hidden = product(x, a, 5, 7).map((value) => Math.max(0, value));
      expect([...y!.data]).toEqual(product(hidden, b, 7, 3).map((value, at) => value + c[at % 3]!));
      const mean = (column: number): number =>
        Array.from({ length: n }, (_, row) => hidden[row * 7 + column]!).reduce((sum, value) => sum + value) / n;
      expect([...z!.data]).toEqual(hidden.map((value, at) => value - mean(at % 7)));
    }
    model.dispose();
  });
});

describe('halves of a weight', () => {
  test('are whole when the last piece has come, in any order', () => {
    const halves = new Halves(5);
    const piece = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(Float32Array.from(values).buffer);
    expect(halves.add(12, piece(4, 5))).toBe(undefined);
    expect(halves.add(0, piece(1, 2, 65536))).toEqual(Uint16Array.of(0x3c00, 0x4000, 0x7c00, 0x4400, 0x4500, 0));
  });
});
