/** How much arithmetic a graph asks for, read off the bodies of its ops. */
import { add, exactly, minimum, multiply, product, scale, ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import { isRegion } from './attributes.ts';
import { Builder } from './builder.ts';
import { fusionOf } from './fusion.ts';
import type { Attributes, Node, Region, Value } from './graph.ts';
import type { ContractionBody, OpTable } from './op.ts';

/**
 * The multiplications of all sums of products in `nodes`, each with its addition: for a contraction the product of the
 * sizes of its labels, where each row is in one group if they are grouped, for attention those of both its products with
 * what is masked, for a composite that of its definition. Everything else counts nothing, as is usual. Undefined when the
 * number is beyond 2^53.
 */
export function multiplyAdds(nodes: readonly Node[], ops: OpTable, bounds: Bounds): Dim | undefined {
  return exactly(() => sum(nodes, ops, bounds));
}

function sum(nodes: readonly Node[], ops: OpTable, bounds: Bounds): Dim {
  return add(...nodes.map((node) => ofNode(node, ops, bounds)));
}

function ofNode({ op, inputs, attributes }: Node, ops: OpTable, bounds: Bounds): Dim {
  const { body } = op;
  switch (body.kind) {
    case 'pointwise':
    case 'movement':
    case 'reduction':
    case 'structured':
      return ZERO;
    case 'contraction':
      return ofContraction(body, inputs, attributes);
    case 'attention':
      return ofAttention(inputs);
    case 'composite': {
      const builder = new Builder(ops, bounds);
      body.expand(builder, inputs, attributes);
      return sum(builder.nodes, ops, bounds);
    }
    case 'fusion':
      return add(
        ...Object.values(attributes).map((region) => (isRegion(region) ? sum(region.nodes, ops, bounds) : ZERO)),
      );
  }
}

function ofContraction(body: ContractionBody<Attributes>, [a, b]: Node['inputs'], attributes: Attributes): Dim {
  const { left, right } = body.labels(attributes);
  const sizes = new Map<string, Dim>();
  left.forEach((label, axis) => sizes.set(label, a!.type.shape[axis]!));
  right.forEach((label, axis) => sizes.set(label, b!.type.shape[axis]!));
  // Each row is in one group.
  const ragged = body.ragged?.(attributes);
  if (ragged) sizes.delete(ragged.group);
  return scale(product([...sizes.values()]), body.arithmetic.numbers);
}

/** Scores over [..b, h, i, j] from rows of e, and their products with rows of f. */
function ofAttention([query, key, value]: Node['inputs']): Dim {
  const rows = product(query!.type.shape.slice(0, -1));
  return multiply(rows, key!.type.shape.at(-2)!, add(query!.type.shape.at(-1)!, value!.type.shape.at(-1)!));
}

/**
 * Floating-point operations of primitive `nodes`, those of fused regions included: two for each multiply-add, and one for
 * each element that a pointwise op makes or a reduction takes in. Undefined when the number is beyond 2^53.
 */
export function operations(nodes: readonly Node[], ops: OpTable, bounds: Bounds): Dim | undefined {
  return exactly(() => add(scale(sum(nodes, ops, bounds), 2), ...nodes.map(elementwise)));
}

function elementwise({ op, inputs, attributes, results }: Node): Dim {
  switch (op.body.kind) {
    case 'pointwise':
      return add(
        ZERO,
        ...results.filter(({ type }) => type.dtype === 'f32').map(({ type }) => elementCount(type.shape)),
      );
    case 'reduction':
      return add(
        ZERO,
        ...inputs.filter(({ type }) => type.dtype === 'f32').map(({ type }) => elementCount(type.shape)),
      );
    case 'fusion':
      return add(
        ZERO,
        ...Object.values(attributes).flatMap((region) => (isRegion(region) ? region.nodes.map(elementwise) : [])),
      );
    case 'movement':
    case 'contraction':
    case 'attention':
    case 'structured':
    case 'composite':
      return ZERO;
  }
}

/** Of what is only read through movements, such as a table of which rows are gathered, no more than those take. */
export function elementsRead(region: Region, value: Value, bounds: Bounds): Dim {
  const size = elementCount(value.type.shape);
  const readers = region.nodes.filter(({ inputs }) => inputs.includes(value));
  if (region.results.includes(value) || !readers.every(({ op }) => op.body.kind === 'movement')) return size;
  const taken = readers.flatMap(({ results }) => results.map((result) => elementsRead(region, result, bounds)));
  return taken.length === 0 ? size : minimum(size, add(...taken), bounds);
}

/**
 * Elements that kernels read and write, everything once for each kernel: the operands and results of `nodes`, which are fused.
 * Undefined when the number is beyond 2^53.
 */
export function elementsMoved(nodes: readonly Node[], bounds: Bounds): Dim | undefined {
  return exactly(() => add(ZERO, ...nodes.flatMap((node) => operandsOf(node, bounds)), ...nodes.flatMap(resultsOf)));
}

function operandsOf(node: Node, bounds: Bounds): Dim[] {
  const region = fusionOf(node)?.body;
  return node.inputs.map((value, at) =>
    region ? elementsRead(region, region.parameters[at]!, bounds) : elementCount(value.type.shape),
  );
}

function resultsOf({ results }: Node): Dim[] {
  return results.map(({ type }) => elementCount(type.shape));
}
