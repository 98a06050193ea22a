/** Values for dimensions from the command line. */
import type { ProgramDim } from '../program/program.ts';
import { UsageError } from './errors.ts';

export type GivenDims = ReadonlyMap<string, number>;

/** What has dimensions: a graph, or something that runs. */
interface Dimensioned {
  readonly name: string;
  readonly dims: readonly ProgramDim[];
}

/** The values as they are, all of which must fit. Throws UsageError. */
export function checkDims(given: GivenDims, { name: model, dims }: Dimensioned): GivenDims {
  for (const [name, value] of given) {
    const declared = dims.find((dim) => dim.name === name);
    const names = dims.map((dim) => dim.name).join(', ') || 'none';
    if (!declared) throw new UsageError(`${model} has no dimension ${name}`, `its dimensions: ${names}`);
    if (declared.max !== undefined && value > declared.max)
      throw new UsageError(`${name} is at most ${declared.max} in ${model}`);
  }
  return given;
}
