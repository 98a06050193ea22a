/** For every kind of op: in which layouts its operands are needed for a result in a layout, or why there are none. */
import { equal, symbol, type Dim } from '../dims/dim.ts';
import type { Attributes, Node, Value } from '../ir/graph.ts';
import type { ContractionBody } from '../ir/op.ts';
import { isOne } from '../ir/types.ts';
import { ONE_TOKEN, type Target } from './element.ts';
import { isGrouping, type Counts } from './facts.ts';
import {
  causalElsewhere,
  dependsOnLength,
  dropsTokens,
  maskedAttention,
  mixesPositions,
  notCausal,
  unknownOrder,
  type Fault,
} from './faults.ts';
import { hasPositions, NOWHERE, type Layout } from './layout.ts';
import { isCausal } from './causal.ts';
import { moveLayouts, type MovedLayouts } from './movement.ts';
import { attributesMentionTime, mentionsTime, type Sequence } from './sequence.ts';

export interface Rules {
  readonly sequence: Sequence;
  readonly counts: Counts;
  /** Whether a mask lets query i see keys 0 … i. */
  readonly isCausalMask: (node: Node) => boolean;
}

/** The layouts of a node's operands; see MovedLayouts. */
export interface OperandLayouts extends MovedLayouts {
  /** Causal attention within the sequence: the keys and values of a token are what later ones look at. */
  readonly keepsKeys?: true;
}

/** What `node` needs for its result number `result` in `layout`, in a sequence such as `target`. */
export function operandLayouts(
  node: Node,
  result: number,
  layout: Layout,
  target: Target,
  rules: Rules,
): OperandLayouts | Fault {
  const { body } = node.op;
  const { time } = rules.sequence;
  const same = (): OperandLayouts => ({ operands: node.inputs.map(() => layout) });
  switch (body.kind) {
    case 'pointwise':
      return attributesMentionTime(rules.sequence, node.attributes) ? dependsOnLength(node, time) : same();
    // What is reduced has size 1 in the result, so that no digit of the layout is there.
    case 'reduction':
      return same();
    case 'movement':
      return ofMovement(node, layout, target, rules);
    case 'contraction':
      return ofContraction(node, body, layout, rules);
    case 'attention':
      return ofAttention(node, layout, target, rules);
    case 'structured': {
      if (isGrouping(node)) return ofGrouping(node, result, layout, rules);
      const separate =
        body.separate?.(
          node.attributes,
          node.inputs.map((input) => input.type),
        ) ?? [];
      const axes = [layout.time, layout.batch, layout.rows].flatMap((digit) => (digit ? [digit.axis] : []));
      return axes.every((axis) => separate.includes(axis)) ? same() : mixesPositions(node, time);
    }
    case 'composite':
    case 'fusion':
      throw new Error(`internal: ${node.op.name} is left in a prepared graph`);
  }
}

function ofMovement(node: Node, layout: Layout, target: Target, { sequence, counts }: Rules): OperandLayouts | Fault {
  const moved = moveLayouts(node, layout, target, sequence, counts);
  switch (moved) {
    case 'positions':
      return mixesPositions(node, sequence.time);
    case 'length':
      return dependsOnLength(node, sequence.time);
    case 'order':
      return unknownOrder(node, sequence.time);
    default:
      return moved;
  }
}

/** A digit goes to the operands that have its axis; who lacks it is the same for all its values. */
function ofContraction(
  node: Node,
  body: ContractionBody<Attributes>,
  layout: Layout,
  { sequence, counts }: Rules,
): OperandLayouts | Fault {
  const { left, right, result } = body.labels(node.attributes);
  const ragged = body.ragged?.(node.attributes);
  const inOperand = (labels: readonly string[]): Layout =>
    movedLayout(layout, (axis) => {
      const own = labels.indexOf(result[axis]!);
      return own === -1 ? undefined : own;
    });
  const operands = [left, right].map(inOperand);
  if (!ragged) return { operands };
  const { rows } = layout;
  const isOfGroups = rows && result[rows.axis] === ragged.rows;
  if (!isOfGroups || counts.groupingOfOffsets(node.inputs[ragged.offsets]!) !== rows.grouping)
    return mixesPositions(node, sequence.time);
  return { operands: [...operands, { rows: { ...rows, axis: -1 } }] };
}

