/** Steps of a program on a GPU device, with their buffers and sizes bound, ready to be encoded any number of times. */
import { chosenOf } from '../../../program/choice.ts';
import type { GpuKernel, GpuProgram, Step } from '../../../program/program.ts';
import { evaluateSize, type Dims } from '../../../program/size.ts';
import { HeddleError } from '../../errors.ts';
import { sizeArgument } from '../device.ts';
import {
  USAGE,
  type CommandEncoder,
  type ComputePass,
  type GpuBuffer,
  type GpuDevice,
  type GroupEntry,
} from './api.ts';
import { bindingBytes, type Place } from './buffers.ts';
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
  /** Whose first words are the workgroups to dispatch in place of these. */
  readonly indirect: GpuBuffer | undefined;
  /** Copies into the binding that several buffers share, and back. */
  readonly before: readonly Copy[];
  readonly after: readonly Copy[];
}

/** A step's call before its buffers on the device are known. */
interface Call {
  readonly kernel: GpuKernel;
  /** Of the program. */
  readonly partBytes: number;
  readonly pipeline: GpuPipeline;
  readonly places: readonly Place[];
  /** Where, in elements, each buffer beyond the own ones begins in the shared binding. */
  readonly bases: readonly number[];
  /** What the shared binding holds: copies, or the buffer in which the others lie as it is. */
  readonly isCopied: boolean;
  readonly sharedBytes: number;
  readonly parameters: Int32Array;
  readonly indirect: GpuBuffer | undefined;
  readonly x: number;
  readonly y: number;
}

/** Whose steps they are. */
export interface StepsOwner {
  readonly device: GpuDevice;
  readonly gpu: GpuProgram;
  readonly pipelines: readonly GpuPipeline[];
}

export interface Arguments {
  readonly steps: readonly Step[];
  /** Of all buffers that the steps use, by number. */
  readonly places: readonly (Place | undefined)[];
  readonly dims: Dims;
  /** A buffer of at least so many bytes for what kernels bind together. */
  readonly makeShared: (bytes: number) => GpuBuffer;
}

/** How steps are put into passes. */
export interface Passes {
  readonly beginPass?: () => ComputePass;
  /** Each step in one of its own. */
  readonly isSplit?: boolean;
}

export class BoundSteps {
  /** Undefined for a step that has no points. */
  readonly #steps: readonly (BoundStep | undefined)[];
  readonly #uniform: GpuBuffer | undefined;

  private constructor(steps: readonly (BoundStep | undefined)[], uniform: GpuBuffer | undefined) {
    this.#steps = steps;
    this.#uniform = uniform;
  }

  /** Throws HeddleError 'memory' where the device cannot hold or count what the dimensions ask for. */
  static bind(owner: StepsOwner, { steps, places, dims, makeShared }: Arguments): BoundSteps {
    const { device } = owner;
    const calls = steps.map((step) => callOf(owner, step, places, dims));
    const sharedBytes = Math.max(0, ...calls.map((call) => (call?.isCopied ? call.sharedBytes : 0)));
    const shared = sharedBytes > 0 ? makeShared(sharedBytes) : undefined;
    const uniform = writeParameters(device, calls);
    const bound = calls.map(
      (call, at) => call && bindCall(device, call, shared, uniform && { ...uniform, at: uniform.at[at]! }),
    );
    return new BoundSteps(bound, uniform?.buffer);
  }

  /** How many there are. */
  get count(): number {
    return this.#steps.length;
  }

  /** Whether a step has points. */
  hasPoints(step: number): boolean {
    return this.#steps[step] !== undefined;
  }

  /** Those from `first` up to but not including `last`. */
  encode(
    encoder: CommandEncoder,
    first = 0,
    last = this.count,
    { beginPass = () => encoder.beginComputePass(), isSplit = false }: Passes = {},
  ): void {
    let pass: ComputePass | undefined;
    const copyAll = (copies: readonly Copy[]): void => {
      if (copies.length === 0) return;
      pass?.end();
      pass = undefined;
      for (const { from, fromOffset, to, toOffset, bytes } of copies)
        encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
    };
    for (const step of this.#steps.slice(first, last)) {
      if (!step) continue;
      copyAll(step.before);
      pass ??= beginPass();
      pass.setPipeline(step.pipeline);
      pass.setBindGroup(0, step.group);
      if (step.indirect) pass.dispatchWorkgroupsIndirect(step.indirect, 0);
      else pass.dispatchWorkgroups(step.x, step.y);
      copyAll(step.after);
      if (!isSplit) continue;
      pass?.end();
      pass = undefined;
    }
    pass?.end();
  }

  destroy(): void {
    this.#uniform?.destroy();
  }
}

