/** Writes `manifest.json`: what the artifact is, and the size and digest of each file. */
import type { FileFacts, Figure, Manifest, ModelFacts, TensorFacts } from '../../program/manifest.ts';
import { memoryFor } from '../../program/memory.ts';
import { PROGRAM_VERSION, type Program, type TargetName, type TensorSpec } from '../../program/program.ts';
import { evaluateSize, printSize, type Dims, type SizeExpr } from '../../program/size.ts';
import { givenInputs } from '../../program/training.ts';

/** Where an artifact comes from. */
export interface Provenance {
  /** Name and version. */
  readonly compiler: string;
  /** SHA-256 of each file of the spec, by path. */
  readonly sources: { readonly [path: string]: string };
}

export function manifestOf(
  program: Program,
  facts: ModelFacts,
  { compiler, sources }: Provenance,
  files: { readonly [name: string]: FileFacts },
): Manifest {
  const [routine] = Object.values(program.targets)[0]?.routines ?? [];
  const example = exampleDims(program);
  const figure = (size: SizeExpr, valueAt: (dims: Dims) => number): Figure => ({
    expression: printSize(size),
    ...(example && { example: valueAt(example) }),
  });
  const peakMemory = Object.entries(program.targets).flatMap(([name, target]) => {
    const size = facts.peakMemory[name as TargetName];
    if (size === undefined) return [];
    // What a GPU reserves is its driver's business.
    const value = target.gpu ? { expression: printSize(size) } : figure(size, (dims) => memoryFor(target, dims));
    return [[name, value] as const];
  });
  const { multiplyAdds } = facts;
  return {
    version: PROGRAM_VERSION,
    name: program.name,
    compiler,
    sources,
    inputs: givenInputs(routine?.inputs ?? []).map(tensorFacts),
    outputs: (routine?.outputs ?? []).map(tensorFacts),
    dims: program.dims,
    ...(program.generation && { generation: program.generation }),
    parameters: facts.parameters,
    ...(example && { example: Object.fromEntries(example) }),
    ...(multiplyAdds !== undefined && {
      multiplyAdds: figure(multiplyAdds, (dims) => evaluateSize(multiplyAdds, dims)),
    }),
    peakMemory: Object.fromEntries(peakMemory),
    files,
  };
}

function tensorFacts({ name, dtype, shape }: TensorSpec): TensorFacts {
  return { name, dtype, shape: shape.map((size) => (typeof size === 'number' ? size : printSize(size))) };
}

/** The largest value tried for a dimension without limit. */
const LARGEST = 1024;

/** Limited dimensions at their limits, the others at the least power of two for which the conditions hold. */
export function exampleDims({ dims, targets }: Program): Dims | undefined {
  const { routines = [] } = Object.values(targets)[0] ?? {};
  const conditions = routines.flatMap((routine) => routine.conditions ?? []);
  const at = (free: number): Dims => new Map(dims.map(({ name, max }) => [name, max ?? free]));
  for (let free = 1; free <= LARGEST; free *= 2) {
    const found = at(free);
    if (conditions.every(({ size }) => holds(size, found))) return found;
  }
  return undefined;
}

function holds(size: SizeExpr, dims: Dims): boolean {
  try {
    return evaluateSize(size, dims) >= 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
