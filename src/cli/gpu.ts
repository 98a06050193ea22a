/** WebGPU for Node, which has none of its own: the optional package `webgpu`. */
import type { Gpu } from '../runtime/devices/webgpu/api.ts';
import { reasonOf } from '../runtime/errors.ts';
import { Failure } from './errors.ts';

/** Times of passes in nanoseconds, as a profile needs them; pages get no more than 0.1 ms. */
const EXACT_TIMES = 'disable-dawn-features=timestamp_quantization';

/** Takes the driver that the Vulkan loader finds; `VK_ICD_FILENAMES` names another. Throws Failure. */
export async function nodeGpu(): Promise<Gpu> {
  let webgpu: { create(options: string[]): unknown };
  try {
    webgpu = (await import('webgpu')) as typeof webgpu;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (isMissing)
      throw new Failure('the target webgpu needs the package webgpu', { hint: 'install it: npm install webgpu@0.6.2' });
    throw new Failure(`the package webgpu cannot be used here: ${reasonOf(error)}`);
  }
  return webgpu.create([EXACT_TIMES]) as Gpu;
}

/** The same where there is one. */
export async function anyGpu(): Promise<Gpu | undefined> {
  try {
    return await nodeGpu();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** What a machine without a usable GPU driver is told. */
export const DRIVER_HINT =
  'a Vulkan driver is needed; VK_ICD_FILENAMES can name one, such as the SwiftShader that comes with Chromium';
