/**
 * Which axes of a node's operands and results run together: what stands at position i of one depends, of the other, on
 * position i alone. It is read off the kind of the op's body; composites have to be expanded first.
 */
import { constant, equal, substitute, subtract, symbol, ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import { variable } from '../kernel/build.ts';
import type { Expr } from '../kernel/ir.ts';
import { refersTo } from '../kernel/rewrite.ts';
import { normalizeAxis } from './attributes.ts';
import type { Node, Value } from './graph.ts';
import { elementContext } from './movement.ts';
import { isOne } from './types.ts';

export interface Alignment {
  readonly operand: number;
  readonly operandAxis: number;
  readonly result: number;
  readonly axis: number;
}

export function alignedAxes(node: Node, bounds: Bounds): Alignment[] {
  const { body } = node.op;
  switch (body.kind) {
    case 'pointwise':
      return everyAxis(node, () => true);
    case 'reduction': {
      const axes = body.axes(node.attributes);
      return everyAxis(node, (axis) => !axes.includes(axis));
    }
    case 'contraction': {
      const { left, right, result } = body.labels(node.attributes);
      return [left, right].flatMap((labels, operand) =>
        labels.flatMap((label, operandAxis) =>
          result.includes(label) ? [{ operand, operandAxis, result: 0, axis: result.indexOf(label) }] : [],
        ),
      );
    }
    case 'attention':
      return attentionAxes(node);
    case 'movement':
      return movedAxes(node, bounds);
    case 'structured':
      return lineAxes(node);
    case 'composite':
    case 'fusion':
      return [];
  }
}

/** Whether what a movement gives depends on the number of a position along an axis, not only on what is read there. */
export function dependsOnPosition(node: Node, axis: number, bounds: Bounds): boolean {
  return node.op.body.kind === 'movement' && readsOf(node, bounds).numbers.has(axis);
}

/** The axes for which `runs` holds, where operand and result have one size. */
function everyAxis({ inputs, results }: Node, runs: (axis: number) => boolean): Alignment[] {
  return results.flatMap(({ type }, result) =>
    inputs.flatMap((input, operand) =>
      type.shape.flatMap((size, axis) => {
        const own = input.type.shape.length === type.shape.length ? input.type.shape[axis] : undefined;
        return own && equal(own, size) && runs(axis) ? [{ operand, operandAxis: axis, result, axis }] : [];
      }),
    ),
  );
}

/** Of ops that work line by line along their `axis`, all others. */
function lineAxes(node: Node): Alignment[] {
  const given = node.attributes['axis'];
  const axis = typeof given === 'number' ? normalizeAxis(given, node.inputs[0]!.type.shape.length) : undefined;
  return axis === undefined ? [] : everyAxis(node, (at) => at !== axis);
}

/** Batch axes and heads of all; queries of q, the mask and both results; the width of v. */
function attentionAxes({ inputs, results }: Node): Alignment[] {
  const [q, k, v, mask] = inputs as [Value, Value, Value, Value?];
  const rank = q.type.shape.length;
  return results.flatMap((_, result) => {
    const aligned = (operand: number, value: Value, axes: number): Alignment[] => {
      const added = rank - value.type.shape.length;
      return value.type.shape.flatMap((size, operandAxis) => {
        const axis = operandAxis + added;
        const runs = axis < axes && equal(size, q.type.shape[axis]!);
        return runs ? [{ operand, operandAxis, result, axis }] : [];
      });
    };
    const last = { operand: 2, operandAxis: rank - 1, result, axis: rank - 1 };
    return [
      ...aligned(0, q, rank - 1),
      ...aligned(1, k, rank - 2),
      ...aligned(2, v, rank - 2),
      ...(mask ? aligned(3, mask, rank - 1) : []),
      ...(result === 0 ? [last] : []),
    ];
  });
}

/** The places that a movement reads, and the axes whose positions it uses as numbers. */
interface Reads {
  readonly places: readonly { readonly operand: number; readonly index: readonly Dim[] }[];
  readonly numbers: ReadonlySet<number>;
}

function readsOf(node: Node, bounds: Bounds): Reads {
  const { body } = node.op;
  if (body.kind !== 'movement') throw new Error(`internal: ${node.op.name} is no movement`);
  const { shape } = node.results[0]!.type;
  const names = shape.map((_, axis) => `@${axis}`);
  const limits = new Map([
    ...bounds,
    ...shape.map((size, axis) => [names[axis]!, subtract(size, constant(1))] as const),
  ]);
  // An axis of size 1 has one position, so that one put in front of others moves none of them.
  const only = new Map(names.flatMap((name, axis) => (isOne(shape[axis]!) ? [[name, ZERO] as const] : [])));
  const places: { operand: number; index: readonly Dim[] }[] = [];
  const readers = node.inputs.map(({ type }, operand) => (index: readonly Dim[]) => {
    places.push({ operand, index: index.map((at) => substitute(at, (name) => only.get(name), limits)) });
    return variable(`@operand${operand}`, type.dtype);
  });
  const values: Expr[] = [];
  const position = (value: Expr): Dim => symbol(`@value${values.push(value)}`);
  const context = elementContext(node, limits, position);
  values.push(body.element(readers, names.map(symbol), node.attributes, context));
  const numbers = names.flatMap((name, axis) =>
    values.some((value) => refersTo(value, new Set([name]))) ? [axis] : [],
  );
  return { places, numbers: new Set(numbers) };
}

/** Axes at whose position i every read of an operand is at position i too. */
function movedAxes(node: Node, bounds: Bounds): Alignment[] {
  const { places, numbers } = readsOf(node, bounds);
  const { shape } = node.results[0]!.type;
  const taken = new Set<string>();
  return node.inputs.flatMap(({ type }, operand) => {
    const reads = places.filter((place) => place.operand === operand);
    if (reads.length === 0) return [];
    const added = node.op.name === 'expand' ? shape.length - type.shape.length : undefined;
    return type.shape.flatMap((size, operandAxis) => {
      const axis = shape.findIndex((other, at) => {
        if (!equal(other, size) || numbers.has(at) || taken.has(`${operand} ${at}`)) return false;
        // Positions in an axis of size 1 may be written as 0, whichever axis of size 1 it has become.
        if (isOne(size)) return added === undefined || at === operandAxis + added;
        return reads.every(({ index }) => equal(index[operandAxis]!, symbol(`@${at}`)));
      });
      if (axis === -1) return [];
      taken.add(`${operand} ${axis}`);
      return [{ operand, operandAxis, result: 0, axis }];
    });
  });
}
