/** One evaluation of an entry with the gradients that somebody asks for, to look at or to check: nothing is written. */
import { type Diagnostic, diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import { constant, ZERO, type Dim } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, GraphInput, GraphOutput, GraphParameter, TensorType, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { parameterTensors, tensorNames } from '../ir/parameter-tensors.ts';
import { boundsOf, printType } from '../ir/types.ts';
import { nextId } from '../ir/walk.ts';
import type { Elaborated } from '../semantics/elaborated.ts';
import { appendGradients } from './gradients.ts';
import { prepare } from './prepare.ts';

export interface GradientRequest {
  /**
   * Of which tensors: `in.NAME` and `param.PATH`, where `*` stands for any text. Those of another dtype than f32, and states,
   * have none. Members of a stack have each their own.
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
  const { updates } = elaborated;
  const states = updates.map(({ state, value }) => ({ name: `buf.${state}`, value }));
  const graph = prepare({ ...whole, outputs: [...whole.outputs, ...states] }, ops);
  const wrt = chosen(elaborated.graph, patterns, sink);
  if (sink.hasErrors) return undefined;
  const loss = graph.outputs.find(({ name }) => name === 'loss');
  if (wrt.length > 0 && !loss) {
    sink.report(lossMissing(elaborated));
    return undefined;
  }
  const builder = new Builder(ops, boundsOf(graph), nextId(graph));
  builder.nodes.push(...graph.nodes);
  const gradients = loss ? appendGradients(builder, loss.value, wrt) : new Map<string, Value>();
  const parameters = new Map(graph.parameters.map((one) => [one.name, one]));
  const outputs = [
    ...graph.outputs.slice(0, whole.outputs.length),
    ...updates.flatMap(({ state }, at) =>
      tensorOutputs(builder, 'buf.', parameters.get(state)!, graph.outputs[whole.outputs.length + at]!.value),
    ),
    ...wrt.flatMap(({ name, parameter, tensors }) => {
      const gradient = gradients.get(name)!;
      if (!parameter) return [{ name: `grad.${name}`, value: gradient }];
      const all = tensorOutputs(builder, 'grad.param.', parameter, gradient);
      return all.filter((output) => tensors.includes(output.name.slice('grad.'.length)));
    }),
  ];
  return { ...graph, nodes: builder.nodes, outputs };
}

/** What has the type of a parameter, as an output for each tensor that the parameter is. */
function tensorOutputs(builder: Builder, prefix: string, parameter: GraphParameter, value: Value): GraphOutput[] {
  return parameterTensors([parameter]).map(({ name, type, member }) => ({
    name: prefix + name,
    value: member === undefined ? value : memberOf(builder, value, member, type),
  }));
}

/** One member of a stack. */
function memberOf(builder: Builder, stack: Value, member: number, { shape }: TensorType): Value {
  const first = (at: number): readonly Dim[] => [constant(at), ...shape.map(() => ZERO)];
  const part = builder.one('slice', [stack], {
    starts: first(member),
    stops: [constant(member + 1), ...shape],
    steps: stack.type.shape.map(() => 1),
  });
  return builder.one('reshape', [part], { shape });
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

/** A value whose gradient is asked for, and of the tensors that it is those that are meant. */
interface Chosen {
  readonly name: string;
  readonly value: Value;
  readonly parameter?: GraphParameter;
  readonly tensors: readonly string[];
}

function chosen(graph: Graph, patterns: readonly string[], sink: DiagnosticSink): readonly Chosen[] {
  const all: Chosen[] = [
    ...graph.inputs.map(({ name, value }) => ({ name: `in.${name}`, value, tensors: [`in.${name}`] })),
    ...graph.parameters
      .filter(({ state }) => !state)
      .map((parameter) => ({
        name: `param.${parameter.name}`,
        value: parameter.value,
        parameter,
        tensors: tensorNames(parameter).map((tensor) => `param.${tensor}`),
      })),
  ].filter(({ value }) => value.type.dtype === 'f32');
  const names = all.flatMap(({ tensors }) => tensors);
  const matchers = patterns.map((pattern) => ({ pattern, matcher: globOf(pattern) }));
  for (const { pattern, matcher } of matchers) {
    if (ALL.includes(pattern) || names.some((name) => matcher.test(name))) continue;
    const some = names.length > 4 ? [...names.slice(0, 3), '…'] : names;
    sink.report(
      diagnostic('HED4007', undefined, `\`${pattern}\` names no f32 input and no parameter of \`${graph.name}\``, {
        hint: names.length > 0 ? `there are ${some.join(', ')}` : 'it has neither',
      }),
    );
  }
  const isWanted = (name: string): boolean => matchers.some(({ matcher }) => matcher.test(name));
  return all.flatMap((one) => {
    const tensors = one.tensors.filter(isWanted);
    return tensors.length > 0 ? [{ ...one, tensors }] : [];
  });
}

function globOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`);
}
