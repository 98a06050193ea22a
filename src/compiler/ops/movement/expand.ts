/** `expand`: broadcasting, made explicit. */
import { constant, constantValue, equal, isAtLeast, print, ZERO, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import { toDim, toDims } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import { isOne, printType } from '../../ir/types.ts';
import { printShape } from '../../dims/shape.ts';
import { axisOf, fails, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { viewOp } from './define.ts';

type Expand = {
  readonly shape: readonly (Dim | number)[] | null;
  readonly axis: number | null;
  readonly size: Dim | number | null;
};

/** The new shape with the sizes of x where it says -1. In front of the axes of x, there is none to keep. */
function kept(own: Shape, shape: Shape): Shape {
  return shape.map((dim, at) => (constantValue(dim) === -1 ? (own[at - shape.length + own.length] ?? dim) : dim));
}

function target(
  x: TensorType,
  { shape, axis, size }: Expand,
): { readonly shape: Shape } | { readonly error: Mismatch } {
  if (shape !== null && axis === null && size === null) return { shape: kept(x.shape, toDims(shape)) };
  if (shape !== null || axis === null || size === null)
    return fails('`expand` takes either `shape` or both `axis` and `size`', { attribute: 'shape' });
  const at = axisOf('expand', axis, x);
  return 'error' in at ? at : { shape: x.shape.with(at.axis, toDim(size)) };
}

export const expand: Op = viewOp<Expand>({
  name: 'expand',
  doc:
    'Repeats axes of size 1 (any dtype), as PyTorch: either to a whole `shape`, with which x is aligned at its last ' +
    'axes, or along one `axis` to `size`. Only the number 1 is repeated, never a symbolic size.',
  attributes: [
    { name: 'shape', kind: 'shape', default: null, doc: 'The shape of the result; -1 keeps the size that x has.' },
    { name: 'axis', kind: 'axis', default: null, doc: 'The one axis to repeat.' },
    { name: 'size', kind: 'dim', default: null, doc: 'How often to repeat it.' },
  ],
  shape(x, attributes) {
    const wanted = target(x, attributes);
    if ('error' in wanted) return wanted;
    const { shape } = wanted;
    const negative = shape.find((dim) => isAtLeast(constant(-1), dim));
    const failure = `\`expand\` cannot bring ${printType(x)} to ${printShape(shape)}`;
    if (negative) return fails(failure, { notes: [`a size of ${print(negative)} is negative`] });
    const added = shape.length - x.shape.length;
    if (added < 0) return fails(failure, { notes: ['the result has fewer axes'], operand: 0 });
    const notes = x.shape.flatMap((dim, axis) => {
      const to = shape[axis + added]!;
      return isOne(dim) || equal(dim, to) ? [] : [`axis ${axis + added}: ${print(dim)} against ${print(to)}`];
    });
    return notes.length === 0 ? { shape } : fails(failure, { notes, operand: 0 });
  },
  view(shape, _, result) {
    const strides = rowMajor(shape).map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
    return { offset: 0, strides: [...Array.from({ length: result.length - shape.length }, () => 0), ...strides] };
  },
  source(index, _, { inputs }) {
    const { shape } = inputs[0]!;
    const added = index.length - shape.length;
    return shape.map((dim, axis) => (constantValue(dim) === 1 ? ZERO : index[axis + added]!));
  },
  vjp(builder, cotangent, x) {
    const { shape } = cotangent.type;
    const added = shape.length - x.shape.length;
    const axes = shape.flatMap((size, axis) => {
      const own = x.shape[axis - added];
      return own && (isOne(size) || !isOne(own)) ? [] : [axis];
    });
    const sum = builder.one('reduce_sum', [cotangent], { axes });
    return added === 0 ? sum : builder.one('reshape', [sum], { shape: x.shape });
  },
  samples: [
    { inputs: [f32(1, 1, 3)], attributes: { shape: null, axis: 0, size: n } },
    { inputs: [f32(2, 1)], attributes: { shape: null, axis: -1, size: n } },
    { inputs: [f32(n)], attributes: { shape: toDims([2, n]), axis: null, size: null } },
    { inputs: [f32()], attributes: { shape: toDims([n, 3]), axis: null, size: null } },
    { inputs: [tensor('bool', n, 1)], attributes: { shape: toDims([2, n, 4]), axis: null, size: null } },
    { inputs: [f32(2, n)], attributes: { shape: toDims([2, n]), axis: null, size: null } },
    { inputs: [f32(n, 1, 2)], attributes: { shape: toDims([3, -1, 4, -1]), axis: null, size: null } },
  ],
});