/** Attention within the sequence has it in the axis before the last, and the batch in one place in queries, keys and values. */
function ofAttention(node: Node, layout: Layout, target: Target, rules: Rules): OperandLayouts | Fault {
  const { sequence, isCausalMask } = rules;
  const [q, k, , mask] = node.inputs as [Value, Value, Value, Value?];
  const along = q.type.shape.length - 2;
  if (!mentionsTime(sequence, k.type.shape[along]!)) return ofSeparateAttention(node, layout, sequence.time);
  if (layout.time?.axis !== along || layout.rows) return mixesPositions(node, sequence.time);
  const isTime = (size: Dim): boolean => size.key === symbol(sequence.time).key;
  if (!isTime(q.type.shape[along]!) || !isTime(k.type.shape[along]!)) return unknownOrder(node, sequence.time);
  if (mask && !isCausalMask(node)) return maskedAttention(node);
  if (!mask && !isCausal(node)) return notCausal(node, sequence.time);
  const isInHeads = layout.batch?.axis === along - 1;
  if (isInHeads && !equal(q.type.shape[along - 1]!, k.type.shape[along - 1]!)) return unknownOrder(node, sequence.time);
  const operands = [layout, layout, layout];
  if (target === ONE_TOKEN) return { operands, keepsKeys: true };
  return mask ? maskedAttention(node) : { operands };
}

/** Attention whose keys are no tokens of the sequence: each query, and each attention of a batch of them, by itself. */
function ofSeparateAttention(node: Node, layout: Layout, time: string): OperandLayouts | Fault {
  const { shape } = node.results[0]!.type;
  const along = shape.length - 2;
  const axes = [layout.time, layout.batch, layout.rows].flatMap((digit) => (digit ? [digit.axis] : []));
  if (axes.includes(along + 1)) return mixesPositions(node, time);
  if (axes.includes(along) && isCausal(node)) return causalElsewhere(node, time);
  const isGrouped = !equal(shape[along - 1]!, node.inputs[1]!.type.shape[along - 1]!);
  if (axes.includes(along - 1) && isGrouped) return unknownOrder(node, time);
  const operands = node.inputs.map((input, at) => {
    const isOfKeys = at === 1 || at === 2;
    const added = shape.length - input.type.shape.length;
    return movedLayout(layout, (axis) => {
      const own = axis - added;
      const isThere = own >= 0 && !(isOfKeys && axis === along) && !(at === 3 && isOne(input.type.shape[own]!));
      return isThere ? own : undefined;
    });
  });
  return { operands };
}

/** Every token goes to the groups it names, wherever the others go, unless there is not room for all. */
function ofGrouping(node: Node, result: number, layout: Layout, { sequence }: Rules): OperandLayouts | Fault {
  if (node.attributes['capacity'] !== null) return dropsTokens(node);
  const isPlace = result === 1;
  const tokens = isPlace ? layout : layout.rows?.grouping === node ? layout.rows.tokens : NOWHERE;
  return hasPositions(tokens) && !tokens.rows ? { operands: [tokens] } : mixesPositions(node, sequence.time);
}

export function isFault(found: OperandLayouts | Fault): found is Fault {
  return 'code' in found;
}

/** The digits at other axes; those without one are left out. */
function movedLayout({ time, batch, rows }: Layout, axisOf: (axis: number) => number | undefined): Layout {
  const moved = <T extends { readonly axis: number }>(digit: T | undefined): T | undefined => {
    const axis = digit && axisOf(digit.axis);
    return axis === undefined ? undefined : { ...digit!, axis };
  };
  const [movedTime, movedBatch, movedRows] = [moved(time), moved(batch), moved(rows)];
  return {
    ...(movedTime && { time: movedTime }),
    ...(movedBatch && { batch: movedBatch }),
    ...(movedRows && { rows: movedRows }),
  };
}
