/**
 * WebGPU in tests, from the npm package `webgpu`: on the software driver that Debian's chromium-common brings, and on a
 * backend that only validates. In CI a missing driver is a failure; elsewhere the tests that need it are skipped.
 */
import { existsSync } from 'node:fs';
import { describe, test } from 'vitest';
import { create } from 'webgpu';
import type { Gpu, GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { TARGETS, type AnyTarget } from './specs.ts';

const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json', '/usr/lib/chromium-browser/vk_swiftshader_icd.json'];

/** The description of the software driver, for the Vulkan loader; one that is set already stands. */
const driver = process.env['VK_ICD_FILENAMES'] ?? DRIVERS.find((path) => existsSync(path));
if (driver !== undefined) process.env['VK_ICD_FILENAMES'] = driver;

/** Kept for the life of the process, which would crash without. */
const implementations = new Map<string, Gpu>();

function implementation(options: readonly string[]): Gpu {
  const key = options.join();
  const known = implementations.get(key) ?? (create([...options]) as unknown as Gpu);
  implementations.set(key, known);
  return known;
}

export function softwareGpu(): Gpu {
  return implementation([]);
}

/** A device that checks everything and computes nothing: what it reads back is garbage. */
export async function validatingDevice(): Promise<GpuDevice> {
  const adapter = await implementation(['backend=null']).requestAdapter();
  return adapter!.requestDevice();
}

/** A suite that needs a device that computes. */
export function describeGpu(name: string, suite: () => void): void {
  describe(name, () => {
    if (driver !== undefined) suite();
    else if (process.env['CI'])
      test('there is a Vulkan driver (Debian: chromium-common and libvulkan1)', () => {
        throw new Error(`no Vulkan driver at ${DRIVERS.join(' or ')}, and VK_ICD_FILENAMES is not set`);
      });
    else test.skip('there is no Vulkan driver; install chromium-common and libvulkan1', () => {});
  });
}

/**
 * The test on each target; on webgpu where there is a device that computes. Its software driver takes half a second to
 * build a large kernel, so a test of several programs may leave out there what others cover.
 */
export function testOnTargets(name: string, check: (target: AnyTarget) => Promise<void>): void {
  test.each(TARGETS)(`${name} on %s`, check);
  describeGpu(name, () => {
    test('on webgpu', async () => check('webgpu'));
  });
}
