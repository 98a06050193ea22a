/** Runs one kernel on a software GPU, each buffer with a tail that must not change. */
import { expect } from 'vitest';
import { emitWgsl } from '../../src/compiler/codegen/wgsl/emit.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { evaluate } from '../../src/compiler/dims/dim.ts';
import { ownBindings } from '../../src/compiler/kernel/bindings.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import type { Workgroups } from '../../src/compiler/kernel/target.ts';
import type { GpuKernel } from '../../src/program/program.ts';
import type { ShaderFeature } from '../../src/program/shaders.ts';
import { MAP_READ, USAGE, type GpuBuffer, type GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { toFloat32 } from '../../src/program/convert.ts';
import { writeHalves } from '../../src/program/half.ts';
import { modulesFor, type ChosenModules } from '../../src/runtime/devices/webgpu/modules.ts';
import { createPipelines, workgroupsFor } from '../../src/runtime/devices/webgpu/pipelines.ts';
import { softwareGpu } from '../support/webgpu.ts';
import { GUARD, GUARD_ELEMENTS, viewOf, type Contents, type Sizes } from './buffers.ts';

/** One for all kernels: an adapter gives one device. */
const opened: Promise<GpuDevice>[] = [];

async function open(): Promise<GpuDevice> {
  const adapter = await softwareGpu().requestAdapter();
  const features = (['subgroups', 'shader-f16'] as const).filter((feature) => adapter!.features.has(feature));
  const { maxStorageBuffersPerShaderStage } = adapter!.limits;
  return adapter!.requestDevice({ requiredFeatures: features, requiredLimits: { maxStorageBuffersPerShaderStage } });
}

/** Whether the software driver has f16: that of Mesa 25 does. */
export async function hasHalves(): Promise<boolean> {
  return (await device()).features.has('shader-f16');
}

function device(): Promise<GpuDevice> {
  opened[0] ??= open();
  return opened[0];
}

/** Runs `action`, and fails with what the device has to say. */
export async function validated<T>(gpu: GpuDevice, action: () => Promise<T>): Promise<T> {
  gpu.pushErrorScope('validation');
  try {
    return await action();
  } finally {
    const problem = await gpu.popErrorScope();
    expect(problem?.message).toBe(undefined);
  }
}

/** For which device the text of a kernel is. */
export interface GpuOptions {
  readonly features?: readonly ShaderFeature[];
  readonly bindingBytes?: number;
  readonly storageBuffers?: number;
}

const BASE = webgpuTarget.workgroups;

/** The contents of all buffers after `kernel` ran. */
export async function runWebgpu(
  kernel: Kernel,
  contents: Contents,
  sizes: Sizes,
  { features = [], bindingBytes = BASE.bindingBytes, storageBuffers = BASE.storageBuffers }: GpuOptions = {},
): Promise<Record<string, number[]>> {
  const workgroups = { ...BASE, bindingBytes };
  const gpu = await device();
  const lengths = kernel.buffers.map(({ name }) => contents[name]!.length);
  const images = kernel.buffers.map(({ name, type, half }, at) => {
    // Whole vectors have to fit into a binding.
    const words = new Int32Array(4 * Math.ceil((lengths[at]! + GUARD_ELEMENTS) / 4)).fill(GUARD);
    viewOf(type, words.buffer).set(contents[name]!);
    return half && features.includes('shader-f16') ? halved(words, lengths[at]!) : words;
  });
  const info = kernelInfo(kernel, workgroups);
  const chosen = modulesFor(
    emitWgsl([kernel], workgroups),
    { workgroupSize: workgroups.size, partBytes: workgroups.bindingBytes, kernels: [info] },
    { features: new Set(features), limits: { ...gpu.limits, maxStorageBuffersPerShaderStage: storageBuffers } },
  );
  const results = await validated(gpu, () => dispatch(gpu, kernel, chosen, images, sizes, workgroups));
  const entries = kernel.buffers.map(({ name, type, half }, at) => {
    if (half && features.includes('shader-f16')) return [name, singles(results[at]!, lengths[at]!)] as const;
    const tail = new Int32Array(results[at]!).slice(lengths[at]!);
    expect(
      [...tail].every((word) => word === GUARD),
      'an element outside the buffers was written',
    ).toBe(true);
    return [name, Array.from(viewOf(type, results[at]!).subarray(0, lengths[at]))] as const;
  });
  return Object.fromEntries(entries);
}

/** As many f16 in place of the words, with a guard behind them. */
function halved(words: Int32Array<ArrayBuffer>, length: number): Int32Array {
  const image = new Int32Array(words.length).fill(GUARD);
  writeHalves(new Uint16Array(image.buffer), 0, new Float32Array(words.buffer, 0, length));
  return image;
}

/** The first f16; fails when what is behind them changed. */
function singles(bytes: ArrayBuffer, length: number): number[] {
  const tail = new Int32Array(bytes, 4 * Math.ceil(length / 2));
  expect(
    tail.every((word) => word === GUARD),
    'an element outside the buffers was written',
  ).toBe(true);
  return Array.from(toFloat32({ dtype: 'F16', bytes: new Uint8Array(bytes, 0, 2 * length) }));
}

function kernelInfo({ buffers, sizes, workgroup }: Kernel, { storageBuffers }: Workgroups): GpuKernel {
  return {
    access: buffers.map(({ access }) => access),
    own: ownBindings(buffers, storageBuffers),
    parts: buffers.map(({ parts = 1 }) => parts),
    sizes: sizes.length,
    ...(workgroup && { workgroup: workgroup.size }),
  };
}

async function dispatch(
  gpu: GpuDevice,
  kernel: Kernel,
  { modules, gpu: program }: ChosenModules,
  images: readonly Int32Array[],
  sizes: Sizes,
  workgroups: Workgroups,
): Promise<ArrayBuffer[]> {
  const { own, parts = [], workgroup } = program.kernels[0]!;
  const pipelines = await createPipelines(gpu, program, modules);
  const { pipeline, layout } = pipelines[0]!;
  const bases = images.slice(own).map((_, at) => sum(images.slice(own, own + at).map((image) => image.length)));
  const rest = concatenated(images.slice(own));
  const parameters = Int32Array.from([...kernel.sizes.map((name) => sizes[name]!), ...bases]);
  const bindings = [
    ...images.slice(0, own).map((image) => filled(gpu, image, USAGE.storage)),
    ...(rest.length > 0 ? [filled(gpu, rest, USAGE.storage)] : []),
    ...(parameters.length > 0 ? [filled(gpu, parameters, USAGE.uniform)] : []),
  ];
  const resources = bindings.flatMap((buffer, at) => {
    if ((parts[at] ?? 1) === 1) return [{ buffer }];
    return Array.from({ length: parts[at]! }, (_, part) => {
      const offset = part * workgroups.bindingBytes;
      return { buffer, offset, size: Math.min(workgroups.bindingBytes, 4 * images[at]!.length - offset) };
    });
  });
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout, entries }));
  const symbols = new Map(Object.entries(sizes));
  const points = kernel.grid.reduce((product, axis) => product * Math.max(0, evaluate(axis.extent, symbols)), 1);
  const { x, y } = workgroupsFor(
    points,
    workgroup === undefined ? workgroups.size : 1,
    gpu.limits.maxComputeWorkgroupsPerDimension,
  )!;
  pass.dispatchWorkgroups(x, y);
  pass.end();
  const words = [...images.slice(0, own), ...(rest.length > 0 ? [rest] : [])].map((image) => image.length);
  const copies = words.map((length, at) => {
    const copy = gpu.createBuffer({ size: 4 * length, usage: USAGE.mapRead | USAGE.copyTarget });
    encoder.copyBufferToBuffer(bindings[at]!, 0, copy, 0, 4 * length);
    return copy;
  });
  gpu.queue.submit([encoder.finish()]);
  const results = await Promise.all(copies.map(readBack));
  const last = results[own];
  const shared = bases.map((base, at) => last!.slice(4 * base, 4 * (base + images[own + at]!.length)));
  [...bindings, ...copies].forEach((buffer) => buffer.destroy());
  return [...results.slice(0, own), ...shared];
}

function filled(gpu: GpuDevice, data: Int32Array, use: number): GpuBuffer {
  const buffer = gpu.createBuffer({ size: 4 * data.length, usage: use | USAGE.copySource | USAGE.copyTarget });
  gpu.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

async function readBack(buffer: GpuBuffer): Promise<ArrayBuffer> {
  await buffer.mapAsync(MAP_READ);
  const copy = buffer.getMappedRange().slice(0);
  buffer.unmap();
  return copy;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function concatenated(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(sum(parts.map((part) => part.length)));
  parts.forEach((part, at) => all.set(part, sum(parts.slice(0, at).map((before) => before.length))));
  return all;
}
