/**
 * What a profile tells of a program's steps beside their times: where in the spec they come from and how much they ask
 * for. A file of its own in an artifact, `profile.json`, which nothing that runs the program reads.
 */
import type { TargetName } from './program.ts';
import type { SizeExpr } from './size.ts';

export const PROFILE_VERSION = 1;

/** What one step is for, and what it costs at least; sizes are absent where they are beyond 2^53. */
export interface StepFacts {
  /** File and line of the operation that leads its kernel, `specs/vit.model:40`; empty where no line made it. */
  readonly place: string;
  /** The operations that it computes, each once, in the order of their first; none for a step that packs operands. */
  readonly ops: readonly string[];
  /** Multiplications of products, each with its addition. */
  readonly multiplyAdds?: SizeExpr;
  /**
   * Floating-point operations by the definitions of the ops: two for each multiply-add, and one for each element that a
   * pointwise operation makes or a reduction takes in, whatever its function costs.
   */
  readonly operations?: SizeExpr;
  /** Those of `operations` that multiply and add numbers of one byte. */
  readonly byteOperations?: SizeExpr;
  /** Bytes read and written, everything once: what a cache of any size could not save. */
  readonly bytes?: SizeExpr;
}

export interface ProfileFacts {
  readonly version: number;
  /** For i32 inputs that are positions in an axis, its size. */
  readonly limits: { readonly [input: string]: SizeExpr };
  /** In the order of the steps of each target's program. */
  readonly targets: { readonly [target in TargetName]?: readonly StepFacts[] };
}
