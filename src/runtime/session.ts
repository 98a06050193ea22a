/**
 * A loaded program: binds dimensions, takes inputs and runs steps. Which of them run, and when, is decided by those who use
 * it; on what they run, by how it was opened.
 */
import type {
  Program,
  Routine,
  SimdVariant,
  TargetName,
  TargetProgram,
  TensorSpec,
  WeightSpec,
} from '../program/program.ts';
import { checkProgram, ProgramError } from '../program/schema.ts';
import type { SizeExpr } from '../program/size.ts';
import { tileNamed } from './devices/tiles.ts';
import type { GpuBuffer } from './devices/webgpu/api.ts';
import { HeddleError, reasonOf } from './errors.ts';
import type { Inputs, ModelParts, Outputs, RunOptions, StepTimes } from './model.ts';
import { checkWeights, streamOf } from './weights.ts';
import type { WeightStream } from './weight-stream.ts';

/** What a run of a routine takes and gives; of one routine there may be several. */
export interface Face {
  readonly routine: Routine;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Outputs that are left on a GPU. */
  readonly left?: readonly TensorSpec[];
}

/** A tensor on a GPU: its elements in row-major order from the buffer's beginning, four bytes each, bool as 0 or 1. */
export interface DeviceTensor {
  readonly buffer: GpuBuffer;
  readonly shape: readonly number[];
}

export type DeviceTensors = { readonly [name: string]: DeviceTensor };

/** All that a routine takes and gives. */
export function wholeFace(routine: Routine): Face {
  return { routine, inputs: routine.inputs, outputs: routine.outputs };
}

/** Of products whose rows are in groups, such as those of a mixture of experts. */
export interface MultiplyAdds {
  /** What was computed, what fills up tiles included. */
  readonly executed: number;
  /** What it would have been, had every group taken all tokens. */
  readonly dense: number;
}

export type ElementView = Float32Array | Int32Array | Uint32Array;

/** The tensors of a face, where they are put in and taken out. */
export interface Views {
  /** Where they lie; undefined for arrays of their own. */
  readonly memory: ArrayBufferLike | undefined;
  readonly inputs: readonly ElementView[];
  readonly outputs: Outputs;
  /** Bool outputs: the elements in memory and the bytes handed out. */
  readonly bools: readonly { readonly from: Int32Array; readonly to: Uint8Array }[];
}

/** Steps of the program, from `first` up to but not including `last`. */
export interface StepRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Each routine of the program is bound by itself: what was put in place for one stays bound while others run. But they may
 * use the same memory for what is not kept, so that inputs and outputs of one are lost when another runs. Kept buffers are
 * lost when a routine that touches them is bound to dimensions that give them other sizes, and only then.
 */
