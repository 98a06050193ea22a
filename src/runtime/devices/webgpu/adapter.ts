/** Which GPU is used, and how a device of it is opened. */
import { HeddleError, reasonOf } from '../../errors.ts';
import {
  engineGpu,
  type Gpu,
  type GpuAdapter,
  type GpuDevice,
  type GpuFeature,
  type GpuInfo,
  type GpuLimits,
} from './api.ts';
import { isDevice, type GpuOptions, type PowerPreference } from './options.ts';

export interface OpenDevice {
  readonly device: GpuDevice;
  /** The implementation, which has to be kept as long as the device; absent for a device of the caller's. */
  readonly gpu?: Gpu;
}

/** Asked for where they are offered. Kernels have texts that use the first two; the last times them. */
const FEATURES: readonly GpuFeature[] = ['shader-f16', 'subgroups', 'timestamp-query'];

/** Asked for as large as offered: a device has the least ones otherwise. */
const LIMITS: readonly (keyof GpuLimits)[] = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
];

/** A device that is given, or a new one of the wanted GPU. Rejects with HeddleError 'unsupported'. */
export async function openDevice({ gpu, powerPreference }: GpuOptions): Promise<OpenDevice> {
  if (gpu && isDevice(gpu)) return { device: gpu };
  const offered = gpu ?? engineGpu();
  if (!offered) throw new HeddleError('unsupported', 'this engine has no WebGPU; pass one in the option gpu');
  const adapter = await findAdapter(offered, powerPreference);
  if (!adapter) throw new HeddleError('unsupported', 'there is no GPU that WebGPU can use');
  try {
    return { gpu: offered, device: await adapter.requestDevice(mostOf(adapter)) };
  } catch (error) {
    throw refused(error);
  }
}

/** By default the faster one. Rejects with HeddleError 'unsupported'. */
export async function findAdapter(
  gpu: Gpu,
  powerPreference: PowerPreference = 'high-performance',
): Promise<GpuAdapter | undefined> {
  try {
    return (await gpu.requestAdapter({ powerPreference })) ?? undefined;
  } catch (error) {
    throw refused(error);
  }
}

function refused(error: unknown): HeddleError {
  return new HeddleError('unsupported', `the GPU cannot be used: ${reasonOf(error)}`, { cause: error });
}

function mostOf({ limits, features }: GpuAdapter): {
  readonly requiredLimits: Readonly<Record<string, number>>;
  readonly requiredFeatures: readonly GpuFeature[];
} {
  // Engines that do not know a limit have none to offer.
  const known = LIMITS.filter((name) => limits[name] !== undefined);
  return {
    requiredLimits: Object.fromEntries(known.map((name) => [name, limits[name]])),
    requiredFeatures: FEATURES.filter((feature) => features.has(feature)),
  };
}

/** Drivers that compute on the processor: SwiftShader, Mesa's llvmpipe (lavapipe) and softpipe, and WARP of Windows. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** Whether an adapter is the processor in place of a GPU, which is slower than compiled code there. */
export function isSoftware({ isFallbackAdapter, vendor, architecture, device, description }: GpuInfo): boolean {
  return isFallbackAdapter === true || SOFTWARE.test([vendor, architecture, device, description].join(' '));
}
