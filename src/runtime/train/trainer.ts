/** Trains a loaded program: batch after batch, with its optimizer, and keeps what it learned. */
import type { SimdVariant, TargetName, WeightSpec } from '../../program/program.ts';
import { evaluateHost } from '../../program/host-expr.ts';
import type { TrainingSpec } from '../../program/training.ts';
import { checkTrainingParts } from '../../program/training-schema.ts';
import type { Choice } from '../choice.ts';
import { HeddleError, isLoss, reasonOf } from '../errors.ts';
import type { Inputs, ModelParts, Outputs, OutputTensor, RunOptions } from '../model.ts';
import { openSession } from '../open-session.ts';
import {
  checkedTarget,
  collect,
  soundly,
  type ElementView,
  type Face,
  type MultiplyAdds,
  type ReadWeight,
  type Session,
} from '../session.ts';
import { tensorInfo, type TensorInfo } from '../tensors.ts';
import { reopenerOf, streamOf } from '../weights.ts';
import type { WeightStream } from '../weight-stream.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { OPTIMIZER, withInitial } from './initial-weights.ts';
import { learningRoutine, routineNamed, type LoadedRoutine } from './routine.ts';
import { perform, performElsewhere, type Work } from './work.ts';

export type Metrics = { readonly [name: string]: number };

export interface StepResult {
  readonly loss: number;
  readonly metrics: Metrics;
  /** Whether the batch completed an update; where several batches make one, most do not. */
  readonly updated: boolean;
  /** Updates done. */
  readonly update: number;
  /** Learning rates of the parameter groups, for the update that the batch belongs to. */
  readonly lr: readonly number[];
}

/** Means over all examples. */
export interface Evaluation {
  readonly loss: number;
  readonly metrics: Metrics;
  readonly batches: number;
  readonly examples: number;
}

export interface Trainer {
  readonly name: string;
  readonly target: TargetName;
  /** For wasm, the module that runs. */
  readonly simd?: SimdVariant;
  /** For wasm, the register tile of the products, `6x8`; absent where there are none. */
  readonly tile?: string;
  /** How many threads run it. */
  readonly threads: number;
  /** Of a load with `device: 'auto'`, what it chose and why. */
  readonly choice?: Choice;
  /** What a batch is made of. */
  readonly inputs: readonly TensorInfo[];
  /** What `predict` answers. */
  readonly outputs: readonly TensorInfo[];
  readonly metrics: readonly string[];
  readonly seed: number;
  /** Updates done. */
  readonly update: number;
  /** Batches trained on. */
  readonly batches: number;
  /**
   * Trains on one batch. Batches of one shape allocate no memory after the first. Rejects with HeddleError: 'not-finite'
   * where the loss is infinite or NaN, before anything is changed; 'unsupported' where the entry has no optimizer.
   */
  step(batch: Inputs): Promise<StepResult>;
  /**
   * The same, at once; not on webgpu. On the main thread of a page, which may not wait, by this thread alone. Throws
   * HeddleError.
   */
  stepSync(batch: Inputs): StepResult;
  /**
   * Loss and metrics without training, as means that weigh each batch by its examples: the size of the first axis of its
   * first input that has any. Changes nothing. Rejects with HeddleError, and with what the batches reject with.
   */
  evaluate(batches: AsyncIterable<Inputs> | Iterable<Inputs>): Promise<Evaluation>;
  /** The outputs for one batch without training, as copies. Rejects with HeddleError. */
  predict(batch: Inputs): Promise<Outputs>;
  /** Everything that further training depends on but frozen weights: a safetensors file. Rejects with HeddleError. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Goes on where a `save` of the same entry was, on any target: with its weights, states, counts and seed. Rejects with
   * HeddleError 'checkpoint' and every tensor that is missing, surplus or misshapen; then nothing is changed.
   */
  load(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<void>;
  /** Of the last `step`; undefined before it, and where no products have their rows in groups. */
  readonly multiplyAdds: MultiplyAdds | undefined;
  /**
   * Copies of parameters and states, but not of frozen ones, by name: those that begin with `prefix`, without it. Rejects with
   * HeddleError.
   */
  weights(prefix?: string): Promise<ReadonlyMap<string, OutputTensor>>;
  /** Frees the memory and ends the threads. Later calls fail with the code 'disposed'. */
  dispose(): void;
}

export interface TrainerParts extends ModelParts {
  /** A u32. */
  readonly seed: number;
}

/**
 * Loads a training program. Weights that are not given are drawn, but for frozen ones. Rejects with HeddleError, or with
 * the signal's reason.
 */
export async function createTrainer(parts: TrainerParts): Promise<Trainer> {
  const { program, target, seed } = parts;
  const targetProgram = checkedTarget(program, target);
  const { training } = program;
  if (!training) throw new HeddleError('unsupported', `${program.name} was compiled as a model, not for training`);
  soundly(() => checkTrainingParts(program));
  const completed = (given: ModelParts['weights']): WeightStream =>
    withInitial(streamOf(given, targetProgram), targetProgram.weights, seed);
  const reopen = reopenerOf(parts);
  const session = await openSession({
    ...parts,
    weights: completed(parts.weights),
    reopenWeights: reopen && (async (reading) => completed(await reopen(reading))),
  });
  return new LoadedTrainer(session, training, seed);
}

const NO_INPUTS: Inputs = {};
const NO_OPTIONS: RunOptions = {};

/** One batch run forward. */
interface Evaluated {
  readonly outputs: Outputs;
  readonly examples: number;
}

class LoadedTrainer implements Trainer {
  readonly name: string;
  readonly target: TargetName;
  readonly simd?: SimdVariant;
  readonly tile?: string;
  readonly threads: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly metrics: readonly string[];
  readonly #session: Session;
  readonly #training: TrainingSpec;
  readonly #evaluation: LoadedRoutine;
  /** The evaluation without the outputs that only `predict` answers. */
  readonly #measures: Face;
  /** Of a batch; undefined where there is no optimizer. */
  readonly #learning: ReturnType<typeof learningRoutine> | undefined;
  /** Of several batches; undefined where each makes an update of its own. */
  readonly #updating: LoadedRoutine | undefined;
  /** What is saved. */
  readonly #weights: readonly WeightSpec[];
  #seed: number;
  #update = 0;
  #batches = 0;
  #isRunning = false;
  #multiplyAdds: MultiplyAdds | undefined;

