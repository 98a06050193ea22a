/** The compiled kernels of a program on one GPU device: pipelines, and how their buffers are bound. */
import type { GpuKernel, GpuProgram } from '../../../program/program.ts';
import { VISIBLE_TO_COMPUTE, type GpuDevice, type LayoutEntry } from './api.ts';

export interface GpuPipeline {
  readonly pipeline: object;
  /** Of its bind group. */
  readonly layout: object;
}

/** Rejects with what the device says about a kernel it refuses. */
export async function createPipelines(
  device: GpuDevice,
  { kernels }: GpuProgram,
  modules: readonly string[],
): Promise<readonly GpuPipeline[]> {
  return Promise.all(
    kernels.map(async (kernel, at) => {
      const layout = device.createBindGroupLayout({ entries: layoutEntries(kernel) });
      const pipeline = await device.createComputePipelineAsync({
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: device.createShaderModule({ code: modules[at]! }), entryPoint: 'main' },
      });
      return { pipeline, layout };
    }),
  );
}

/** In the order in which the compiler numbers bindings: own buffers, the rest in one, sizes. */
function layoutEntries({ access, own, sizes }: GpuKernel): LayoutEntry[] {
  const types: LayoutEntry['buffer']['type'][] = access
    .slice(0, own)
    .map((mode) => (mode === 'read' ? 'read-only-storage' : 'storage'));
  if (own < access.length) types.push('storage');
  if (sizes + access.length - own > 0) types.push('uniform');
  return types.map((type, binding) => ({ binding, visibility: VISIBLE_TO_COMPUTE, buffer: { type } }));
}

/**
 * Workgroups along x and y for so many points of a grid; the kernels number them row by row. Undefined where a device
 * has not enough.
 */
export function workgroupsFor(
  points: number,
  workgroupSize: number,
  perDimension: number,
): { readonly x: number; readonly y: number } | undefined {
  const count = Math.ceil(points / workgroupSize);
  const x = Math.min(count, perDimension);
  const y = x === 0 ? 0 : Math.ceil(count / x);
  return y <= perDimension && x * y * workgroupSize < 2 ** 31 ? { x, y } : undefined;
}
