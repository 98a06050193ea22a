/**
 * What the routines of a program ask of a GPU, for given dimensions: dispatches, what their kernels compute and move,
 * beside the least that the graph needs. Nothing is run; what the driver and its caches make of it is not known here.
 */
import { evaluate, type Bounds, type Dim } from '../../dims/dim.ts';
import { fusionOf } from '../../ir/fusion.ts';
import type { Graph } from '../../ir/graph.ts';
import type { OpTable } from '../../ir/op.ts';
import { boundsOf } from '../../ir/types.ts';
import { elementsRead, multiplyAdds } from '../../ir/work.ts';
import type { Kernel } from '../../kernel/ir.ts';
import { loadTimeCalls } from '../../plan/hoist.ts';
import type { BufferId, KernelCall, LoweredProgram } from '../../plan/lowered.ts';
import { ELEMENT_BYTES } from '../../plan/memory.ts';
import { arenaOf, bytesOf } from '../../../program/memory.ts';
import type { Routine, TargetProgram } from '../../../program/program.ts';
import { Places } from '../explain/kernels.ts';
import { leadingCalls } from '../profile/facts.ts';
import { valueOf, type DimValues } from '../quantities.ts';
import { workOf, type KernelWork } from './kernel-work.ts';

/** What is known of a program that was compiled for webgpu. */
export interface GpuSubject {
  /** The graphs as they were elaborated, by the names of their routines. */
  readonly graphs: readonly { readonly name: string; readonly graph: Graph }[];
  readonly lowered: LoweredProgram;
  readonly program: TargetProgram;
  readonly ops: OpTable;
}

/** How a runtime places buffers that live from a first to a last step: the bytes of each GPU buffer that they share. */
export type ShareBuffers = (
  lives: readonly { readonly bytes: number; readonly first: number; readonly last: number }[],
) => readonly number[];

/** What one dispatch asks for; figures are absent where only data tell. */
export interface Dispatch {
  /** Of the instance in the spec, with the phase of what is not the forward pass. */
  readonly path: string;
  readonly phase?: string;
  /** The line of the spec, `specs/vit.model:40`. */
  readonly place: string;
  readonly kernel: string;
  /** Its pipeline, a number of the program. */
  readonly pipeline: number;
  readonly workgroups: number;
  /** Of a workgroup. */
  readonly invocations: number;
  /** That its sums of products execute, and that the graph asks of it. */
  readonly multiplyAdds?: number;
  readonly asked?: number;
  /** Bytes of what it reads and writes, each element once. */
  readonly read: number;
  readonly written: number;
  /** Bytes that its loads and stores move, as often as they are executed. */
  readonly loaded?: number;
  readonly stored?: number;
}

export interface RoutineCosts {
  readonly name: string;
  readonly dims: DimValues;
  /** In order. Those without a point are left out, as they are in a run. */
  readonly dispatches: readonly Dispatch[];
  readonly pipelines: number;
  /** Copies between buffers on a device that binds no more than every one, for kernels that take more. */
  readonly copies: number;
  /** Of the whole graph as it was elaborated. Absent beyond 2^53. */
  readonly asked?: number;
  /** Bytes of inputs, weights and outputs, each once: what no program can do without. */
  readonly leastBytes: number;
  /** GPU buffers for what lives only in a run, which share places, and those that stay. */
  readonly shared: { readonly count: number; readonly bytes: number };
  readonly kept: { readonly count: number; readonly bytes: number };
}

export function gpuCosts(subject: GpuSubject, dims: DimValues, share: ShareBuffers): RoutineCosts[] {
  return new CostReader(subject, dims).routines(share);
}

class CostReader {
  readonly #subject: GpuSubject;
  readonly #dims: DimValues;
  readonly #bounds: Bounds;
  readonly #places = new Places();
  /** The calls of a run, in the order of the program's steps. */
  readonly #calls: readonly KernelCall[];
  readonly #leading: ReadonlySet<KernelCall>;
  readonly #work = new Map<Kernel, Map<string, KernelWork | undefined>>();

  constructor(subject: GpuSubject, dims: DimValues) {
    const { lowered } = subject;
    this.#subject = subject;
    this.#dims = dims;
    this.#bounds = boundsOf(lowered);
    const atLoad = loadTimeCalls(lowered);
    this.#calls = lowered.calls.filter((_, at) => !atLoad.has(at));
    this.#leading = leadingCalls(lowered);
  }

  routines(share: ShareBuffers): RoutineCosts[] {
    return this.#subject.program.routines.map((routine) => this.#routine(routine, share));
  }

