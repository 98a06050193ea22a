/** The buffers of a planned program over its steps: which are alive when, and what a run needs at least and in fact. */
import type { Bounds, Dim } from '../dims/dim.ts';
import type { DimDeclaration } from '../ir/graph.ts';
import { arenaPeaks, ELEMENT_BYTES, type Peak } from '../plan/memory.ts';
import type { Plan } from '../plan/plan.ts';
import { layoutArena, type Layout } from '../../program/layout.ts';
import { arenaOf } from '../../program/memory.ts';
import type { Routine, TargetProgram } from '../../program/program.ts';
import { evaluateSize } from '../../program/size.ts';
import { bytesOf } from './costs.ts';
import type { DimValues } from './quantities.ts';

export interface ArenaBuffer {
  /** Its number in the program. */
  readonly number: number;
  /** The name of an input or output, where it is one. */
  readonly name?: string;
  /** Undefined beyond 2^53, as are sums of it. */
  readonly bytes: Dim | undefined;
  /** First and last step that touch it; that of an input is before the routine's first, of an output behind its last. */
  readonly first: number;
  readonly last: number;
}

export interface MemoryReport {
  /** Whose arena it is. */
  readonly routine: Routine;
  readonly buffers: readonly ArenaBuffer[];
  readonly layout: Layout;
  /** What the layout was made for. */
  readonly dims: DimValues;
  /** The steps that need most of the arena; undefined beyond 2^53. */
  readonly peaks: readonly Peak[] | undefined;
  /** The most bytes alive at once for `dims`: no layout takes less. */
  readonly lowerBound: number;
  /** Bytes that stay from load on: weights, packed panels, folded constants. */
  readonly persistent: number;
}

/** Dimensions for examples: what `given` says, else the limit of a limited one, else 1. */
export function exampleDims(declared: readonly DimDeclaration[], given: DimValues): DimValues {
  return new Map(declared.map(({ name, max }) => [name, given.get(name) ?? max ?? 1]));
}

/** Of the routine that needs most for `dims`. */
export function reportMemory(plan: Plan, bounds: Bounds, dims: DimValues): MemoryReport {
  const reports = plan.program.routines.map((routine) => reportRoutine(plan, routine, bounds, dims));
  return reports.reduce((most, report) => (report.layout.bytes > most.layout.bytes ? report : most));
}

function reportRoutine(
  { program, buffers: sized }: Plan,
  routine: Routine,
  bounds: Bounds,
  dims: DimValues,
): MemoryReport {
  const names = new Map([...routine.inputs, ...routine.outputs].map(({ name, buffer }) => [buffer, name]));
  const arena = arenaOf(program, routine);
  const buffers = arena.map((number): ArenaBuffer => {
    const { size, first, last } = sized[number]!;
    const name = names.get(number);
    return { number, ...(name !== undefined && { name }), bytes: bytesOf(size), first, last };
  });
  const placements = buffers.map(({ number, first, last }) => ({
    bytes: exampleBytes(program, number, dims),
    first,
    last,
  }));
  const steps = Array.from({ length: routine.last - routine.first + 2 }, (_, at) => routine.first + at - 1);
  const aliveAt = (step: number): number =>
    placements.reduce((sum, { bytes, first, last }) => (first <= step && step <= last ? sum + bytes : sum), 0);
  const persistent = program.buffers.flatMap(({ kind }, number) => (kind === 'persistent' ? [number] : []));
  return {
    routine,
    buffers,
    dims,
    layout: layoutArena(placements),
    peaks: arenaPeaks(
      arena.map((number) => sized[number]!),
      bounds,
    ),
    lowerBound: Math.max(0, ...steps.map(aliveAt)),
    persistent: persistent.reduce((sum, number) => sum + exampleBytes(program, number, dims), 0),
  };
}

function exampleBytes({ buffers }: TargetProgram, number: number, dims: DimValues): number {
  return ELEMENT_BYTES * evaluateSize(buffers[number]!.size, dims);
}
