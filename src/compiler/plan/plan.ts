/**
 * From kernel calls over numbered buffers to the Program of one target: equal kernels merged, calls split into those
 * that run at load and the steps of a run, buffers classified with their lifetimes, and the argument table that the
 * WebAssembly module reads. Offsets are not decided here: the runtime lays buffers out when dimensions are bound.
 */
import { substitute } from '../dims/dim.ts';
import type { DimDeclaration } from '../ir/graph.ts';
import { boundsOf } from '../ir/types.ts';
import { ownBindings } from '../kernel/bindings.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { Workgroups } from '../kernel/target.ts';
import { arenaOf } from '../../program/memory.ts';
import { elementCount } from '../../program/safetensors.ts';
import {
  PROGRAM_VERSION,
  type Alternative,
  type GpuProgram,
  type Program,
  type ProgramTiles,
  type Step,
  type TargetName,
  type TargetProgram,
  type WeightSpec,
} from '../../program/program.ts';
import type { SizeExpr } from '../../program/size.ts';
import type { GenerationSpec } from '../../program/generation.ts';
import type { TrainingSpec } from '../../program/training.ts';
import { fitBindings } from './bindings.ts';
import { classifyBuffers, routinesOfSteps, type NumberedCall } from './buffers.ts';
import { loadTimeCalls } from './hoist.ts';
import { withJoined } from './joined-buffers.ts';
import {
  kernelsOf,
  type GuardedKernel,
  type KernelCall,
  type LoweredProgram,
  type LoweredTiles,
  type LoweredWeight,
  type NamedTensor,
} from './lowered.ts';
import { peakMemory, type SizedBuffer } from './memory.ts';
import { mergeKernels } from './merge.ts';
import { planRoutines, type RunCall } from './routines.ts';
import { shareLoads } from './share-loads.ts';
import { toSizeExpr } from './size-expr.ts';

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
 * Plans one target's program; `workgroups` are those of a target that has them. `given` is consistent: every call names
 * as many buffers and sizes as its kernel.
 */
export function plan(given: LoweredProgram, workgroups?: Workgroups): Plan {
  const hoisted = loadTimeCalls(given);
  const { lowered, joined } = workgroups ? fitBindings(given, hoisted, workgroups) : { lowered: given, joined: [] };
  const all = [...lowered.calls.flatMap(kernelsOf), ...(lowered.tiles?.candidates ?? []).map(({ kernel }) => kernel)];
  const { kernels, numbers } = mergeKernels(all);
  const numberOf = new Map(all.map((kernel, at) => [kernel, numbers[at]!]));
  const calls = { load: [] as NumberedCall[], run: [] as NumberedCall[] };
  const { dropped, replaced } = shareLoads(lowered.calls, hoisted, (kernel) => numberOf.get(kernel)!);
  lowered.calls.forEach((call, at) => {
    if (dropped.has(at)) return;
    const buffers = call.buffers.map((buffer) => replaced.get(buffer) ?? buffer);
    calls[hoisted.has(at) ? 'load' : 'run'].push({ call: { ...call, buffers }, kernel: numberOf.get(call.kernel)! });
  });
  const routines = routinesOfSteps(lowered, hoisted);
  const buffers = classifyBuffers(lowered, routines, calls.load, calls.run);
  const sized = withJoined(
    buffers.sized,
    joined.map((group) => group.map(buffers.number)),
  );
  const alternative = (call: KernelCall, { kernel, tile, atLeastZero }: GuardedKernel): Alternative => ({
    kernel: numberOf.get(kernel)!,
    ...(tile !== undefined && { tile }),
    ...(atLeastZero && { atLeastZero: toSizeExpr(atLeastZero) }),
    ...(workgroups && { grid: gridOf(call, kernel) }),
  });
  const step = ({ call, kernel }: NumberedCall): Step => ({
    kernel,
    ...(call.alternatives && { alternatives: call.alternatives.map((one) => alternative(call, one)) }),
    buffers: call.buffers.map(buffers.number),
    sizes: call.sizes.map(toSizeExpr),
    origin: call.origin.path,
    ...(workgroups && { grid: gridOf(call, kernels[kernel]!) }),
    ...(call.indirect !== undefined && { indirect: buffers.number(call.indirect) }),
  });
  const tensor = ({ name, type, shape, buffer }: NamedTensor) => ({
    name,
    dtype: type,
    shape: shape.map(toSizeExpr),
    buffer: buffers.number(buffer),
  });
  const steps = calls.run.map(step);
  const {
    routines: planned,
    runArguments,
    tableSlots,
  } = planRoutines(routines, steps, { tensor, buffer: buffers.number });
  const program: TargetProgram = {
    buffers: sized.map((buffer) => ({ ...buffer, size: toSizeExpr(buffer.size) })),
    routines: planned,
    weights: lowered.weights
      .filter(({ buffer }) => buffers.isKept(buffer))
      .flatMap((weight) => weightSpecs(weight, buffers.number(weight.buffer))),
    loadSteps: calls.load.map(step),
    steps,
    kernels: kernels.map((kernel) => kernel.name),
    ...(lowered.tiles && { tiles: programTiles(lowered.tiles, (kernel) => numberOf.get(kernel)!) }),
    ...(workgroups && { gpu: gpuProgram(kernels, workgroups) }),
  };
  const loaded = calls.load.flatMap(({ call }) => kernelsOf(call).map((kernel) => numberOf.get(kernel)!));
  const exportedKernels = [...new Set(loaded)].sort((a, b) => a - b);
  return {
    program,
    buffers: sized,
    kernels,
    runArguments,
    exportedKernels,
    tableSlots,
    peakMemory: peakMemory(
      sized,
      planned.map((routine) => arenaOf(program, routine)),
      boundsOf(lowered),
    ),
  };
}

