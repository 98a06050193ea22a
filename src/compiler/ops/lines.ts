/** Lines along an axis, for structured ops and evaluations. */
import { constantValue, equal, ONE, type Dim } from '../dims/dim.ts';
import { normalizeAxis } from '../ir/attributes.ts';
import type { TensorType } from '../ir/graph.ts';
import type { Shape } from '../dims/shape.ts';
import type { BodyWriter, NestWriter } from '../ir/structured.ts';
import type { LoopMode } from '../kernel/ir.ts';
import { countOf } from '../ir/types.ts';
import { rowMajor } from './strided.ts';

/** One line of a tensor. */
export interface Line {
  /** The index of a position on it. */
  at(position: Dim): readonly Dim[];
  /** How a loop of independent iterations along it should run. */
  readonly mode: LoopMode;
}

/** A kernel over all lines along `axis`: in lanes across the last axis, unless that is the line's own. */
export function writeLines(
  nest: NestWriter,
  shape: Shape,
  axis: number,
  write: (body: BodyWriter, line: Line) => void,
): void {
  const last = shape.length - 1;
  const across = axis !== last;
  const grid = shape.map((size, i) => (i === axis || (across && i === last) ? ONE : size));
  nest.kernel(grid, (body, index) => {
    if (!across) return write(body, { at: (position) => index.with(axis, position), mode: 'vector' });
    body.loop(shape[last]!, 'vector', (inner, column) =>
      write(inner, { at: (position) => index.with(axis, position).with(last, column), mode: 'serial' }),
    );
  });
}

/** Elements of a line that one of many invocations may as well go through alone. */
const SHORT = 64;

/** Whether lines along `axis` are worth sharing out: they lie in the order of memory, and are not known to be short. */
export function isLongLine(shape: Shape, axis: number): boolean {
  return axis === shape.length - 1 && (constantValue(shape[axis]!) ?? Infinity) > SHORT;
}

/** What the record of an op that works on lines along its `axis` says of the others: `separate` of a structured body. */
export function separateLines({ axis }: { readonly axis: number }, inputs: readonly TensorType[]): readonly number[] {
  const { shape } = inputs[0]!;
  const along = normalizeAxis(axis, shape.length);
  const isCommon = (at: number): boolean =>
    inputs.every((input) => input.shape.length === shape.length && equal(input.shape[at]!, shape[at]!));
  return shape.flatMap((_, at) => (at === along || !isCommon(at) ? [] : [at]));
}

/** Calls `visit` with the first position, the count and the distance of the elements of every line along `axis`. */
export function forEachLine(
  shape: readonly number[],
  axis: number,
  visit: (first: number, count: number, step: number) => void,
): void {
  const step = rowMajor(shape)[axis]!;
  const count = shape[axis]!;
  const lines = countOf(shape.toSpliced(axis, 1));
  for (let line = 0; line < lines; line++) {
    const inner = line % step;
    visit((line - inner) * count + inner, count, step);
  }
}
