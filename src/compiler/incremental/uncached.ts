/**
 * Generation without a cache: a routine that computes texts of one length as a whole for their next tokens. It serves every
 * model, also those for which no cache can be derived, and is what a cache is held against.
 */
import { LOGITS, TOKEN, type GenerationSpec } from '../../program/generation.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import { ONE, subtract, ZERO } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { boundsOf, isOne } from '../ir/types.ts';
import { nextId } from '../ir/walk.ts';
import type { Elaborated } from '../semantics/elaborated.ts';
import { appendSampler } from './sampler.ts';
import { surfaceOf, type Surface } from './surface.ts';

export interface UncachedGeneration {
  /** From tokens and the settings of the sampler to `logits`, f32[batch, vocabulary], and `token`, i32[batch]. */
  readonly graph: Graph;
  readonly generation: GenerationSpec;
}

/** Undefined for a model without `generate`, and after a report. */
export function uncachedGeneration(
  { graph: written, generation }: Elaborated,
  ops: OpTable,
  sink: DiagnosticSink,
): UncachedGeneration | undefined {
  if (!generation) return undefined;
  const graph = { ...written, outputs: written.outputs.filter(({ name }) => name === generation.output) };
  const surface = surfaceOf(graph, generation, sink);
  if (!surface) return undefined;
  const { input, along, output } = generation;
  const { vocabulary, sequence, others } = surface;
  const inputs = others.map(({ name }) => name).filter((name) => name !== RANDOM_KEY);
  return {
    graph: withSampler(graph, surface, ops),
    generation: { input, along, output, max: sequence.max, vocabulary, inputs },
  };
}

function withSampler(graph: Graph, surface: Surface, ops: OpTable): Graph {
  const builder = new Builder(ops, boundsOf(graph), nextId(graph));
  const tokens = appendTokens(builder, surface);
  builder.nodes.push(...graph.nodes);
  const key = graph.inputs.find(({ name }) => name === RANDOM_KEY)?.value;
  const logits = lastScores(builder, surface);
  const sampler = appendSampler(builder, {
    logits,
    tokens,
    lengths: lengthsOf(builder, tokens),
    ...(key && { key }),
    call: nextCall(graph.nodes),
  });
  const { name } = surface.tokens;
  return {
    ...graph,
    inputs: [{ name, value: tokens }, ...graph.inputs.filter((one) => one.name !== name), ...sampler.inputs],
    nodes: builder.nodes,
    outputs: [{ name: LOGITS, value: logits }, ...sampler.outputs.filter((one) => one.name === TOKEN)],
  };
}

/** The tokens, i32[batch, time], of which those of the graph are made where their axes are the other way round. */
function appendTokens(builder: Builder, { tokens: { value }, tokensLayout }: Surface): Value {
  if (tokensLayout.time!.axis === 1) return value;
  const { dtype, shape } = value.type;
  const tokens = builder.value({ dtype, shape: shape.toReversed() });
  const attributes = { permutation: [1, 0] };
  builder.nodes.push({
    op: builder.op('transpose'),
    inputs: [tokens],
    attributes,
    results: [value],
    origin: builder.origin,
  });
  return tokens;
}

/** Scores behind the last tokens, f32[batch, vocabulary]. */
function lastScores(builder: Builder, { scores: { value }, scoresLayout: { time, batch } }: Surface): Value {
  const { shape } = value.type;
  const last = builder.one('slice', [value], {
    starts: shape.map((size, axis) => (axis === time!.axis ? subtract(size, ONE) : ZERO)),
    stops: shape,
    steps: shape.map(() => ONE),
  });
  const rows = builder.one('squeeze', [last], { axis: time!.axis });
  const first = time!.axis === 0 ? 1 : 0;
  const isTurned = batch ? batch.axis !== first : !isOne(shape[first]!);
  return isTurned ? builder.one('transpose', [rows], { permutation: [1, 0] }) : rows;
}

/** All tokens of a row are there: i32[batch]. */
function lengthsOf(builder: Builder, tokens: Value): Value {
  const [batch, time] = tokens.type.shape;
  const length = builder.one('size', [], { size: time!, dtype: 'i32' });
  return builder.one('expand', [length], { shape: [batch!] });
}

/** A number that no other call of random numbers has. */
function nextCall(nodes: readonly Node[]): number {
  return nodes.reduce(
    (next, { attributes: { call } }) => (typeof call === 'number' ? Math.max(next, call + 1) : next),
    0,
  );
}
