/** Which GPU is opened, and what is asked of it. */
import { describe, expect, test } from 'vitest';
import { findAdapter, isSoftware, openDevice } from '../../../src/runtime/devices/webgpu/adapter.ts';
import type { DeviceDescriptor, Gpu, GpuDevice } from '../../../src/runtime/devices/webgpu/api.ts';
import { checkGpu } from '../../../src/runtime/devices/webgpu/options.ts';
import { describeGpu, softwareGpu } from '../../support/webgpu.ts';

/** A GPU that gives no device, but notes what is asked of it. */
function noted(features: readonly string[], limits: object) {
  const asked: { adapter: object[]; device: DeviceDescriptor[] } = { adapter: [], device: [] };
  const device = { createBuffer: () => undefined } as unknown as GpuDevice;
  const requestDevice = async (descriptor: DeviceDescriptor): Promise<GpuDevice> => {
    asked.device.push(descriptor);
    return device;
  };
  const adapter = { limits, features: new Set(features), requestDevice };
  const requestAdapter = async (options: object): Promise<object> => {
    asked.adapter.push(options);
    return adapter;
  };
  return { gpu: { requestAdapter } as unknown as Gpu, asked, device };
}

describe('a device', () => {
  test('is asked for the features and the largest limits that its adapter offers, and no others', async () => {
    const { gpu, asked, device } = noted(['subgroups', 'depth-clip-control'], {
      maxBufferSize: 5e9,
      maxComputeWorkgroupStorageSize: 32768,
      maxTextureDimension1D: 16384,
    });
    expect(await openDevice({ gpu })).toEqual({ gpu, device });
    expect(asked.adapter).toEqual([{ powerPreference: 'high-performance' }]);
    expect(asked.device).toEqual([
      {
        requiredFeatures: ['subgroups'],
        requiredLimits: { maxBufferSize: 5e9, maxComputeWorkgroupStorageSize: 32768 },
      },
    ]);
  });

  test('is of the GPU that is preferred', async () => {
    const { gpu, asked } = noted([], {});
    await openDevice({ gpu, powerPreference: 'low-power' });
    expect(asked.adapter).toEqual([{ powerPreference: 'low-power' }]);
  });

  test("may be the caller's, and nothing is opened then", async () => {
    const { device } = noted([], {});
    expect(await openDevice({ gpu: device })).toEqual({ device });
  });
});

test.each([
  [{ gpu: {} }, /neither a WebGPU, with requestAdapter, nor a GPUDevice/],
  [{ gpu: null }, /neither a WebGPU/],
  [{ powerPreference: 'fast' }, /powerPreference is fast; it can be high-performance or low-power/],
  [{ gpu: noted([], {}).device, powerPreference: 'low-power' }, /cannot change the device/],
])('the options %o are refused', (options, message) => {
  expect(() => checkGpu(options as object)).toThrow(
    expect.objectContaining({ code: 'option', message: expect.stringMatching(message) }),
  );
});

describe('software in place of a GPU', () => {
  const info = { vendor: '', architecture: '', device: '', description: '' };
  test.each([
    ['what says so itself', { ...info, isFallbackAdapter: true }, true],
    ['SwiftShader', { ...info, architecture: 'swiftshader' }, true],
    ['lavapipe', { ...info, vendor: 'mesa', description: 'llvmpipe (LLVM 19.1.7, 256 bits)' }, true],
    ['WARP', { ...info, description: 'Microsoft Basic Render Driver' }, true],
    ['an unknown GPU', info, false],
    ['Apple', { ...info, vendor: 'apple', architecture: 'metal-3', isFallbackAdapter: false }, false],
  ])('is told of %s', (_, found, wanted) => {
    expect(isSoftware(found)).toBe(wanted);
  });
});

describeGpu('the software driver', () => {
  test('is known as such, and gives all that it offers', async () => {
    const adapter = (await findAdapter(softwareGpu()))!;
    expect(isSoftware(adapter.info!)).toBe(true);
    const { device } = await openDevice({ gpu: softwareGpu() });
    expect(device.limits.maxStorageBuffersPerShaderStage).toBe(adapter.limits.maxStorageBuffersPerShaderStage);
    expect(device.limits.maxStorageBuffersPerShaderStage).toBeGreaterThan(8);
    expect(device.features.has('subgroups')).toBe(adapter.features.has('subgroups'));
    device.destroy();
  });
});
