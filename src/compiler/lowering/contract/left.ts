/**
 * How a product reads its left operand: where it lies, if its elements are loads a fixed step apart in loops over the
 * summed axes. Its rows may lie anywhere, as the windows of a convolution do. It must not know what a tile is.
 */
import {
  add,
  affineIn,
  constantValue,
  equal,
  subtract,
  symbol,
  symbolsOf,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { position } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { KernelContext } from '../kernel-context.ts';
import { openScope, type ReadScope } from '../reader.ts';
import { sizesOf, type Contraction, type LabelledAxis } from './axes.ts';
import { isStep, operandReader, parametersBehind, readLeft } from './pack.ts';

/** The contraction with loops in which its left operand may be read where it lies; undefined if there are none. */
export function readInPlace(contraction: Contraction, bounds: Bounds): Contraction | undefined {
  const nested = bySize(contraction.axes.summed);
  const axes = { ...contraction.axes, summed: nested };
  // A group is a stretch of all summed axes as one.
  const isOne = contraction.grouping?.of === 'summed';
  const others = isOne ? [] : [{ ...contraction, axes, loops: nested.map((axis) => [axis]) }];
  return [contraction, ...others].find((candidate) => isReadable(candidate, bounds));
}

/** The largest last, so that the innermost loop runs long. */
function bySize(axes: readonly LabelledAxis[]): LabelledAxis[] {
  const sizeOf = ({ size }: LabelledAxis): number => constantValue(size) ?? Number.MAX_SAFE_INTEGER;
  return axes.toSorted((a, b) => sizeOf(a) - sizeOf(b));
}

/** Columns below which the sums over a row do not make up for copying it. */
const FEW_COLUMNS = 96;

/**
 * Whether the left operand is better copied into tiles than read in place, as in the product of a transposed matrix:
 * neighbouring rows are neighbours in memory, so that every step along the summed axis goes to another page. Where
 * elements are read more than once, as by windows, they would be stored more than once.
 */
export function isTransposed(contraction: Contraction, bounds: Bounds): boolean {
  const columns = constantValue(elementCount(sizesOf(contraction.axes.columns)));
  if (columns === undefined || columns < FEW_COLUMNS) return false;
  const { axes, region, left } = contraction;
  const context = new KernelContext(bounds);
  const { element, row, counters } = symbolicLeft({ ...contraction, loops: [axes.summed] }, context);
  const isWhole = parametersBehind(region, left.value).some((value) =>
    equal(elementCount(value.type.shape), elementCount(left.value.type.shape)),
  );
  if (!isWhole || element.kind !== 'load') return false;
  return isStep(affineIn(element.index, row)?.coefficient, 1) && hasFixedStep(element.index, counters[0]!);
}

/** Whether the rows of a left operand that is read in place are a fixed step apart. */
export function hasSteadyRows(contraction: Contraction, bounds: Bounds): boolean {
  const { element, row } = symbolicLeft(contraction, new KernelContext(bounds));
  return element.kind === 'load' && affineIn(element.index, row) !== undefined;
}

function isReadable(contraction: Contraction, bounds: Bounds): boolean {
  const context = new KernelContext(bounds);
  const { element, scope, row, counters } = symbolicLeft(contraction, context);
  if (element.kind !== 'load' || element.type !== contraction.arithmetic.operand) return false;
  if (counters.some((name) => !hasFixedStep(element.index, name))) return false;
  // Rows that lie anywhere are named before the loops, where nothing has been bound yet.
  return affineIn(element.index, row) !== undefined || scope.statements.length === 0;
}

/** The left element where nothing is known of its place, with the names of the row's and the summed loops' counters. */
function symbolicLeft(
  contraction: Contraction,
  context: KernelContext,
): { readonly element: Expr; readonly scope: ReadScope; readonly row: string; readonly counters: readonly string[] } {
  const { axes, loops, region, left } = contraction;
  const { reader } = operandReader(region, left, context);
  const [batch, row] = [axes.batch, axes.rows].map((group) => context.counter('n', elementCount(sizesOf(group))));
  const counters = loops.map((loop) => context.counter('k', elementCount(sizesOf(loop))));
  const place = { batch: batch!.at, row: row!.at, summed: counters.map((counter) => counter.at) };
  const scope = openScope();
  const element = readLeft(contraction, reader, place, scope, context);
  return { element, scope, row: row!.name, counters: counters.map(({ name }) => name) };
}

/** Whether a counter moves an index by the same step wherever the other counters stand. */
function hasFixedStep(index: Dim, counter: string): boolean {
  const affine = affineIn(index, counter);
  return affine !== undefined && !symbolsOf(affine.coefficient).some((name) => name.startsWith('$'));
}

/** How the elements of some rows are reached in the loops over the summed axes. */
export interface RowAnchors {
  /** Names the places where the rows begin, if that pays. */
  readonly before: readonly Statement[];
  /** An element of the row of that number. */
  place(this: void, element: Expr, row: number): Expr;
}

/**
 * Rows that are not a fixed step apart as what `names` count moves, such as pixels that go on in the next line of an image,
 * have the places of their `first` elements worked out before the loops; rows a constant apart share one.
 */
export function anchorRows(first: readonly Expr[], names: ReadonlySet<string>, context: KernelContext): RowAnchors {
  const isStepped = (index: Dim): boolean => [...names].every((name) => affineIn(index, name) !== undefined);
  if (first.every((element) => element.kind !== 'load' || isStepped(element.index)))
    return { before: [], place: (element) => element };
  const before: Statement[] = [];
  const anchors: { readonly start: Dim; readonly at: Dim }[] = [];
  const rows = first.map((element) => {
    const start = placeOf(element);
    let anchor = anchors.find((one) => constantValue(subtract(start, one.start)) !== undefined);
    if (!anchor) {
      const name = context.fresh('row');
      before.push({ kind: 'let', name, value: position(start) });
      anchors.push((anchor = { start, at: symbol(name) }));
    }
    return anchor;
  });
  return {
    before,
    place: (element, row) => {
      const { start, at } = rows[row]!;
      return element.kind === 'load' ? { ...element, index: add(at, subtract(element.index, start)) } : element;
    },
  };
}

function placeOf(element: Expr): Dim {
  if (element.kind !== 'load') throw new Error('internal: a row that is read in place is no load');
  return element.index;
}
