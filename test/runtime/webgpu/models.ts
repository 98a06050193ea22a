/** Small programs for the GPU, and their parts. */
import { compileGraph } from '../../../src/compiler/driver.ts';
import type { Gpu } from '../../../src/runtime/devices/webgpu/api.ts';
import { createGpuSession } from '../../../src/runtime/devices/webgpu/program-session.ts';
import type { ModelParts } from '../../../src/runtime/model.ts';
import { graphOfText, storedTensor } from '../../support/specs.ts';

/** Two layers, of which the second has a weight that is prepared at load. */
export const LAYERS = `model Layers() {
  dims batch
  input x: f32[batch, 3]
  param w: f32[3, 4]
  param v: f32[4, 4]
  h = relu(x @ w)
  output h: f32[batch, 4] = h
  output y: f32[batch, 4] = h @ softmax(v, -1) + 1.0
}
`;

/** One kernel that is quickly built. */
export const SCALED = `model Scaled() {
  dims batch
  input x: f32[batch]
  param s: f32[]
  output y: f32[batch] = x * x * s + 1.0
}
`;

export const SCALE = storedTensor([], [2]);

const WEIGHTS = new Map([
  ['s', SCALE],
  ['w', storedTensor([3, 4], [1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12])],
  [
    'v',
    storedTensor(
      [4, 4],
      Array.from({ length: 16 }, () => 0),
    ),
  ],
]);

export function partsOf(spec: string, gpu: Gpu): ModelParts & { readonly target: 'webgpu' } {
  const { program, wgsl } = compileGraph(graphOfText(spec), { targets: ['webgpu'] });
  const weights = (name: string) => WEIGHTS.get(name);
  return { program, kernels: wgsl!, target: 'webgpu', weights, gpu, createGpuSession };
}

/** What `LAYERS` gives for a row. */
export function layersOf(row: readonly number[]): { readonly h: number[]; readonly y: number[] } {
  const w = [...new Float32Array(WEIGHTS.get('w')!.bytes.buffer as ArrayBuffer)];
  const h = [0, 1, 2, 3].map((column) =>
    Math.max(
      0,
      row.reduce((sum, value, at) => sum + value * w[4 * at + column]!, 0),
    ),
  );
  const sum = h.reduce((total, value) => total + value, 0);
  return { h, y: h.map(() => sum / 4 + 1) };
}