  constructor(session: Session, training: TrainingSpec, seed: number) {
    const { program, targetProgram, simd, tile } = session;
    const evaluation = routineNamed('evaluate', targetProgram, training);
    if (!evaluation) throw new HeddleError('program-malformed', 'the program has no routine evaluate');
    this.name = program.name;
    this.target = session.target;
    if (simd) this.simd = simd;
    if (tile !== undefined) this.tile = tile;
    this.threads = session.threads;
    this.inputs = evaluation.face.inputs.map(tensorInfo);
    this.outputs = evaluation.face.outputs.map(tensorInfo);
    this.metrics = training.metrics;
    this.#session = session;
    this.#training = training;
    this.#evaluation = evaluation;
    const measures = ['loss', ...training.metrics];
    this.#measures = {
      ...evaluation.face,
      outputs: evaluation.face.outputs.filter(({ name }) => measures.includes(name)),
    };
    if (training.optimizer)
      this.#learning = learningRoutine(training.accumulate > 1 ? 'accumulate' : 'step', targetProgram, training);
    this.#updating = routineNamed('update', targetProgram, training);
    this.#weights = targetProgram.weights.filter(({ frozen }) => !frozen);
    this.#seed = seed;
  }

  get seed(): number {
    return this.#seed;
  }

  get update(): number {
    return this.#update;
  }

  get batches(): number {
    return this.#batches;
  }

  get multiplyAdds(): MultiplyAdds | undefined {
    return this.#multiplyAdds;
  }

  async step(batch: Inputs): Promise<StepResult> {
    return this.#perform(this.#step(batch));
  }

