/** Parts of tensors, and how a node computes a part of its results from parts of its operands. */
import { add, equal, multiply, ONE, subtract, ZERO, type Dim } from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import { toDim, toDims } from '../ir/attributes.ts';
import type { Attributes, Node, Value } from '../ir/graph.ts';
import { isOne } from '../ir/types.ts';

/** Indices from `start` up to, not including, `stop`. */
export interface Range {
  readonly start: Dim;
  readonly stop: Dim;
}

/** For each axis of a value the range that is meant; undefined: all of it. */
export type Part = readonly (Range | undefined)[];

/** A node as it computes a part. */
export interface PartialNode {
  /** What it computes of each result, which may be more than was wanted. */
  readonly results: readonly Part[];
  /** What it needs of each operand for that. */
  readonly operands: readonly Part[];
  readonly attributes: Attributes;
}

export function wholeOf(value: Value): Part {
  return value.type.shape.map(() => undefined);
}

export function isWhole(part: Part): boolean {
  return part.every((range) => range === undefined);
}

export function samePart(a: Part, b: Part): boolean {
  return a.every((range, axis) => {
    const other = b[axis];
    return range === other || (range && other && equal(range.start, other.start) && equal(range.stop, other.stop));
  });
}

/** The attributes of the slice that takes `part` of a value out of what has been computed of it. */
export function sliceOf(computed: { readonly value: Value; readonly part: Part }, part: Part): Attributes {
  const { shape } = computed.value.type;
  const from = (axis: number): Dim => computed.part[axis]?.start ?? ZERO;
  return {
    starts: shape.map((_, axis) => (part[axis] ? subtract(part[axis].start, from(axis)) : ZERO)),
    stops: shape.map((size, axis) => (part[axis] ? subtract(part[axis].stop, from(axis)) : size)),
    steps: shape.map(() => ONE),
  };
}

/**
 * How `node` computes the `wanted` parts of its results (undefined: nobody reads it); undefined if only as a whole. Of
 * movements it knows those by name whose attributes can be rewritten for a part.
 */
export function partialNode(node: Node, wanted: readonly (Part | undefined)[]): PartialNode | undefined {
  const { body } = node.op;
  const { attributes, inputs } = node;
  const [part] = wanted;
  switch (body.kind) {
    case 'pointwise':
      return part && { results: [part], operands: inputs.map(() => part), attributes };
    case 'reduction': {
      const axes = body.axes(attributes);
      const kept = part?.map((range, axis) => (axes.includes(axis) ? undefined : range));
      return kept && { results: [kept], operands: [kept], attributes };
    }
    case 'contraction': {
      const { left, right, result } = body.labels(attributes);
      // Offsets count all rows and all groups.
      const ragged = body.ragged?.(attributes);
      const kept = part?.map((range, axis) =>
        ragged && [ragged.rows, ragged.group].includes(result[axis]!) ? undefined : range,
      );
      const ranges = new Map(result.map((label, axis) => [label, kept?.[axis]]));
      const operands = [left, right].map((labels) => labels.map((label) => ranges.get(label)));
      return kept && { results: [kept], operands: [...operands, ...inputs.slice(2).map(wholeOf)], attributes };
    }
    case 'attention':
      return partialAttention(node, wanted, body.causal(attributes));
    case 'movement':
      return part && partialMovement(node, part);
    default:
      return undefined;
  }
}

/** Only queries can be left out. A causal one counts keys from query 0 on. */
function partialAttention(
  { inputs, attributes }: Node,
  [output, logSumExp]: readonly (Part | undefined)[],
  causal: boolean,
): PartialNode | undefined {
  const queries = output?.at(-2);
  if (!output || !queries || (logSumExp && !samePart([logSumExp.at(-1)], [queries]))) return undefined;
  if (causal && !equal(queries.start, ZERO)) return undefined;
  const [q, k, v, mask] = inputs as [Value, Value, Value, Value?];
  const at = (value: Value, fromEnd: number): Part =>
    value.type.shape.map((_, axis, shape) => (axis === shape.length - fromEnd ? queries : undefined));
  const isPerQuery = mask !== undefined && mask.type.shape.length > 1 && !isOne(mask.type.shape.at(-2)!);
  const masks = mask ? [isPerQuery ? at(mask, 2) : wholeOf(mask)] : [];
  const whole = output.map((_, axis) => (axis === output.length - 2 ? queries : undefined));
  return {
    results: [whole, whole.slice(0, -1)],
    operands: [at(q, 2), wholeOf(k), wholeOf(v), ...masks],
    attributes,
  };
}

function partialMovement(node: Node, part: Part): PartialNode | undefined {
  const [input] = node.inputs;
  const [result] = node.results;
  if (node.inputs.length !== 1) return undefined;
  const shape = result!.type.shape.map((size, axis) => sizeOf(part[axis], size));
  const { attributes } = node;
  switch (node.op.name) {
    case 'slice': {
      const { starts, stops, steps } = attributes as Record<'starts' | 'stops' | 'steps', readonly (Dim | number)[]>;
      if (toDims(steps).some((step) => !equal(step, ONE))) return undefined;
      const operand = input!.type.shape.map((size, axis): Range | undefined => {
        const [from, to] = [toDim(starts[axis]!), toDim(stops[axis]!)];
        const range = part[axis] ? shifted(part[axis], from) : { start: from, stop: to };
        return equal(range.start, ZERO) && equal(range.stop, size) ? undefined : range;
      });
      const whole = { starts: shape.map(() => ZERO), stops: shape, steps: shape.map(() => ONE) };
      return { results: [part], operands: [operand], attributes: whole };
    }
    case 'transpose': {
      const permutation = permutationOf(attributes['permutation'] as number | readonly number[] | null, shape.length);
      const operand = shape.map((_, axis) => part[permutation.indexOf(axis)]);
      return { results: [part], operands: [operand], attributes };
    }
    case 'expand': {
      const own = input!.type.shape;
      const added = shape.length - own.length;
      const operand = own.map((size, axis) => (isOne(size) ? undefined : part[axis + added]));
      return { results: [part], operands: [operand], attributes: { shape, axis: null, size: null } };
    }
    case 'reshape': {
      const operand = throughReshape(result!.type.shape, input!.type.shape, part);
      return operand && { results: [part], operands: [operand], attributes: { ...attributes, shape } };
    }
    default:
      return undefined;
  }
}

function sizeOf(range: Range | undefined, size: Dim): Dim {
  return range ? subtract(range.stop, range.start) : size;
}

function shifted({ start, stop }: Range, by: Dim): Range {
  return { start: add(start, by), stop: add(stop, by) };
}

function permutationOf(permutation: number | readonly number[] | null, rank: number): readonly number[] {
  if (permutation === null) return Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  return [permutation].flat().map((axis) => (axis < 0 ? axis + rank : axis));
}

/** The operand's part, where each axis that is cut is an axis of the operand as well, with as many elements before it. */
function throughReshape(shape: Shape, own: Shape, part: Part): Part | undefined {
  const before = productsBefore(own);
  const operand: (Range | undefined)[] = own.map(() => undefined);
  const outer = productsBefore(shape);
  for (const [axis, range] of part.entries()) {
    if (!range) continue;
    const found = own.findIndex((size, at) => equal(size, shape[axis]!) && equal(before[at]!, outer[axis]!));
    if (found === -1) return undefined;
    operand[found] = range;
  }
  return operand;
}

function productsBefore(shape: Shape): Dim[] {
  let product = ONE;
  return shape.map((size) => {
    const before = product;
    product = multiply(product, size);
    return before;
  });
}
