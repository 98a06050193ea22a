/** Finds the tensors of a program that f16 stores, and makes programs that hand them out. */
import { fusionOf } from '../../ir/fusion.ts';
import type { Graph, GraphParameter, Node, Origin, Value } from '../../ir/graph.ts';
import type { Target } from '../../kernel/target.ts';
import { lowerGraph, type NamedGraph } from '../../lowering/lower.ts';
import type { LoweredProgram } from '../../plan/lowered.ts';

/** What a kernel stores in halves. */
export interface HalfResult {
  readonly value: Value;
  /** Of the op that makes it. */
  readonly op: string;
  readonly origin: Origin;
}

export interface HalfWeight {
  /** One for each routine that has it. */
  readonly values: readonly Value[];
  readonly parameter: GraphParameter;
}

/** What a program stores in halves: results by routine, and weights. */
export interface HalfTensors {
  readonly results: ReadonlyMap<string, readonly HalfResult[]>;
  readonly weights: readonly HalfWeight[];
}

export function halfTensors({ buffers }: LoweredProgram, graphs: readonly NamedGraph[]): HalfTensors {
  const halves = new Set(buffers.flatMap(({ half, value }) => (half && value ? [value] : [])));
  const parameters = graphs.flatMap(({ graph }) => graph.parameters);
  const stored = new Map(parameters.flatMap((one) => (halves.has(one.value) ? [[one.name, one] as const] : [])));
  const results = graphs.map(
    ({ name, graph }) => [name, graph.nodes.flatMap((node) => resultsOf(node, halves))] as const,
  );
  return {
    results: new Map(results),
    weights: [...stored].map(([name, parameter]) => ({
      parameter,
      values: parameters.flatMap((one) => (one.name === name ? [one.value] : [])),
    })),
  };
}

function resultsOf(node: Node, halves: ReadonlySet<Value>): HalfResult[] {
  const region = fusionOf(node)?.body;
  return node.results.flatMap((value, at): HalfResult[] => {
    if (!halves.has(value)) return [];
    const inner = region?.nodes.find(({ results }) => results.includes(region.results[at]!)) ?? node;
    const { op, origin } = inner;
    return [{ value, op: op.name, origin: origin.span ? origin : node.origin }];
  });
}

/** The names under which a graph that is observed takes what is kept, and hands out values and outputs. */
export const observedNames = {
  kept: (name: string): string => `kept.${name}`,
  output: (name: string): string => `out.${name}`,
  value: ({ id }: Value): string => `value.${id}`,
};

/** The same routine with `values` among its outputs. What it keeps is given as inputs and handed out. */
export function lowerObserved(graph: Graph, values: readonly Value[], target: Target): LoweredProgram {
  const { kept = [], ...rest } = graph;
  return lowerGraph(
    {
      ...rest,
      inputs: [...graph.inputs, ...kept.map(({ name, value }) => ({ name: observedNames.kept(name), value }))],
      outputs: [
        ...graph.outputs.map(({ name, value }) => ({ name: observedNames.output(name), value })),
        ...values.map((value) => ({ name: observedNames.value(value), value })),
      ],
    },
    target,
  );
}
