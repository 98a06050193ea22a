/** `transpose`, and `diagonal`, which reads several operand axes at one index. */
import { equal, ONE, print, type Dim } from '../../dims/dim.ts';
import type { Axes } from '../../ir/attributes.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { formula } from '../formula.ts';
import { axesOf, fails } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { viewOp } from './define.ts';

type Transpose = { readonly permutation: Axes };

function permutationOf(x: { readonly shape: readonly unknown[] }, { permutation }: Transpose): readonly number[] {
  const rank = x.shape.length;
  const axes = permutation === null ? Array.from({ length: rank }, (_, axis) => rank - 1 - axis) : [permutation].flat();
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

export const transpose: Op = viewOp<Transpose>({
  name: 'transpose',
  doc: 'The axes in another order (any dtype): axis i of the result is axis permutation[i] of x. None reverses them.',
  attributes: [{ name: 'permutation', kind: 'axes', default: null, doc: 'Every axis of x, once.' }],
  shape(x, attributes) {
    const permutation = permutationOf(x, attributes);
    const axes = axesOf('transpose', permutation, x, 'permutation');
    if ('error' in axes) return axes;
    if (axes.axes.length === x.shape.length) return { shape: permutation.map((axis) => x.shape[axis]!) };
    return fails(`\`transpose\` names ${permutation.length} of the ${x.shape.length} axes of ${printType(x)}`, {
      attribute: 'permutation',
    });
  },
  view(shape, attributes) {
    const strides = rowMajor(shape);
    return { offset: 0, strides: permutationOf({ shape }, attributes).map((axis) => strides[axis]!) };
  },
  source(index, attributes, { inputs }) {
    const position: Dim[] = [];
    permutationOf(inputs[0]!, attributes).forEach((axis, at) => (position[axis] = index[at]!));
    return position;
  },
  destination: (index, attributes, { inputs }) => permutationOf(inputs[0]!, attributes).map((axis) => index[axis]!),
  vjp(builder, cotangent, x, attributes) {
    const permutation = permutationOf(x, attributes);
    return builder.one('transpose', [cotangent], {
      permutation: permutation.map((_, axis) => permutation.indexOf(axis)),
    });
  },
  samples: [
    { inputs: [f32(n, 3)], attributes: { permutation: [1, 0] } },
    { inputs: [f32(2, n, 3)], attributes: { permutation: [2, 0, -2] } },
    { inputs: [f32(2, 3, n, 5)], attributes: { permutation: [0, 2, 1, 3] } },
    { inputs: [tensor('u32', 2, n)], attributes: { permutation: null } },
    { inputs: [f32()], attributes: { permutation: [] } },
  ],
});

type Diagonal = { readonly axes: readonly number[] };

/** The rank of the result: result axes are numbered from 0 without gaps. */
function rankOf(axes: readonly number[]): number {
  return Math.max(-1, ...axes) + 1;
}

/** The shape of x in the axes `kept`, 1 in the others. */
function aligned({ shape }: TensorType, kept: readonly number[]): readonly Dim[] {
  return shape.map((size, axis) => (kept.includes(axis) ? size : ONE));
}

export const diagonal: Op = viewOp<Diagonal>({
  name: 'diagonal',
  doc:
    'Operand axis i is read at the index of result axis axes[i]; operand axes that share one result axis are read ' +
    'along their diagonal and have one size. Made for the repeated labels of `einsum`.',
  internal: true,
  attributes: [{ name: 'axes', kind: 'axes', doc: 'A result axis for each operand axis.' }],
  shape(x, { axes }) {
    const rank = rankOf(axes);
    if (axes.length !== x.shape.length || axes.some((axis) => axis < 0) || new Set(axes).size !== rank)
      return fails('`diagonal` needs one result axis for each operand axis', { attribute: 'axes' });
    const shape = Array.from({ length: rank }, (_, axis) => x.shape[axes.indexOf(axis)]!);
    const odd = x.shape.findIndex((dim, at) => !equal(dim, shape[axes[at]!]!));
    if (odd === -1) return { shape };
    return fails(`\`diagonal\` needs axes of one size in ${printType(x)}`, {
      notes: [`${print(shape[axes[odd]!]!)} against ${print(x.shape[odd]!)}`],
    });
  },
  view(shape, { axes }) {
    const strides = Array.from({ length: rankOf(axes) }, () => 0);
    rowMajor(shape).forEach((stride, at) => (strides[axes[at]!]! += stride));
    return { offset: 0, strides };
  },
  source: (index, { axes }) => axes.map((axis) => index[axis]!),
  // What is off the diagonal was not read.
  vjp(builder, cotangent, x, { axes }) {
    const f = formula(builder);
    const along = (value: Value, axis: number): Value => builder.one('reshape', [value], { shape: aligned(x, [axis]) });
    const first = axes.map((axis, at) => (axes.indexOf(axis) === at ? at : undefined)).filter((at) => at !== undefined);
    const permutation = first.map((at) => axes[at]!);
    const ordered = builder.one('transpose', [cotangent], { permutation });
    let spread = builder.one('reshape', [ordered], { shape: aligned(x, first) });
    for (const [at, axis] of axes.entries()) {
      const other = axes.indexOf(axis);
      if (other === at) continue;
      const index = builder.one('arange', [], { stop: x.shape[at]! });
      spread = f('where', f('equal', along(index, at), along(index, other)), spread, 0);
    }
    return spread;
  },
  samples: [
    { inputs: [f32(n, n)], attributes: { axes: [0, 0] } },
    { inputs: [f32(n, 2, n)], attributes: { axes: [1, 0, 1] } },
  ],
});
