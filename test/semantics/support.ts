/** Evaluating small specs in doubles, with parameters drawn from their paths. */
import type { EntryOptions } from '../../src/compiler/options.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import { graphOfText } from '../support/specs.ts';
import { randomNumbers, tensorOf } from '../support/tensors.ts';

export type Tensors = { readonly [name: string]: Tensor };

export function f32(shape: readonly number[], data: readonly number[]): Tensor {
  return tensorOf('f32', shape, data);
}

export function i32(shape: readonly number[], data: readonly number[]): Tensor {
  return tensorOf('i32', shape, data);
}

/** A parameter's values depend on its path alone, so that two specs with the same paths have the same weights. */
export function parametersOf(graph: Graph, given: Tensors = {}): Map<string, Tensor> {
  return new Map(
    parameterTensors(graph.parameters).map(({ name, type }) => {
      const shape = concreteShape(type.shape, new Map());
      const random = randomNumbers([...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
      const data = Float64Array.from({ length: countOf(shape) }, () => Math.round(random() * 200 - 100) / 100);
      return [name, given[name] ?? { dtype: type.dtype, shape, data }];
    }),
  );
}

/** The outputs of an entry by name. */
export function evaluate(
  text: string,
  inputs: Tensors,
  options: EntryOptions & { readonly parameters?: Tensors } = {},
): { [name: string]: number[] } {
  const graph = graphOfText(text, options);
  const parameters = parametersOf(graph, options.parameters);
  const results = interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters });
  return Object.fromEntries([...results].map(([name, tensor]) => [name, [...tensor.data]]));
}
