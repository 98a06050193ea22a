/**
 * Ops on tensors of which every expert has its own: with a leading axis of the experts where that is simple, and one
 * expert after the other where it is not.
 */
import { constant, ONE, ZERO, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import { normalizeAxes, type Axes } from '../../ir/attributes.ts';
import type { Attributes, Node, Value } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import type { Apply } from './dispatch.ts';

/** A label that no pattern writes. */
export const EXPERTS = '#';

/** An operand: of each expert, with a leading axis of `count`, or the same for all. */
export interface PerExpert {
  readonly value: Value;
  readonly isOwn: boolean;
}

/** Adds a node as the user wrote it. */
export type ApplyOp = (op: Op, inputs: readonly Value[], attributes: Attributes) => readonly Value[];

/** What `node` gives for each expert, every result with a leading axis of `count`. */
export function applyPerExpert(
  apply: Apply,
  applyOp: ApplyOp,
  node: Node,
  inputs: readonly PerExpert[],
  count: number,
): readonly Value[] {
  const { op, attributes, results } = node;
  const { body } = op;
  const experts = constant(count);
  const shape = [experts, ...results[0]!.type.shape];
  const only = inputs[0]?.value;
  if (op.random && body.kind === 'movement')
    return applyOp(
      op,
      inputs.map(({ value }) => value),
      { ...attributes, shape },
    );
  switch (body.kind) {
    case 'pointwise':
      return applyOp(
        op,
        inputs.map((input) => spread(apply, input, experts)),
        attributes,
      );
    case 'reduction':
      return applyOp(op, [only!], { ...attributes, axes: body.axes(attributes).map((axis) => axis + 1) });
    case 'contraction': {
      const { left, right, result } = body.labels(attributes);
      const labelled = [left, right].map((labels, at) => (inputs[at]!.isOwn ? [EXPERTS, ...labels] : labels));
      const labels = { left: labelled[0]!, right: labelled[1]!, result: [EXPERTS, ...result] };
      return applyOp(
        op,
        inputs.map(({ value }) => value),
        { ...attributes, ...labels },
      );
    }
    default:
      break;
  }
  switch (op.name) {
    case 'reshape':
      return [apply('reshape', [only!], { shape })];
    case 'transpose':
      return applyOp(op, [only!], { permutation: [0, ...permutationOf(node).map((axis) => axis + 1)] });
    case 'expand':
      return [apply('expand', [apply('reshape', [only!], { shape: aligned(only!, shape) })], { shape })];
    default:
      return oneByOne(apply, applyOp, node, inputs, count);
  }
}

function permutationOf({ inputs: [x], attributes }: Node): readonly number[] {
  const { shape } = x!.type;
  const given = attributes['permutation'] as Axes;
  const normalized = normalizeAxes(given, shape.length);
  const axes = 'error' in normalized ? [] : normalized.axes;
  return given === null ? axes.toReversed() : axes;
}

/** The shape of a tensor of each expert with as many axes as `shape`, those of size 1 behind the experts. */
function aligned({ type }: Value, shape: Shape): Dim[] {
  const [experts, ...own] = type.shape;
  return [experts!, ...Array.from({ length: shape.length - type.shape.length }, () => ONE), ...own];
}

/** What is the same for all, for each. */
function spread(apply: Apply, { value, isOwn }: PerExpert, experts: Dim): Value {
  if (isOwn) return value;
  const { shape } = value.type;
  return apply('expand', [apply('reshape', [value], { shape: [ONE, ...shape] })], { shape: [experts, ...shape] });
}

function oneByOne(
  apply: Apply,
  applyOp: ApplyOp,
  { op, attributes, results }: Node,
  inputs: readonly PerExpert[],
  count: number,
): readonly Value[] {
  const parts = Array.from({ length: count }, (_, expert) => {
    const own = inputs.map(({ value, isOwn }) => (isOwn ? memberOf(apply, value, expert) : value));
    return applyOp(op, own, attributes).map((value) =>
      apply('reshape', [value], { shape: [ONE, ...value.type.shape] }),
    );
  });
  return results.map((_, at) =>
    apply(
      'concat',
      parts.map((part) => part[at]!),
      { axis: 0 },
    ),
  );
}

/** What one expert has of a tensor with a leading axis of experts. */
export function memberOf(apply: Apply, value: Value, expert: number): Value {
  const [, ...own] = value.type.shape;
  const part = apply('slice', [value], {
    starts: [constant(expert), ...own.map(() => ZERO)],
    stops: [constant(expert + 1), ...own],
    steps: value.type.shape.map(() => ONE),
  });
  return apply('reshape', [part], { shape: own });
}
