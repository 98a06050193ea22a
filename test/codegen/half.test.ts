/**
 * Buffers that devices with f16 store in half the bytes. The driver that most tests run on has none: their texts are
 * checked here, and run where VK_ICD_FILENAMES names one that has, such as that of Mesa 25.
 */
import { describe, expect, it, test } from 'vitest';
import { emitWgsl } from '../../src/compiler/codegen/wgsl/emit.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { compileGraph, stagesOf } from '../../src/compiler/driver.ts';
import { add, constant as c, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, literal, load, splat, variable } from '../../src/compiler/kernel/build.ts';
import type { Kernel, KernelBuffer } from '../../src/compiler/kernel/ir.ts';
import type { GpuFeature, GpuLimits } from '../../src/runtime/devices/webgpu/api.ts';
import { storeInHalves } from '../../src/compiler/plan/halves.ts';
import { modulesFor } from '../../src/runtime/devices/webgpu/modules.ts';
import { graphOf, graphOfText, specFile } from '../support/specs.ts';
import { acceptAll } from '../support/shaders.ts';
import { describeGpu, validatingDevice } from '../support/webgpu.ts';
import { buffer, kernel, store } from './dsl.ts';
import { hasHalves, runWebgpu } from './webgpu.ts';

const i = symbol('i');
const halfBuffer = (name: string, access: KernelBuffer['access']): KernelBuffer => ({
  name,
  type: 'f32',
  access,
  half: true,
});

/** Stores x + 1, element by element and four at a time, from single to half and back. */
const tested: readonly Kernel[] = [
  ['to', buffer('x'), halfBuffer('out', 'write')],
  ['from', halfBuffer('x', 'read'), buffer('out')],
  ['between', halfBuffer('x', 'read'), halfBuffer('out', 'readwrite')],
].flatMap(([name, ...buffers]) =>
  ([1, 4] as const).map((lanes) =>
    kernel({
      name: `${name as string}_${lanes}`,
      buffers: buffers as KernelBuffer[],
      grid: [['i', c(8 / lanes)]],
      body: [
        store(
          'out',
          multiply(c(lanes), i),
          binary('add', load('x', multiply(c(lanes), i), 'f32', lanes), splat(literal(1), lanes)),
        ),
      ],
    }),
  ),
);

/** Vectors at places that are no multiples of four, a constant beyond f16, and a reduction. */
const mixed: Kernel = {
  ...kernel({
    buffers: [halfBuffer('x', 'read'), halfBuffer('out', 'write')],
    body: [
      { kind: 'reduce', name: 'sum', op: 'add', value: load('x', i, 'f32') },
      store('out', add(multiply(c(4), i), c(1)), load('x', add(i, c(1)), 'f32', 4)),
      store('out', c(17), variable('sum', 'f32')),
      store('out', c(18), literal(1e9)),
    ],
  }),
  workgroup: { invocation: 'i', size: 4, memory: [] },
};

it('each feature has a text, and all together', () => {
  const [shader] = emitWgsl([mixed], webgpuTarget.workgroups);
  expect(shader!.variants!.map(({ needs }) => needs)).toEqual([
    ['shader-f16', 'subgroups'],
    ['shader-f16'],
    ['subgroups'],
  ]);
  const program = {
    workgroupSize: 64,
    partBytes: 256,
    kernels: [{ access: mixed.buffers.map(({ access }) => access), own: mixed.buffers.length, sizes: 0 }],
  };
  const limits = { maxStorageBuffersPerShaderStage: 8 } as GpuLimits;
  const textFor = (...features: GpuFeature[]): string =>
    modulesFor([shader], program, { features: new Set(features), limits }).modules[0]!;
  const enabled = (text: string): string[] => [...text.matchAll(/enable (\w+)/g)].map(([, name]) => name!);
  expect(enabled(textFor())).toEqual([]);
  expect(enabled(textFor('subgroups', 'timestamp-query'))).toEqual(['subgroups']);
  expect(enabled(textFor('shader-f16'))).toEqual(['f16']);
  expect(enabled(textFor('shader-f16', 'subgroups'))).toEqual(['f16', 'subgroups']);
});