  #routine(routine: Routine, share: ShareBuffers): RoutineCosts {
    const { program, graphs, ops } = this.#subject;
    const calls = this.#calls.slice(routine.first, routine.last);
    const all = calls.map((call, at) => this.#dispatch(call, routine.first + at));
    const dispatches = all.filter(({ workgroups }) => workgroups > 0);
    const graph = graphs.find(({ name }) => name === routine.name)?.graph;
    const asked = graph && this.#value(multiplyAdds(graph.nodes, ops, this.#bounds));
    const arena = arenaOf(program, routine).map((number) => {
      const buffer = program.buffers[number]!;
      return { bytes: bytesOf(buffer, this.#dims), first: buffer.first, last: buffer.last };
    });
    const kept = program.buffers.filter(({ kind, within }) => !within && (kind === 'persistent' || kind === 'kept'));
    return {
      name: routine.name,
      dims: this.#dims,
      dispatches,
      pipelines: new Set(dispatches.map(({ pipeline }) => pipeline)).size,
      copies: this.#copies(routine),
      ...(asked !== undefined && { asked }),
      leastBytes: this.#leastBytes(routine),
      shared: totalOf(share(arena)),
      kept: totalOf(kept.map((buffer) => bytesOf(buffer, this.#dims))),
    };
  }

  #dispatch(call: KernelCall, step: number): Dispatch {
    const { program } = this.#subject;
    const { kernel, at } = this.#chosen(call);
    const { alternatives, kernel: own } = program.steps[step]!;
    const sizes = new Map(kernel.sizes.map((name, size) => [name, evaluate(call.sizes[size]!, this.#dims)]));
    const points = kernel.grid.reduce((product, { extent }) => product * Math.max(0, evaluate(extent, sizes)), 1);
    const invocations = kernel.workgroup?.size ?? program.gpu!.workgroupSize;
    const work = this.#workOf(kernel, sizes);
    const asked = this.#asked(call);
    return {
      path: call.origin.path,
      ...(call.origin.phase && { phase: call.origin.phase }),
      place: this.#places.of(call.origin),
      kernel: kernel.name,
      pipeline: at === 0 ? own : alternatives![at - 1]!.kernel,
      workgroups: kernel.workgroup ? points : Math.ceil(points / invocations),
      invocations,
      ...(asked !== undefined && { asked }),
      ...this.#moved(call, kernel),
      ...(work && {
        multiplyAdds: work.multiplyAdds,
        loaded: ELEMENT_BYTES * work.loads,
        stored: ELEMENT_BYTES * work.stores,
      }),
    };
  }

  /** The kernel that is called for the dimensions, and its place among the alternatives, from 1 on. */
  #chosen({ kernel, alternatives = [] }: KernelCall): { readonly kernel: Kernel; readonly at: number } {
    const at = alternatives.findIndex(({ atLeastZero }) => !atLeastZero || evaluate(atLeastZero, this.#dims) >= 0) + 1;
    return { kernel: at === 0 ? kernel : alternatives[at - 1]!.kernel, at };
  }

  /** Equal layers have the same kernels, and those do the same. */
  #workOf(kernel: Kernel, sizes: ReadonlyMap<string, number>): KernelWork | undefined {
    const known = this.#work.get(kernel) ?? new Map<string, KernelWork | undefined>();
    this.#work.set(kernel, known);
    const key = [...sizes.values()].join();
    if (!known.has(key)) known.set(key, workOf(kernel, sizes));
    return known.get(key);
  }

  #asked(call: KernelCall): number | undefined {
    const region = call.node && this.#leading.has(call) ? fusionOf(call.node)?.body : undefined;
    return region ? this.#value(multiplyAdds(region.nodes, this.#subject.ops, this.#bounds)) : 0;
  }

  /** Bytes of each buffer, once; of what is only read through movements, no more than those take. */
  #moved(call: KernelCall, { buffers }: Kernel): Pick<Dispatch, 'read' | 'written'> {
    const { lowered } = this.#subject;
    const region = call.node && fusionOf(call.node)?.body;
    const sizes = { read: new Map<BufferId, Dim>(), written: new Map<BufferId, Dim>() };
    call.buffers.forEach((buffer, at) => {
      const { access } = buffers[at]!;
      const { size, value } = lowered.buffers[buffer]!;
      if (access !== 'read') sizes.written.set(buffer, size);
      if (access === 'write') return;
      const operand = value && region ? call.node!.inputs.indexOf(value) : -1;
      const read = operand < 0 ? size : elementsRead(region!, region!.parameters[operand]!, this.#bounds);
      sizes.read.set(buffer, read);
    });
    const bytes = (all: ReadonlyMap<BufferId, Dim>): number =>
      [...all.values()].reduce((sum, size) => sum + ELEMENT_BYTES * evaluate(size, this.#dims), 0);
    return { read: bytes(sizes.read), written: bytes(sizes.written) };
  }

  #copies({ first, last }: Routine): number {
    const { steps, buffers, gpu } = this.#subject.program;
    return steps.slice(first, last).reduce((sum, { kernel, buffers: bound }) => {
      const { access, own } = gpu!.kernels[kernel]!;
      const rest = access.slice(own);
      const outer = new Set(bound.slice(own).map((buffer) => buffers[buffer]!.within?.buffer));
      // What lies in one buffer is bound there.
      if (outer.size === 1 && !outer.has(undefined)) return sum;
      return sum + rest.length + rest.filter((one) => one !== 'read').length;
    }, 0);
  }

  /** What a run is given and what stays, where it is read; what it gives and what stays, where it is written. */
  #leastBytes(routine: Routine): number {
    const { buffers, steps, gpu } = this.#subject.program;
    const [read, written] = [new Set<number>(), new Set<number>()];
    const given = new Set(routine.inputs.map(({ buffer }) => buffer));
    const outputs = new Set(routine.outputs.map(({ buffer }) => buffer));
    for (const { kernel, buffers: bound } of steps.slice(routine.first, routine.last)) {
      const { access } = gpu!.kernels[kernel]!;
      bound.forEach((buffer, at) => {
        const stays = buffers[buffer]!.kind !== 'arena';
        if (access[at] !== 'write' && (stays || given.has(buffer))) read.add(buffer);
        if (access[at] !== 'read' && (stays || outputs.has(buffer))) written.add(buffer);
      });
    }
    return [...read, ...written].reduce((sum, buffer) => sum + bytesOf(buffers[buffer]!, this.#dims), 0);
  }

  #value(size: Dim | undefined): number | undefined {
    return size && valueOf(size, this.#dims);
  }
}

function totalOf(bytes: readonly number[]): { readonly count: number; readonly bytes: number } {
  return { count: bytes.length, bytes: bytes.reduce((sum, size) => sum + size, 0) };
}
