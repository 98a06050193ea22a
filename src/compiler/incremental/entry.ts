/**
 * Where values that depend on positions alone meet tokens: a row of them for each sequence, at the position of its token.
 * Such a value has no axis for the batch; it gets one where an op first spreads it over the batch.
 */
import { ONE, symbol, type Dim } from '../dims/dim.ts';
import type { Attributes, Node, Value } from '../ir/graph.ts';
import type { Builder } from '../ir/builder.ts';
import { isOne } from '../ir/types.ts';
import { nameOfPart } from './element.ts';
import { partsOf, type Layout } from './layout.ts';
import type { Demand } from './plan.ts';
import { reshaped, spreadOver, type Arrangement } from './rows.ts';
import { hasSeveral, shapeAtLength, type Sequence } from './sequence.ts';

/** How the batch enters at a node. */
export type Entry =
  /** A movement of one operand: each part of the operand's axes is that part of the result's axes. */
  | { readonly kind: 'movement'; readonly parts: readonly number[] }
  /** A contraction: the operand gets the label of the batch. */
  | { readonly kind: 'contraction'; readonly operand: number };

/** Undefined where every operand has the batch that needs it; `unknown` where it cannot enter. */
export function entryOf(
  node: Node,
  { form, layout }: Demand,
  operands: readonly Demand[],
  source: readonly Dim[] | undefined,
  sequence: Sequence,
): Entry | 'unknown' | undefined {
  if (form !== 'token' || !hasSeveral(sequence)) return undefined;
  const lacking = operands.flatMap((operand, at) => (isWithoutBatch(operand) ? [at] : []));
  const [operand, ...others] = lacking;
  if (operand === undefined) return undefined;
  // Tokens without the batch have been mixed before.
  if (!layout.batch) return undefined;
  if (others.length > 0) return 'unknown';
  const { body } = node.op;
  if (body.kind === 'contraction') {
    const isPlain =
      isOne(layout.batch.inner) && node.results[0]!.type.shape[layout.batch.axis]!.key === sequence.batch.key;
    return isPlain && node.op.name === 'contract' ? { kind: 'contraction', operand } : 'unknown';
  }
  const parts = source && sourceParts(node, layout, operands[operand]!.layout, source, sequence);
  return parts ? { kind: 'movement', parts } : 'unknown';
}

/** Of positions alone. */
function isWithoutBatch({ form, layout }: Demand): boolean {
  return (form === 'table' || form === 'row') && !layout.batch;
}

/** Of each part of the operand but time: which part of the result's axes but time it is read at. */
function sourceParts(
  node: Node,
  layout: Layout,
  own: Layout,
  source: readonly Dim[],
  sequence: Sequence,
): readonly number[] | undefined {
  const results = partsOf(node.results[0]!.type.shape, layout, sequence)!;
  const withoutTime = results.filter(({ kind }) => kind !== 'time');
  const places = new Map(results.map((part, at) => [symbol(nameOfPart(part, at)).key, withoutTime.indexOf(part)]));
  const parts = partsOf(node.inputs[0]!.type.shape, own, sequence);
  if (!parts) return undefined;
  const found: number[] = [];
  for (const part of parts) {
    if (part.kind === 'time') continue;
    const place = places.get(source[part.axis]!.key);
    const isAlone = parts.filter(({ axis }) => axis === part.axis).length === 1;
    if (place === undefined || !isAlone) return undefined;
    found.push(place);
  }
  return found;
}

/** The result of a movement at one token, from `rows` [batch, ..parts of the operand]. */
export function enterByMovement(builder: Builder, rows: Value, parts: readonly number[], result: Arrangement): Value {
  const batch = result.parts.findIndex((part) => part.kind === 'batch');
  const places = [batch, ...parts];
  const order = places.map((_, at) => at).sort((a, b) => places[a]! - places[b]!);
  const ordered = order.every((at, i) => at === i) ? rows : builder.one('transpose', [rows], { permutation: order });
  return spreadOver(builder, ordered, new Set(places), result);
}

/** The result of a contraction at one token, with a further axis for the batch. */
export function enterByContraction(
  builder: Builder,
  node: Node,
  inputs: readonly Value[],
  operand: number,
  attributes: Attributes,
  layout: Layout,
  sequence: Sequence,
): Value {
  const side = operand === 0 ? 'left' : 'right';
  const labels = attributes[side] as readonly string[];
  const batch = (attributes['result'] as readonly string[])[layout.batch!.axis]!;
  const rows = inputs[operand]!;
  const { shape } = node.inputs[operand]!.type;
  const own = shapeAtLength(sequence, shape, ONE);
  const entered = inputs.with(operand, reshaped(builder, rows, [sequence.batch, ...own]));
  return builder.one(node.op.name, entered, { ...attributes, [side]: [batch, ...labels] });
}
