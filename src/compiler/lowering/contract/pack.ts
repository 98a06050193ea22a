/** Kernels that put the operands of a product into the order the product reads them in. */
import { add, constant, multiply, type Bounds, type Dim } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import type { Region, Value } from '../../ir/graph.ts';
import { compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import type { Tile } from '../../kernel/target.ts';
import { KernelContext } from '../kernel-context.ts';
import type { BufferUse, LoweredKernel, Scratch } from '../lowered-kernel.ts';
import { openScope, RegionReader, type ReadScope } from '../reader.ts';
import { indexOfLabels, labelPositions, panelCount, sizesOf, type Contraction } from './axes.ts';

export interface Packed {
  readonly lowered: LoweredKernel;
  readonly scratch: Scratch;
}

/** A reader of one operand that loads from the region's parameters, and the buffers it has taken. */
export function operandReader(
  region: Region,
  operand: { readonly value: Value },
  context: KernelContext,
): { reader: RegionReader; uses: BufferUse[] } {
  const reader = new RegionReader(region, context);
  const uses: BufferUse[] = [];
  for (const parameter of parametersBehind(region, operand.value)) {
    reader.loadFrom(context.buffer(parameter.type.dtype, 'read'), parameter);
    uses.push({ kind: 'value', value: parameter });
  }
  return { reader, uses };
}

/** The parameters of a region that a value is computed from, in the region's order. */
export function parametersBehind(region: Region, value: Value): Value[] {
  const needed = new Set([value]);
  for (const node of region.nodes.toReversed()) {
    if (node.results.some((result) => needed.has(result))) node.inputs.forEach((input) => needed.add(input));
  }
  return region.parameters.filter((parameter) => needed.has(parameter));
}

/** The right operand as `[batch][panel][summed][column in panel]`; columns beyond the last are zero. */
export function packPanels(contraction: Contraction, tile: Tile, name: string, bounds: Bounds): Packed {
  const { axes, right, region } = contraction;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, right, context);
  const output = context.buffer('f32', 'write');
  const [batches, columns, depth] = [axes.batch, axes.columns, axes.summed].map((group) =>
    elementCount(sizesOf(group)),
  ) as [Dim, Dim, Dim];
  const [panels, width] = [panelCount(contraction, tile), constant(tile.columns)];

  const batch = context.counter('g', batches);
  const panel = context.counter('p', panels);
  const k = context.counter('k', depth);
  const j = context.counter('j', width);
  const column = add(multiply(panel.at, width), j.at);
  if (isMultiple(columns, tile.columns)) context.bounds.set(panel.name, add(panels, constant(-1)));
  const positions = labelPositions(
    [
      { axes: axes.batch, at: batch.at },
      { axes: axes.columns, at: column },
      { axes: axes.summed, at: k.at },
    ],
    context.bounds,
  );
  const index = indexOfLabels(right.labels, positions);
  const scope = openScope();
  const value = isMultiple(columns, tile.columns)
    ? reader.read(right.value, index, scope)
    : select(
        compare('lt', position(column), position(columns)),
        reader.readGuarded(right.value, index, scope),
        literal(0),
      );
  const place = [panels, depth, width].reduce(
    (at, size, axis) => add(multiply(at, size), [panel.at, k.at, j.at][axis]!),
    batch.at,
  );
  scope.statements.push({ kind: 'store', buffer: output.name, index: place, value });
  const grid = [
    { variable: batch.name, extent: batches },
    { variable: panel.name, extent: panels },
  ];
  const kernel = context.finish(name, grid, [
    {
      kind: 'loop',
      variable: k.name,
      extent: depth,
      mode: 'serial',
      body: [{ kind: 'loop', variable: j.name, extent: width, mode: 'vector', body: scope.statements }],
    },
  ]);
  const scratch = { size: multiply(batches, panels, depth, width) };
  return { scratch, lowered: { kernel, buffers: [...uses, { kind: 'scratch', scratch }] } };
}

/** The left operand as `[batch][row][summed]`. */
export function packRows(contraction: Contraction, name: string, bounds: Bounds): Packed {
  const { axes, region } = contraction;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, contraction.left, context);
  const output = context.buffer('f32', 'write');
  const [batches, rows, depth] = [axes.batch, axes.rows, axes.summed].map((group) => elementCount(sizesOf(group))) as [
    Dim,
    Dim,
    Dim,
  ];
  const batch = context.counter('g', batches);
  const row = context.counter('m', rows);
  const k = context.counter('k', depth);
  const scope = openScope();
  const value = readLeft(contraction, reader, { batch: batch.at, row: row.at, summed: [k.at] }, scope, context);
  const place = add(multiply(add(multiply(batch.at, rows), row.at), depth), k.at);
  scope.statements.push({ kind: 'store', buffer: output.name, index: place, value });
  const grid = [
    { variable: batch.name, extent: batches },
    { variable: row.name, extent: rows },
  ];
  const kernel = context.finish(name, grid, [
    { kind: 'loop', variable: k.name, extent: depth, mode: 'vector', body: scope.statements },
  ]);
  const scratch = { size: multiply(batches, rows, depth) };
  return { scratch, lowered: { kernel, buffers: [...uses, { kind: 'scratch', scratch }] } };
}

/** Where the counters of a product stand; `summed` has one for each of the contraction's loops. */
export interface LeftPlace {
  readonly batch: Dim;
  readonly row: Dim;
  readonly summed: readonly Dim[];
}

/** The left operand's element at a place. */
export function readLeft(
  contraction: Contraction,
  reader: RegionReader,
  at: LeftPlace,
  scope: ReadScope,
  context: KernelContext,
): Expr {
  const { axes, left, loops } = contraction;
  const positions = labelPositions(
    [
      { axes: axes.batch, at: at.batch },
      { axes: axes.rows, at: at.row },
      ...loops.map((loop, place) => ({ axes: loop, at: at.summed[place]! })),
    ],
    context.bounds,
  );
  // Unbound, so that a load stays a load, whoever else uses the value.
  return reader.readGuarded(left.value, indexOfLabels(left.labels, positions), scope);
}

/** Whether a size is a multiple of a number for all values of its symbols. */
export function isMultiple(dim: Dim, of: number): boolean {
  return dim.terms.every((term) => term.coefficient % of === 0);
}
