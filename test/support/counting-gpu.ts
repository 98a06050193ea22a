/** A GPU that counts what its user asks of it. */
import type { CommandEncoder, Gpu, GpuAdapter, GpuBuffer, GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';

/** Calls since the device was opened. */
export interface GpuCounts {
  createBuffer: number;
  createBindGroup: number;
  createBindGroupLayout: number;
  createPipelineLayout: number;
  createShaderModule: number;
  createComputePipelineAsync: number;
  createQuerySet: number;
  submit: number;
  writeBuffer: number;
  beginComputePass: number;
  dispatch: number;
  copyBufferToBuffer: number;
  mapAsync: number;
  /** Buffers that are not destroyed, and their bytes. */
  liveBuffers: number;
  liveBytes: number;
}

/** Counts of what has to be done once. */
export const CREATING = [
  'createBuffer',
  'createBindGroup',
  'createBindGroupLayout',
  'createPipelineLayout',
  'createShaderModule',
  'createComputePipelineAsync',
  'createQuerySet',
] as const;

export interface CountingGpu {
  readonly gpu: Gpu;
  /** Of all devices that were opened. */
  readonly counts: GpuCounts;
  readonly devices: readonly GpuDevice[];
}

export function countingGpu(gpu: Gpu): CountingGpu {
  const counts = noCounts();
  const devices: GpuDevice[] = [];
  const counting: Gpu = {
    async requestAdapter(options) {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return null;
      const { limits, features, info } = adapter;
      const requestDevice: GpuAdapter['requestDevice'] = async (descriptor) => {
        const device = await adapter.requestDevice(descriptor);
        devices.push(device);
        return counted(device, counts);
      };
      return { limits, features, requestDevice, ...(info && { info }) };
    },
  };
  return { gpu: counting, counts, devices };
}

function noCounts(): GpuCounts {
  const created = Object.fromEntries(CREATING.map((name) => [name, 0])) as Record<(typeof CREATING)[number], number>;
  const used = { submit: 0, writeBuffer: 0, beginComputePass: 0, dispatch: 0, copyBufferToBuffer: 0, mapAsync: 0 };
  return { ...created, ...used, liveBuffers: 0, liveBytes: 0 };
}

/** What `after` has more than `before`, where that is not 0. */
export function countsSince(before: GpuCounts, after: GpuCounts): Partial<GpuCounts> {
  const names = Object.keys(after) as (keyof GpuCounts)[];
  const changed = names.filter((name) => after[name] !== before[name]);
  return Object.fromEntries(changed.map((name) => [name, after[name] - before[name]]));
}

/**
 * Has `seen` told of each call of a method. The object stays what it is, as implementations take no others; its own
 * property hides the method.
 */
function watch<T extends object, Name extends keyof T>(
  object: T,
  name: Name,
  seen: (result: unknown, call: readonly unknown[]) => void,
): void {
  const method = (object[name] as (...call: unknown[]) => unknown).bind(object);
  const value = (...call: unknown[]): unknown => {
    const result = method(...call);
    seen(result, call);
    return result;
  };
  Object.defineProperty(object, name, { value, configurable: true });
}

function counted(device: GpuDevice, counts: GpuCounts): GpuDevice {
  for (const name of CREATING) watch(device, name, () => counts[name]++);
  watch(device, 'createBuffer', (buffer) => countBuffer(buffer as GpuBuffer, counts));
  watch(device, 'createCommandEncoder', (encoder) => countEncoder(encoder as CommandEncoder, counts));
  watch(device.queue, 'submit', () => counts.submit++);
  watch(device.queue, 'writeBuffer', () => counts.writeBuffer++);
  return device;
}

function countBuffer(buffer: GpuBuffer, counts: GpuCounts): void {
  counts.liveBuffers++;
  counts.liveBytes += buffer.size;
  let isLive = true;
  watch(buffer, 'mapAsync', () => counts.mapAsync++);
  watch(buffer, 'destroy', () => {
    if (!isLive) return;
    isLive = false;
    counts.liveBuffers--;
    counts.liveBytes -= buffer.size;
  });
}

function countEncoder(encoder: CommandEncoder, counts: GpuCounts): void {
  watch(encoder, 'copyBufferToBuffer', () => counts.copyBufferToBuffer++);
  watch(encoder, 'beginComputePass', (result) => {
    counts.beginComputePass++;
    const pass = result as ReturnType<CommandEncoder['beginComputePass']>;
    watch(pass, 'dispatchWorkgroups', () => counts.dispatch++);
    watch(pass, 'dispatchWorkgroupsIndirect', () => counts.dispatch++);
  });
}