/** Undefined for a step that has no points. */
function callOf(
  { device, gpu, pipelines }: StepsOwner,
  step: Step,
  places: readonly (Place | undefined)[],
  dims: Dims,
): Call | undefined {
  // On a GPU nothing is chosen by the tile, but by dimensions alone.
  const chosen = chosenOf(step, { dims, tile: 0 });
  const kernel = gpu.kernels[chosen.kernel]!;
  const own = step.buffers.map((buffer) => places[buffer]!);
  const extents = chosen.grid!.map((extent) => Math.max(0, evaluateSize(extent, dims)));
  const points = extents.reduce((product, extent) => product * extent, 1);
  if (points === 0) return undefined;
  const { maxComputeWorkgroupsPerDimension } = device.limits;
  const perWorkgroup = kernel.workgroup === undefined ? gpu.workgroupSize : 1;
  const groups = workgroupsFor(points, perWorkgroup, maxComputeWorkgroupsPerDimension);
  if (!groups)
    throw new HeddleError('memory', `these dimensions give a step of ${points} elements, too many for a GPU`);
  const shared = sharedBinding(own.slice(kernel.own));
  const { bases } = shared;
  return {
    kernel,
    partBytes: gpu.partBytes,
    pipeline: pipelines[chosen.kernel]!,
    places: own,
    ...shared,
    parameters: Int32Array.from([...step.sizes.map((size) => sizeArgument(size, dims)), ...bases]),
    indirect: step.indirect === undefined ? undefined : places[step.indirect]!.buffer,
    ...groups,
  };
}

/** How one binding holds these: those that lie in one buffer are there already. */
function sharedBinding(places: readonly Place[]): Pick<Call, 'bases' | 'isCopied' | 'sharedBytes'> {
  const ends = places.map(({ offset, bytes }) => offset + bindingBytes(bytes));
  if (places.every(({ buffer }) => buffer === places[0]!.buffer))
    return { bases: places.map(({ offset }) => offset / 4), isCopied: false, sharedBytes: Math.max(0, ...ends) };
  const bases: number[] = [];
  let end = 0;
  for (const { bytes } of places) {
    bases.push(end / 4);
    end += bindingBytes(bytes);
  }
  return { bases, isCopied: true, sharedBytes: end };
}

/** The bindings of a buffer: all but the last of several hold `partBytes`. */
function partsOf({ buffer, offset, bytes }: Place, parts: number = 1, partBytes: number): GroupEntry['resource'][] {
  if (parts === 1) return [{ buffer, offset, size: bindingBytes(bytes) }];
  return Array.from({ length: parts }, (_, part) => {
    const offset = part * partBytes;
    return { buffer, offset, size: Math.min(partBytes, bindingBytes(bytes) - offset) };
  });
}

interface Uniform {
  readonly buffer: GpuBuffer;
  /** Where the parameters of each call begin, in bytes. */
  readonly at: readonly number[];
}

/** All parameters in one buffer; undefined where there are none. */
function writeParameters(device: GpuDevice, calls: readonly (Call | undefined)[]): Uniform | undefined {
  const align = device.limits.minUniformBufferOffsetAlignment;
  let end = 0;
  const at = calls.map((call) => {
    const start = end;
    end += Math.ceil((call?.parameters.byteLength ?? 0) / align) * align;
    return start;
  });
  if (end === 0) return undefined;
  const words = new Int32Array(end / 4);
  calls.forEach((call, number) => call && words.set(call.parameters, at[number]! / 4));
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
  const { kernel, partBytes, pipeline, places, bases, isCopied, sharedBytes, parameters, indirect, x, y } = call;
  const resources = places.slice(0, kernel.own).flatMap((place, at) => partsOf(place, kernel.parts?.[at], partBytes));
  const rest = places.slice(kernel.own);
  if (rest.length > 0) {
    const buffer = isCopied ? shared! : rest[0]!.buffer;
    resources.push({ buffer, size: bindingBytes(sharedBytes) });
  }
  if (parameters.length > 0)
    resources.push({ buffer: uniform!.buffer, offset: uniform!.at, size: parameters.byteLength });
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  const copies = (isCopied ? rest : []).map(({ buffer, offset, bytes }, at) => ({
    into: { from: buffer, fromOffset: offset, to: shared!, toOffset: 4 * bases[at]!, bytes },
    back: { from: shared!, fromOffset: 4 * bases[at]!, to: buffer, toOffset: offset, bytes },
    writes: kernel.access[kernel.own + at] !== 'read',
  }));
  return {
    pipeline: pipeline.pipeline,
    group: device.createBindGroup({ layout: pipeline.layout, entries }),
    x,
    y,
    indirect,
    before: copies.map(({ into }) => into),
    after: copies.flatMap(({ back, writes }) => (writes ? [back] : [])),
  };
}
