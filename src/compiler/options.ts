/** What a compilation may be told, beside the spec itself. */
import type { Setting } from './semantics/elaborate.ts';
import type { TargetName } from '../program/program.ts';

export interface EntryOptions {
  /** The model to compile; may be left out where the file declares one. */
  readonly entry?: string;
  /** Hyperparameters as texts, `image` = `24,40`. */
  readonly settings?: readonly Setting[];
  /** Instance paths, with `*` for one segment and `**` for any; their outputs become outputs of the program too. */
  readonly taps?: readonly string[];
}

export interface CompileOptions {
  readonly targets: readonly TargetName[];
  /** Verify the graph after every pass. */
  readonly verify?: boolean;
}
