/** What a pass is. */
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';

/** What weights and rows of products are made of. */
export const QUANTIZATIONS = ['int8'] as const;

export type Quantization = (typeof QUANTIZATIONS)[number];

/** What the backward pass computes again instead of keeping it. */
export const REMATERIALIZATIONS = ['blocks'] as const;

export type RematerializationOption = (typeof REMATERIALIZATIONS)[number];

export interface PassContext {
  readonly ops: OpTable;
  /** Absent: products are computed in f32. */
  readonly quantize?: Quantization;
  /** Absent: nothing is computed twice. */
  readonly remat?: RematerializationOption;
}

/** A pure function from graph to graph that keeps the meaning, unless it is told to approximate it. */
export interface Pass {
  /** As `--dump-ir=after:name` spells it. */
  readonly name: string;
  /** What it does, in a sentence. */
  readonly doc: string;
  /** What it makes is near what it was given, in the way that the context asks for, and is compared no further. */
  readonly approximates?: true;
  run(graph: Graph, context: PassContext): Graph;
}
