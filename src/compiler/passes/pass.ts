/** What a pass is. */
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';

export interface PassContext {
  readonly ops: OpTable;
}

/** A pure function from graph to graph that keeps the meaning. */
export interface Pass {
  /** As `--dump-ir=after:name` spells it. */
  readonly name: string;
  /** What it does, in a sentence. */
  readonly doc: string;
  run(graph: Graph, context: PassContext): Graph;
}
