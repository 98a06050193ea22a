/**
 * WebGPU in tests, from the npm package `webgpu`: on the software driver that Debian's chromium-common brings, and on a
 * backend that only validates. In CI a missing driver is a failure; elsewhere the tests that need it are skipped.
 */
import { existsSync } from 'node:fs';
import { describe, onTestFinished, test } from 'vitest';
import { create } from 'webgpu';
import type { Gpu, GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { guardedGpu } from './guarded-gpu.ts';
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

/**
 * Has workgroup memory zeroed by a loop in front of each kernel: the driver's own way takes half a second for each to
 * compile.
 */
const ZEROED_BY_LOOP = 'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension';

export function softwareGpu(): Gpu {
  return implementation([ZEROED_BY_LOOP]);
}

/** Of all models that tests open by `modelGpu`. */
const guarded: Gpu[] = [];

/**
 * For the model of a test: on a device that all tests share, with guards around every buffer. The test fails where a guard
 * was written, and frees what it has not.
 */
export function modelGpu(): Gpu {
  guarded[0] ??= guardedGpu(softwareGpu(), (view) => onTestFinished(() => view.finish()));
  return guarded[0];
}

/** What checks everything and computes nothing: what it reads back is garbage. It has 512 MiB of memory. */
export function validatingGpu(): Gpu {
  return implementation(['backend=null']);
}

/** A device of `gpu` with the limits that every device has. */
export function byDefault(gpu: Gpu): Gpu {
  return {
    async requestAdapter() {
      const adapter = (await gpu.requestAdapter())!;
      const { limits, features } = adapter;
      return {
        limits,
        features,
        requestDevice: ({ requiredFeatures = [] } = {}) => adapter.requestDevice({ requiredFeatures }),
      };
    },
  };
}

/** At the default limits, but for what is asked for. */
export async function validatingDevice(requiredLimits: Readonly<Record<string, number>> = {}): Promise<GpuDevice> {
  const adapter = await validatingGpu().requestAdapter();
  const features = (['subgroups', 'shader-f16'] as const).filter((feature) => adapter!.features.has(feature));
  return adapter!.requestDevice({ requiredFeatures: features, requiredLimits });
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
 * The test on each target; on webgpu where there is a device that computes. Its software driver takes a tenth of a
 * second to build a large kernel, so a test of many programs may leave out there what others cover.
 */
export function testOnTargets(name: string, check: (target: AnyTarget) => Promise<void>): void {
  test.each(TARGETS)(`${name} on %s`, check);
  describeGpu(name, () => {
    test('on webgpu', async () => check('webgpu'));
  });
}
