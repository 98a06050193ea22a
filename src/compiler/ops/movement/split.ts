/** Taking a tensor apart along an axis: `split` and `chunk` into parts, `unstack` into single indices. */
import {
  add,
  constant,
  constantValue,
  equal,
  floorDiv,
  isAtLeast,
  minimum,
  multiply,
  ONE,
  print,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import { normalizeAxis, toDims } from '../../ir/attributes.ts';
import type { Node, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type ConcreteType, type Op, type Tensor } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { axisOf, countFault, fails, gives } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { copyStrided, rowMajor } from '../strided.ts';
import { MOVED } from './define.ts';

/** `x` from `start` to `stop` along `axis`. */
function part(builder: Builder, x: Value, axis: number, start: Dim, stop: Dim): Value {
  const { shape } = x.type;
  return builder.one('slice', [x], {
    starts: shape.map((_, at) => (at === axis ? start : ZERO)),
    stops: shape.with(axis, stop),
    steps: shape.map(() => ONE),
  });
}

/** `x` cut along an axis. */
export function parts(builder: Builder, x: Value, axis: number, sizes: readonly Dim[]): Value[] {
  let end = ZERO;
  return sizes.map((size) => {
    const start = end;
    end = add(end, size);
    return part(builder, x, axis, start, end);
  });
}

/** The parts of an f32 tensor put together again; those that are undefined are 0. */
function joined(
  builder: Builder,
  op: 'concat' | 'stack',
  { results, attributes }: Node,
  cotangents: readonly (Value | undefined)[],
): readonly Value[] {
  const pieces = results.map(
    (result, at) => cotangents[at] ?? builder.one('full', [], { shape: result.type.shape, value: 0 }),
  );
  return [builder.one(op, pieces, { axis: attributes['axis']! })];
}

/** Cuts a concrete tensor into parts as long along `axis` as the outputs are. */
function cut(x: Tensor, axis: number, outputs: readonly ConcreteType[]): Float64Array[] {
  const strides = rowMajor(x.shape);
  let start = 0;
  return outputs.map(({ shape }) => {
    const data = copyStrided(x.data, start * strides[axis]!, shape, strides);
    start += shape[axis]!;
    return data;
  });
}

type Split = { readonly sizes: readonly (Dim | number)[]; readonly axis: number };

export const split: Op = defineOp<Split>({
  name: 'split',
  doc: 'The tensor cut along an axis into parts of the given sizes, which add up to the axis (any dtype).',
  several: true,
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'sizes', kind: 'shape', doc: 'The size of each part.' },
    { name: 'axis', kind: 'axis', default: 0, doc: 'The axis to cut.' },
  ],
  infer([x], { sizes, axis }) {
    const at = axisOf('split', axis, x!);
    if ('error' in at) return at;
    const [parts, size] = [toDims(sizes), x!.shape[at.axis]!];
    const many = countFault('split', parts.length);
    if (many) return many;
    const total = add(ZERO, ...parts);
    const negative = parts.find((dim) => isAtLeast(constant(-1), dim));
    if (negative || parts.length === 0) {
      const message = negative ? `\`split\` into a part of ${print(negative)}` : '`split` into no parts';
      return fails(message, { attribute: 'sizes' });
    }
    if (equal(total, size))
      return gives(...parts.map((dim) => ({ dtype: x!.dtype, shape: x!.shape.with(at.axis, dim) })));
    return fails(`the parts of \`split\` do not add up to axis ${at.axis} of ${printType(x!)}`, {
      notes: [`${print(total)} against ${print(size)}`],
      attribute: 'sizes',
    });
  },
  evaluate: ([x], { axis }, outputs) => cut(x!, normalizeAxis(axis, x!.shape.length)!, outputs),
  body: {
    kind: 'composite',
    expand: (builder, [x], { sizes, axis }) =>
      parts(builder, x!, normalizeAxis(axis, x!.type.shape.length)!, toDims(sizes)),
  },
  vjp: (builder, node, cotangents) => joined(builder, 'concat', node, cotangents),
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, 6)], attributes: { sizes: toDims([1, 3, 2]), axis: 1 } },
    { inputs: [f32(add(multiply(constant(2), n), constant(1)), 3)], attributes: { sizes: [n, ONE, n], axis: 0 } },
    { inputs: [tensor('i32', n, 2)], attributes: { sizes: toDims([2, 0]), axis: -1 } },
  ],
});

type Chunk = { readonly chunks: number; readonly axis: number };

/**
 * The sizes of PyTorch's chunks: `ceil(size / chunks)` each, the last the rest, and fewer chunks than asked for where
 * the elements do not reach. How many there are must be known, so a symbolic axis has to divide evenly.
 */
