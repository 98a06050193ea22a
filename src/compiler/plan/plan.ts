/**
 * From kernel calls over numbered buffers to the Program of one target: equal kernels merged, calls split into those
 * that run at load and the steps of a run, buffers classified with their lifetimes, and the argument table that the
 * WebAssembly module reads. Offsets are not decided here: the runtime lays buffers out when dimensions are bound.
 */
import { substitute } from '../dims/dim.ts';
import type { Condition, DimDeclaration } from '../ir/graph.ts';
import { boundsOf } from '../ir/types.ts';
import { ownBindings } from '../kernel/bindings.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { Workgroups } from '../kernel/target.ts';
import {
  PROGRAM_VERSION,
  type Alternative,
  type GpuProgram,
  type Guard,
  type Program,
  type ProgramTiles,
  type Step,
  type TargetName,
  type TargetProgram,
} from '../../program/program.ts';
import type { SizeExpr } from '../../program/size.ts';
import { tableSlots } from '../../program/table.ts';
import { mergeKernels } from './merge.ts';
import { loadTimeCalls } from './hoist.ts';
import {
  kernelsOf,
  type BufferId,
  type GuardedKernel,
  type KernelCall,
  type LoweredProgram,
  type LoweredTiles,
  type NamedTensor,
} from './lowered.ts';
import { peakMemory, type SizedBuffer } from './memory.ts';
import { toSizeExpr } from './size-expr.ts';

/** One call of the generated `run` function. */
export interface RunCall {
  /** Index into `kernels`. */
  readonly kernel: number;
  /** Slots of the argument table, in the kernel's order: its buffers, then its sizes. */
  readonly arguments: readonly number[];
  /** The slot of the word that says which kernel is called, and those that it counts from 1. */
  readonly choice?: { readonly slot: number; readonly kernels: readonly number[] };
}

export interface Plan {
  readonly program: TargetProgram;
  /** `program.buffers`, with their sizes as dimensions. */
  readonly buffers: readonly SizedBuffer[];
  /** Distinct kernels; a step's `kernel` is an index here. */
  readonly kernels: readonly Kernel[];
  /** The calls of a run, in order: `program.steps` in terms of the table's slots. */
  readonly runArguments: readonly RunCall[];
  /** Kernels that the runtime calls itself, at load. */
  readonly exportedKernels: readonly number[];
  /** 32-bit words of the argument table, from address 0 on. */
  readonly tableSlots: number;
  /** Bytes, as `peakMemory` counts them. */
  readonly peakMemory: SizeExpr | undefined;
}

/**
 * Plans one target's program; `workgroups` are those of a target that has them. `lowered` is consistent: every call names
 * as many buffers and sizes as its kernel.
 */