export interface Session {
  readonly program: Program;
  readonly targetProgram: TargetProgram;
  readonly target: TargetName;
  readonly simd: SimdVariant | undefined;
  /** The name of the register tile; undefined where the program has none. */
  readonly tile: string | undefined;
  readonly threads: number;
  /**
   * Whether a routine runs from its first step to its last, without a look at anything in between. Its program then leaves
   * out by itself what a loss that is not finite must not do.
   */
  readonly runsWhole: boolean;
  /** Throws HeddleError 'disposed'. */
  check(): void;
  /**
   * Binds the dimensions that the inputs tell, and takes these; the arrays may change afterwards. Throws HeddleError.
   */
  put(face: Face, inputs: Inputs, options: RunOptions): Views;
  /** The tensors of a face with the dimensions of its routine's last `put`. Throws HeddleError 'program-malformed'. */
  views(face: Face): Views;
  /** The value of a size with the dimensions of the last `put` of a face's routine. */
  valueOf(face: Face, size: SizeExpr): number;
  /** Since the last `put`; undefined where its routine counts nothing, and behind `dispose`. */
  readonly multiplyAdds: MultiplyAdds | undefined;
  /**
   * Runs steps of the routine that was put last, from `first` up to but not including `last`, for the outputs of its face.
   * Throws HeddleError: 'unsupported' on a GPU, for which this thread cannot wait.
   */
  runSteps(first: number, last: number): void;
  /**
   * The same where this thread does not lead it, because it must not wait; absent where it does. Rejects with HeddleError.
   */
  readonly runElsewhere: ((first: number, last: number) => Promise<void>) | undefined;
  /**
   * What `use` makes of weights as the steps left them, which it may only look at. Not for weights of which only what was
   * made of them at load is kept. Rejects with HeddleError, and with what `use` throws.
   */
  readWeights<T>(weights: readonly WeightSpec[], use: (read: ReadWeight) => T): Promise<T>;
  /**
   * How often a kept buffer lost what it held otherwise than by `put`: when its GPU was lost, or a run failed. Absent where
   * that does not happen.
   */
  readonly losses?: number;
  /**
   * Loads the program again, with its first weights, when its GPU was lost; absent where none can be. Rejects with
   * HeddleError.
   */
  readonly revive?: () => Promise<void>;
  /** Runs the steps of the routine that was put last twice, and times them by a GPU's clock; absent elsewhere. */
  readonly timeSteps?: (first: number, last: number) => Promise<StepTimes>;
  /** The outputs that the last run of a face left on a GPU, until its next run; absent elsewhere. */
  leftOn?(face: Face): DeviceTensors;
  /** Puts other values in the place of such weights. Rejects with HeddleError. */
  writeWeights(weights: readonly WeightSpec[], values: readonly ElementView[]): Promise<void>;
  dispose(): void;
}

/** The elements of a weight as they lie in memory, four bytes each. */
export type ReadWeight = (weight: WeightSpec) => ElementView;

/** What has to be right whatever the program is loaded on. */
export interface CheckedParts {
  readonly targetProgram: TargetProgram;
  readonly simd: SimdVariant | undefined;
  /** The tile that was asked for. */
  readonly tile: number | undefined;
  readonly weights: WeightStream;
}

/** Checks program, options and weights, and warns where there can be no threads. Throws HeddleError. */
export function checkParts({ program, target, simd, tile, weights, threads }: ModelParts): CheckedParts {
  const targetProgram = checkedTarget(program, target);
  const variant = target === 'wasm' ? (simd ?? 'strict') : undefined;
  const wanted = tile === undefined ? undefined : tileNamed(tile, targetProgram, variant);
  const stream = streamOf(weights, targetProgram);
  checkWeights(targetProgram, stream);
  if (threads && target !== 'wasm')
    threads.onWarning(`the model runs on one thread instead of ${threads.count}: ${target} has no others`);
  return { targetProgram, simd: variant, tile: wanted, weights: stream };
}

/** The program of one target. Throws HeddleError where it is malformed, of another version or not for the target. */
export function checkedTarget(program: unknown, target: TargetName): TargetProgram {
  const { name, targets } = soundly(() => checkProgram(program));
  const found = Object.hasOwn(targets, target) ? targets[target] : undefined;
  if (found) return found;
  const others = Object.keys(targets).join(', ');
  throw new HeddleError('target', `${name} was not compiled for ${target}, but for ${others}`);
}

/** The answer of a check, whose ProgramError becomes a HeddleError. */
export function soundly<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const code = error.isVersion ? 'program-version' : 'program-malformed';
    throw new HeddleError(code, error.message, { cause: error });
  }
}

/** What device code throws is a HeddleError, or becomes one. */
export function asHeddleError(error: unknown): HeddleError {
  if (error instanceof HeddleError) return error;
  return new HeddleError('internal', `a kernel failed: ${reasonOf(error)}`, { cause: error });
}

/** The outputs of a run that is done. */
export function collect({ outputs, bools }: Views): Outputs {
  for (const { from, to } of bools) to.set(from);
  return outputs;
}
