/**
 * What `manifest.json` says about an artifact: for people and tools, and the sizes and digests by which the runtime
 * knows that every other file it reads is the one that was compiled. Generated from the program; the runtime reads
 * nothing of it but `files`.
 */
import type { GenerationSpec } from './generation.ts';
import type { ElementType, ProgramDim, TargetName } from './program.ts';
import type { SizeExpr } from './size.ts';

export interface FileFacts {
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** Of a file that is read in windows. */
  readonly windows?: FileWindows;
}

/**
 * Weights are read, checked and used in pieces, so that only a few of these are in memory beside the model. Platforms
 * compute the digest of what is in memory as a whole, not bit by bit; so each piece has one of its own.
 */
export interface FileWindows {
  /** Of each window but the last, which has what is left. */
  readonly bytes: number;
  /** SHA-256 of each, in hexadecimal digits. */
  readonly sha256: readonly string[];
}

/** Bytes of a window, where there is no reason for more. */
export const WINDOW_BYTES = 2 ** 21;

/** Digests do not compress: files that would have more windows have larger ones. */
const MAX_WINDOWS = 64;

/** Of a file of so many bytes. */
export function windowBytes(fileBytes: number): number {
  let bytes = WINDOW_BYTES;
  while (bytes * MAX_WINDOWS < fileBytes) bytes *= 2;
  return bytes;
}

/** Symbolic sizes as text: `65*batch`. */
export interface TensorFacts {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A number that depends on the dimensions. */
export interface Figure {
  readonly expression: string;
  /** Its value for the `example` of the manifest. */
  readonly example?: number;
}

export interface Manifest {
  /** The format version of program.json. */
  readonly version: number;
  /** The entry's name. */
  readonly name: string;
  readonly compiler: string;
  /** SHA-256 of each file of the spec. */
  readonly sources: { readonly [path: string]: string };
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
  readonly dims: readonly ProgramDim[];
  /** Of a model that generates. */
  readonly generation?: GenerationSpec;
  readonly parameters: { readonly tensors: number; readonly elements: number };
  /** Dimensions for which figures are given; absent where no small ones meet the program's conditions. */
  readonly example?: { readonly [dim: string]: number };
  /** Multiplications of all products of tensors in one run, each with its addition; absent beyond 2^53. */
  readonly multiplyAdds?: Figure;
  /**
   * Bytes of weights and intermediate results by target. `expression` counts what is needed at the worst moment of
   * loading and running; `example` is what the runtime reserves, padding and gaps included; webgpu has none.
   */
  readonly peakMemory: { readonly [target in TargetName]?: Figure };
  /** Every file but index.js, which holds the digest of this one, and this one. */
  readonly files: { readonly [name: string]: FileFacts };
}

/** What the compiler knows of a model and the program does not say. Figures beyond 2^53 are undefined. */
export interface ModelFacts {
  readonly parameters: Manifest['parameters'];
  readonly multiplyAdds: SizeExpr | undefined;
  readonly peakMemory: { readonly [target in TargetName]?: SizeExpr | undefined };
}
