/** Taking the elements of one position of each sequence out of a value, and putting parts of axes into order. */
import { multiply, ONE, product, type Dim } from '../dims/dim.ts';
import { sameShape, type Shape } from '../dims/shape.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { isOne } from '../ir/types.ts';
import { quotient } from '../ops/movement/reshape.ts';
import { partsOf, type Layout, type Part } from './layout.ts';
import { atLength, hasSeveral, shapeAtLength, type Sequence } from './sequence.ts';

/** The axes of a value in parts, in a sequence of some length; without the time where that is one token. */
export interface Arrangement {
  readonly parts: readonly Part[];
  readonly sizes: readonly Dim[];
  readonly shape: Shape;
}

/** Of a value of `shape` in the graph. Throws Error where its layout does not fit: what was planned does. */
export function arrangementOf(shape: Shape, layout: Layout, length: Dim, sequence: Sequence): Arrangement {
  const all = partsOf(shape, layout, sequence);
  if (!all) throw new Error('internal: a layout does not fit its value');
  const parts = isOne(length) ? all.filter(({ kind }) => kind !== 'time') : all;
  return {
    parts,
    sizes: parts.map(({ size }) => atLength(sequence, size, length)),
    shape: shapeAtLength(sequence, shape, length),
  };
}

export function reshaped(builder: Builder, x: Value, shape: Shape): Value {
  return sameShape(x.type.shape, shape) ? x : builder.one('reshape', [x], { shape });
}

function transposed(builder: Builder, x: Value, permutation: readonly number[]): Value {
  return permutation.every((axis, at) => axis === at) ? x : builder.one('transpose', [x], { permutation });
}

/** The parts as axes, those that `isFirst` names in front, in the order of `first`. */
export function toFront(
  builder: Builder,
  x: Value,
  { parts, sizes }: Arrangement,
  first: readonly Part['kind'][],
): { readonly value: Value; readonly rest: readonly number[] } {
  const front = first.flatMap((kind) => {
    const at = parts.findIndex((part) => part.kind === kind);
    return at === -1 ? [] : [at];
  });
  const rest = parts.map((_, at) => at).filter((at) => !front.includes(at));
  return { value: transposed(builder, reshaped(builder, x, sizes), [...front, ...rest]), rest };
}

/** The reverse of `toFront` at one token: x has the batch, if it is a part, and then the other parts. */
export function fromFront(builder: Builder, x: Value, { parts, sizes, shape }: Arrangement): Value {
  const batch = parts.findIndex(({ kind }) => kind === 'batch');
  const order = [...(batch === -1 ? [] : [batch]), ...parts.map((_, at) => at).filter((at) => at !== batch)];
  const apart = reshaped(
    builder,
    x,
    order.map((at) => sizes[at]!),
  );
  return reshaped(
    builder,
    transposed(
      builder,
      apart,
      parts.map((_, at) => order.indexOf(at)),
    ),
    shape,
  );
}

/** x, whose axes are some of the parts in their order, repeated along the others. */
export function spreadOver(builder: Builder, x: Value, present: ReadonlySet<number>, to: Arrangement): Value {
  const sizes = to.sizes.map((size, at) => (present.has(at) ? size : ONE));
  const apart = reshaped(builder, x, sizes);
  const whole = sameShape(sizes, to.sizes) ? apart : builder.one('expand', [apart], { shape: to.sizes });
  return reshaped(builder, whole, to.shape);
}

/**
 * The elements at the positions `at`, i32[batch], of a value that is as long as `length`: [batch, ..other parts] where the
 * value has no batch and there are several sequences, else in the shape of one token.
 */
export function rowsAt(
  builder: Builder,
  x: Value,
  shape: Shape,
  layout: Layout,
  { at, length, sequence }: { readonly at: Value; readonly length: Dim; readonly sequence: Sequence },
): Value {
  const arrangement = arrangementOf(shape, layout, length, sequence);
  const { value, rest } = toFront(builder, x, arrangement, ['batch', 'time']);
  const others = rest.map((part) => arrangement.sizes[part]!);
  const token = arrangementOf(shape, layout, ONE, sequence);
  if (!layout.batch) {
    const rows = builder.one('embedding', [at, value]);
    return hasSeveral(sequence) ? rows : reshaped(builder, rows, token.shape);
  }
  const flat = reshaped(builder, value, [multiply(sequence.batch, length), ...others]);
  const rows = builder.one('embedding', [placesIn(builder, at, length, sequence), flat]);
  return fromFront(builder, rows, token);
}

/** Where the positions `at` of all sequences are among those of all, sequence by sequence. */
function placesIn(builder: Builder, at: Value, length: Dim, { batch }: Sequence): Value {
  const numbers = builder.one('arange', [], { stop: batch });
  const count = builder.one('size', [], { size: length, dtype: 'i32' });
  const starts = builder.one('mul', [numbers, builder.one('expand', [count], { shape: [batch] })]);
  return builder.one('add', [starts, at]);
}

/** [batch, heads, length, width] of queries, keys or values [..b, h, length, width]. */
export function inHeads(builder: Builder, x: Value, arrangement: Arrangement, sequence: Sequence): Value {
  const { value } = toFront(builder, x, arrangement, ['batch']);
  const [length, width] = x.type.shape.slice(-2) as [Dim, Dim];
  const all = product(x.type.shape.slice(0, -2));
  const heads = quotient(all, sequence.batch)!;
  return reshaped(builder, value, [sequence.batch, heads, length, width]);
}
