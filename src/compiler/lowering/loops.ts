/** Loop nests over shapes: which axes become the grid, which the vector loop. */
import {
  add,
  affineIn,
  constant,
  constantValue,
  floorDiv,
  minimum,
  multiply,
  subtract,
  symbolsOf,
  ZERO,
  type Dim,
} from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import type { GridAxis, Statement } from '../kernel/ir.ts';
import { dimOf, forEachIndex, forEachStatement, valueOf } from '../kernel/rewrite.ts';
import type { KernelContext } from './kernel-context.ts';

/** A run over all positions of a list of axes as one counter. */
export interface Nest {
  readonly grid: readonly GridAxis[];
  readonly body: readonly Statement[];
}

/**
 * Elements of one grid point of a flat loop: long enough that entering it costs nothing, short enough that a large
 * tensor has points to share out.
 */
const CHUNK = 4096;

/** One vector loop over `count` positions, cut into chunks. `write` makes the statements of one position. */
export function chunkedLoop(
  context: KernelContext,
  count: Dim,
  write: (at: Dim) => readonly Statement[],
  size = CHUNK,
): Nest {
  const total = constantValue(count);
  if (total !== undefined && total <= size) return wholeLoop(context, count, write);
  const chunks = floorDiv(add(count, constant(size - 1)), constant(size));
  const chunk = context.counter('c', chunks);
  const start = multiply(chunk.at, constant(size));
  const extent = minimum(constant(size), subtract(count, start), context.bounds);
  const inner = context.counter('i', constant(size));
  // Bounded by the chunk for proofs; the last chunk is shorter.
  return {
    grid: [{ variable: chunk.name, extent: chunks }],
    body: [{ kind: 'loop', variable: inner.name, extent, mode: 'vector', body: write(add(start, inner.at)) }],
  };
}

/** One vector loop over `count` positions. */
export function wholeLoop(context: KernelContext, count: Dim, write: (at: Dim) => readonly Statement[]): Nest {
  const { name, at } = context.counter('i', count);
  return { grid: [], body: [{ kind: 'loop', variable: name, extent: count, mode: 'vector', body: write(at) }] };
}

/** Whether every index and size in the statements is affine in `name` with a step that no loop changes. */
export function isAffine(statements: readonly Statement[], name: string): boolean {
  let affine = true;
  const see = (dim: Dim): void => {
    if (!symbolsOf(dim).includes(name)) return;
    affine &&= affineIn(dim, name) !== undefined;
  };
  forEachStatement(statements, (statement) => {
    const dim = dimOf(statement);
    if (dim) see(dim);
    const value = valueOf(statement);
    if (value) forEachIndex(value, see);
  });
  return affine;
}

/** Grid axes over `shape`, one counter an axis of size other than 1; the index has a zero for the others. */
export function gridOver(context: KernelContext, shape: Shape): { grid: GridAxis[]; index: Dim[] } {
  const grid: GridAxis[] = [];
  const index = shape.map((extent) => {
    if (constantValue(extent) === 1) return ZERO;
    const { name, at } = context.counter('g', extent);
    grid.push({ variable: name, extent });
    return at;
  });
  return { grid, index };
}

/** Nested serial loops over `shape` around the statements of one position. */
export function serialLoops(
  context: KernelContext,
  shape: Shape,
  write: (index: readonly Dim[]) => readonly Statement[],
  innermost: 'serial' | 'vector',
): readonly Statement[] {
  const counters = shape.map((extent) => (constantValue(extent) === 1 ? undefined : context.counter('r', extent)));
  const index = counters.map((counter) => counter?.at ?? ZERO);
  let mode = innermost;
  return counters.reduceRight<readonly Statement[]>((body, counter, axis) => {
    if (!counter) return body;
    const loop: Statement = { kind: 'loop', variable: counter.name, extent: shape[axis]!, mode, body };
    mode = 'serial';
    return [loop];
  }, write(index));
}
