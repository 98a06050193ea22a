/** The gradients of reading and writing at positions, in terms of these ops themselves. */
import { add, ONE, product, type Dim } from '../../dims/dim.ts';
import { sameShape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { broadcast } from '../reduce/composite.ts';

/** A dimension as i32, repeated to a shape. */
function sizeLike(builder: Builder, size: Dim, shape: readonly Dim[]): Value {
  return broadcast(builder, builder.one('size', [], { size, dtype: 'i32' }), shape);
}

function zeros(builder: Builder, { type: { shape, dtype } }: Value): Value {
  return builder.one('zeros', [], { shape, dtype });
}

/** Indices counted from the front of an axis of `size`; those out of range stay so. */
function fromFront(builder: Builder, index: Value, size: Dim): Value {
  const { shape } = index.type;
  const wrapped = builder.one('add', [index, sizeLike(builder, size, shape)]);
  return builder.one('where', [builder.one('less', [index, zeros(builder, index)]), wrapped, index]);
}

/** The elements of x that `index` names along an axis, 0 where it is out of range: what was dropped has no gradient. */
export function gatheredOrZero(builder: Builder, x: Value, index: Value, axis: number): Value {
  const size = x.type.shape[axis]!;
  const place = fromFront(builder, index, size);
  const isBefore = builder.one('less', [place, sizeLike(builder, size, place.type.shape)]);
  const inside = builder.one('and', [builder.one('greater_equal', [place, zeros(builder, place)]), isBefore]);
  const elements = builder.one('gather', [x, index], { axis });
  return builder.one('where', [inside, elements, zeros(builder, elements)]);
}

/** For each element of `shape`, whether `index`, which has size 1 along the axis, names its position there. */
export function isChosen(builder: Builder, shape: readonly Dim[], index: Value, axis: number): Value {
  const size = shape[axis]!;
  const numbers = builder.one('arange', [], { stop: size });
  const along = builder.one('reshape', [numbers], { shape: shape.map((_, at) => (at === axis ? size : ONE)) });
  const place = fromFront(builder, index, size);
  return builder.one('equal', [broadcast(builder, along, shape), broadcast(builder, place, shape)]);
}

/** The gradient of x of which `gather` read elements: their cotangents where they came from. */
export function scattered(builder: Builder, x: Value, index: Value, cotangent: Value, axis: number): Value {
  const { shape } = x.type;
  // One element of each line needs no scattering: elements ask whether they are meant.
  if (sameShape(index.type.shape, shape.with(axis, ONE))) {
    const isOwn = isChosen(builder, shape, index, axis);
    return builder.one('where', [isOwn, broadcast(builder, cotangent, shape), zeros(builder, x)]);
  }
  return builder.one('scatter_add', [zeros(builder, x), index, cotangent], { axis });
}

/**
 * The gradients of `scatter`. Of several elements that went to one place only the last has one: each writes its number,
 * from 1, where it goes, and has its turn if it finds it there. PyTorch hands all of them the same.
 */
export function scatterGradients(
  builder: Builder,
  index: Value,
  cotangent: Value,
  axis: number,
): { readonly x: Value; readonly src: Value } {
  const { shape } = index.type;
  const count = shape[axis]!;
  const numbers = builder.one('arange', [], { start: ONE, stop: add(count, ONE), step: 1, dtype: 'i32' });
  const column = builder.one('reshape', [numbers], { shape: shape.map((_, at) => (at === axis ? count : ONE)) });
  const own = broadcast(builder, column, shape);
  const none = builder.one('zeros', [], { shape: cotangent.type.shape, dtype: 'i32' });
  const last = builder.one('scatter', [none, index, own], { axis });
  const stays = builder.one('equal', [builder.one('gather', [last, index], { axis }), own]);
  const elements = builder.one('gather', [cotangent, index], { axis });
  const nothing = zeros(builder, elements);
  return {
    x: builder.one('scatter', [cotangent, index, nothing], { axis }),
    src: builder.one('where', [stays, elements, nothing]),
  };
}

/** The cotangents of slices that a list of positions along an axis was added at. */
export function slicesAt(builder: Builder, cotangent: Value, index: Value, axis: number): Value {
  const { shape } = cotangent.type;
  const count = index.type.shape[0]!;
  const column = builder.one('reshape', [index], { shape: shape.map((_, at) => (at === axis ? count : ONE)) });
  const everywhere = broadcast(builder, column, shape.with(axis, count));
  return gatheredOrZero(builder, cotangent, everywhere, axis);
}

/** The gradient of a table whose rows `embedding` read; none for the row `padding`. */
export function tableGradient(
  builder: Builder,
  ids: Value,
  table: Value,
  cotangent: Value,
  padding: number | null,
): Value {
  const [rows, ...width] = table.type.shape as [Dim, ...Dim[]];
  const count = product(ids.type.shape);
  const slices = builder.one('reshape', [cotangent], { shape: [count, ...width] });
  const list = builder.one('reshape', [ids], { shape: [count] });
  const counted = padding === null ? list : withoutRow(builder, list, rows, padding);
  return builder.one('index_add', [zeros(builder, table), counted, slices], { axis: 0 });
}

/** Ids with those of one row out of range. */
function withoutRow(builder: Builder, ids: Value, rows: Dim, row: number): Value {
  const { shape } = ids.type;
  const place = fromFront(builder, ids, rows);
  const data = [row];
  const number = broadcast(builder, builder.one('constant', [], { dtype: 'i32', shape: [], data }), shape);
  const excluded = row < 0 ? fromFront(builder, number, rows) : number;
  const isExcluded = builder.one('equal', [place, excluded]);
  return builder.one('where', [isExcluded, sizeLike(builder, rows, shape), place]);
}
