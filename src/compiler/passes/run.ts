/** Runs the pipeline: times each pass, verifies what it made, dumps it, and on request checks that it kept the meaning. */
import type { Graph } from '../ir/graph.ts';
import type { OpTable, Tensor } from '../ir/op.ts';
import { interpret } from '../ir/interpret.ts';
import { verify } from '../ir/verify.ts';
import type { Pass, Quantization, RematerializationOption } from './pass.ts';

export interface PassReport {
  readonly name: string;
  readonly milliseconds: number;
  readonly nodes: number;
}

export interface RunOptions {
  /** Called with the graph after each pass; `before` with the graph that came in. */
  readonly onGraph?: (after: string, graph: Graph) => void;
  /** Inputs to interpret the graph on before and after each pass. */
  readonly check?: CheckInputs;
  /** Re-infer every type after each pass; costs about as much as the passes. */
  readonly verify?: boolean;
  readonly quantize?: Quantization;
  readonly remat?: RematerializationOption;
}

export interface CheckInputs {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** A pass broke an invariant or changed a result: a bug of the compiler, never of the spec. */
export class PassError extends Error {
  readonly pass: string;

  constructor(pass: string, problem: string) {
    super(`internal: pass ${pass}: ${problem}`);
    this.pass = pass;
  }
}

/** Results of f64 evaluation may differ by reassociation only. */
const CHECK_TOLERANCE = 1e-9;

export function runPasses(
  graph: Graph,
  passes: readonly Pass[],
  ops: OpTable,
  options: RunOptions = {},
): { graph: Graph; reports: readonly PassReport[] } {
  const reports: PassReport[] = [];
  const { check, quantize, remat } = options;
  options.onGraph?.('before', graph);
  let current = graph;
  let truth = check && interpret(graph, check);
  for (const pass of passes) {
    const start = performance.now();
    current = pass.run(current, { ops, ...(quantize && { quantize }), ...(remat && { remat }) });
    reports.push({ name: pass.name, milliseconds: performance.now() - start, nodes: current.nodes.length });
    options.onGraph?.(pass.name, current);
    if (options.verify) {
      const [problem] = verify(current, ops);
      if (problem) throw new PassError(pass.name, problem);
    }
    if (check && pass.approximates) truth = interpret(current, check);
    else if (check && truth) compareResults(pass.name, truth, interpret(current, check));
  }
  return { graph: current, reports };
}

function compareResults(pass: string, truth: ReadonlyMap<string, Tensor>, found: ReadonlyMap<string, Tensor>): void {
  for (const [name, wanted] of truth) {
    const got = found.get(name);
    if (!got || got.shape.join() !== wanted.shape.join()) throw new PassError(pass, `output ${name} changed its shape`);
    const scale = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const at = wanted.data.findIndex(
      (value, i) => !(Object.is(value, got.data[i]!) || Math.abs(value - got.data[i]!) <= CHECK_TOLERANCE * scale),
    );
    if (at !== -1)
      throw new PassError(pass, `output ${name}[${at}] changed from ${wanted.data[at]} to ${got.data[at]}`);
  }
}