export function plan(lowered: LoweredProgram, workgroups?: Workgroups): Plan {
  const given = [...lowered.calls.flatMap(kernelsOf), ...(lowered.tiles?.candidates ?? []).map(({ kernel }) => kernel)];
  const { kernels, numbers } = mergeKernels(given);
  const numberOf = new Map(given.map((kernel, at) => [kernel, numbers[at]!]));
  const hoisted = loadTimeCalls(lowered);
  const calls = { load: [] as NumberedCall[], run: [] as NumberedCall[] };
  lowered.calls.forEach((call, at) => {
    calls[hoisted.has(at) ? 'load' : 'run'].push({ call, kernel: numberOf.get(call.kernel)! });
  });
  const buffers = classifyBuffers(lowered, calls.load, calls.run);
  const alternative = ({ kernel, tile, atLeastZero }: GuardedKernel): Alternative => ({
    kernel: numberOf.get(kernel)!,
    ...(tile !== undefined && { tile }),
    ...(atLeastZero && { atLeastZero: toSizeExpr(atLeastZero) }),
  });
  const step = ({ call, kernel }: NumberedCall): Step => ({
    kernel,
    ...(call.alternatives && { alternatives: call.alternatives.map(alternative) }),
    buffers: call.buffers.map(buffers.number),
    sizes: call.sizes.map(toSizeExpr),
    origin: call.origin.path,
    ...(workgroups && { grid: gridOf(call, kernels[kernel]!) }),
  });
  const tensor = ({ name, type, shape, buffer }: NamedTensor) => ({
    name,
    dtype: type,
    shape: shape.map(toSizeExpr),
    buffer: buffers.number(buffer),
  });
  const steps = calls.run.map(step);
  const table = new TableBuilder();
  const runArguments = table.addSteps(steps);
  const program: TargetProgram = {
    buffers: buffers.sized.map((buffer) => ({ ...buffer, size: toSizeExpr(buffer.size) })),
    inputs: lowered.inputs.map(tensor),
    outputs: lowered.outputs.map(tensor),
    weights: lowered.weights
      .filter(({ buffer }) => buffers.isKept(buffer))
      .map((weight) => ({ ...tensor(weight), shape: weight.shape.map(staticSize) })),
    loadSteps: calls.load.map(step),
    steps,
    kernels: kernels.map((kernel) => kernel.name),
    table: {
      buffers: table.buffers,
      sizes: table.sizes,
      ...(table.choices.length > 0 && { choices: table.choices }),
    },
    ...(lowered.tiles && { tiles: programTiles(lowered.tiles, (kernel) => numberOf.get(kernel)!) }),
    ...(workgroups && { gpu: gpuProgram(kernels, workgroups) }),
  };
  const loaded = calls.load.flatMap(({ call }) => kernelsOf(call).map((kernel) => numberOf.get(kernel)!));
  const exportedKernels = [...new Set(loaded)].sort((a, b) => a - b);
  return {
    program,
    buffers: buffers.sized,
    kernels,
    runArguments,
    exportedKernels,
    tableSlots: tableSlots(program.table),
    peakMemory: peakMemory(buffers.sized, boundsOf(lowered)),
  };
}

/** Puts the plans of one entry's targets together. */
export function assembleProgram(
  name: string,
  dims: readonly DimDeclaration[],
  plans: { readonly [target in TargetName]?: Plan },
  conditions: readonly Condition[] = [],
): Program {
  return {
    version: PROGRAM_VERSION,
    name,
    dims: dims.map((dim) => ({ name: dim.name, ...(dim.max !== undefined && { max: dim.max }) })),
    ...(conditions.length > 0 && {
      conditions: conditions.map(({ atLeastZero, message }) => ({ size: toSizeExpr(atLeastZero), message })),
    }),
    targets: {
      ...(plans.wasm && { wasm: plans.wasm.program }),
      ...(plans.js && { js: plans.js.program }),
      ...(plans.webgpu && { webgpu: plans.webgpu.program }),
    },
  };
}

/** The extents of a call's grid over the dimensions of the program; the kernel's are over its own sizes. */
function gridOf({ sizes }: KernelCall, kernel: Kernel): SizeExpr[] {
  const values = new Map(kernel.sizes.map((name, at) => [name, sizes[at]!]));
  return kernel.grid.map(({ extent }) => toSizeExpr(substitute(extent, (name) => values.get(name))));
}

function gpuProgram(kernels: readonly Kernel[], { size, storageBuffers }: Workgroups): GpuProgram {
  return {
    workgroupSize: size,
    kernels: kernels.map(({ buffers, sizes }) => ({
      access: buffers.map(({ access }) => access),
      own: ownBindings(buffers.length, storageBuffers),
      sizes: sizes.length,
    })),
  };
}

interface NumberedCall {
  readonly call: KernelCall;
  readonly kernel: number;
}

interface ClassifiedBuffers {
  readonly sized: readonly SizedBuffer[];
  /** Whether anything uses the buffer; others have no number. */
  readonly isKept: (buffer: BufferId) => boolean;
  readonly number: (buffer: BufferId) => number;
}

/** First and last index of the calls that touch each buffer. */
function touchRanges(calls: readonly NumberedCall[]): Map<BufferId, { first: number; last: number }> {
  const ranges = new Map<BufferId, { first: number; last: number }>();
  calls.forEach(({ call }, at) => {
    for (const buffer of call.buffers) ranges.set(buffer, { first: ranges.get(buffer)?.first ?? at, last: at });
  });
  return ranges;
}

