/** All texts of a program's kernels on a device that checks them. */
import type { GpuProgram } from '../../src/program/program.ts';
import type { Shader, ShaderVariant } from '../../src/program/shaders.ts';
import type { GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { boundBy } from '../../src/runtime/devices/webgpu/modules.ts';
import { createPipelines } from '../../src/runtime/devices/webgpu/pipelines.ts';
import { validated } from '../codegen/webgpu.ts';

/**
 * Makes a pipeline of each text of each kernel, those for more features too, but none that binds more than the device does;
 * answers how many kernels there are. Fails with what the device says.
 */
export async function acceptAll(device: GpuDevice, gpu: GpuProgram, shaders: readonly Shader[]): Promise<number> {
  const texts = shaders.flatMap(({ code, variants = [] }, at) =>
    [{ code }, ...variants].map((text: Omit<ShaderVariant, 'needs'>) => ({ text, kernel: gpu.kernels[at]! })),
  );
  const { maxStorageBuffersPerShaderStage: most } = device.limits;
  const bound = texts.filter(({ text: { storageBuffers = 0 } }) => storageBuffers <= most);
  const kernels = bound.map(({ kernel, text }) => boundBy(kernel, text));
  const codes = bound.map(({ text }) => text.code);
  await validated(device, () => createPipelines(device, { ...gpu, kernels }, codes));
  return shaders.length;
}
