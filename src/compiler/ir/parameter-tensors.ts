/**
 * The tensors that a graph's parameters are for files and for users: a parameter that is a stack is as many of them as it
 * has members, any other is one. Everything that lists, reads or hands out parameters by name does so by these.
 */
import type { GraphParameter, TensorType } from './graph.ts';
import type { Tensor } from './op.ts';
import { concreteType, countOf } from './types.ts';

/** `member` is the place of the tensor along axis 0 of the parameter; absent where it is the whole parameter. */
export interface ParameterTensor {
  readonly name: string;
  /** With a static shape. */
  readonly type: TensorType;
  readonly parameter: GraphParameter;
  readonly member?: number;
}

/** In the order of the parameters, and of the members of each. */
export function parameterTensors(parameters: readonly GraphParameter[]): readonly ParameterTensor[] {
  return parameters.flatMap((parameter): ParameterTensor[] => {
    const { name, value, members } = parameter;
    if (!members) return [{ name, type: value.type, parameter }];
    const type = memberType(value.type);
    return members.map((each, member) => ({ name: each, type, parameter, member }));
  });
}

/** The names of the tensors that a parameter is. */
export function tensorNames({ name, members }: Pick<GraphParameter, 'name' | 'members'>): readonly string[] {
  return members ?? [name];
}

/** What each member of a stack is. */
export function memberType({ dtype, shape }: TensorType): TensorType {
  return { dtype, shape: shape.slice(1) };
}

/** The value of a parameter, of the tensors that it is. `find` throws where there is none of a name. */
export function assembleParameter({ name, value, members }: GraphParameter, find: (name: string) => Tensor): Tensor {
  if (!members) return find(name);
  const { dtype, shape } = concreteType(value.type, new Map());
  const parts = members.map((member) => {
    const tensor = find(member);
    if (tensor.dtype === dtype && tensor.shape.join() === shape.slice(1).join()) return tensor.data;
    throw new RangeError(
      `${member} is ${tensor.dtype}[${tensor.shape.join(', ')}], not ${dtype}[${shape.slice(1).join(', ')}]`,
    );
  });
  const data = new Float64Array(countOf(shape));
  parts.forEach((part, at) => data.set(part, at * part.length));
  return { dtype, shape, data };
}

/** The tensors of a parameter by name, of its value or of anything of its type, such as its gradient. */
export function splitParameter(
  { name, members }: Pick<GraphParameter, 'name' | 'members'>,
  tensor: Tensor,
): ReadonlyMap<string, Tensor> {
  if (!members) return new Map([[name, tensor]]);
  const shape = tensor.shape.slice(1);
  const size = countOf(shape);
  return new Map(
    members.map((member, at) => [
      member,
      { dtype: tensor.dtype, shape, data: tensor.data.slice(at * size, (at + 1) * size) },
    ]),
  );
}
