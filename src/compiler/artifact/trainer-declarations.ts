/** Writes the types of the `index.js` of an artifact that trains. */
import type { Program } from '../../program/program.ts';
import { givenInputs, type TrainingSpec } from '../../program/training.ts';
import {
  deviceTypes,
  dimTypes,
  engineTypes,
  errorClass,
  infoTypes,
  inputTypes,
  LOAD_PROGRESS,
  loadOptions,
  multiplyAddsType,
  outputTypes,
  SHARED,
  targetTypes,
} from './declarations.ts';
import { members, property, quoted } from './declaration-text.ts';
import { choiceMember, choiceType } from './device-declarations.ts';

/** The text of `index.d.ts`. `hasWeights` tells whether the artifact carries weights. */
export function trainerDeclarations(program: Program, hasWeights: boolean): string {
  const [target] = Object.values(program.targets);
  const { routines = [], weights = [] } = target ?? {};
  const evaluate = routines.find(({ name }) => name === 'evaluate');
  const inputs = givenInputs(evaluate?.inputs ?? []);
  const outputs = evaluate?.outputs ?? [];
  const isNeeded = !hasWeights && weights.some(({ frozen }) => frozen);
  const doc = isNeeded
    ? 'The frozen weights, and any others to begin with'
    : 'Weights to begin with; those that it lacks are drawn';
  const seed = [
    '/** Where initial weights, dropout and the like begin: an integer from 0, the default, to 2^32 - 1. */',
    'readonly seed?: number;',
  ];
  return [
    `/** Types of ${program.name}, compiled by Heddle for training. */`,
    SHARED,
    ...deviceTypes(program),
    dimTypes(program),
    inputTypes(program, inputs),
    outputTypes(program, outputs, 'copies'),
    resultTypes(program.training!),
    LOAD_PROGRESS,
    ...choiceType(program),
    loadOptions(program, { isNeeded, doc }, seed),
    trainer(program, infoTypes(inputs), infoTypes(outputs)),
    errorClass(),
    `/** Loads the trainer from the files beside this one. Rejects with HeddleError, or with the reason of \`signal\`. */
export function loadTrainer(options${isNeeded ? '' : '?'}: LoadOptions): Promise<Trainer>;
`,
  ].join('\n\n');
}

function resultTypes({ metrics }: TrainingSpec): string {
  return `export interface Metrics ${members(metrics.map((name) => `readonly ${property(name)}: number;`))}

export interface StepResult {
  /** Of the batch, before it changed anything. */
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

export interface Weight {
  readonly data: Float32Array | Int32Array | Uint32Array | Uint8Array;
  readonly shape: readonly number[];
}`;
}

function trainer(program: Program, inputs: string, outputs: string): string {
  const metrics = program.training!.metrics.map(quoted).join(', ');
  return `export interface Trainer {
  readonly name: ${quoted(program.name)};
  readonly target: ${targetTypes(program)};
${program.targets.wasm ? engineTypes(program.targets.wasm) : ''}  /** How many threads run it. */
  readonly threads: number;
${choiceMember(program)}  readonly inputs: ${inputs};
  readonly outputs: ${outputs};
  readonly metrics: readonly [${metrics}];
  readonly seed: number;
  /** Updates done. */
  readonly update: number;
  /** Batches trained on. */
  readonly batches: number;
${multiplyAddsType(program, 'step')}  /**
   * Trains on one batch. Batches of one shape allocate no memory after the first. Rejects with HeddleError: 'not-finite'
   * where the loss is infinite or NaN, before anything is changed.
   */
  step(batch: Inputs): Promise<StepResult>;
  /** The same, at once; not on webgpu, and on the main thread of a page by that thread alone. Throws HeddleError. */
  stepSync(batch: Inputs): StepResult;
  /** Loss and metrics without training, each batch weighed by its examples, the size of its first axis. */
  evaluate(batches: AsyncIterable<Inputs> | Iterable<Inputs>): Promise<Evaluation>;
  /** The outputs for one batch, without training. */
  predict(batch: Inputs): Promise<Outputs>;
  /** A checkpoint: a safetensors file of all that further training depends on but frozen weights. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
  /** Goes on where a checkpoint was written, on any target. Rejects with HeddleError 'checkpoint' where it does not fit, and changes nothing. */
  load(checkpoint: Uint8Array | ArrayBuffer): Promise<void>;
  /** Copies of the weights that are trained and of running statistics: those whose names begin with \`prefix\`, without it. */
  weights(prefix?: string): Promise<ReadonlyMap<string, Weight>>;
  /** Frees the memory and ends the threads. Later calls fail with the code 'disposed'. */
  dispose(): void;
}`;
}
