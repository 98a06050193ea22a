/** What WebGPU guarantees: the default limits, which every device has. */
import type { Target } from '../../kernel/target.ts';

export const webgpuTarget = {
  name: 'webgpu',
  // The lanes of a GPU are its invocations.
  lanes: 1,
  // Tiles of workgroups are chosen by the sizes of a product.
  tiles: [],
  // The others are native, too, but WGSL allows errors that grow with the argument, and drivers differ on NaN.
  nativeUnary: new Set(['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'trunc', 'not']),
  nativePow: false,
  nativeMod: false,
  strictArithmetic: false,
  workgroups: {
    size: 64,
    storageBuffers: 8,
    invocations: 256,
    memory: 16_384,
    bindingBytes: 134_217_728,
    perDimension: 65_535,
  },
} as const satisfies Target;