function chunkSizes(size: Dim, chunks: number): readonly Dim[] | undefined {
  const count = constantValue(size);
  if (count === undefined) {
    const each = floorDiv(size, constant(chunks));
    const even = equal(multiply(each, constant(chunks)), size);
    return even ? Array.from({ length: chunks }, () => each) : undefined;
  }
  const each = Math.ceil(count / chunks);
  if (each === 0) return Array.from({ length: chunks }, () => ZERO);
  const full = Math.ceil(count / each);
  return Array.from({ length: full }, (_, at) => minimum(constant(each), constant(count - at * each)));
}

export const chunk: Op = defineOp<Chunk>({
  name: 'chunk',
  doc:
    'The tensor cut along an axis into `chunks` parts of ceil(size / chunks), as PyTorch: the last may be smaller, ' +
    'and there may be fewer. A symbolic size must be a multiple of `chunks` (any dtype).',
  several: true,
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'chunks', kind: 'int', doc: 'How many parts.' },
    { name: 'axis', kind: 'axis', default: 0, doc: 'The axis to cut.' },
  ],
  infer([x], { chunks, axis }) {
    const at = axisOf('chunk', axis, x!);
    if ('error' in at) return at;
    if (chunks < 1) return fails(`\`chunk\` into ${chunks} parts`, { attribute: 'chunks' });
    const size = x!.shape[at.axis]!;
    const many = countFault('chunk', Math.min(chunks, constantValue(size) || chunks));
    if (many) return many;
    const sizes = chunkSizes(size, chunks);
    if (sizes) return gives(...sizes.map((dim) => ({ dtype: x!.dtype, shape: x!.shape.with(at.axis, dim) })));
    return fails(`\`chunk\` cannot tell that axis ${at.axis} of ${printType(x!)} is a multiple of ${chunks}`, {
      attribute: 'chunks',
      hint: 'name the sizes of the parts: `split`',
    });
  },
  evaluate: ([x], { axis }, outputs) => cut(x!, normalizeAxis(axis, x!.shape.length)!, outputs),
  body: {
    kind: 'composite',
    expand(builder, [x], { chunks, axis }) {
      const at = normalizeAxis(axis, x!.type.shape.length)!;
      return parts(builder, x!, at, chunkSizes(x!.type.shape[at]!, chunks)!);
    },
  },
  vjp: (builder, node, cotangents) => joined(builder, 'concat', node, cotangents),
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, 6)], attributes: { chunks: 3, axis: -1 } },
    { inputs: [f32(7, n)], attributes: { chunks: 3, axis: 0 } },
    { inputs: [f32(multiply(constant(3), n), 2)], attributes: { chunks: 3, axis: 0 } },
    { inputs: [tensor('i32', 5, n)], attributes: { chunks: 4, axis: 0 } },
    { inputs: [f32(0, n)], attributes: { chunks: 2, axis: 0 } },
  ],
});

type Unstack = { readonly axis: number };

function without(type: TensorType, axis: number): TensorType {
  return { dtype: type.dtype, shape: type.shape.toSpliced(axis, 1) };
}

export const unstack: Op = defineOp<Unstack>({
  name: 'unstack',
  doc: 'The slices of a tensor at each index of an axis, whose size is a number; the axis is gone (any dtype).',
  several: true,
  operands: [{ name: 'x' }],
  attributes: [{ name: 'axis', kind: 'axis', default: 0, doc: 'The axis to take apart.' }],
  infer([x], { axis }) {
    const at = axisOf('unstack', axis, x!);
    if ('error' in at) return at;
    const size = constantValue(x!.shape[at.axis]!);
    const many = countFault('unstack', size ?? 0);
    if (many) return many;
    if (size !== undefined && size > 0) return gives(...Array.from({ length: size }, () => without(x!, at.axis)));
    const why = size === 0 ? 'is empty' : `has the symbolic size ${print(x!.shape[at.axis]!)}`;
    return fails(`\`unstack\` gives one tensor for each index, but axis ${at.axis} of ${printType(x!)} ${why}`, {
      attribute: 'axis',
    });
  },
  evaluate([x], { axis }, outputs) {
    const strides = rowMajor(x!.shape);
    const at = normalizeAxis(axis, x!.shape.length)!;
    return outputs.map(({ shape }, index) =>
      copyStrided(x!.data, index * strides[at]!, shape, strides.toSpliced(at, 1)),
    );
  },
  body: {
    kind: 'composite',
    expand(builder, [x], { axis }) {
      const at = normalizeAxis(axis, x!.type.shape.length)!;
      const count = constantValue(x!.type.shape[at]!)!;
      return Array.from({ length: count }, (_, index) => {
        const one = part(builder, x!, at, constant(index), constant(index + 1));
        return builder.one('squeeze', [one], { axis: at });
      });
    },
  },
  vjp: (builder, node, cotangents) => joined(builder, 'stack', node, cotangents),
  tolerance: MOVED,
  samples: [
    { inputs: [f32(3, n, 2)], attributes: { axis: 0 } },
    { inputs: [f32(n, 2)], attributes: { axis: -1 } },
    { inputs: [tensor('bool', 2, n)], attributes: { axis: 0 } },
    { inputs: [tensor('i32', 4)], attributes: { axis: 0 } },
  ],
});
