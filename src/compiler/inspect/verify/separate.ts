/** Takes a fused graph apart, so that each of its kernels can be run on operands of its own. */
import type { Graph, GraphInput, GraphOutput, Value } from '../../ir/graph.ts';
import type { Target } from '../../kernel/target.ts';
import type { LoweredProgram } from '../../plan/lowered.ts';
import { lowerGraph } from '../../lowering/lower.ts';

/**
 * The same nodes, none of which reads what another has computed: every value but the parameters is an input, and every
 * result an output. Both are named after the value. What was written into a parameter or a kept tensor is an output too.
 */
export interface Separated {
  readonly graph: Graph;
  /** The inputs and the values of the fused graph that they stand for. */
  readonly operands: readonly NamedValue[];
  /** The outputs and the values that they hold. */
  readonly results: readonly NamedValue[];
}

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

export function separate(fused: Graph): Separated {
  const read = new Set(fused.nodes.flatMap(({ inputs }) => inputs));
  const parameters = fused.parameters.filter(({ value }) => read.has(value));
  const isParameter = new Set(parameters.map(({ value }) => value));
  const operands: NamedValue[] = [...read]
    .filter((value) => !isParameter.has(value))
    .map((value) => ({ name: `in.${value.id}`, value }));
  let id = 1 + Math.max(0, ...[...read, ...fused.nodes.flatMap(({ results }) => results)].map((value) => value.id));
  const copies = new Map(operands.map(({ value }) => [value, { ...value, id: id++ }]));
  const inputs: GraphInput[] = operands.map(({ name, value }) => ({ name, value: copies.get(value)! }));
  const nodes = fused.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((value) => copies.get(value) ?? value),
  }));
  const outputs: GraphOutput[] = nodes.flatMap(({ results }) =>
    results.map((value) => ({ name: `out.${value.id}`, value })),
  );
  const { name, dims, conditions } = fused;
  return {
    graph: { name, dims, ...(conditions && { conditions }), inputs, parameters, nodes, outputs },
    operands,
    results: outputs,
  };
}

/** The kernels of a graph that was taken apart, which are those of the fused graph but that none overwrites an operand. */
export function lowerSeparated({ graph }: Separated, target: Target): LoweredProgram {
  return lowerGraph(graph, target);
}
