/** `squeeze` and `unsqueeze`: axes of size 1 taken away and put in, by `reshape`. */
import { constantValue, ONE, print, type Dim } from '../../dims/dim.ts';
import type { Axes } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { axesOf, axisOf, fails, gives, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { MOVED } from './define.ts';

type Squeeze = { readonly axis: Axes };

function squeezed(x: TensorType, axis: Axes): { readonly shape: Dim[] } | { readonly error: Mismatch } {
  const found = axesOf('squeeze', axis, x);
  if ('error' in found) return found;
  const wide = found.axes.find((at) => constantValue(x.shape[at]!) !== 1);
  if (wide === undefined) return { shape: x.shape.filter((_, at) => !found.axes.includes(at)) };
  return fails(
    `\`squeeze\` takes away axes of size 1, but axis ${wide} of ${printType(x)} is ${print(x.shape[wide]!)}`,
    {
      attribute: 'axis',
    },
  );
}

export const squeeze: Op = defineOp<Squeeze>({
  name: 'squeeze',
  doc: 'The tensor without the given axes, all of size 1 (any dtype).',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [{ name: 'axis', kind: 'axes', doc: 'One axis or several.' }],
  infer([x], { axis }) {
    const found = squeezed(x!, axis);
    return 'error' in found ? found : gives({ dtype: x!.dtype, shape: found.shape });
  },
  evaluate: ([x]) => [x!.data],
  body: {
    kind: 'composite',
    expand(builder, [x], { axis }) {
      const found = squeezed(x!.type, axis);
      return 'error' in found ? [x!] : [builder.one('reshape', [x!], { shape: found.shape })];
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(1, n, 1)], attributes: { axis: [0, -1] } },
    { inputs: [tensor('bool', n, 1)], attributes: { axis: 1 } },
  ],
});

type Unsqueeze = { readonly axis: number };

export const unsqueeze: Op = defineOp<Unsqueeze>({
  name: 'unsqueeze',
  doc: 'The tensor with a further axis of size 1 (any dtype).',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [{ name: 'axis', kind: 'axis', doc: 'Where the new axis stands in the result.' }],
  infer([x], { axis }) {
    const at = axisOf('unsqueeze', axis, x!, x!.shape.length + 1);
    return 'error' in at ? at : gives({ dtype: x!.dtype, shape: x!.shape.toSpliced(at.axis, 0, ONE) });
  },
  evaluate: ([x]) => [x!.data],
  body: {
    kind: 'composite',
    expand(builder, [x], { axis }) {
      const { shape } = x!.type;
      const at = axis < 0 ? axis + shape.length + 1 : axis;
      return [builder.one('reshape', [x!], { shape: shape.toSpliced(at, 0, ONE) })];
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(n, 2)], attributes: { axis: 1 } },
    { inputs: [tensor('i32', n)], attributes: { axis: -1 } },
  ],
});
