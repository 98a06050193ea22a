/** `pad`: more elements at the ends of axes, or fewer. */
import {
  add,
  constant,
  equal,
  isAtLeast,
  maximum,
  minimum,
  modulo,
  negate,
  ONE,
  print,
  subtract,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim, toDims } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor, type SizeCondition } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { fails, unknownWord, valueFault, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { MOVED } from './define.ts';
import { parts } from './split.ts';

type Pad = {
  readonly before: readonly (Dim | number)[];
  readonly after: readonly (Dim | number)[];
  readonly mode: string;
  readonly value: number;
};

interface Ends {
  readonly before: Dim;
  readonly after: Dim;
}

/** The ends of every axis; lists are aligned at the last axes. */
function endsOf(rank: number, { before, after }: Pad): Ends[] {
  const end = (sizes: Pad['before'], axis: number): Dim => toDim(sizes[axis - rank + sizes.length] ?? 0);
  return Array.from({ length: rank }, (_, axis) => ({ before: end(before, axis), after: end(after, axis) }));
}

const isNegative = (dim: Dim): boolean => isAtLeast(constant(-1), dim);

function fault(x: TensorType, attributes: Pad): Mismatch | undefined {
  const { mode } = attributes;
  const rank = x.shape.length;
  const modes = ['constant', 'reflect', 'replicate', 'circular'];
  if (!modes.includes(mode)) return unknownWord('pad', 'modes', 'mode', mode, modes);
  const value = mode === 'constant' ? valueFault(attributes.value, x.dtype) : undefined;
  if (value) return value;
  const long = (['before', 'after'] as const).find((attribute) => attributes[attribute].length > rank);
  if (long) return { message: `\`pad\` names more axes than ${printType(x)} has`, attribute: long };
  for (const [axis, { before, after }] of endsOf(rank, attributes).entries()) {
    const size = x.shape[axis]!;
    const total = add(before, size, after);
    if (isNegative(total))
      return {
        message: `\`pad\` leaves axis ${axis} of ${printType(x)} the size ${print(total)}`,
        attribute: 'before',
      };
    if (mode === 'constant' || [before, after].every((end) => equal(end, ZERO))) continue;
    if (isNegative(before) || isNegative(after))
      return { message: `\`pad\` with mode "${mode}" takes no negative sizes`, attribute: 'before' };
    // The first element is not repeated by `reflect`, so it offers one less.
    const most = mode === 'reflect' ? subtract(size, ONE) : size;
    const far = [before, after].find((end) => isAtLeast(end, add(most, ONE)) && mode !== 'replicate');
    if (far || equal(size, ZERO)) {
      const notes = [`${print(far ?? before)} against ${print(most)} elements of axis ${axis}`];
      return {
        message: `\`pad\` with mode "${mode}" has too few elements in ${printType(x)}`,
        notes,
        attribute: 'before',
      };
    }
  }
  return undefined;
}

/** The index in the operand of each result index, as the mode extends it; for `constant` it may lie outside. */
function sourceIndex(at: Dim, { before }: Ends, size: Dim, mode: string): Dim {
  const inner = subtract(at, before);
  const last = subtract(size, ONE);
  if (mode === 'constant') return inner;
  if (mode === 'replicate') return maximum(ZERO, minimum(inner, last));
  if (mode === 'circular') return modulo(inner, size);
  const fromStart = maximum(inner, negate(inner));
  const fromEnd = subtract(last, fromStart);
  return subtract(last, maximum(fromEnd, negate(fromEnd)));
}

function element(read: (index: readonly Dim[]) => Expr, index: readonly Dim[], attributes: Pad, x: TensorType): Expr {
  const ends = endsOf(index.length, attributes);
  const source = index.map((at, axis) => sourceIndex(at, ends[axis]!, x.shape[axis]!, attributes.mode));
  if (attributes.mode !== 'constant') return read(source);
  const inside: Expr[] = [];
  source.forEach((at, axis) => {
    const { before, after } = ends[axis]!;
    if (!isAtLeast(ZERO, before)) inside.push(compare('ge', position(at), position(ZERO)));
    if (!isAtLeast(ZERO, after)) inside.push(compare('lt', position(at), position(x.shape[axis]!)));
  });
  const [first, ...others] = inside;
  if (!first) return read(source);
  return select(
    others.reduce((all, one) => binary('and', all, one), first),
    read(source),
    literal(attributes.value, x.dtype),
  );
}

/** What a run's sizes have to offer for elements to be repeated, mirrored or wrapped around. */
function conditionsOf(x: TensorType, attributes: Pad): SizeCondition[] {
  const { mode } = attributes;
  if (mode === 'constant') return [];
  return endsOf(x.shape.length, attributes).flatMap(({ before, after }, axis) => {
    const size = x.shape[axis]!;
    return [before, after].flatMap((end) => {
      if (equal(end, ZERO)) return [];
      const least = mode === 'reflect' ? add(end, ONE) : mode === 'circular' ? end : ONE;
      const message = `\`pad\` with mode "${mode}" needs ${print(least)} elements of axis ${axis}, which has ${print(size)}`;
      return [{ atLeastZero: subtract(size, least), message }];
    });
  });
}

/** The concrete index in an axis of `size`, or -1 for the padding value. */
function concreteSource(at: number, size: number, mode: string): number {
  if (mode === 'constant') return at < 0 || at >= size ? -1 : at;
  if (mode === 'replicate') return Math.min(Math.max(at, 0), size - 1);
  if (mode === 'circular') return (at + size) % size;
  return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
}

function evaluate(x: Tensor, { mode, value }: Pad, before: readonly number[], shape: readonly number[]): Float64Array {
  const target = new Float64Array(countOf(shape)).fill(value);
  const strides = rowMajor(x.shape);
  const steps = rowMajor(shape);
  // For each axis, the offset in x of every index of the result; -1 where it is padding.
  const offsets = shape.map((size, axis) =>
    Array.from({ length: size }, (_, at) => {
      const source = concreteSource(at - before[axis]!, x.shape[axis]!, mode);
      return source < 0 ? -1 : source * strides[axis]!;
    }),
  );
  const fillAxis = (axis: number, from: number, to: number): void => {
    if (axis === shape.length) return void (target[to] = x.data[from]!);
    offsets[axis]!.forEach((offset, at) => {
      if (offset >= 0) fillAxis(axis + 1, from + offset, to + at * steps[axis]!);
    });
  };
  fillAxis(0, 0, 0);
  return target;
}

/** The gradient: to each element the sum of those of its copies, axis by axis. */
function adjoint(builder: Builder, cotangent: Value, x: TensorType, attributes: Pad): Value {
  const ends = endsOf(x.shape.length, attributes);
  if (attributes.mode === 'constant') {
    const before = ends.map((end) => negate(end.before));
    return builder.one('pad', [cotangent], { before, after: ends.map((end) => negate(end.after)) });
  }
  return ends.reduce((sum, end, axis) => foldBack(builder, sum, axis, end, x.shape[axis]!, attributes.mode), cotangent);
}

/** Adds the gradients of what the modes but `constant` put before and after an axis of `size` to those of the originals. */
function foldBack(builder: Builder, y: Value, axis: number, { before, after }: Ends, size: Dim, mode: string): Value {
  const [head, middle, tail] = parts(builder, y, axis, [before, size, after]);
  const place = (part: Value, ahead: Dim): Value => {
    const behind = subtract(size, add(ahead, part.type.shape[axis]!));
    const only = (length: Dim): Dim[] => y.type.shape.map((_, at) => (at === axis ? length : ZERO));
    return builder.one('pad', [part], { before: only(ahead), after: only(behind) });
  };
  const whole = (part: Value): Value => {
    if (mode === 'reflect') return builder.one('flip', [part], { axis });
    return mode === 'replicate' ? builder.one('reduce_sum', [part], { axes: [axis] }) : part;
  };
  const [first, last] = [whole(head!), whole(tail!)];
  const skipped = mode === 'reflect' ? ONE : ZERO;
  const near = (part: Value): Value => place(part, skipped);
  const far = (part: Value): Value => place(part, subtract(size, add(part.type.shape[axis]!, skipped)));
  const [atStart, atEnd] = mode === 'circular' ? [last, first] : [first, last];
  const additions = [
    ...(equal(atStart.type.shape[axis]!, ZERO) ? [] : [near(atStart)]),
    ...(equal(atEnd.type.shape[axis]!, ZERO) ? [] : [far(atEnd)]),
  ];
  return additions.reduce((sum, part) => builder.one('add', [sum, part]), middle!);
}

const constantPads = { mode: 'constant', value: 0.5 };
const ends = (...pairs: readonly (readonly [Dim | number, Dim | number])[]): Pick<Pad, 'before' | 'after'> => ({
  before: toDims(pairs.map(([before]) => before)),
  after: toDims(pairs.map(([, after]) => after)),
});

export const pad: Op = defineOp<Pad>({
  name: 'pad',
  doc:
    'Each axis with `before` elements more in front and `after` more behind (any dtype): of `value`, mirrored ' +
    'without the outermost element, of that element repeated, or of the other end. Negative sizes take elements away (mode "constant").',
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'before', kind: 'shape', doc: 'How many elements come in front, for each axis or for the last few.' },
    { name: 'after', kind: 'shape', doc: 'How many elements come behind, for each axis or for the last few.' },
    { name: 'mode', kind: 'string', default: 'constant', doc: '"constant", "reflect", "replicate" or "circular".' },
    { name: 'value', kind: 'float', default: 0, doc: 'The element of mode "constant".' },
  ],
  infer([x], attributes) {
    const error = fault(x!, attributes);
    if (error) return fails(error.message, error);
    const ends = endsOf(x!.shape.length, attributes);
    const shape = x!.shape.map((dim, at) => add(dim, ends[at]!.before, ends[at]!.after));
    return { types: [{ dtype: x!.dtype, shape }], conditions: conditionsOf(x!, attributes) };
  },
  evaluate([x], attributes, [output], symbols) {
    const before = endsOf(x!.shape.length, attributes).map((end) => sizeOf(end.before, symbols));
    return [evaluate(x!, attributes, before, output!.shape)];
  },
  body: {
    kind: 'movement',
    element: ([read], index, attributes, { inputs }) => element(read!, index, attributes, inputs[0]!),
  },
  vjp: (builder, { inputs: [x], attributes }, [cotangent]) => [
    adjoint(builder, cotangent!, x!.type, attributes as Pad),
  ],
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, n)], attributes: { ...ends([0, 0], [1, 2]), ...constantPads } },
    { inputs: [f32(n, 3)], attributes: { ...ends([2, 1], [-1, 0]), ...constantPads } },
    { inputs: [f32(2, n)], attributes: { ...ends([0, n]), mode: 'constant', value: -Infinity } },
    { inputs: [f32(n, 4)], attributes: { ...ends([3, 2]), mode: 'reflect', value: 0 } },
    { inputs: [f32(2, n)], attributes: { ...ends([1, 2]), mode: 'reflect', value: 0 } },
    { inputs: [f32(2, n)], attributes: { ...ends([3, 1]), mode: 'replicate', value: 0 } },
    { inputs: [f32(n, 3)], attributes: { ...ends([2, 1], [0, 3]), mode: 'circular', value: 0 } },
    { inputs: [tensor('i32', n)], attributes: { ...ends([1, 1]), mode: 'constant', value: -7 } },
    { inputs: [tensor('bool', n)], attributes: { ...ends([0, 2]), mode: 'constant', value: 1 } },
  ],
});
