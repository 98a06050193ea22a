/** Runs one kernel on a software GPU, each buffer with a tail that must not change. */
import { expect } from 'vitest';
import { emitWgsl } from '../../src/compiler/codegen/wgsl/emit.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { evaluate } from '../../src/compiler/dims/dim.ts';
import { ownBindings } from '../../src/compiler/kernel/bindings.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { MAP_READ, USAGE, type GpuBuffer, type GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { createPipelines, workgroupsFor } from '../../src/runtime/devices/webgpu/pipelines.ts';
import { softwareGpu } from '../support/webgpu.ts';
import { GUARD, GUARD_ELEMENTS, viewOf, type Contents, type Sizes } from './buffers.ts';

const workgroups = webgpuTarget.workgroups!;

/** One for all kernels: an adapter gives one device. */
const opened: Promise<GpuDevice>[] = [];

function device(): Promise<GpuDevice> {
  opened[0] ??= softwareGpu()
    .requestAdapter()
    .then((adapter) => adapter!.requestDevice());
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

/** The contents of all buffers after `kernel` ran. */
export async function runWebgpu(kernel: Kernel, contents: Contents, sizes: Sizes): Promise<Record<string, number[]>> {
  const gpu = await device();
  const lengths = kernel.buffers.map(({ name }) => contents[name]!.length);
  const images = kernel.buffers.map(({ name, type }, at) => {
    const words = new Int32Array(lengths[at]! + GUARD_ELEMENTS).fill(GUARD);
    viewOf(type, words.buffer).set(contents[name]!);
    return words;
  });
  const results = await validated(gpu, () => dispatch(gpu, kernel, images, sizes));
  const entries = kernel.buffers.map(({ name, type }, at) => {
    const tail = new Int32Array(results[at]!).slice(lengths[at]!);
    expect(
      [...tail].every((word) => word === GUARD),
      'an element outside the buffers was written',
    ).toBe(true);
    return [name, Array.from(viewOf(type, results[at]!).subarray(0, lengths[at]))] as const;
  });
  return Object.fromEntries(entries);
}

async function dispatch(
  gpu: GpuDevice,
  kernel: Kernel,
  images: readonly Int32Array[],
  sizes: Sizes,
): Promise<ArrayBuffer[]> {
  const own = ownBindings(kernel.buffers.length, workgroups.storageBuffers);
  const access = kernel.buffers.map((buffer) => buffer.access);
  const info = { access, own, sizes: kernel.sizes.length };
  const code = emitWgsl([kernel], workgroups);
  const pipelines = await createPipelines(gpu, { workgroupSize: workgroups.size, kernels: [info] }, code);
  const { pipeline, layout } = pipelines[0]!;
  const bases = images.slice(own).map((_, at) => sum(images.slice(own, own + at).map((image) => image.length)));
  const rest = concatenated(images.slice(own));
  const parameters = Int32Array.from([...kernel.sizes.map((name) => sizes[name]!), ...bases]);
  const bindings = [
    ...images.slice(0, own).map((image) => filled(gpu, image, USAGE.storage)),
    ...(rest.length > 0 ? [filled(gpu, rest, USAGE.storage)] : []),
    ...(parameters.length > 0 ? [filled(gpu, parameters, USAGE.uniform)] : []),
  ];
  const entries = bindings.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout, entries }));
  const symbols = new Map(Object.entries(sizes));
  const points = kernel.grid.reduce((product, axis) => product * Math.max(0, evaluate(axis.extent, symbols)), 1);
  const { x, y } = workgroupsFor(points, workgroups.size, gpu.limits.maxComputeWorkgroupsPerDimension)!;
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
