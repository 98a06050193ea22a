/** Which of the texts of its kernels a device compiles, and what they bind. */
import type { GpuKernel, GpuProgram } from '../../../program/program.ts';
import type { Shader, ShaderVariant } from '../../../program/shaders.ts';
import { HeddleError } from '../../errors.ts';
import type { GpuDevice } from './api.ts';

export interface ChosenModules {
  /** The text of each kernel. */
  readonly modules: readonly string[];
  /** How these bind their buffers. */
  readonly gpu: GpuProgram;
}

/** The texts for a device; `shaders` is what `shaders.json` holds. Throws HeddleError 'program-malformed'. */
export function modulesFor(
  shaders: unknown,
  gpu: GpuProgram,
  { features, limits }: Pick<GpuDevice, 'features' | 'limits'>,
): ChosenModules {
  const count = gpu.kernels.length;
  if (!Array.isArray(shaders) || shaders.length !== count || !shaders.every(isShader))
    throw new HeddleError('program-malformed', `the shaders are not a list of the program's ${count} kernels`);
  const chosen = shaders.map(({ code, variants = [] }): Omit<ShaderVariant, 'needs'> => {
    const fits = ({ needs, storageBuffers = 0 }: ShaderVariant): boolean =>
      needs.every((need) => features.has(need)) && storageBuffers <= limits.maxStorageBuffersPerShaderStage;
    return variants.find(fits) ?? { code };
  });
  const kernels = gpu.kernels.map((kernel, at) => boundBy(kernel, chosen[at]!));
  return { modules: chosen.map(({ code }) => code), gpu: { ...gpu, kernels } };
}

/** `kernel` as one of its texts binds it. */
export function boundBy(kernel: GpuKernel, { storageBuffers }: Pick<ShaderVariant, 'storageBuffers'>): GpuKernel {
  return storageBuffers === undefined ? kernel : { ...kernel, own: kernel.access.length };
}

function isShader(value: unknown): value is Shader {
  if (typeof value !== 'object' || value === null) return false;
  const { code, variants = [] } = value as { readonly [field in keyof Shader]?: unknown };
  return typeof code === 'string' && Array.isArray(variants) && variants.every(isVariant);
}

function isVariant(value: unknown): value is ShaderVariant {
  if (typeof value !== 'object' || value === null) return false;
  const { code, needs, storageBuffers = 0 } = value as { readonly [field in keyof ShaderVariant]?: unknown };
  if (typeof code !== 'string' || !Number.isSafeInteger(storageBuffers)) return false;
  return Array.isArray(needs) && needs.every((need) => typeof need === 'string');
}
