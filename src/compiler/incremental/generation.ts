/**
 * Generation derived from a model: of the graph that computes the scores of all tokens of a text, one that takes whole
 * prompts (`prefill`) and one that takes a token more (`step`). What a causal attention has seen, its keys and values, is
 * kept between their runs.
 */
import { LENGTHS, LOGITS, PAST, type GenerationSpec } from '../../program/generation.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import { constant, constantValue, ONE, symbol } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { Condition, Graph, Node, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { cse } from '../passes/cse.ts';
import { dce } from '../passes/dce.ts';
import { expand, expandToSoftmax } from '../passes/expand.ts';
import { fold } from '../passes/fold.ts';
import type { Pass } from '../passes/pass.ts';
import { recognizeAttention } from '../passes/recognize-attention.ts';
import { runPasses } from '../passes/run.ts';
import type { Elaborated, Generation } from '../semantics/elaborated.ts';
import { builderFor, RoutineBuilder, type AttentionBuilder } from './build.ts';
import { KeptAttention } from './attention.ts';
import { causalMasks } from './causal.ts';
import { Counts, dependencesOf } from './facts.ts';
import { doesNotFit, reportOf, unknownOrder, writtenOperators, type Fault } from './faults.ts';
import { layoutKey, type Layout } from './layout.ts';
import { planFor, type Given, type Plan } from './plan.ts';
import { arrangementOf, reshaped, toFront } from './rows.ts';
import { appendSampler } from './sampler.ts';
import { atLength, longest, type Sequence } from './sequence.ts';
import { surfaceOf, type Surface } from './surface.ts';

/** What is kept stands for itself in ops; attention is found before it is taken apart. */
const preparingPasses: readonly Pass[] = [expandToSoftmax, recognizeAttention, expand, fold, cse, dce];

export interface GenerationGraphs {
  readonly prefill: Graph;
  readonly step: Graph;
  readonly generation: GenerationSpec;
}

/**
 * The routines of a model with `generate`; undefined where it has none, and after a report.
 *
 * `prefill` takes i32[batch, time] tokens and `generate.lengths`, i32[batch], how many of them each row has; `step` takes
 * i32[batch, 1] and `generate.past`, i32[batch], how many came before. Both take the settings of the sampler and give
 * `logits`, f32[batch, vocabulary], and `token`, i32[batch].
 */
export function generationGraphs(
  elaborated: Elaborated,
  ops: OpTable,
  sink: DiagnosticSink,
): GenerationGraphs | undefined {
  const { generation, graph: written } = elaborated;
  if (!generation) return undefined;
  const outputs = written.outputs.filter(({ name }) => name === generation.output);
  const graph = runPasses({ ...written, outputs }, preparingPasses, ops).graph;
  const surface = surfaceOf(graph, generation, sink);
  if (!surface) return undefined;
  const found = derive(graph, surface, ops, generation);
  if ('code' in found) {
    sink.report(reportOf(found, writtenOperators(written)));
    return undefined;
  }
  return found;
}

interface Derivation {
  readonly graph: Graph;
  readonly surface: Surface;
  readonly ops: OpTable;
}

function derive(
  graph: Graph,
  surface: Surface,
  ops: OpTable,
  { input, along, output }: Generation,
): GenerationGraphs | Fault {
  const { sequence, tokens, scores, scoresLayout } = surface;
  const given: Given = {
    sequence,
    counts: new Counts(graph),
    isCausalMask: causalMasks(graph),
    dependenceOf: dependencesOf(graph, tokens.value, sequence),
    available: new Set(),
  };
  const derivation = { graph, surface, ops };
  const result = { value: scores.value, layout: scoresLayout };
  const plan = planFor(graph.nodes, result, given);
  if ('code' in plan) return plan;
  const wanted = layoutKey(surface.tokensLayout);
  if (plan.demandsOn(tokens.value).some(({ layout }) => layoutKey(layout) !== wanted)) {
    const reader = graph.nodes.find((node) => node.inputs.includes(tokens.value));
    return unknownOrder(reader!, along);
  }
  const step = stepGraph(derivation, plan);
  if ('code' in step) return step;
  const attentions = attentionsOf(plan);
  const keysAndValues = [...attentions.keys()].flatMap(({ inputs }) => inputs.slice(1, 3));
  const wholes = closureOf(graph.nodes, keysAndValues);
  const available = new Set([tokens.value, ...wholes].filter((value) => given.dependenceOf(value) !== 'fixed'));
  const rest = planFor(graph.nodes, result, { ...given, available });
  if ('code' in rest) return rest;
  const prefill = prefillGraph(derivation, { ...rest, wholes: new Set([...rest.wholes, ...wholes]) }, attentions);
  if ('code' in prefill) return prefill;
  const inputs = surface.others.map(({ name }) => name).filter((name) => name !== RANDOM_KEY);
  const { max } = sequence;
  return { prefill, step, generation: { input, along, output, max, vocabulary: surface.vocabulary, inputs } };
}

/** Those of the result, with the layouts that they are in. */
function attentionsOf({ nodes }: Plan): ReadonlyMap<Node, Layout> {
  const found = new Map<Node, Layout>();
  for (const [node, [planned]] of nodes) if (planned!.keepsKeys) found.set(node, planned!.results[0]!.demand.layout);
  return found;
}

/** The values and all that they are computed from. */
function closureOf(nodes: readonly Node[], values: readonly Value[]): ReadonlySet<Value> {
  const needed = new Set(values);
  for (const { results, inputs } of nodes.toReversed())
    if (results.some((result) => needed.has(result))) for (const input of inputs) needed.add(input);
  return needed;
}

