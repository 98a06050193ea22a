/** `roll`: elements shifted along axes, those that leave at one end coming back at the other. */
import { evaluate, modulo, negate, subtract, type Bounds, type Dim } from '../../dims/dim.ts';
import { delinearize, elementCount, linearize } from '../../dims/shape.ts';
import { toDim, toDims, type Axes } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import { axesOf, fails, gives, known } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { MOVED } from './define.ts';

type Roll = { readonly shifts: readonly (Dim | number)[]; readonly axis: Axes };

/** Where the element at `index` comes from. */
function source(index: readonly Dim[], x: TensorType, { shifts, axis }: Roll, bounds: Bounds): readonly Dim[] {
  const back = (at: Dim, shift: Dim, size: Dim): Dim => modulo(subtract(at, shift), size, bounds);
  const { shape } = x;
  if (axis === null) {
    const at = back(linearize(index, shape), toDim(shifts[0]!), elementCount(shape));
    return delinearize(at, shape, bounds);
  }
  const { axes } = known(axesOf('roll', axis, x));
  return index.map((at, i) => {
    const place = axes.indexOf(i);
    return place === -1 ? at : back(at, toDim(shifts[place]!), shape[i]!);
  });
}

function rolled(x: Tensor, { shifts, axis }: Roll, symbols: ReadonlyMap<string, number>): Float64Array {
  const amounts = toDims(shifts).map((shift) => evaluate(shift, symbols));
  const into = (at: number, size: number): number => ((at % size) + size) % size;
  if (axis === null) return x.data.map((_, at) => x.data[into(at - amounts[0]!, x.data.length)]!);
  const rank = x.shape.length;
  const axes = [axis].flat().map((at) => (at < 0 ? at + rank : at));
  const strides = rowMajor(x.shape);
  return x.data.map((_, at) => {
    const from = strides.reduce((sum, stride, i) => {
      const place = axes.indexOf(i);
      const index = Math.floor(at / stride) % x.shape[i]!;
      return sum + stride * (place === -1 ? index : into(index - amounts[place]!, x.shape[i]!));
    }, 0);
    return x.data[from]!;
  });
}

export const roll: Op = defineOp<Roll>({
  name: 'roll',
  doc:
    'The elements moved `shifts` places up along axes, those beyond the end coming back at the start, as NumPy and ' +
    'PyTorch (any dtype). With the axis none, the tensor rolls in row-major order. Shifts may be negative.',
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'shifts', kind: 'shape', doc: 'How many places, for each axis.' },
    { name: 'axis', kind: 'axes', default: null, doc: 'One axis, several, or none for all elements in a row.' },
  ],
  infer([x], { shifts, axis }) {
    const axes = axesOf('roll', axis, x!);
    if ('error' in axes) return axes;
    const wanted = axis === null ? 1 : axes.axes.length;
    if (shifts.length === wanted) return gives(x!);
    const message = `\`roll\` takes a shift for each axis: ${shifts.length} against ${wanted}`;
    return fails(message, { attribute: 'shifts' });
  },
  evaluate: ([x], attributes, _, symbols) => [rolled(x!, attributes, symbols)],
  body: {
    kind: 'movement',
    element: ([read], index, attributes, { inputs, bounds }) => read!(source(index, inputs[0]!, attributes, bounds)),
  },
  vjp: (builder, { attributes }, [cotangent]) => {
    const { shifts, axis } = attributes as Roll;
    return [builder.one('roll', [cotangent!], { shifts: toDims(shifts).map(negate), axis })];
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, n, 5)], attributes: { shifts: toDims([1, -2]), axis: [1, 2] } },
    { inputs: [f32(n, 3)], attributes: { shifts: toDims([4]), axis: 0 } },
    { inputs: [f32(2, n)], attributes: { shifts: toDims([-3]), axis: null } },
    { inputs: [f32(n, 4, n)], attributes: { shifts: [n, subtract(toDim(1), n)], axis: [0, 1] } },
    { inputs: [tensor('bool', n)], attributes: { shifts: toDims([2]), axis: -1 } },
  ],
});
