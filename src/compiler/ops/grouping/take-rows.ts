/** Rows at positions, zeros where there is none: what moves rows into the order of their groups and back. */
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { elementCount } from '../../dims/shape.ts';
import { equal, ONE, type Bounds } from '../../dims/dim.ts';
import { binary, bitcast, compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { emptyAxis, indexFault } from '../indexed/place.ts';
import { MOVED } from '../movement/define.ts';
import { f32, n, tensor } from '../samples.ts';

/** The shape rule of rows of `inputs[0]` at the positions of `inputs[1]`. */
export function inferTaken(called: string, [x, index]: readonly TensorType[], bounds: Bounds): Inference {
  const error = indexFault(called, index!, 1);
  if (error) return { error };
  if (index!.shape.length !== 1) {
    const message = `\`${called}\` takes a list of positions, not ${printType(index!)}`;
    return { error: { message, operand: 1 } };
  }
  const [, ...rest] = x!.shape;
  if (x!.shape.length === 0) return { error: { message: `\`${called}\` needs rows, not a scalar`, operand: 0 } };
  const shape = [index!.shape[0]!, ...rest];
  const empty = emptyAxis(called, x!, 0, elementCount(shape), bounds);
  if (empty.error) return { error: empty.error };
  return { types: [{ dtype: x!.dtype, shape }], conditions: empty.conditions };
}

export function takeRows(x: Tensor, index: Tensor): Float64Array {
  const width = countOf(x.shape.slice(1));
  const target = new Float64Array(index.data.length * width);
  index.data.forEach((row, at) => {
    if (row >= 0 && row < x.shape[0]!) target.set(x.data.subarray(row * width, (row + 1) * width), at * width);
  });
  return target;
}

/** `element` where `inside` holds, else 0, whatever it is. By its bits: a select would guard what is safe to load. */
function elementOrZero(inside: Expr, element: Expr): Expr {
  switch (element.type) {
    case 'f32':
      return bitcast(elementOrZero(inside, bitcast(element, 'i32')), 'f32');
    case 'bool':
      return binary('and', element, inside);
    case 'i32':
      return binary('and', element, select(inside, literal(-1, 'i32'), literal(0, 'i32')));
    case 'u32':
      return binary('and', element, select(inside, literal(2 ** 32 - 1, 'u32'), literal(0, 'u32')));
  }
}

/** The sum over j of the rows of x at the positions index[t, j]. */
export function sumOfTaken(builder: Builder, x: Value, index: Value): Value {
  const { shape } = index.type;
  const [rows, several] = shape;
  const list = builder.one('reshape', [index], { shape: [elementCount(shape)] });
  const taken = builder.one('take_rows', [x, list]);
  if (equal(several!, ONE)) return taken;
  const apart = builder.one('reshape', [taken], { shape: [rows!, several!, ...x.type.shape.slice(1)] });
  return builder.one('sum', [apart], { axis: 1 });
}

export const takeRowsOp: Op = defineOp({
  name: 'take_rows',
  doc: 'Rows of x (any dtype) at i32 positions: result[i] = x[index[i]], zeros where the position is no row of x.',
  internal: true,
  operands: [{ name: 'x' }, { name: 'index' }],
  attributes: [],
  infer: (inputs, _, { bounds }) => inferTaken('take_rows', inputs, bounds),
  evaluate: ([x, index]) => [takeRows(x!, index!)],
  body: {
    kind: 'movement',
    indirect: true,
    element([x, indices], [row, ...rest], _, context) {
      const size = context.inputs[0]!.shape[0]!;
      const index = indices!([row!]);
      const inside = binary('and', compare('ge', index, literal(0, 'i32')), compare('lt', index, position(size)));
      return elementOrZero(inside, x!([context.position(index, size), ...rest]));
    },
  },
  noGradient: 'what is made of it, `gather_rows` and `segment_broadcast`, knows where rows came from',
  tolerance: MOVED,
  samples: [
    { inputs: [f32(5, n), tensor('i32', 4)], attributes: {}, range: [-2, 6] },
    { inputs: [f32(3, 2, 3), tensor('i32', n)], attributes: {}, range: [-3, 4] },
    { inputs: [tensor('i32', n), tensor('i32', 3)], attributes: {}, range: [-1, 3] },
    { inputs: [tensor('u32', 4), tensor('i32', n)], attributes: {}, range: [-1, 5] },
    { inputs: [tensor('bool', 4, 2), tensor('i32', n)], attributes: {}, range: [-1, 5] },
  ],
});
