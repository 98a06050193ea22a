/** What a compilation may be told, beside the spec itself. */
import type { Quantization, RematerializationOption } from './passes/pass.ts';
import type { Setting } from './semantics/elaborate.ts';
import type { TargetName } from '../program/program.ts';

export { type Quantization, QUANTIZATIONS, REMATERIALIZATIONS, type RematerializationOption } from './passes/pass.ts';

export interface EntryOptions {
  /** The model or train entry to compile; may be left out where there is one, or one model. */
  readonly entry?: string;
  /** Hyperparameters as texts, `image` = `24,40`. */
  readonly settings?: readonly Setting[];
  /** The optional inputs to compile the entry with; each must be one. Without any, none is given. */
  readonly given?: readonly string[];
  /** Names of tensors at hand: those that are optional inputs are given too. */
  readonly atHand?: readonly string[];
  /** Instance paths, with `*` for one segment and `**` for any; their outputs become outputs of the program too. */
  readonly taps?: readonly string[];
  /** Whether the entry is elaborated for training; absent: a train entry is, a model is not. */
  readonly training?: boolean;
}

export interface CompileOptions {
  readonly targets: readonly TargetName[];
  /** Verify the graph after every pass. */
  readonly verify?: boolean;
  /** Compute products with weights in this type; absent: in f32. */
  readonly quantize?: Quantization;
  /** For webgpu, of models: store weights and what only kernels see as f16 on devices that can; sums are f32. */
  readonly f16?: boolean;
  /** Of training: values that the backward pass computes again; absent: it keeps all that it reads. */
  readonly remat?: RematerializationOption;
}