function stepGraph({ graph, surface, ops }: Derivation, plan: Plan): Graph | Fault {
  const { sequence, tokens, tokensLayout } = surface;
  const builder = builderFor(graph, ops, sequence);
  const input = builder.value({ dtype: 'i32', shape: [sequence.batch, ONE] });
  const past = builder.value({ dtype: 'i32', shape: [sequence.batch] });
  const routine = new RoutineBuilder(builder, past, plan, sequence);
  const isTurned = tokensLayout.time!.axis === 0;
  const own = isTurned ? builder.one('transpose', [input], { permutation: [1, 0] }) : input;
  routine.set(tokens.value, { form: 'token', layout: tokensLayout }, own);
  const kept = new KeptAttention(builder, sequence);
  const attention: AttentionBuilder = {
    attend(node, [q, k, v], { layout }) {
      kept.put(node, [k!, v!], layout, ONE, past);
      return kept.attend(node, q!, layout, past);
    },
  };
  for (const node of graph.nodes) {
    const fault = routine.add(node, attention);
    if (fault) return fault;
  }
  const conditions = conditionsAtLimit(graph.conditions ?? [], sequence);
  if ('code' in conditions) return conditions;
  const dims = graph.dims.filter(({ name }) => name !== sequence.time);
  const inputs = [
    { name: tokens.name, value: input },
    { name: PAST, value: past },
  ];
  return finish({ ...graph, dims, conditions, inputs }, surface, routine, kept, { tokens: input });
}

/** Texts grow to the limit, so what has to hold has to hold there. */
function conditionsAtLimit(conditions: readonly Condition[], sequence: Sequence): readonly Condition[] | Fault {
  const atLimit = conditions.map((condition) => ({
    ...condition,
    atLeastZero: atLength(sequence, condition.atLeastZero, longest(sequence)),
  }));
  const broken = atLimit.find(({ atLeastZero }) => (constantValue(atLeastZero) ?? 0) < 0);
  if (broken) return doesNotFit(broken.origin, sequence.time, sequence.max, broken.message);
  return atLimit.filter(({ atLeastZero }) => constantValue(atLeastZero) === undefined);
}

function prefillGraph(
  { graph, surface, ops }: Derivation,
  plan: Plan,
  attentions: ReadonlyMap<Node, Layout>,
): Graph | Fault {
  const { sequence, tokens, tokensLayout } = surface;
  const builder = builderFor(graph, ops, sequence);
  const length = symbol(sequence.time);
  const isTurned = tokensLayout.time!.axis === 0;
  const input = isTurned ? builder.value({ dtype: 'i32', shape: [sequence.batch, length] }) : tokens.value;
  const lengths = builder.value({ dtype: 'i32', shape: [sequence.batch] });
  if (isTurned) {
    const attributes = { permutation: [1, 0] };
    const turn = {
      op: builder.op('transpose'),
      inputs: [input],
      attributes,
      results: [tokens.value],
      origin: builder.origin,
    };
    builder.nodes.push(turn);
  }
  const last = builder.one('sub', [lengths, filled(builder, 1, lengths)]);
  const zeros = filled(builder, 0, lengths);
  const routine = new RoutineBuilder(builder, last, plan, sequence);
  const kept = new KeptAttention(builder, sequence);
  for (const node of graph.nodes) {
    builder.origin = node.origin;
    const layout = attentions.get(node);
    if (layout) {
      const [, keys, values] = node.inputs as [Value, Value, Value];
      kept.put(node, [keys, values], layout, length, zeros);
    }
    const fault = routine.add(node, { attend: (at, [q], { layout }) => kept.attend(at, q!, layout, last) });
    if (fault) return fault;
  }
  const inputs = [
    { name: tokens.name, value: input },
    { name: LENGTHS, value: lengths },
  ];
  return finish({ ...graph, inputs }, surface, routine, kept, { tokens: input, lengths });
}

function filled(builder: Builder, value: number, like: Value): Value {
  return builder.one('full', [], { shape: like.type.shape, value, dtype: like.type.dtype });
}

/** The routine with its scores, the choice of the next token, and what is kept. */
function finish(
  graph: Graph,
  { scores, scoresLayout, sequence, vocabulary, others }: Surface,
  routine: RoutineBuilder,
  { kept, outputs }: KeptAttention,
  run: { readonly tokens: Value; readonly lengths?: Value },
): Graph {
  const { builder } = routine;
  builder.origin = { path: '' };
  const made = routine.get(scores.value, { form: 'token', layout: scoresLayout });
  const arrangement = arrangementOf(scores.value.type.shape, scoresLayout, ONE, sequence);
  const { value } = toFront(builder, made, arrangement, ['batch']);
  const logits = reshaped(builder, value, [sequence.batch, constant(vocabulary)]);
  const key = others.find(({ name }) => name === RANDOM_KEY)?.value;
  const call = 1 + Math.max(-1, ...graph.nodes.map(({ attributes }) => Number(attributes['call'] ?? -1)));
  const sampler = appendSampler(builder, { logits, ...run, ...(key && { key }), call });
  return {
    ...graph,
    inputs: [...graph.inputs, ...others, ...sampler.inputs],
    kept: [...kept, ...sampler.kept],
    nodes: builder.nodes,
    outputs: [{ name: LOGITS, value: logits }, ...sampler.outputs, ...outputs],
  };
}