function classifyBuffers(
  lowered: LoweredProgram,
  load: readonly NumberedCall[],
  run: readonly NumberedCall[],
): ClassifiedBuffers {
  const loadRanges = touchRanges(load);
  const runRanges = touchRanges(run);
  const inputs = new Set(lowered.inputs.map(({ buffer }) => buffer));
  const outputs = new Set(lowered.outputs.map(({ buffer }) => buffer));
  const weights = new Set(lowered.weights.map(({ buffer }) => buffer));
  const numbers = new Map<BufferId, number>();
  const sized: SizedBuffer[] = [];
  lowered.buffers.forEach((buffer, id) => {
    const { size } = buffer;
    const inLoad = loadRanges.get(id);
    const inRun = runRanges.get(id);
    let spec: SizedBuffer;
    if (inputs.has(id) || outputs.has(id)) {
      const first = inputs.has(id) ? -1 : (inRun?.first ?? 0);
      const last = outputs.has(id) ? run.length : (inRun?.last ?? -1);
      spec = { kind: 'arena', size, first, last };
    } else if (inRun) {
      const isPersistent = weights.has(id) || inLoad !== undefined;
      spec = isPersistent ? { kind: 'persistent', size, first: 0, last: 0 } : { kind: 'arena', size, ...inRun };
    } else if (inLoad) {
      spec = { kind: 'staging', size, ...inLoad };
    } else {
      return;
    }
    numbers.set(id, sized.length);
    sized.push(spec);
  });
  return { sized, isKept: (buffer) => numbers.has(buffer), number: (buffer) => numbers.get(buffer)! };
}

function staticSize(dim: NamedTensor['shape'][number]): number {
  const size = toSizeExpr(dim);
  if (typeof size !== 'number') throw new Error(`a weight has the symbolic dimension ${dim.key}`);
  return size;
}

/** Collects the distinct arguments of the steps; their slots are known once all have been seen. */
class TableBuilder {
  readonly buffers: number[] = [];
  readonly sizes: SizeExpr[] = [];
  readonly choices: (readonly Guard[])[] = [];

  addSteps(steps: readonly Step[]): RunCall[] {
    const bufferSlots = new Map<number, number>();
    const sizeSlots = new Map<string, number>();
    const choiceSlots = new Map<string, number>();
    for (const step of steps) {
      for (const buffer of step.buffers) {
        if (!bufferSlots.has(buffer)) bufferSlots.set(buffer, this.buffers.push(buffer) - 1);
      }
      for (const size of step.sizes) {
        const key = JSON.stringify(size);
        if (!sizeSlots.has(key)) sizeSlots.set(key, this.sizes.push(size) - 1);
      }
      if (step.alternatives) {
        const guards = guardsOf(step.alternatives);
        const key = JSON.stringify(guards);
        if (!choiceSlots.has(key)) choiceSlots.set(key, this.choices.push(guards) - 1);
      }
    }
    return steps.map((step) => ({
      kernel: step.kernel,
      arguments: [
        ...step.buffers.map((buffer) => bufferSlots.get(buffer)!),
        ...step.sizes.map((size) => this.buffers.length + sizeSlots.get(JSON.stringify(size))!),
      ],
      ...(step.alternatives && {
        choice: {
          slot: this.buffers.length + this.sizes.length + choiceSlots.get(JSON.stringify(guardsOf(step.alternatives)))!,
          kernels: step.alternatives.map((one) => one.kernel),
        },
      }),
    }));
  }
}

function programTiles(
  { candidates, buffers, order }: LoweredTiles,
  numberOf: (kernel: Kernel) => number,
): ProgramTiles {
  return {
    candidates: candidates.map(({ rows, columns, kernel, multiplyAdds }) => ({
      rows,
      columns,
      kernel: numberOf(kernel),
      multiplyAdds,
    })),
    buffers,
    order,
  };
}

function guardsOf(alternatives: readonly Alternative[]): Guard[] {
  return alternatives.map(({ tile, atLeastZero }) => ({
    ...(tile !== undefined && { tile }),
    ...(atLeastZero !== undefined && { atLeastZero }),
  }));
}
