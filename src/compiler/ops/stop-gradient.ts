/** `stop_gradient`: the tensor as it is, a constant to differentiation. */
import { defineOp, type Op } from '../ir/op.ts';
import { MOVED } from './movement/define.ts';
import { gives } from './rules.ts';
import { f32, n, tensor } from './samples.ts';

export const stopGradient: Op = defineOp({
  name: 'stop_gradient',
  doc: 'x itself (any dtype), through which no gradient flows.',
  operands: [{ name: 'x' }],
  attributes: [],
  infer: ([x]) => gives(x!),
  evaluate: ([x]) => [x!.data],
  body: { kind: 'composite', expand: (_, [x]) => [x!] },
  vjp: () => [undefined],
  cutsGradients: true,
  tolerance: MOVED,
  samples: [
    { inputs: [f32(n, 2)], attributes: {}, smooth: false },
    { inputs: [tensor('i32', n)], attributes: {} },
  ],
});
