/** What a verification computes on: dimensions, inputs and weights, all of which a seed decides. */
import { type Graph, parameterTensors, type Tensor, toSizeExpr } from '../../compiler/index.ts';
import type { ProgramDim } from '../../program/program.ts';
import { storedType } from '../../program/convert.ts';
import { evaluateSize, type Dims, type SizeExpr } from '../../program/size.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import { UsageError } from '../errors.ts';
import { drawInput, drawWeight } from '../profile/random.ts';
import type { Tensors } from '../spec.ts';
import { type ResultData, toInterpreter } from '../tensors.ts';

/** Values that are tried for dimensions without one: odd ones first, which leave rests in every tile. */
const TRIED = [3, 2, 4, 8, 1, 16, 32, 64, 128, 256, 512, 1024];

/** Something with dimensions and conditions on them: the graphs of all routines. */
type Conditioned = readonly Pick<Graph, 'conditions'>[];

/** Small sizes for which all conditions hold. Throws UsageError where none are found. */
export function chooseDims(dims: readonly ProgramDim[], graphs: Conditioned, given: Dims): Dims {
  const conditions = graphs.flatMap(({ conditions = [] }) => conditions.map((one) => toSizeExpr(one.atLeastZero)));
  for (const size of TRIED) {
    const chosen = new Map(dims.map(({ name, max = size }) => [name, given.get(name) ?? Math.min(max, size)]));
    if (conditions.every((condition) => holds(condition, chosen))) return chosen;
  }
  const names = dims.flatMap(({ name }) => (given.has(name) ? [] : [name]));
  throw new UsageError(
    `no small sizes fit the conditions on ${dims.map(({ name }) => name).join(', ')}`,
    `give them with --dims ${names.map((name) => `${name}=…`).join(',')}`,
  );
}

function holds(condition: SizeExpr, dims: Dims): boolean {
  try {
    return evaluateSize(condition, dims) >= 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Where a drawn tensor begins depends on its name and on the seed; that of the seed 0 is that of the name alone. */
function seeded(name: string, seed: number): string {
  return seed === 0 ? name : `${name} ${seed}`;
}

/** A tensor for each input, keys of random numbers too. `limits` says below what the integers of an input are. */
export function drawInputs(
  { inputs }: Graph,
  dims: Dims,
  limits: ReadonlyMap<string, SizeExpr>,
  seed: number,
): Map<string, Tensor> {
  return new Map(
    inputs.map(({ name, value: { type } }) => {
      if (name === RANDOM_KEY) return [name, { dtype: 'u32', shape: [2], data: Float64Array.of(seed, 0) }];
      const shape = type.shape.map((size) => evaluateSize(toSizeExpr(size), dims));
      const limit = evaluateSize(limits.get(name) ?? 2, dims);
      const drawn = drawInput(seeded(name, seed), type.dtype, shape, Math.max(1, limit));
      return [name, toInterpreter(drawn, type.dtype, `the input ${name}`)];
    }),
  );
}

/** The tensors of all parameters, those of `given` and drawn ones for the rest. */
export function drawWeights(graphs: readonly Graph[], given: Tensors | undefined, seed: number): Tensors {
  const tensors = graphs.flatMap(({ parameters }) => parameterTensors(parameters));
  return new Map(
    tensors.map(({ name, type: { dtype, shape } }) => {
      const sizes = shape.map((size) => evaluateSize(toSizeExpr(size), new Map()));
      return [name, given?.get(name) ?? drawWeight(seeded(name, seed), dtype, sizes)];
    }),
  );
}

/** The same for the interpreter, with the precision that targets are given. */
export function interpreted(graphs: readonly Graph[], weights: Tensors): Map<string, Tensor> {
  const tensors = graphs.flatMap(({ parameters }) => parameterTensors(parameters));
  return new Map(
    tensors.map(({ name, type }) => [name, toInterpreter(weights.get(name)!, type.dtype, `the parameter ${name}`)]),
  );
}

/** Bool as bytes of 0 and 1. */
type Elements = Exclude<ResultData, Float64Array>;

/** A tensor of the interpreter as the runtime takes it. */
export function toInput({ dtype, shape, data }: Tensor): {
  readonly data: Elements;
  readonly shape: readonly number[];
} {
  switch (dtype) {
    case 'f32':
      return { data: Float32Array.from(data), shape };
    case 'i32':
      return { data: Int32Array.from(data), shape };
    case 'u32':
      return { data: Uint32Array.from(data), shape };
    case 'bool':
      return { data: Uint8Array.from(data), shape };
  }
}

/** Tensors of the interpreter as weights. */
export function toWeights(tensors: ReadonlyMap<string, Tensor>): Tensors {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const { data } = toInput(tensor);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, { dtype: storedType(tensor.dtype), shape: tensor.shape, bytes }];
    }),
  );
}
