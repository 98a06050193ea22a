/** Whether there is a GPU that is worth choosing, before anything is made for it. */
import { HeddleError } from '../../errors.ts';
import { findAdapter, isSoftware } from './adapter.ts';
import { engineGpu, type GpuInfo } from './api.ts';
import { isDevice, type GpuOptions } from './options.ts';

/** Why webgpu should not be chosen here; undefined where it may be. A device that is given was chosen by the caller. */
export async function hindranceToGpu({ gpu, powerPreference }: GpuOptions): Promise<string | undefined> {
  if (gpu && isDevice(gpu)) return undefined;
  const offered = gpu ?? engineGpu();
  if (!offered) return 'this engine has no WebGPU';
  try {
    const adapter = await findAdapter(offered, powerPreference);
    if (!adapter) return 'there is no GPU that WebGPU can use';
    return adapter.info && isSoftware(adapter.info)
      ? `it would run on the processor, by ${nameOf(adapter.info)}`
      : undefined;
  } catch (error) {
    if (error instanceof HeddleError) return error.message;
    throw error;
  }
}

function nameOf({ device, description, vendor }: GpuInfo): string {
  return [description, device, vendor].find((text) => text !== '') ?? 'a driver without a name';
}
