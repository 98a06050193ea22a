/** Steps of a program on a GPU device, with their buffers and sizes bound, ready to be encoded any number of times. */
import type { GpuKernel, GpuProgram, Step } from '../../../program/program.ts';
import { evaluateSize, type Dims } from '../../../program/size.ts';
import { HeddleError } from '../../errors.ts';
import { sizeArgument } from '../device.ts';
import { USAGE, type CommandEncoder, type GpuBuffer, type GpuDevice, type GroupEntry } from './api.ts';
import { bindingBytes, createTensorBuffer, type Place } from './buffers.ts';
import { workgroupsFor, type GpuPipeline } from './pipelines.ts';

interface Copy {
  readonly from: GpuBuffer;
  readonly fromOffset: number;
  readonly to: GpuBuffer;
  readonly toOffset: number;
  readonly bytes: number;
}

interface BoundStep {
  readonly pipeline: object;
  readonly group: object;
  readonly x: number;
  readonly y: number;
  /** Copies into the binding that several buffers share, and back. */
  readonly before: readonly Copy[];
  readonly after: readonly Copy[];
}

/** A step's call before its buffers on the device are known. */
interface Call {
  readonly kernel: GpuKernel;
  readonly pipeline: GpuPipeline;
  readonly places: readonly Place[];
  /** Where, in elements, each buffer beyond the own ones begins in the shared binding. */
  readonly bases: readonly number[];
  readonly sharedBytes: number;
  readonly parameters: Int32Array;
  readonly x: number;
  readonly y: number;
}

export class BoundSteps {
  readonly #steps: readonly BoundStep[];
  readonly #buffers: readonly GpuBuffer[];

  private constructor(steps: readonly BoundStep[], buffers: readonly GpuBuffer[]) {
    this.#steps = steps;
    this.#buffers = buffers;
  }

  /** Throws HeddleError 'memory' where the device cannot hold or count what the dimensions ask for. */
  static bind(
    device: GpuDevice,
    program: GpuProgram,
    pipelines: readonly GpuPipeline[],
    {
      steps,
      places,
      dims,
    }: { readonly steps: readonly Step[]; readonly places: readonly Place[]; readonly dims: Dims },
  ): BoundSteps {
    const calls = steps.flatMap((step) => callOf(device, program, pipelines[step.kernel]!, step, places, dims) ?? []);
    const sharedBytes = Math.max(0, ...calls.map((call) => call.sharedBytes));
    const shared = sharedBytes > 0 ? createTensorBuffer(device, sharedBytes) : undefined;
    const uniform = writeParameters(device, calls);
    const bound = calls.map((call, at) =>
      bindCall(device, call, shared, uniform && { ...uniform, at: uniform.at[at]! }),
    );
    return new BoundSteps(
      bound,
      [shared, uniform?.buffer].filter((buffer) => buffer !== undefined),
    );
  }

  encode(encoder: CommandEncoder): void {
    let pass = encoder.beginComputePass();
    const copyAll = (copies: readonly Copy[]): void => {
      if (copies.length === 0) return;
      pass.end();
      for (const { from, fromOffset, to, toOffset, bytes } of copies)
        encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
      pass = encoder.beginComputePass();
    };
    for (const { pipeline, group, x, y, before, after } of this.#steps) {
      copyAll(before);
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y);
      copyAll(after);
    }
    pass.end();
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}

/** Undefined for a step that has no points. */
function callOf(
  device: GpuDevice,
  program: GpuProgram,
  pipeline: GpuPipeline,
  step: Step,
  places: readonly Place[],
  dims: Dims,
): Call | undefined {
  const kernel = program.kernels[step.kernel]!;
  const own = step.buffers.map((buffer) => places[buffer]!);
  const extents = step.grid!.map((extent) => Math.max(0, evaluateSize(extent, dims)));
  const points = extents.reduce((product, extent) => product * extent, 1);
  if (points === 0) return undefined;
  const { maxComputeWorkgroupsPerDimension } = device.limits;
  const groups = workgroupsFor(points, program.workgroupSize, maxComputeWorkgroupsPerDimension);
  if (!groups)
    throw new HeddleError('memory', `these dimensions give a step of ${points} elements, too many for a GPU`);
  const bases: number[] = [];
  let end = 0;
  for (const { bytes } of own.slice(kernel.own)) {
    bases.push(end / 4);
    end += bytes;
  }
  const parameters = Int32Array.from([...step.sizes.map((size) => sizeArgument(size, dims)), ...bases]);
  return { kernel, pipeline, places: own, bases, sharedBytes: end, parameters, ...groups };
}

interface Uniform {
  readonly buffer: GpuBuffer;
  /** Where the parameters of each call begin, in bytes. */
  readonly at: readonly number[];
}

/** All parameters in one buffer; undefined where there are none. */
function writeParameters(device: GpuDevice, calls: readonly Call[]): Uniform | undefined {
  const align = device.limits.minUniformBufferOffsetAlignment;
  let end = 0;
  const at = calls.map(({ parameters }) => {
    const start = end;
    end += Math.ceil(parameters.byteLength / align) * align;
    return start;
  });
  if (end === 0) return undefined;
  const words = new Int32Array(end / 4);
  calls.forEach(({ parameters }, call) => words.set(parameters, at[call]! / 4));
  const buffer = device.createBuffer({ size: end, usage: USAGE.uniform | USAGE.copyTarget });
  device.queue.writeBuffer(buffer, 0, words);
  return { buffer, at };
}

function bindCall(
  device: GpuDevice,
  call: Call,
  shared: GpuBuffer | undefined,
  uniform: { readonly buffer: GpuBuffer; readonly at: number } | undefined,
): BoundStep {
  const { kernel, pipeline, places, bases, sharedBytes, parameters, x, y } = call;
  const resources: GroupEntry['resource'][] = places
    .slice(0, kernel.own)
    .map(({ buffer, bytes }) => ({ buffer, size: bindingBytes(bytes) }));
  if (bases.length > 0) resources.push({ buffer: shared!, size: bindingBytes(sharedBytes) });
  if (parameters.length > 0)
    resources.push({ buffer: uniform!.buffer, offset: uniform!.at, size: parameters.byteLength });
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  const copies = places.slice(kernel.own).map(({ buffer, bytes }, at) => ({
    into: { from: buffer, fromOffset: 0, to: shared!, toOffset: 4 * bases[at]!, bytes },
    back: { from: shared!, fromOffset: 4 * bases[at]!, to: buffer, toOffset: 0, bytes },
    writes: kernel.access[kernel.own + at] !== 'read',
  }));
  return {
    pipeline: pipeline.pipeline,
    group: device.createBindGroup({ layout: pipeline.layout, entries }),
    x,
    y,
    before: copies.map(({ into }) => into),
    after: copies.flatMap(({ back, writes }) => (writes ? [back] : [])),
  };
}
