/** Kernels that put the operands of a product into the order the product reads them in. */
import {
  add,
  affineIn,
  constant,
  constantValue,
  floorDiv,
  minimum,
  multiply,
  subtract,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import type { Region, Value } from '../../ir/graph.ts';
import { compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr, GridAxis, LoopMode, Statement } from '../../kernel/ir.ts';
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

/** Panels and summed positions that a grid point packs where columns are neighbours: whole cache lines of few pages. */
const PANELS = 8;
const DEPTH = 128;
/** Neighbours that are copied at once. */
const COPIED = 4;

/** The right operand as `[batch][panel][summed][column in panel]`; columns beyond the last are zero. */
export function packPanels(contraction: Contraction, tile: Tile, name: string, bounds: Bounds): Packed {
  const { axes, region, right, arithmetic } = contraction;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, right, context);
  const output = context.buffer(arithmetic.operand, 'write');
  const [batches, depth] = [elementCount(sizesOf(axes.rightBatch)), elementCount(sizesOf(axes.summed))];
  const [panels, width] = [panelCount(contraction, tile), constant(tile.columns)];
  const batch = context.counter('g', batches);
  const pack = (panel: Dim, k: Dim): Statement => {
    const part = context.counter('v', constant(tile.columns / COPIED));
    const j = context.counter('j', constant(COPIED));
    const place = { batch: batch.at, panel, k, column: add(multiply(part.at, constant(COPIED)), j.at) };
    const scope = openScope();
    const value = readRight(contraction, reader, place, tile, scope, context);
    const row = add(multiply(add(multiply(batch.at, panels), panel), depth), k);
    const index = add(multiply(row, width), place.column);
    scope.statements.push({ kind: 'store', buffer: output.name, index, value });
    const across = loopOver(j, constant(COPIED), scope.statements, 'vector');
    return loopOver(part, constant(tile.columns / COPIED), [across], 'unrolled');
  };
  const p = pieces(context, 'p', panels, columnsAreNeighbours(contraction, bounds) ? PANELS : 1);
  const k = pieces(context, 'k', depth, columnsAreNeighbours(contraction, bounds) ? DEPTH : undefined);
  const body = k.loop([p.loop([pack(p.at, k.at)])]);
  const kernel = context.finish(name, [{ variable: batch.name, extent: batches }, ...p.grid, ...k.grid], [body]);
  const scratch = { type: arithmetic.operand, size: multiply(batches, panels, depth, width) };
  return { scratch, lowered: { kernel, buffers: [...uses, { kind: 'scratch', scratch }] } };
}

/** Where an element of a panel stands. */
interface PanelPlace {
  readonly batch: Dim;
  readonly panel: Dim;
  readonly k: Dim;
  readonly column: Dim;
}

function readRight(
  contraction: Contraction,
  reader: RegionReader,
  { batch, panel, k, column: inPanel }: PanelPlace,
  tile: Tile,
  scope: ReadScope,
  context: KernelContext,
): Expr {
  const { axes, right, arithmetic } = contraction;
  const columns = elementCount(sizesOf(axes.columns));
  const column = add(multiply(panel, constant(tile.columns)), inPanel);
  const positions = labelPositions(
    [
      { axes: axes.rightBatch, at: batch },
      { axes: axes.columns, at: column },
      { axes: axes.summed, at: k },
    ],
    context.bounds,
  );
  const index = indexOfLabels(right.labels, positions);
  if (isMultiple(columns, tile.columns)) return reader.read(right.value, index, scope);
  return select(
    compare('lt', position(column), position(columns)),
    reader.readGuarded(right.value, index, scope),
    literal(0, arithmetic.operand),
  );
}

/** Whether the right operand is stored by rows of columns. */
function columnsAreNeighbours(contraction: Contraction, bounds: Bounds): boolean {
  const { axes, region, right } = contraction;
  const context = new KernelContext(bounds);
  const { reader } = operandReader(region, right, context);
  const [batch, column, k] = [axes.rightBatch, axes.columns, axes.summed].map((group) =>
    context.counter('n', elementCount(sizesOf(group))),
  );
  const positions = labelPositions(
    [
      { axes: axes.rightBatch, at: batch!.at },
      { axes: axes.columns, at: column!.at },
      { axes: axes.summed, at: k!.at },
    ],
    context.bounds,
  );
  const element = reader.readGuarded(right.value, indexOfLabels(right.labels, positions), openScope());
  return element.kind === 'load' && isStep(affineIn(element.index, column!.name)?.coefficient, 1);
}

/** The left operand as `[batch][row][summed]`. */
export function packRows(contraction: Contraction, name: string, bounds: Bounds): Packed {
  const { axes, region, arithmetic } = contraction;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, contraction.left, context);
  const output = context.buffer(arithmetic.operand, 'write');
  const [batches, rows, depth] = [axes.batch, axes.rows, axes.summed].map((group) => elementCount(sizesOf(group))) as [
    Dim,
    Dim,
    Dim,
  ];
  const [batch, row, k] = [context.counter('g', batches), context.counter('m', rows), context.counter('k', depth)];
  const scope = openScope();
  const value = readLeft(contraction, reader, { batch: batch.at, row: row.at, summed: [k.at] }, scope, context);
  const index = add(multiply(add(multiply(batch.at, rows), row.at), depth), k.at);
  scope.statements.push({ kind: 'store', buffer: output.name, index, value });
  const grid = [
    { variable: batch.name, extent: batches },
    { variable: row.name, extent: rows },
  ];
  const kernel = context.finish(name, grid, [loopOver(k, depth, scope.statements, 'vector')]);
  const scratch = { type: arithmetic.operand, size: multiply(batches, rows, depth) };
  return { scratch, lowered: { kernel, buffers: [...uses, { kind: 'scratch', scratch }] } };
}

interface Counter {
  readonly name: string;
  readonly at: Dim;
}

function loopOver({ name }: Counter, extent: Dim, body: readonly Statement[], mode: LoopMode): Statement {
  return { kind: 'loop', variable: name, extent, mode, body };
}

/** Positions that are cut into pieces: the axis of the grid that counts those, and the loop over one. */
interface Pieces {
  readonly grid: readonly GridAxis[];
  readonly at: Dim;
  loop(body: readonly Statement[], mode?: LoopMode): Statement;
}

/** `count` positions in pieces of `size`; in one if none is given. */
export function pieces(context: KernelContext, prefix: string, count: Dim, size?: number): Pieces {
  const known = constantValue(count);
  if (size === undefined || (known !== undefined && known <= size)) {
    const inner = context.counter(prefix, count);
    return { grid: [], at: inner.at, loop: (body, mode = 'serial') => loopOver(inner, count, body, mode) };
  }
  const extent = floorDiv(add(count, constant(size - 1)), constant(size));
  const piece = context.counter(prefix, extent);
  const inner = context.counter(prefix, constant(size));
  const first = multiply(piece.at, constant(size));
  const length = isMultiple(count, size) ? constant(size) : minimum(constant(size), subtract(count, first));
  return {
    grid: [{ variable: piece.name, extent }],
    at: add(first, inner.at),
    loop: (body, mode = 'serial') => loopOver(inner, length, body, mode),
  };
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

/** Whether a step between elements is known to be a number. */
export function isStep(step: Dim | undefined, of: number): boolean {
  return step !== undefined && constantValue(step) === of;
}

/** Whether a size is a multiple of a number for all values of its symbols. */
export function isMultiple(dim: Dim, of: number): boolean {
  return dim.terms.every((term) => term.coefficient % of === 0);
}
