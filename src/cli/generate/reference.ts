/** Routines of generation in the interpreter, in double precision. */
import { type Graph, type Tensor, toSizeExpr } from '../../compiler/index.ts';
import { LENGTHS, LOGITS, PAST, PREFILL, STEP, TOKEN } from '../../program/generation.ts';
import { evaluateSize } from '../../program/size.ts';
import type { TensorInput } from '../../runtime/inputs.ts';
import type { Inputs } from '../../runtime/model.ts';
import { evaluate } from '../runnable.ts';
import type { Next, TokenRoutines } from './routines.ts';

type Tensors = ReadonlyMap<string, Tensor>;
type Type = Graph['inputs'][number]['value']['type'];

export interface Given {
  readonly inputs: Inputs;
  readonly parameters: Tensors;
  /** What an earlier run has kept; zeros where there was none. */
  readonly kept?: Tensors;
}

export interface Interpreted extends Next {
  readonly kept: Tensors;
}

/** What the interpreter takes for what the runtime is given. */
export function routineArguments(
  graph: Graph,
  { inputs, kept }: Omit<Given, 'parameters'>,
): { readonly inputs: Tensors; readonly kept: Tensors } {
  const batch = (inputs[LENGTHS] ?? inputs[PAST]) as Int32Array | undefined;
  const given = graph.inputs.map(
    ({ name, value }) => [name, asTensor(value.type, inputs[name]!, batch?.length)] as const,
  );
  const before = (graph.kept ?? []).map(
    ({ name, value }) => [name, kept?.get(name) ?? zeros(value.type, graph, batch!.length)] as const,
  );
  return { inputs: new Map(given), kept: new Map(before) };
}

/** Throws Failure and InterpreterError. */
export function interpretRoutine(graph: Graph, { parameters, ...given }: Given): Interpreted {
  const results = evaluate(graph, { ...routineArguments(graph, given), parameters });
  const after = graph.outputs.flatMap(({ name, into }) =>
    into === undefined ? [] : [[into, results.get(name)!] as const],
  );
  return {
    token: Int32Array.from(results.get(TOKEN)!.data),
    logits: Float32Array.from(results.get(LOGITS)!.data),
    kept: new Map(after),
  };
}

/** Values without a shape are a scalar, a row, or as many rows as there are texts. */
function asTensor({ dtype, shape: { length: rank } }: Type, input: TensorInput, batch: number | undefined): Tensor {
  const { data, shape } =
    typeof input === 'object' && 'data' in input ? input : { data: input as Float32Array, shape: undefined };
  const tails = rank === 0 ? [] : rank === 1 ? [data.length] : [batch!, data.length / batch!];
  return { dtype, shape: shape ?? tails, data: Float64Array.from(data as ArrayLike<number>) };
}

/** What is kept has no size but numbers and that of the batch. */
function zeros({ dtype, shape }: Type, { inputs }: Graph, batch: number): Tensor {
  const size = toSizeExpr(inputs.find(({ name }) => name === LENGTHS || name === PAST)!.value.type.shape[0]!);
  const dims = new Map(typeof size === 'string' ? [[size, batch]] : []);
  const sizes = shape.map((one) => evaluateSize(toSizeExpr(one), dims));
  return { dtype, shape: sizes, data: new Float64Array(sizes.reduce((product, one) => product * one, 1)) };
}

/** The routines of a model, with what they keep. */
export function interpretedRoutines(
  graphs: readonly { readonly name: string; readonly graph: Graph }[],
  parameters: Tensors,
): TokenRoutines {
  let kept: Tensors = new Map();
  const run = async (routine: string, inputs: Inputs, before: Tensors): Promise<Next> => {
    const { graph } = graphs.find(({ name }) => name === routine)!;
    const done = interpretRoutine(graph, { inputs, parameters, kept: before });
    kept = done.kept;
    return done;
  };
  return {
    // Whole texts are read anew, whatever was kept of others.
    prefill: (inputs) => run(PREFILL, inputs, new Map()),
    step: (inputs) => run(STEP, inputs, kept),
  };
}
