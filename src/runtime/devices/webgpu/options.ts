/** The options of a load that are about the GPU. */
import { HeddleError } from '../../errors.ts';
import type { Gpu, GpuDevice } from './api.ts';

export const POWER_PREFERENCES = ['high-performance', 'low-power'] as const;

/** Which GPU is wanted of a machine that has two. */
export type PowerPreference = (typeof POWER_PREFERENCES)[number];

export interface GpuOptions {
  /**
   * For webgpu, in place of the engine's `navigator.gpu`: what `create([])` of the package `webgpu` answers in Node, or a
   * GPUDevice, on which the model then lives beside whatever the caller has there.
   */
  readonly gpu?: Gpu | GpuDevice | undefined;
  /** For webgpu, which GPU of a machine that has two; by default the faster one. */
  readonly powerPreference?: PowerPreference | undefined;
}

/** By what it can do, not by class, which is another in Node and in frames. */
export function isDevice(gpu: Gpu | GpuDevice): gpu is GpuDevice {
  return 'createBuffer' in gpu;
}

/** Throws HeddleError 'option'. */
export function checkGpu({ gpu, powerPreference }: GpuOptions): void {
  const given = gpu as Partial<Gpu & GpuDevice> | null | undefined;
  if (given !== undefined && !given?.requestAdapter && !given?.createBuffer)
    throw new HeddleError('option', 'the option gpu is neither a WebGPU, with requestAdapter, nor a GPUDevice');
  if (powerPreference === undefined) return;
  if (!POWER_PREFERENCES.includes(powerPreference)) {
    const known = POWER_PREFERENCES.join(' or ');
    throw new HeddleError('option', `the option powerPreference is ${String(powerPreference)}; it can be ${known}`);
  }
  if (given?.createBuffer)
    throw new HeddleError('option', 'the option powerPreference cannot change the device in gpu');
}
