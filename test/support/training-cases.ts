/** Reference cases of training: entries that compute what a case holds gradients or steps of. */
import type { TrainingModule } from '../../src/compiler/autodiff/module.ts';
import { compileModule, elaborateGradients } from '../../src/compiler/driver.ts';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { toElements } from '../../src/program/convert.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { TensorInput } from '../../src/runtime/inputs.ts';
import type { TensorInfo } from '../../src/runtime/tensors.ts';
import { inputsOf, type CaseEntry } from './cases.ts';
import { largestDifference, valuesOf, type ReferenceCase } from './reference.ts';
import {
  asTensor,
  renamed,
  renderAll,
  runnerOf,
  settings,
  specFile,
  specHost,
  type AnyTarget,
  type TargetUnderTest,
} from './specs.ts';
import { trainerOf } from './trainers.ts';
import { trainingOf, Learner } from './training.ts';

/** With the map of specs/weights by which the case's parameters are ours; without, their names are. */
export interface TrainingCase extends CaseEntry {
  readonly map?: string;
}

interface Names {
  /** Foreign names of the parameters by ours. */
  readonly foreign: ReadonlyMap<string, string>;
  readonly weights: ReadonlyMap<string, StoredTensor>;
}

function ownNames(entry: TrainingCase, theirs: ReadonlyMap<string, StoredTensor>): Names {
  const foreign = new Map<string, string>();
  const weights = new Map<string, StoredTensor>();
  for (const [name, tensor] of theirs) {
    const [own] = entry.map ? [...renamed(entry.map, new Map([[name, tensor]]))] : [[name, tensor] as const];
    if (!own) continue;
    const path = entry.instance ? `${entry.instance}.${own[0]}` : own[0];
    foreign.set(path, name);
    weights.set(path, own[1]);
  }
  return { foreign, weights };
}

function sourceOf(entry: TrainingCase): readonly [path: string, host: ReturnType<typeof specHost>] {
  const path = entry.texts?.[entry.spec] === undefined ? specFile(entry.spec) : entry.spec;
  return [path, specHost(entry.texts)];
}

/** How far the loss and each gradient of a case are off, in tolerances, by the case's names. */
export async function gradientDeviations(
  given: ReferenceCase,
  entry: TrainingCase,
  target: AnyTarget,
): Promise<ReadonlyMap<string, number>> {
  const { tensors, tolerances } = given;
  const { foreign, weights } = ownNames(entry, withoutPrefix(tensors, 'param.'));
  const own = new Map([...foreign].map(([path, name]) => [name, path]));
  const wanted = new Map<string, string>();
  for (const name of tensors.keys()) {
    const [, input, parameter] = /^grad64\.(?:in\.(.*)|param\.(.*))$/.exec(name) ?? [];
    if (input !== undefined) wanted.set(`grad.in.${input}`, `grad.in.${input}`);
    if (parameter !== undefined) wanted.set(`grad.param.${parameter}`, `grad.param.${own.get(parameter)}`);
  }
  const graph = gradientGraphOf(given, entry, [...wanted.values()]);
  const stored = withoutPrefix(tensors, 'in.');
  const results = await (await runnerOf(graph, target, weights))(inputsOf(graph, stored));
  const found = new Map<string, number>();
  for (const [theirs, ours] of [['loss', 'loss'], ...wanted] as const) {
    const difference = largestDifference(results.get(ours)!.data, valuesOf(tensors, theirs.replace(/^\w+/, '$&64')));
    found.set(theirs, difference / tolerances[theirs]!.tol);
  }
  return found;
}

function gradientGraphOf(given: ReferenceCase, entry: TrainingCase, gradients: readonly string[]): Graph {
  const [path, host] = sourceOf(entry);
  const inputs = withoutPrefix(given.tensors, 'in.');
  const cotangents = [...inputs.keys()].flatMap((name) => (name.startsWith('cot.') ? [name.slice('cot.'.length)] : []));
  const patterns = gradients.map((name) => name.slice('grad.'.length));
  const options = { entry: entry.entry, settings: settings(entry.settings ?? {}), atHand: [...inputs.keys()] };
  // The reference's modules are in evaluation mode.
  const { result, diagnostics } = elaborateGradients(
    path,
    { ...options, training: false },
    { patterns, cotangents },
    host,
  );
  if (!result) throw new Error(renderAll(diagnostics));
  return result;
}

