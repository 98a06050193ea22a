/**
 * All routines of every entry of the specs, inference, generation and training, on a device that checks modules, layouts,
 * pipelines and the limits that every device has, and computes nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compileModule,
  elaborateGeneration,
  elaborateSpec,
  elaborateTraining,
  type Module,
  type Outcome,
} from '../../src/compiler/driver.ts';
import type { GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { acceptAll } from '../support/shaders.ts';
import { renderAll, specFile, specHost } from '../support/specs.ts';
import { validatingDevice } from '../support/webgpu.ts';

interface Entry {
  readonly file: string;
  readonly entry: string;
  readonly kind: 'model' | 'generate' | 'train';
}

const entries = readdirSync(specFile('.'))
  .filter((file) => file.endsWith('.model'))
  .flatMap((file) => {
    const text = readFileSync(specFile(file), 'utf8');
    return [...text.matchAll(/^(model|train) (\w+)[^]*?^\}/gm)].map(([whole, kind, entry]): Entry => ({
      file,
      entry: entry!,
      kind: kind === 'train' ? 'train' : /^ {2}generate /m.test(whole) ? 'generate' : 'model',
    }));
  });

function moduleOf({ file, entry, kind }: Entry): Module {
  const given = [specFile(file), { entry }, specHost()] as const;
  const known = <T>({ result, diagnostics }: Outcome<T>): T => {
    if (!result) throw new Error(renderAll(diagnostics));
    return result;
  };
  switch (kind) {
    case 'train':
      return known(elaborateTraining(...given));
    case 'generate':
      return known(elaborateGeneration(...given));
    case 'model':
      return { name: entry, graphs: [{ name: 'run', graph: known(elaborateSpec(...given)) }] };
  }
}

describe('every entry of the specs, as it stands', () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await validatingDevice();
  });
  afterAll(() => device.destroy());

  test('is tried with the limits that every device has', () => {
    expect(device.limits).toMatchObject({
      maxStorageBuffersPerShaderStage: 8,
      maxComputeWorkgroupStorageSize: 16384,
      maxComputeInvocationsPerWorkgroup: 256,
      maxStorageBufferBindingSize: 2 ** 27,
    });
    for (const kind of ['model', 'generate', 'train']) expect(entries.map((entry) => entry.kind)).toContain(kind);
  });

  test.each(entries)('$entry of $file ($kind)', async (entry) => {
    const { program, wgsl } = compileModule(moduleOf(entry), { targets: ['webgpu'] });
    const { gpu, routines } = program.targets.webgpu!;
    expect(await acceptAll(device, gpu!, wgsl!)).toBe(gpu!.kernels.length);
    const names = { model: ['run'], generate: ['run', 'prefill', 'step'], train: ['step'] }[entry.kind];
    expect(routines.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });
});
