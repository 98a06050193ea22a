/** A model and a training of two experts that every row goes through, whose parameters are stacks. */
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import type { Elaborated, TrainProgram } from '../../src/compiler/semantics/elaborated.ts';
import type { Optimizer } from '../../src/compiler/semantics/optimizers/optimizer.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { storedTensor } from './specs.ts';
import { randomNumbers, randomTensor, tensorOf } from './tensors.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';

export const DEPTH = 36;
export const WIDTH = 24;

/** y[n, e, o] = relu(sum_d x[n, d] w[e, o, d] + b[e, o]) * scale[o]. */
export const STACKED = graphOf(`graph Stacked {
  dim n
  input x %0: f32[n, ${DEPTH}]
  param "experts.{i}.weight" %1: f32[2, ${WIDTH}, ${DEPTH}] of [experts.0.weight, experts.1.weight] = normal(mean: 0, std: 0.2)
  param "experts.{i}.bias" %2: f32[2, ${WIDTH}] of [experts.0.bias, experts.1.bias] = uniform(low: -1, high: 1)
  param scale %3: f32[${WIDTH}] = constant(value: 1)
  %4: f32[n, 2, ${WIDTH}] = contract(%0, %1) {left: ["n", "d"], right: ["e", "o", "d"], result: ["n", "e", "o"]}
  %5: f32[n, 2, ${WIDTH}] = expand(%2) {shape: [<n>, <2>, <${WIDTH}>], axis: null, size: null}
  %6: f32[n, 2, ${WIDTH}] = add(%4, %5)
  %7: f32[n, 2, ${WIDTH}] = relu(%6)
  %8: f32[n, 2, ${WIDTH}] = expand(%3) {shape: [<n>, <2>, <${WIDTH}>], axis: null, size: null}
  %9: f32[n, 2, ${WIDTH}] = mul(%7, %8)
  %10: f32[n, 2, ${WIDTH}] = mul(%9, %9)
  %11: f32[] = mean(%10) {axis: null, keepdim: false}
  output y %9
}`);

function graphOf(text: string): Graph {
  const parsed = parseGraph(text, ops);
  if ('error' in parsed) throw new Error(`line ${parsed.line}: ${parsed.error}`);
  return parsed.graph;
}

const OPTIMIZER: Optimizer = {
  name: 'adamw',
  step: { clip_norm: 1, clip_value: null, accumulate: 1 },
  groups: [
    {
      patterns: ['**.bias'],
      settings: { lr: 0.1, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false },
      parameters: ['experts.{i}.bias'],
    },
    {
      patterns: [],
      settings: { lr: 0.01, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.1, amsgrad: false },
      parameters: ['experts.{i}.weight', 'scale'],
    },
  ],
};

/** The graph as an entry that learns to give zeros. */
export function stackedTraining(step: Optimizer['step'] = {}): Elaborated {
  const loss: Value = STACKED.nodes.at(-1)!.results[0]!;
  const train: TrainProgram = {
    loss,
    metrics: [],
    optimizer: { ...OPTIMIZER, step: { ...OPTIMIZER.step, ...step } },
  };
  const outputs = [{ name: 'loss', value: loss }, ...STACKED.outputs];
  return { ...stackedModel(), graph: { ...STACKED, outputs }, train };
}

export function stackedModel(): Elaborated {
  return { graph: STACKED, updates: [] } as Partial<Elaborated> as Elaborated;
}

/** By the names of the members. */
export function stackedWeights(seed = 1): ReadonlyMap<string, Tensor> {
  const random = randomNumbers(seed);
  const draw = (shape: readonly number[]): Tensor => {
    const { data } = randomTensor('f32', shape, random);
    return tensorOf('f32', shape, Float32Array.from(data));
  };
  return new Map(
    parameterTensors(STACKED.parameters).map(({ name, type }) => [name, draw(concreteShape(type.shape, new Map()))]),
  );
}

export function stored(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, StoredTensor> {
  return new Map([...tensors].map(([name, { shape, data }]) => [name, storedTensor(shape, data)]));
}