describe('a model with --f16', () => {
  test.each([
    ['vit.model', 'ViT'],
    ['moe_lm.model', 'MoELanguageModel'],
  ])('of %s is accepted, all its texts', async (file, entry) => {
    const device = await validatingDevice();
    const { program, wgsl } = compileGraph(graphOf(specFile(file), { entry }), { targets: ['webgpu'], f16: true });
    const { gpu, buffers } = program.targets.webgpu!;
    expect(buffers.filter(({ half, kind }) => half && kind === 'persistent').length).toBeGreaterThan(0);
    expect(buffers.filter(({ half, kind }) => half && kind === 'arena').length).toBeGreaterThan(0);
    await acceptAll(device, gpu!, wgsl!);
    device.destroy();
  });

  test('keeps its inputs and outputs', () => {
    const spec = `model M() {\n  dims n\n  input x: f32[n, 4]\n  param w: f32[4, 4]\n  output y: f32[n, 4] = relu(x @ w) @ w\n}\n`;
    const { program } = compileGraph(graphOfText(spec), { targets: ['webgpu', 'wasm'], f16: true });
    const { buffers, routines } = program.targets.webgpu!;
    const [run] = routines;
    for (const { buffer: at } of [...run!.inputs, ...run!.outputs]) expect(buffers[at]!.half).toBe(undefined);
    expect(buffers.filter(({ half }) => half).length).toBeGreaterThan(0);
    expect(program.targets.wasm!.buffers.some(({ half }) => half)).toBe(false);
  });
});

test('nothing that shares a binding is in halves, though parts of another took the bindings', () => {
  const spec =
    'model M() {\n  dims n\n  input x: f32[n, 6]\n  param w: f32[50, 6]\n  param b: f32[50]\n  output y: f32[n, 50] = x @ transpose(w) + b\n}\n';
  const { lowered } = stagesOf(graphOfText(spec), 'webgpu');
  const halves = (storageBuffers: number): string[] => {
    const limits = { ...webgpuTarget.workgroups, bindingBytes: 512, storageBuffers };
    return storeInHalves(lowered, limits).buffers.flatMap(({ half, value }) =>
      half ? [String(value!.type.shape[0]!.key)] : [],
    );
  };
  // Four buffers, one of them in three parts.
  expect(halves(6)).toEqual(['50']);
  expect(halves(5)).toEqual([]);
});

describeGpu('a buffer in halves', () => {
  test('is one of singles on devices without f16', async () => {
    const x = [1, 2, 3.1, 4, 5, 6, 7, 8].map(Math.fround);
    for (const one of tested) {
      const { out } = await runWebgpu(one, { x, out: x.map(() => 0) }, {});
      expect(out).toEqual(x.map((value) => Math.fround(value + 1)));
    }
  });

  test('rounds what is stored to f16', async ({ skip }) => {
    if (!(await hasHalves())) skip('the driver has no f16; that of Mesa 25 has');
    const options = { features: ['shader-f16'] } as const;
    const x = [1, 2, 3, 0.5, 2047, 2048, 7, -0.25];
    for (const one of tested) {
      const { out } = await runWebgpu(one, { x, out: x.map(() => 0) }, {}, options);
      // 2049 is halfway between two f16, and rounds down by either rule.
      expect(out).toEqual([2, 3, 4, 1.5, 2048, one.buffers[1]!.half ? 2048 : 2049, 8, 0.75]);
    }
    const eight = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const features of [['shader-f16'], ['shader-f16', 'subgroups']] as const) {
      const { out } = await runWebgpu(mixed, { x: eight, out: Array.from({ length: 20 }, () => 0) }, {}, { features });
      expect(out).toEqual([0, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7, 5, 6, 7, 8, 10, Infinity, 0]);
    }
  });
});
