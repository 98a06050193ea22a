/** The routines of a train entry as graphs: steps, their parts under accumulation, evaluation. */
import type { TrainingRoutine, TrainingSpec } from '../../program/training.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, GraphOutput, GraphParameter, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { formula } from '../ops/formula.ts';
import { boundsOf } from '../ir/types.ts';
import { nextId } from '../ir/walk.ts';
import type { Elaborated, TrainProgram } from '../semantics/elaborated.ts';
import type { Optimizer } from '../semantics/optimizers/optimizer.ts';
import { clip } from './clip.ts';
import { appendGradients, trainableParameters, zeros } from './gradients.ts';
import { appendUpdates, nextValue, stateBeside, type Updates } from './optimize.ts';
import { prepare } from './prepare.ts';

export interface TrainingModule {
  readonly name: string;
  /** Parameters of one name are one weight. */
  readonly graphs: readonly RoutineGraph[];
  readonly training: TrainingSpec;
}

export interface RoutineGraph {
  readonly name: TrainingRoutine;
  readonly graph: Graph;
}

/**
 * The graphs of a train entry, elaborated with and without training: `step`, or `accumulate` and `update` where several
 * batches make an update, if there is an optimizer; and `evaluate`.
 */
export function trainingModule(train: Elaborated, evaluate: Elaborated, ops: OpTable): TrainingModule {
  const { metrics, optimizer } = programOf(train);
  const evaluation = { name: 'evaluate', graph: evaluate.graph } as const;
  const { name } = train.graph;
  const spec = { metrics: metrics.map((metric) => metric.name), accumulate: 1, scalars: [] };
  if (!optimizer) return { name, graphs: [evaluation], training: spec };
  const accumulate = Number(optimizer.step['accumulate']);
  const forward = forwardOf(train, ops);
  const learning = accumulate > 1 ? accumulated(forward, optimizer, accumulate, ops) : step(forward, optimizer, ops);
  const { scalars, groups } = learning;
  const training: TrainingSpec = { ...spec, accumulate, scalars, optimizer: { name: optimizer.name, groups } };
  return { name, graphs: [...learning.graphs, evaluation], training };
}

function programOf({ train }: Elaborated): TrainProgram {
  if (!train) throw new Error('internal: no train entry');
  return train;
}

/** What is computed before anything is differentiated: the loss, the metrics and the new values of states. */
interface Forward {
  readonly graph: Graph;
  readonly loss: Value;
  readonly trainable: readonly GraphParameter[];
}

function forwardOf(elaborated: Elaborated, ops: OpTable): Forward {
  const { loss, metrics } = programOf(elaborated);
  const outputs: GraphOutput[] = [
    { name: 'loss', value: loss },
    ...metrics,
    ...elaborated.updates.map(({ state, value }) => nextValue(state, value)),
  ];
  const graph = prepare({ ...elaborated.graph, outputs }, ops);
  return { graph, loss: graph.outputs[0]!.value, trainable: trainableParameters(graph.parameters) };
}

/** A builder behind the nodes of a graph. */
function builderBehind(graph: Graph, ops: OpTable): Builder {
  const builder = new Builder(ops, boundsOf(graph), nextId(graph));
  builder.nodes.push(...graph.nodes);
  return builder;
}

interface Learning extends Pick<Updates, 'scalars' | 'groups'> {
  readonly graphs: readonly RoutineGraph[];
}

/** Forward, backward and update in one. */
function step({ graph, loss, trainable }: Forward, optimizer: Optimizer, ops: OpTable): Learning {
  const builder = builderBehind(graph, ops);
  const gradients = appendGradients(builder, loss, trainable);
  builder.origin = { path: '', phase: 'update' };
  const clipped = clip(builder, gradients, optimizer.step);
  const updates = appendUpdates(builder, optimizer, trainable, clipped);
  const whole: Graph = {
    ...graph,
    inputs: [...graph.inputs, ...updates.inputs],
    parameters: [...graph.parameters, ...updates.parameters],
    nodes: builder.nodes,
    outputs: [...graph.outputs, ...updates.outputs],
  };
  return { graphs: [{ name: 'step', graph: whole }], scalars: updates.scalars, groups: updates.groups };
}

/** Gradients of batch after batch are summed; the update takes their mean and sets the sums to 0. */
function accumulated(
  { graph, loss, trainable }: Forward,
  optimizer: Optimizer,
  batches: number,
  ops: OpTable,
): Learning {
  const builder = builderBehind(graph, ops);
  const gradients = appendGradients(builder, loss, trainable);
  builder.origin = { path: '', phase: 'update' };
  const sums = trainable.map((parameter) => stateBeside(builder, parameter, 'gradient'));
  const added = sums.map(({ name, value }, at) =>
    nextValue(name, builder.one('add', [value, gradients.get(trainable[at]!.name)!])),
  );
  const accumulate: Graph = {
    ...graph,
    parameters: [...graph.parameters, ...sums],
    nodes: builder.nodes,
    outputs: [...graph.outputs, ...added],
  };
  const update = updateOf(graph.name, trainable, sums, optimizer, batches, ops);
  return {
    graphs: [
      { name: 'accumulate', graph: accumulate },
      { name: 'update', graph: update.graph },
    ],
    ...update,
  };
}

function updateOf(
  name: string,
  trainable: readonly GraphParameter[],
  sums: readonly GraphParameter[],
  optimizer: Optimizer,
  batches: number,
  ops: OpTable,
): Pick<Updates, 'scalars' | 'groups'> & { readonly graph: Graph } {
  const start: Graph = { name, dims: [], inputs: [], parameters: [...trainable, ...sums], nodes: [], outputs: [] };
  const builder = builderBehind(start, ops);
  builder.origin = { path: '', phase: 'update' };
  const apply = formula(builder);
  const means = new Map(trainable.map((parameter, at) => [parameter.name, apply('mul', sums[at]!.value, 1 / batches)]));
  const updates = appendUpdates(builder, optimizer, trainable, clip(builder, means, optimizer.step));
  const emptied = sums.map((sum) => nextValue(sum.name, zeros(builder, sum.value)));
  return {
    graph: {
      ...start,
      inputs: updates.inputs,
      parameters: [...start.parameters, ...updates.parameters],
      nodes: builder.nodes,
      outputs: [...updates.outputs, ...emptied],
    },
    scalars: updates.scalars,
    groups: updates.groups,
  };
}