/** What a program is for beside running. */
export interface Purpose {
  readonly training?: TrainingSpec | undefined;
  readonly generation?: GenerationSpec | undefined;
  readonly work?: Program['work'];
}

/** Puts the plans of one entry's targets together. */
export function assembleProgram(
  name: string,
  dims: readonly DimDeclaration[],
  plans: { readonly [target in TargetName]?: Plan },
  { training, generation, work }: Purpose = {},
): Program {
  return {
    version: PROGRAM_VERSION,
    name,
    dims: dims.map((dim) => ({ name: dim.name, ...(dim.max !== undefined && { max: dim.max }) })),
    ...(training && { training }),
    ...(generation && { generation }),
    ...(work && { work }),
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

function gpuProgram(kernels: readonly Kernel[], { size, storageBuffers, bindingBytes }: Workgroups): GpuProgram {
  return {
    workgroupSize: size,
    partBytes: bindingBytes,
    kernels: kernels.map(({ buffers, sizes, workgroup }) => ({
      access: buffers.map(({ access }) => access),
      own: ownBindings(buffers, storageBuffers),
      ...(buffers.some(({ parts }) => parts) && { parts: buffers.map(({ parts = 1 }) => parts) }),
      sizes: sizes.length,
      ...(workgroup && { workgroup: workgroup.size }),
    })),
  };
}

/** The tensors of a parameter, one after the other in its buffer. */
function weightSpecs(
  { name, type, shape, members, state, frozen, initial }: LoweredWeight,
  buffer: number,
): WeightSpec[] {
  const sizes = shape.map(staticSize);
  const own = members ? sizes.slice(1) : sizes;
  return (members ?? [name]).map((tensor, at) => ({
    name: tensor,
    dtype: type,
    shape: own,
    buffer,
    ...(at > 0 && { at: at * elementCount(own) }),
    ...(state && { state }),
    ...(frozen && { frozen }),
    ...(initial && { initial }),
  }));
}

function staticSize(dim: NamedTensor['shape'][number]): number {
  const size = toSizeExpr(dim);
  if (typeof size !== 'number') throw new Error(`a weight has the symbolic dimension ${dim.key}`);
  return size;
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
