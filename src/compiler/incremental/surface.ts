/** What `generate` says, as far as it has to fit: the axes of the tokens and of the scores, the limit of the sequence. */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import { constantValue, equal, ONE, type Dim } from '../dims/dim.ts';
import type { Graph, GraphInput, GraphOutput, TensorType } from '../ir/graph.ts';
import { boundsOf, isOne, printType } from '../ir/types.ts';
import type { Generation } from '../semantics/elaborated.ts';
import type { Layout } from './layout.ts';
import { isAlongTime, mentionsTime, type Sequence } from './sequence.ts';

export interface Surface {
  readonly sequence: Sequence;
  readonly tokens: GraphInput;
  readonly tokensLayout: Layout;
  readonly scores: GraphOutput;
  readonly scoresLayout: Layout;
  readonly vocabulary: number;
  /** The inputs besides, which every run takes. */
  readonly others: readonly GraphInput[];
}

/** `graph` has the output that is generated from and no other. Undefined after a report. */
export function surfaceOf(graph: Graph, generation: Generation, sink: DiagnosticSink): Surface | undefined {
  const { input, along, output, span } = generation;
  const tokens = graph.inputs.find(({ name }) => name === input)!;
  const scores = graph.outputs.find(({ name }) => name === output)!;
  const max = graph.dims.find(({ name }) => name === along)?.max;
  if (max === undefined) {
    sink.report(
      diagnostic('HED5009', span, `\`${along}\` has no limit, so that nobody knows how much there is to keep`, {
        hint: `give it one: \`dims ${along} <= 512\``,
      }),
    );
    return undefined;
  }
  const sequenceOf = (batch: Dim): Sequence => ({ time: along, max, batch, bounds: boundsOf(graph) });
  const batch = batchOf(tokens.value.type, sequenceOf(ONE));
  if (!batch) {
    const found = printType(tokens.value.type);
    sink.report(
      diagnostic('HED5010', span, `\`${input}\` must have an axis for the batch beside \`${along}\`, found ${found}`),
    );
    return undefined;
  }
  const sequence = sequenceOf(batch.size);
  const tokensLayout = layoutOf(tokens.value.type, batch.axis, sequence);
  const scoresLayout = scoresLayoutOf(scores.value.type, sequence);
  if (!scoresLayout) {
    const message = `\`${output}\` must be f32 with the axes of \`${input}\` and one for the scores of all tokens, found ${printType(scores.value.type)}`;
    sink.report(diagnostic('HED5010', span, message));
    return undefined;
  }
  const others = otherInputs(graph, tokens, sequence, generation, sink);
  const vocabulary = constantValue(scores.value.type.shape[scoresLayout.scores]!)!;
  return others && { sequence, tokens, tokensLayout, scores, scoresLayout: scoresLayout.layout, vocabulary, others };
}

function batchOf({ shape }: TensorType, sequence: Sequence): { readonly axis: number; readonly size: Dim } | undefined {
  const axis = shape.findIndex((size) => !mentionsTime(sequence, size));
  return shape.length === 2 && axis !== -1 ? { axis, size: shape[axis]! } : undefined;
}

function layoutOf({ shape }: TensorType, batch: number, sequence: Sequence): Layout {
  const time = { axis: shape.findIndex((size) => mentionsTime(sequence, size)), inner: ONE };
  return isOne(sequence.batch) ? { time } : { time, batch: { axis: batch, inner: ONE } };
}

/** With the axis of the scores; undefined where the axes are others. */
function scoresLayoutOf(
  type: TensorType,
  sequence: Sequence,
): { readonly layout: Layout; readonly scores: number } | undefined {
  const { dtype, shape } = type;
  const others = [0, 1, 2].filter((axis) => shape[axis] && !mentionsTime(sequence, shape[axis]));
  const batch = others.find((axis) => equal(shape[axis]!, sequence.batch));
  const scores = others.find((axis) => axis !== batch && constantValue(shape[axis]!) !== undefined);
  if (dtype !== 'f32' || shape.length !== 3 || batch === undefined || scores === undefined) return undefined;
  return { layout: layoutOf(type, batch, sequence), scores };
}

/** The inputs that are read besides; undefined where one has the sequence too. */
function otherInputs(
  graph: Graph,
  tokens: GraphInput,
  sequence: Sequence,
  { span }: Generation,
  sink: DiagnosticSink,
): readonly GraphInput[] | undefined {
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  const others = graph.inputs.filter((one) => one !== tokens && read.has(one.value));
  const timed = others.find(({ value }) => isAlongTime(sequence, value.type.shape));
  if (!timed) return others;
  const message = `the input \`${timed.name}\`, ${printType(timed.value.type)}, has the axis \`${sequence.time}\` too, and what is generated has none of it`;
  sink.report(diagnostic('HED5011', span, message, { hint: `make it optional: \`input ${timed.name}?: …\`` }));
  return undefined;
}
