/**
 * Long reductions of few rows, such as a loss or a norm of all elements, in two kernels: workgroups reduce a part of a row
 * each, and then the parts are reduced as rows are, with what follows. So the device is full, and the order of additions is
 * the same on every run.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  minimum,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { delinearize, elementCount, linearize, sameShape, type Shape } from '../../dims/shape.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import { variable } from '../../kernel/build.ts';
import type { Kernel, Statement } from '../../kernel/ir.ts';
import type { Target } from '../../kernel/target.ts';
import { gridOver, wholeLoop } from '../loops.ts';
import type { BufferUse, LoweredKernel } from '../lowered-kernel.ts';
import { openScope } from '../reader.ts';
import { reductionsOf, RowRegion } from '../row-region.ts';
import { lowerRows } from '../rows.ts';
import { shareLoops } from './share-loops.ts';

/** Elements of a part: some for each of 256 invocations. */
const PART = 4096;
/** Elements from which a row has parts: so many, or where only a run knows, a multiple of so many. */
const LONG = { known: 16_384, multiple: 256 };
/** Rows up to which the device would not be full. */
const FEW_ROWS = 16;

/** The two kernels of a region of rows; undefined where one is enough, or its reductions depend on each other. */
export function lowerInParts(region: Region, target: Target, bounds: Bounds): readonly LoweredKernel[] | undefined {
  const all = reductionsOf(region);
  if (!target.workgroups || all.some(({ pass }) => pass > 1)) return undefined;
  const ends = all.map(({ node }) => node.results[0]!);
  const rows = new RowRegion(behind(region, ends, new Map()), bounds, []);
  const count = elementCount(rows.reducedShape);
  const kept = rows.domain.map((size, axis) => (rows.axes.has(axis) ? ONE : size));
  const isFew = (constantValue(elementCount(kept)) ?? Infinity) <= FEW_ROWS;
  const isWide = region.results.some((result) => sameShape(result.type.shape, rows.domain));
  if (!isFew || isWide || !isLong(count)) return undefined;
  const axis = Math.min(...rows.axes);
  const divided = kept.with(axis, floorDiv(add(count, constant(PART - 1)), constant(PART), bounds));
  const sums = all.map(({ node }, at): Value => {
    const type = { dtype: node.results[0]!.type.dtype, shape: divided };
    return { id: freshId(region) + at, type };
  });
  const scratch = new Map(sums.map((sum) => [sum, { type: sum.type.dtype, size: elementCount(divided) }] as const));
  const use = (value: Value): BufferUse => {
    const own = scratch.get(value);
    return own ? { kind: 'scratch', scratch: own } : { kind: 'value', value };
  };
  const last = behind(region, region.results, new Map(all.map(({ node }, at) => [node, fold(node, sums[at]!, axis)])));
  return [
    {
      kernel: shareLoops(partialKernel(rows, count, divided, axis), target),
      buffers: [...rows.region.parameters, ...sums].map(use),
    },
    { kernel: lowerRows(last, 'rows', target, bounds), buffers: [...last.parameters, ...last.results].map(use) },
  ];
}

function freshId({ parameters, nodes }: Region): number {
  return 1 + Math.max(...[...parameters, ...nodes.flatMap(({ results }) => results)].map(({ id }) => id));
}

/** The reduction of its parts. */
function fold(node: Node, parts: Value, axis: number): Node {
  return { ...node, inputs: [parts], attributes: { ...node.attributes, axes: [axis] } };
}

/** What of the region is needed for `results`, with other nodes in place of some. */
function behind(region: Region, results: readonly Value[], instead: ReadonlyMap<Node, Node>): Region {
  const needed = new Set(results);
  const nodes: Node[] = [];
  for (const original of region.nodes.toReversed()) {
    if (!original.results.some((result) => needed.has(result))) continue;
    const node = instead.get(original) ?? original;
    nodes.unshift(node);
    for (const input of node.inputs) needed.add(input);
  }
  const made = new Set(nodes.flatMap((node) => node.results));
  const parameters = [...needed].filter((value) => !made.has(value));
  return { parameters, nodes, results };
}

function isLong(count: Dim): boolean {
  const known = constantValue(count);
  if (known !== undefined) return known >= LONG.known;
  return count.terms.every(({ coefficient }) => coefficient >= LONG.multiple);
}

/** What each part comes to, for every reduction; one point of the grid for each. */
function partialKernel(rows: RowRegion, count: Dim, divided: Shape, axis: number): Kernel {
  const { context, reducedShape, reductions } = rows;
  const slots = reductions.map(({ node }) => context.buffer(node.results[0]!.type.dtype, 'write'));
  const { grid, index } = gridOver(context, divided);
  const start = multiply(constant(PART), index[axis]!);
  const length = minimum(constant(PART), subtract(count, start), context.bounds);
  const scope = openScope();
  const row = { kept: index.with(axis, ZERO), held: new Map() };
  const accumulators = rows.declare(reductions, scope.statements);
  const loop = wholeLoop(context, length, (offset) => {
    const inner = openScope(scope);
    const reduced = delinearize(add(start, offset), reducedShape, context.bounds);
    rows.accumulate(row, reduced, reductions, accumulators, inner, undefined);
    return inner.statements;
  });
  const stores = reductions.map(({ node }, at): Statement => {
    const value = variable(accumulators[at]!, node.results[0]!.type.dtype);
    return { kind: 'store', buffer: slots[at]!.name, index: linearize(index, divided), value };
  });
  return context.finish('parts', grid, [...scope.statements, ...loop.body, ...stores]);
}
