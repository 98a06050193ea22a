/** How large the results of a model become: its routines run on wasm, on small inputs, and hand out what is stored in halves. */
import {
  boundsOf,
  type Compiled,
  compileLowered,
  type Graph,
  type Module,
  type Tensor,
  targetNamed,
  toSizeExpr,
} from '../../compiler/index.ts';
import { constantIntervals } from '../../compiler/inspect/halves/constants.ts';
import { lowerObserved, observedNames } from '../../compiler/inspect/halves/observe.ts';
import { type Magnitudes, magnitudesOf } from '../../compiler/inspect/halves/range.ts';
import { indexLimits } from '../../compiler/inspect/profile/limits.ts';
import { LOGITS, PREFILL, STEP, TOKEN, type GenerationSpec } from '../../program/generation.ts';
import type { Dims } from '../../program/size.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import type { Inputs } from '../../runtime/model.ts';
import type { Prompt } from '../../runtime/generate/prompts.ts';
import { routineArguments } from '../generate/reference.ts';
import { continueBy, type Next } from '../generate/routines.ts';
import { modelOf } from '../runnable.ts';
import type { Tensors } from '../spec.ts';
import { drawInputs, toInput } from '../verify/draw.ts';
import { drawPrompts } from '../verify/subject.ts';

type Value = Graph['nodes'][number]['results'][number];
type Values = ReadonlyMap<string, Tensor>;

/** What is run. */
export interface Trial {
  readonly module: Module;
  readonly compiled: Compiled;
  /** The values to measure, by routine. */
  readonly values: ReadonlyMap<string, readonly Value[]>;
  /** All of them. */
  readonly weights: Tensors;
  /** Sizes of all dimensions; with inputs, of those that they do not tell. */
  readonly dims: Dims;
  /** For all inputs; absent: they are drawn. */
  readonly inputs?: Values | undefined;
}

export type Measured = ReadonlyMap<Value, Magnitudes>;

/** Rejects with HeddleError. */
export async function measure(trial: Trial): Promise<Measured> {
  const measured = new Map<Value, Magnitudes>();
  const inputs = trial.inputs ?? drawnInputs(trial);
  const { generation } = trial.module;
  await observe(trial, 'run', { inputs, kept: new Map(), dims: trial.dims }, measured);
  if (generation) await generate(trial, generation, inputs, measured);
  return measured;
}

function drawnInputs({ compiled, module, dims }: Trial): Values {
  const [lowered] = Object.values(compiled.lowered);
  const bounds = boundsOf({ dims: compiled.fused.flatMap(({ graph }) => graph.dims) });
  const limits = [...indexLimits(lowered!, bounds)].map(([name, size]) => [name, toSizeExpr(size)] as const);
  return drawInputs(module.graphs.find(({ name }) => name === 'run')!.graph, dims, new Map(limits), 0);
}

interface Given {
  readonly inputs: Values;
  readonly kept: Values;
  readonly dims: Dims;
}

/** Runs a routine; answers its outputs by name. */
async function observe(
  { compiled, values, weights }: Trial,
  routine: string,
  { inputs, kept, dims }: Given,
  measured: Map<Value, Magnitudes>,
): Promise<Values> {
  const { graph } = compiled.fused.find(({ name }) => name === routine)!;
  const wanted = values.get(routine) ?? [];
  const lowered = lowerObserved(graph, wanted, targetNamed('wasm'));
  const model = await modelOf(compileLowered(lowered, 'wasm'), 'wasm', weights, {});
  try {
    const given = [
      ...[...inputs].filter(([name]) => name !== RANDOM_KEY && graph.inputs.some((input) => input.name === name)),
      ...[...kept].map(([name, tensor]) => [observedNames.kept(name), tensor] as const),
    ].map(([name, tensor]) => [name, toInput(tensor)]);
    const own = [...dims].filter(([name]) => graph.dims.some((dim) => dim.name === name));
    const outputs = await model.run(Object.fromEntries(given) as Inputs, { dims: Object.fromEntries(own) });
    const constants = constantIntervals(graph);
    for (const value of wanted) {
      const { data } = outputs[observedNames.value(value)]!;
      measured.set(value, magnitudesOf(data, constants.get(value)));
    }
    return new Map(
      graph.outputs.map(({ name, value: { type } }) => {
        const { data, shape } = outputs[observedNames.output(name)]!;
        return [name, { dtype: type.dtype, shape, data: Float64Array.from(data) }];
      }),
    );
  } finally {
    model.dispose();
  }
}

/** Two tokens, so that both routines run: one on the prompts, one on a token and what is kept. */
async function generate(
  trial: Trial,
  spec: GenerationSpec,
  inputs: Values,
  measured: Map<Value, Magnitudes>,
): Promise<void> {
  let kept: Values = new Map();
  const call = async (routine: string, given: Inputs, before: Values): Promise<Next> => {
    const { graph } = trial.compiled.fused.find(({ name }) => name === routine)!;
    const tensors = routineArguments(graph, { inputs: given, kept: before });
    const outputs = await observe(trial, routine, { ...tensors, dims: new Map() }, measured);
    kept = new Map(
      graph.outputs.flatMap(({ name, into }) => (into === undefined ? [] : [[into, outputs.get(name)!] as const])),
    );
    return {
      token: Int32Array.from(outputs.get(TOKEN)!.data),
      logits: Float32Array.from(outputs.get(LOGITS)!.data),
    };
  };
  const routines = {
    prefill: (given: Inputs) => call(PREFILL, given, new Map()),
    step: (given: Inputs) => call(STEP, given, kept),
  };
  const others = Object.fromEntries(spec.inputs.map((name) => [name, toInput(inputs.get(name)!)]));
  const prompts = trial.inputs ? rowsOf(inputs.get(spec.input)!) : drawPrompts(spec);
  for await (const token of continueBy(routines, prompts, { tokens: 2, inputs: others }, spec)) void token;
}

/** The texts along the last axis. */
function rowsOf({ shape, data }: Tensor): Prompt[] {
  const length = shape.at(-1) ?? 1;
  return Array.from({ length: length === 0 ? 0 : data.length / length }, (_, row) =>
    Int32Array.from(data.subarray(row * length, (row + 1) * length)),
  );
}
