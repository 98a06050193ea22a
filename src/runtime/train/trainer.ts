/** Trains a loaded program: batch after batch, with its optimizer, and keeps what it learned. */
import type { SimdVariant, TargetName, WeightSpec } from '../../program/program.ts';
import { evaluateHost } from '../../program/host-expr.ts';
import type { TrainingSpec } from '../../program/training.ts';
import { checkTrainingParts } from '../../program/training-schema.ts';
import type { Device } from '../devices/device.ts';
import { HeddleError } from '../errors.ts';
import type { Inputs, ModelParts, Outputs, OutputTensor, RunOptions } from '../model.ts';
import { checkedTarget, collect, openSession, soundly, type MultiplyAdds, type Session } from '../session.ts';
import { tensorInfo, type TensorInfo } from '../tensors.ts';
import { streamOf } from '../weights.ts';
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
  /** The same, at once. On the main thread of a page, which may not wait, by this thread alone. Throws HeddleError. */
  stepSync(batch: Inputs): StepResult;
  /**
   * Loss and metrics without training, as means that weigh each batch by its examples: the size of the first axis of its
   * first input that has any. Changes nothing. Rejects with HeddleError, and with what the batches reject with.
   */
  evaluate(batches: AsyncIterable<Inputs> | Iterable<Inputs>): Promise<Evaluation>;
  /** The outputs for one batch without training, as copies. Rejects with HeddleError. */
  predict(batch: Inputs): Promise<Outputs>;
  /** Everything that further training depends on but frozen weights: a safetensors file. Throws HeddleError. */
  save(): Uint8Array<ArrayBuffer>;
  /**
   * Goes on where a `save` of the same entry was: with its weights, states, counts and seed. Throws HeddleError 'checkpoint'
   * with every tensor that is missing, surplus or misshapen; then nothing is changed.
   */
  load(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): void;
  /** Of the last `step`; undefined before it, and where no products have their rows in groups. */
  readonly multiplyAdds: MultiplyAdds | undefined;
  /** Copies of parameters and states, but not of frozen ones, by name: those that begin with `prefix`, without it. */
  weights(prefix?: string): ReadonlyMap<string, OutputTensor>;
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
  if (target === 'webgpu') throw new HeddleError('unsupported', 'training runs on wasm and js, not on webgpu');
  const targetProgram = checkedTarget(program, target);
  const { training } = program;
  if (!training) throw new HeddleError('unsupported', `${program.name} was compiled as a model, not for training`);
  soundly(() => checkTrainingParts(program));
  const given = streamOf(parts.weights, targetProgram);
  const weights = withInitial(given, targetProgram.weights, seed);
  return new LoadedTrainer(await openSession({ ...parts, weights }), training, seed);
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
    return perform(this.#step(batch), this.#ready());
  }

  async evaluate(batches: AsyncIterable<Inputs> | Iterable<Inputs>): Promise<Evaluation> {
    if (!isIterable(batches))
      throw new HeddleError('option', 'evaluate takes batches that can be iterated over: [batch]');
    const names = ['loss', ...this.metrics];
    const sums = names.map(() => 0);
    let [count, examples] = [0, 0];
    for await (const batch of batches) {
      const one = await this.#perform(this.#evaluate(batch, count));
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

  save(): Uint8Array<ArrayBuffer> {
    this.#ready();
    return writeCheckpoint(this.name, this, this.#weights, (weight) => this.#session.weight(weight));
  }

  load(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): void {
    this.#ready();
    const file = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    const { progress, values } = readCheckpoint(file, this.name, this.#weights);
    this.#weights.forEach((weight, at) => this.#session.weight(weight).set(values[at]!));
    this.#update = progress.update;
    this.#batches = progress.batches;
    this.#seed = progress.seed;
  }

  weights(prefix = ''): ReadonlyMap<string, OutputTensor> {
    this.#ready();
    const wanted = this.#weights.filter(({ name }) => !name.startsWith(OPTIMIZER) && name.startsWith(prefix));
    return new Map(
      wanted.map((weight) => {
        const elements = this.#session.weight(weight);
        const data = weight.dtype === 'bool' ? Uint8Array.from(elements) : elements.slice();
        return [weight.name.slice(prefix.length), { data, shape: weight.shape }];
      }),
    );
  }

  dispose(): void {
    this.#session.dispose();
  }

  /** The device, if it can take work. */
  #ready(): Device {
    const { device } = this.#session;
    if (this.#isRunning)
      throw new HeddleError('busy', `the training ${this.name} is still running; await each call before the next`);
    return device;
  }

  async #perform<Result>(work: Work<Result>): Promise<Result> {
    const device = this.#ready();
    if (!device.runElsewhere) return perform(work, device);
    this.#isRunning = true;
    try {
      return await performElsewhere(work, device.runElsewhere);
    } finally {
      this.#isRunning = false;
    }
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
    yield { first: range.first, last: lossReady };
    const loss = numberIn(outputs, 'loss');
    if (!Number.isFinite(loss))
      throw new HeddleError(
        'not-finite',
        `the loss of batch ${moment.batch + 1}, for update ${moment.update}, is ${loss}; nothing was changed`,
      );
    yield { first: lossReady, last: range.last };
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

  *#evaluate(batch: Inputs, number: number): Work<Evaluated> {
    const { face, range, fill } = this.#evaluation;
    const views = this.#session.put(face, batch, NO_OPTIONS);
    fill(this.#session, { update: this.#update + 1, seed: this.#seed, batch: number });
    yield range;
    const [rows = 1] = face.inputs.find(({ shape }) => shape.length > 0)?.shape ?? [];
    return { outputs: collect(views), examples: this.#session.valueOf(face, rows) };
  }

  *#predict(batch: Inputs): Work<Outputs> {
    const { outputs } = yield* this.#evaluate(batch, 0);
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