  stepSync(batch: Inputs): StepResult {
    this.#ready();
    return perform(this.#step(batch), this.#session);
  }

  async evaluate(batches: AsyncIterable<Inputs> | Iterable<Inputs>): Promise<Evaluation> {
    if (!isIterable(batches))
      throw new HeddleError('option', 'evaluate takes batches that can be iterated over: [batch]');
    const names = ['loss', ...this.metrics];
    const sums = names.map(() => 0);
    let [count, examples] = [0, 0];
    for await (const batch of batches) {
      const one = await this.#perform(this.#evaluate(this.#measures, batch, count));
      // The means of no examples are no numbers.
      if (one.examples > 0) names.forEach((name, at) => (sums[at]! += one.examples * numberIn(one.outputs, name)));
      count++;
      examples += one.examples;
    }
    const [loss = NaN, ...metrics] = sums.map((sum) => sum / examples);
    return { loss, metrics: named(this.metrics, metrics), batches: count, examples };
  }

  async predict(batch: Inputs): Promise<Outputs> {
    return this.#perform(this.#predict(batch));
  }

  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const weights = this.#weights;
    return this.#alone(() =>
      this.#session.readWeights(weights, (read) => writeCheckpoint(this.name, this, weights, read)),
    );
  }

  async load(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<void> {
    return this.#alone(async () => {
      const file = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
      const { progress, values } = readCheckpoint(file, this.name, this.#weights);
      await this.#write(values);
      this.#update = progress.update;
      this.#batches = progress.batches;
      this.#seed = progress.seed;
    });
  }

  async weights(prefix = ''): Promise<ReadonlyMap<string, OutputTensor>> {
    const wanted = this.#weights.filter(({ name }) => !name.startsWith(OPTIMIZER) && name.startsWith(prefix));
    const copy = (weight: WeightSpec, read: ReadWeight): OutputTensor => {
      const elements = read(weight);
      const data = weight.dtype === 'bool' ? Uint8Array.from(elements) : elements.slice();
      return { data, shape: weight.shape };
    };
    return this.#alone(() =>
      this.#session.readWeights(
        wanted,
        (read) => new Map(wanted.map((weight) => [weight.name.slice(prefix.length), copy(weight, read)])),
      ),
    );
  }

  dispose(): void {
    this.#session.dispose();
  }

  /** Throws HeddleError unless work can begin. */
  #ready(): void {
    this.#session.check();
    if (this.#isRunning)
      throw new HeddleError('busy', `the training ${this.name} is still running; await each call before the next`);
  }

  /** On another GPU where that which had the training was lost. */
  async #write(values: readonly ElementView[]): Promise<void> {
    const session = this.#session;
    try {
      await session.writeWeights(this.#weights, values);
    } catch (error) {
      if (!isLoss(error) || !session.revive) throw error;
      await session.revive();
      await session.writeWeights(this.#weights, values);
    }
  }

  /** Nothing else runs until it is done. */
  async #alone<Result>(action: () => Promise<Result>): Promise<Result> {
    this.#ready();
    this.#isRunning = true;
    try {
      return await action();
    } catch (error) {
      if (!isLoss(error)) throw error;
      const message = `${reasonOf(error)}, and what was learned with it; go on from a checkpoint with load`;
      throw new HeddleError('device-lost', message, { cause: error });
    } finally {
      this.#isRunning = false;
    }
  }

  async #perform<Result>(work: Work<Result>): Promise<Result> {
    const { runElsewhere } = this.#session;
    if (runElsewhere) return this.#alone(() => performElsewhere(work, runElsewhere));
    this.#ready();
    return perform(work, this.#session);
  }

  *#step(batch: Inputs): Work<StepResult> {
    const { name, metrics } = this;
    const learning = this.#learning;
    if (!learning)
      throw new HeddleError('unsupported', `${name} has no optimizer: it can be evaluated, but not trained`);
    const { range, lossReady } = learning;
    const moment = { update: this.#update + 1, seed: this.#seed, batch: this.#batches };
    const { outputs } = this.#session.put(learning.face, batch, NO_OPTIONS);
    learning.fill(this.#session, moment);
    const pause = this.#session.runsWhole ? range.last : lossReady;
    yield { first: range.first, last: pause };
    const loss = numberIn(outputs, 'loss');
    if (!Number.isFinite(loss))
      throw new HeddleError(
        'not-finite',
        `the loss of batch ${moment.batch + 1}, for update ${moment.update}, is ${loss}; nothing was changed`,
      );
    if (pause < range.last) yield { first: pause, last: range.last };
    this.#multiplyAdds = this.#session.multiplyAdds;
    // What the update computes may lie in their place.
    const values = named(
      metrics,
      metrics.map((metric) => numberIn(outputs, metric)),
    );
    const updated = (moment.batch + 1) % this.#training.accumulate === 0;
    if (updated && this.#updating) {
      this.#session.put(this.#updating.face, NO_INPUTS, NO_OPTIONS);
      this.#updating.fill(this.#session, moment);
      yield this.#updating.range;
    }
    this.#batches++;
    if (updated) this.#update++;
    return { loss, metrics: values, updated, update: this.#update, lr: this.#rates(moment.update) };
  }

  /** For the outputs of a face of the evaluation. */
  *#evaluate(face: Face, batch: Inputs, number: number): Work<Evaluated> {
    const { range, fill } = this.#evaluation;
    const views = this.#session.put(face, batch, NO_OPTIONS);
    fill(this.#session, { update: this.#update + 1, seed: this.#seed, batch: number });
    yield range;
    const [rows = 1] = face.inputs.find(({ shape }) => shape.length > 0)?.shape ?? [];
    return { outputs: collect(views), examples: this.#session.valueOf(face, rows) };
  }

  *#predict(batch: Inputs): Work<Outputs> {
    const { outputs } = yield* this.#evaluate(this.#evaluation.face, batch, 0);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data, shape }]) => [name, { data: data.slice(), shape }]),
    );
  }

  #rates(update: number): readonly number[] {
    return this.#training.optimizer!.groups.map(({ lr }) => evaluateHost(lr, update));
  }
}

/** Callers without types may give anything. */
function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

/** The one element of an output. */
function numberIn(outputs: Outputs, name: string): number {
  return outputs[name]!.data[0]!;
}

function named(names: readonly string[], values: readonly number[]): Metrics {
  return Object.fromEntries(names.map((name, at) => [name, values[at]!]));
}
