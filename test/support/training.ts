/** Training in tests: the routines of a train entry, run one after another, with weights kept between the runs. */
import { elaborateTraining } from '../../src/compiler/driver.ts';
import type { TrainingModule } from '../../src/compiler/autodiff/module.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { assembleParameter, parameterTensors, splitParameter } from '../../src/compiler/ir/parameter-tensors.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import type { SourceHost } from '../../src/compiler/semantics/modules.ts';
import { evaluateHost } from '../../src/program/host-expr.ts';
import type { HostExpr, TrainingRoutine } from '../../src/program/training.ts';
import { renderAll, runnerOf, specHost, type AnyTarget, type Run } from './specs.ts';
import { tensorOf } from './tensors.ts';

export type Tensors = ReadonlyMap<string, Tensor>;

/** The routines of a train entry; fails with the rendered diagnostics where there are errors. */
export function trainingOf(path: string, options: EntryOptions = {}, host: SourceHost = specHost()): TrainingModule {
  const { result, diagnostics } = elaborateTraining(path, options, host);
  if (!result) throw new Error(renderAll(diagnostics));
  return result;
}

export function trainingOfText(text: string, options: EntryOptions = {}): TrainingModule {
  return trainingOf('test.model', options, specHost({ 'test.model': text }));
}

/** Weights are handed in and out, each parameter as one tensor, so that each routine is a program of its own. */
function withWeightsAsInputs(graph: Graph): Graph {
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value }));
  return { ...graph, inputs: [...graph.inputs, ...graph.parameters], parameters: [], outputs };
}

/** One entry in training. */
export class Learner {
  readonly module: TrainingModule;
  /** By name, those of the optimizer included. */
  readonly weights: Map<string, Tensor>;
  readonly #runs: ReadonlyMap<TrainingRoutine, Run>;
  readonly #rates: ((update: number) => number) | undefined;
  #batches = 0;
  #updates = 0;

  private constructor(
    module: TrainingModule,
    weights: Tensors,
    runs: ReadonlyMap<TrainingRoutine, Run>,
    rates?: (update: number) => number,
  ) {
    this.module = module;
    this.weights = new Map(weights);
    this.#runs = runs;
    this.#rates = rates;
    for (const { graph } of module.graphs) {
      for (const { name, type, parameter } of parameterTensors(graph.parameters)) {
        const { initial } = parameter;
        if (this.weights.has(name)) continue;
        if (initial?.kind !== 'constant') throw new Error(`no weight ${name}`);
        const shape = concreteShape(type.shape, new Map());
        this.weights.set(name, tensorOf('f32', shape, new Float64Array(countOf(shape)).fill(initial.value)));
      }
    }
  }

  /** `rates` stands in for schedules. */
  static async of(
    module: TrainingModule,
    weights: Tensors,
    target: AnyTarget = 'reference',
    rates?: (update: number) => number,
  ): Promise<Learner> {
    const runs = new Map<TrainingRoutine, Run>();
    for (const { name, graph } of module.graphs) runs.set(name, await runnerOf(withWeightsAsInputs(graph), target));
    return new Learner(module, weights, runs, rates);
  }

  /** Runs a routine, and takes over what it gives as new values of weights; the other outputs. */
  async run(routine: TrainingRoutine, inputs: { readonly [name: string]: Tensor }): Promise<Tensors> {
    const { graph } = this.module.graphs.find(({ name }) => name === routine)!;
    const weights = graph.parameters.map(
      (parameter) => [parameter.name, assembleParameter(parameter, (name) => this.weights.get(name)!)] as const,
    );
    const results = await this.#runs.get(routine)!({ ...inputs, ...Object.fromEntries(weights) });
    for (const { name, into } of graph.outputs) {
      const parameter = graph.parameters.find((one) => one.name === into);
      if (parameter) for (const part of splitParameter(parameter, results.get(name)!)) this.weights.set(...part);
    }
    const written = new Set(graph.outputs.flatMap(({ name, into }) => (into === undefined ? [] : [name])));
    return new Map([...results].filter(([name]) => !written.has(name)));
  }

  /** Learns from one batch: its outputs, `loss` among them. */
  async step(batch: { readonly [name: string]: Tensor }): Promise<Tensors> {
    const { accumulate } = this.module.training;
    this.#batches++;
    if (accumulate === 1) return this.run('step', { ...batch, ...this.#hostNumbers() });
    const outputs = await this.run('accumulate', batch);
    if (this.#batches % accumulate === 0) await this.run('update', this.#hostNumbers());
    return outputs;
  }

  #hostNumbers(): { readonly [name: string]: Tensor } {
    this.#updates++;
    return Object.fromEntries(
      this.module.training.scalars.map(({ input, value }) => [
        input,
        tensorOf(
          'f32',
          [],
          [evaluateHost(this.#rates ? substituted(value, this.#rates(this.#updates)) : value, this.#updates)],
        ),
      ]),
    );
  }
}

function substituted(expr: HostExpr, rate: number): HostExpr {
  if (typeof expr === 'object' && 'schedule' in expr) return rate;
  if (typeof expr !== 'object') return expr;
  const [operator, ...operands] = expr;
  return [operator, ...operands.map((operand) => substituted(operand, rate))] as unknown as HostExpr;
}