/** What learns from the batches of a case, and shows what it learned. */
interface Student {
  /** Answers the loss. */
  step(batch: ReadonlyMap<string, StoredTensor>): Promise<number>;
  weight(name: string): Promise<ArrayLike<number>>;
}

type Enrol = (module: TrainingModule, weights: ReadonlyMap<string, StoredTensor>) => Promise<Student>;

/** Its routines as programs of their own, which take and give the weights. */
const learning =
  (target: TargetUnderTest): Enrol =>
  async (module, weights) => {
    const initial = new Map([...weights].map(([name, stored]): [string, Tensor] => [name, asTensor('f32', stored)]));
    const learner = await Learner.of(module, initial, target);
    const { graph } = module.graphs[0]!;
    const inputs = graph.inputs.filter(({ name }) => !name.startsWith('optimizer.'));
    return {
      step: async (batch) => (await learner.step(inputsOf({ ...graph, inputs }, batch))).get('loss')!.data[0]!,
      weight: async (name) => learner.weights.get(name)!.data,
    };
  };

/** One program, whose steps write the weights where they lie. */
const trainedOn =
  (target: TrainerTarget): Enrol =>
  async (module, weights) => {
    const name = target === 'relaxed' ? 'wasm' : target;
    const compiled = compileModule(module, { targets: [name], verify: true });
    const simd = target === 'relaxed' ? 'relaxed' : 'strict';
    const gpu = target === 'webgpu' ? (await import('./webgpu.ts')).modelGpu() : undefined;
    const trainer = await trainerOf(compiled, { target: name, simd, weights, ...(gpu && { gpu }) });
    const dataOf = ({ name, dtype }: TensorInfo, batch: ReadonlyMap<string, StoredTensor>): TensorInput => {
      const stored = batch.get(name)!;
      return { data: toElements(stored, dtype), shape: stored.shape };
    };
    return {
      step: async (batch) =>
        (await trainer.step(Object.fromEntries(trainer.inputs.map((info) => [info.name, dataOf(info, batch)])))).loss,
      weight: async (name) => (await trainer.weights()).get(name)!.data,
    };
  };

/** How far the losses of the steps and the final parameters of a case are off, in tolerances. */
export function sequenceDeviations(
  given: ReferenceCase,
  entry: TrainingCase,
  target: TargetUnderTest,
): Promise<ReadonlyMap<string, number>> {
  return deviationsOf(given, entry, learning(target));
}

/** The targets of a trainer, wasm by its modules. */
export type TrainerTarget = 'js' | 'wasm' | 'relaxed' | 'webgpu';

/** The same of a trainer. */
export function trainerDeviations(
  given: ReferenceCase,
  entry: TrainingCase,
  target: TrainerTarget,
): Promise<ReadonlyMap<string, number>> {
  return deviationsOf(given, entry, trainedOn(target));
}

async function deviationsOf(
  given: ReferenceCase,
  entry: TrainingCase,
  enrol: Enrol,
): Promise<ReadonlyMap<string, number>> {
  const { tensors, tolerances } = given;
  const { foreign, weights } = ownNames(entry, withoutPrefix(tensors, 'param.'));
  const [path, host] = sourceOf(entry);
  const first = withoutPrefix(tensors, 'in.s1.');
  const options = { entry: entry.entry, settings: settings(entry.settings ?? {}), atHand: [...first.keys()] };
  const student = await enrol(trainingOf(path, options, host), weights);
  const losses: number[] = [];
  for (let step = 1, batch = first; batch.size > 0; batch = withoutPrefix(tensors, `in.s${++step}.`))
    losses.push(await student.step(batch));
  const found = new Map<string, number>();
  const compare = (name: string, got: ArrayLike<number>): void => {
    const difference = largestDifference(got, valuesOf(tensors, name.replace('out.', 'out64.')));
    found.set(name, difference / tolerances[name]!.tol);
  };
  compare('out.losses', losses);
  for (const [ours, theirs] of foreign) compare(`out.final.${theirs}`, await student.weight(ours));
  return found;
}
