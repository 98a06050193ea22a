/** What goes into a graph and what comes out of it, in the terms that the command shares with the runtime. */
import { type Graph, parameterTensors, toSizeExpr } from '../compiler/index.ts';
import type { WeightParameter } from '../compiler/interop/weights.ts';
import type { ProgramDim } from '../program/program.ts';
import { givenInputs } from '../program/training.ts';
import type { TensorInfo } from '../runtime/tensors.ts';

export interface Signature {
  readonly dims: readonly ProgramDim[];
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The tensors that they are. */
  readonly parameters: readonly WeightParameter[];
}

export function signatureOf(graph: Graph): Signature {
  const info = ({ name, value }: Graph['inputs'][number]): TensorInfo => ({
    name,
    dtype: value.type.dtype,
    shape: value.type.shape.map(toSizeExpr),
  });
  return {
    dims: graph.dims,
    inputs: givenInputs(graph.inputs).map(info),
    outputs: graph.outputs.map(info),
    parameters: parameterTensors(graph.parameters).map(({ name, type: { dtype, shape } }) => ({
      name,
      dtype,
      // Only parameters have static shapes, so each size is a number.
      shape: shape.map(toSizeExpr) as number[],
    })),
  };
}
