/** One evaluation of an entry with the gradients that somebody asks for, to look at or to check: nothing is written. */
import { type Diagnostic, diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, GraphInput, GraphOutput, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { boundsOf, printType } from '../ir/types.ts';
import { nextId } from '../ir/walk.ts';
import type { Elaborated } from '../semantics/elaborated.ts';
import { appendGradients } from './gradients.ts';
import { prepare } from './prepare.ts';

export interface GradientRequest {
  /**
   * Of which tensors: `in.NAME` and `param.PATH`, where `*` stands for any text. Those of another dtype than f32, and states,
   * have none.
   */
  readonly patterns: readonly string[];
  /** Outputs of a model with a cotangent, which weighs their elements. */
  readonly cotangents: readonly string[];
}

/**
 * The entry with the outputs `loss`, `out.…` for its own, `grad.in.…` and `grad.param.…`, and `buf.…` for the new values of
 * states. The loss of a model is the sum over its f32 outputs of sum(output * cotangent), with an input `cot.…` for those
 * that have a cotangent; where none has, there is no loss. Undefined after a report.
 */
export function gradientGraph(
  elaborated: Elaborated,
  { patterns, cotangents }: GradientRequest,
  ops: OpTable,
  sink: DiagnosticSink,
): Graph | undefined {
  const whole = withLoss(elaborated, cotangents, ops);
  const states = elaborated.updates.map(({ state, value }) => ({ name: `buf.${state}`, value }));
  const graph = prepare({ ...whole, outputs: [...whole.outputs, ...states] }, ops);
  const wrt = chosen(elaborated.graph, patterns, sink);
  if (sink.hasErrors) return undefined;
  if (wrt.length === 0) return graph;
  const loss = graph.outputs.find(({ name }) => name === 'loss');
  if (!loss) {
    sink.report(lossMissing(elaborated));
    return undefined;
  }
  const builder = new Builder(ops, boundsOf(graph), nextId(graph));
  builder.nodes.push(...graph.nodes);
  const gradients = appendGradients(builder, loss.value, wrt);
  const outputs = [...gradients].map(([name, value]) => ({ name: `grad.${name}`, value }));
  return { ...graph, nodes: builder.nodes, outputs: [...graph.outputs, ...outputs] };
}

function lossMissing({ graph: { name, outputs } }: Elaborated): Diagnostic {
  const weighed = outputs.find(({ value }) => value.type.dtype === 'f32');
  return diagnostic('HED4008', undefined, `\`${name}\` is a model, which has no loss to take gradients of`, {
    hint: weighed
      ? `give the gradient by an output among the inputs: \`cot.${weighed.name}\`, ${printType(weighed.value.type)}`
      : 'a train entry has a loss',
  });
}

/** The graph with `loss` first among its outputs, if there is one. */
function withLoss({ graph, train }: Elaborated, cotangents: readonly string[], ops: OpTable): Graph {
  const renamed = ({ name, value }: GraphOutput): GraphOutput => ({ name: `out.${name}`, value });
  if (train) {
    const [loss, ...others] = graph.outputs;
    return { ...graph, outputs: [loss!, ...others.map(renamed)] };
  }
  const builder = new Builder(ops, boundsOf(graph), nextId(graph));
  builder.nodes.push(...graph.nodes);
  const inputs: GraphInput[] = [];
  const terms = graph.outputs.flatMap(({ name, value }): Value[] => {
    if (!cotangents.includes(name) || value.type.dtype !== 'f32') return [];
    const cotangent = builder.value(value.type);
    inputs.push({ name: `cot.${name}`, value: cotangent });
    return [builder.one('sum', [builder.one('mul', [value, cotangent])])];
  });
  const outputs = graph.outputs.map(renamed);
  if (terms.length === 0) return { ...graph, outputs };
  const loss = terms.reduce((sum, term) => builder.one('add', [sum, term]));
  return {
    ...graph,
    inputs: [...graph.inputs, ...inputs],
    nodes: builder.nodes,
    outputs: [{ name: 'loss', value: loss }, ...outputs],
  };
}

/** Of everything there is, even if that is nothing. */
const ALL = ['*', 'in.*', 'param.*'];

type Named = { readonly name: string; readonly value: Value };

function chosen(graph: Graph, patterns: readonly string[], sink: DiagnosticSink): readonly Named[] {
  const all: Named[] = [
    ...graph.inputs.map(({ name, value }) => ({ name: `in.${name}`, value })),
    ...graph.parameters.filter(({ state }) => !state).map(({ name, value }) => ({ name: `param.${name}`, value })),
  ].filter(({ value }) => value.type.dtype === 'f32');
  const matchers = patterns.map((pattern) => ({ pattern, matcher: globOf(pattern) }));
  for (const { pattern, matcher } of matchers) {
    if (ALL.includes(pattern) || all.some(({ name }) => matcher.test(name))) continue;
    const names = all.map(({ name }) => name);
    const some = names.length > 4 ? [...names.slice(0, 3), '…'] : names;
    sink.report(
      diagnostic('HED4007', undefined, `\`${pattern}\` names no f32 input and no parameter of \`${graph.name}\``, {
        hint: names.length > 0 ? `there are ${some.join(', ')}` : 'it has neither',
      }),
    );
  }
  return all.filter(({ name }) => matchers.some(({ matcher }) => matcher.test(name)));
}

function globOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`);
}
