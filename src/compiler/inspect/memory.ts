/** The buffers of a planned program over its steps: which are alive when, and what a run needs at least and in fact. */
import type { Bounds, Dim } from '../dims/dim.ts';
import type { DimDeclaration } from '../ir/graph.ts';
import { arenaPeaks, ELEMENT_BYTES, type Peak } from '../plan/memory.ts';
import type { Plan } from '../plan/plan.ts';
import { layoutArena, type Layout } from '../../program/layout.ts';
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
  /** First and last step that touch it; -1 is before the first, the number of steps after the last. */
  readonly first: number;
  readonly last: number;
}

export interface MemoryReport {
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

export function reportMemory({ program, buffers: sized }: Plan, bounds: Bounds, dims: DimValues): MemoryReport {
  const names = new Map([...program.inputs, ...program.outputs].map(({ name, buffer }) => [buffer, name]));
  const buffers = sized.flatMap(({ kind, size, first, last }, number): ArenaBuffer[] => {
    if (kind !== 'arena') return [];
    const name = names.get(number);
    return [{ number, ...(name !== undefined && { name }), bytes: bytesOf(size), first, last }];
  });
  const sizes = program.buffers.map(({ size }) => ELEMENT_BYTES * evaluateSize(size, dims));
  const exampleBytes = ({ number }: ArenaBuffer): number => sizes[number]!;
  const steps = Array.from({ length: program.steps.length + 2 }, (_, at) => at - 1);
  const alive = (step: number): ArenaBuffer[] => buffers.filter(({ first, last }) => first <= step && step <= last);
  return {
    buffers,
    dims,
    layout: layoutArena(buffers.map((buffer) => ({ ...buffer, bytes: exampleBytes(buffer) }))),
    peaks: arenaPeaks(sized, bounds),
    lowerBound: Math.max(0, ...steps.map((step) => alive(step).reduce((sum, buffer) => sum + exampleBytes(buffer), 0))),
    persistent: program.buffers.reduce((sum, { kind }, at) => sum + (kind === 'persistent' ? sizes[at]! : 0), 0),
  };
}
