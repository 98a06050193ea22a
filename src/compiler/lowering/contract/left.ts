/**
 * How a product reads its left operand: where it lies, if its elements are loads a fixed step apart in loops over the
 * summed axes. Its rows may lie anywhere, as the windows of a convolution do. It must not know what a tile is.
 */
import {
  add,
  affineIn,
  constantValue,
  substitute,
  subtract,
  symbol,
  symbolsOf,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { position } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { KernelContext } from '../kernel-context.ts';
import { openScope } from '../reader.ts';
import { sizesOf, type Contraction, type LabelledAxis } from './axes.ts';
import { operandReader, readLeft } from './pack.ts';

/** The contraction with loops in which its left operand may be read where it lies; undefined if there are none. */
export function readInPlace(contraction: Contraction, bounds: Bounds): Contraction | undefined {
  const nested = bySize(contraction.axes.summed);
  const axes = { ...contraction.axes, summed: nested };
  return [contraction, { ...contraction, axes, loops: nested.map((axis) => [axis]) }].find((candidate) =>
    isReadable(candidate, bounds),
  );
}

/** The largest last, so that the innermost loop runs long. */
function bySize(axes: readonly LabelledAxis[]): LabelledAxis[] {
  const sizeOf = ({ size }: LabelledAxis): number => constantValue(size) ?? Number.MAX_SAFE_INTEGER;
  return axes.toSorted((a, b) => sizeOf(a) - sizeOf(b));
}

function isReadable(contraction: Contraction, bounds: Bounds): boolean {
  const { axes, loops, region, left } = contraction;
  const context = new KernelContext(bounds);
  const { reader } = operandReader(region, left, context);
  const [batch, row] = [axes.batch, axes.rows].map((group) => context.counter('n', elementCount(sizesOf(group))));
  const counters = loops.map((loop) => context.counter('k', elementCount(sizesOf(loop))));
  const place = { batch: batch!.at, row: row!.at, summed: counters.map((counter) => counter.at) };
  const scope = openScope();
  const element = readLeft(contraction, reader, place, scope, context);
  if (element.kind !== 'load' || element.type !== 'f32') return false;
  if (counters.some(({ name }) => !hasFixedStep(element.index, name))) return false;
  // Rows that lie anywhere are named before the loops, where nothing has been bound yet.
  return affineIn(element.index, row!.name) !== undefined || scope.statements.length === 0;
}

/** Whether a counter moves an index by the same step wherever the other counters stand. */
function hasFixedStep(index: Dim, counter: string): boolean {
  const affine = affineIn(index, counter);
  return affine !== undefined && !symbolsOf(affine.coefficient).some((name) => name.startsWith('$'));
}

/**
 * The elements of some rows inside the loops that `counted` count. Rows that are not a fixed step apart as `row` moves,
 * such as pixels that go on in the next line of an image, have the places where they begin worked out `before` the
 * loops; rows a constant apart share one.
 */
export function anchorRows(
  elements: readonly Expr[],
  row: Dim,
  counted: ReadonlySet<string>,
  context: KernelContext,
): { readonly before: readonly Statement[]; readonly rows: readonly Expr[] } {
  const names = symbolsOf(row);
  const isStepped = (index: Dim): boolean => names.every((name) => affineIn(index, name) !== undefined);
  if (elements.every((element) => element.kind !== 'load' || isStepped(element.index)))
    return { before: [], rows: elements };
  const before: Statement[] = [];
  const anchors: { readonly start: Dim; readonly at: Dim }[] = [];
  const rows = elements.map((element) => {
    if (element.kind !== 'load') throw new Error('internal: a row that is read in place is no load');
    const start = substitute(element.index, (name) => (counted.has(name) ? ZERO : undefined), context.bounds);
    let anchor = anchors.find((one) => constantValue(subtract(start, one.start)) !== undefined);
    if (!anchor) {
      const name = context.fresh('row');
      before.push({ kind: 'let', name, value: position(start) });
      anchors.push((anchor = { start, at: symbol(name) }));
    }
    const index = add(anchor.at, subtract(start, anchor.start), subtract(element.index, start));
    return { ...element, index };
  });
  return { before, rows };
}
