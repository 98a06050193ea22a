/** What elaborating one entry gives: the graph, and what the later stages need to know beside it. */
import type { Span } from '../base/source.ts';
import type { Dim } from '../dims/dim.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import type { Part } from './structure.ts';

/** A checked entry. All values are those of `graph`. */
export interface Elaborated {
  readonly graph: Graph;
  /** What the entry is made of: its applications of blocks and functions, and the rounds of its loops. */
  readonly structure: Part;
  /** The output values of the named instances by path, in order of application: for taps and listings. */
  readonly instances: ReadonlyMap<string, readonly Value[]>;
  /** Inputs of the entry that may be left out, with whether this form has them. */
  readonly optionalInputs: readonly OptionalInput[];
  /** What a step writes into states; empty unless the entry was elaborated for training. */
  readonly updates: readonly StateUpdate[];
  /** The values that blocks handed up by `aux`, in order of application. */
  readonly auxiliaries: readonly Auxiliary[];
  /** The expert layers. */
  readonly mixtures: readonly Mixture[];
  /** Of a `train` entry; its loss and metrics are outputs of the graph too. */
  readonly train?: TrainProgram;
  readonly generation?: Generation;
}

export interface OptionalInput {
  readonly name: string;
  readonly given: boolean;
}

/** `next s = e` */
export interface StateUpdate {
  /** The path of the state, which is the name of a parameter of the graph. */
  readonly state: string;
  readonly value: Value;
}

/** `aux name = e`; `path` is that of the instance whose body it stands in. */
export interface Auxiliary {
  readonly path: string;
  readonly name: string;
  readonly value: Value;
}

export interface TrainProgram {
  /** The scalar to differentiate, f32[]. */
  readonly loss: Value;
  readonly metrics: readonly Metric[];
  /** Absent where the entry gives losses and gradients only. */
  readonly optimizer?: Optimizer;
}

export interface Metric {
  readonly name: string;
  /** A scalar. */
  readonly value: Value;
}

/** `generate idx along time from logits` */
export interface Generation {
  readonly input: string;
  /** The symbolic dimension that grows. */
  readonly along: string;
  readonly output: string;
  readonly span: Span;
}

/**
 * `mixture(x, gate, index, count) as path { … }`, which made the nodes whose origin lies at or below `path`. They compute
 * with the rows of the dispatch, one for each expert that a token names.
 */
export interface Mixture {
  readonly path: string;
  /** f32[n, c] */
  readonly tokens: Value;
  /** f32[n, k] */
  readonly gate: Value;
  /** i32[n, k] */
  readonly index: Value;
  readonly count: number;
  /** How many tokens each expert takes at most; absent where there is no limit. */
  readonly capacity?: Dim;
  /** The results of `group_rows`. */
  readonly order: Value;
  readonly place: Value;
  readonly group: Value;
  readonly offsets: Value;
  /** f32[n, d] */
  readonly result: Value;
}
