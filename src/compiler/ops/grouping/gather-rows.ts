/** `gather_rows`: rows at positions whose inverse is known, so that the gradient is a gather too. */
import { defineOp, type Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { equal, print } from '../../dims/dim.ts';
import { indexFault } from '../indexed/place.ts';
import { MOVED } from '../movement/define.ts';
import { fails } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { inferTaken, sumOfTaken, takeRows } from './take-rows.ts';

/** Positions of `count` readers in `rows` rows, none of which has more than `several` readers, with their inverse. */
function positions(count: number, rows: number, several: number): readonly (readonly number[] | undefined)[] {
  const readers: number[][] = Array.from({ length: rows }, () => []);
  const index = Array.from({ length: count }, (_, at) => {
    const row = ((5 * at + 3) % (rows + 2)) - 1;
    const list = readers[row];
    if (!list || list.length === several) return rows + at;
    list.push(at);
    return row;
  });
  const inverse = readers.flatMap((list) => Array.from({ length: several }, (_, at) => list[at] ?? -1));
  return [undefined, index, inverse];
}

export const gatherRows: Op = defineOp({
  name: 'gather_rows',
  doc:
    'Rows of x at i32 positions: result[i] = x[index[i]] (any dtype), zeros where index[i] is no row of x; negative ' +
    'positions do not count from the end. `inverse`, i32[n, q], lists for each row t of x, f32[n, ..rest], the places i with ' +
    'index[i] = t, and -1 for no further one. It is there for the gradient alone, which so is a gather as well: that of ' +
    'x[t] is the sum of the cotangents at inverse[t]. Who leaves out a place there loses its gradient.',
  operands: [{ name: 'x' }, { name: 'index' }, { name: 'inverse' }],
  attributes: [],
  infer(inputs, _, { bounds }) {
    const [x, , inverse] = inputs;
    const taken = inferTaken('gather_rows', inputs, bounds);
    const error = indexFault('gather_rows', inverse!, 2);
    if ('error' in taken || error) return error ? { error } : taken;
    if (inverse!.shape.length === 2 && equal(inverse!.shape[0]!, x!.shape[0]!)) return taken;
    const wanted = `i32[${print(x!.shape[0]!)}, q]`;
    return fails(`\`gather_rows\` of ${printType(x!)} needs the inverse ${wanted}, not ${printType(inverse!)}`, {
      operand: 2,
    });
  },
  evaluate: ([x, index]) => [takeRows(x!, index!)],
  body: { kind: 'composite', expand: (builder, [x, index]) => [builder.one('take_rows', [x!, index!])] },
  vjp: (builder, { inputs: [, , inverse] }, [cotangent]) => [
    sumOfTaken(builder, cotangent!, inverse!),
    undefined,
    undefined,
  ],
  tolerance: MOVED,
  samples: [
    { inputs: [f32(5, n), tensor('i32', 6), tensor('i32', 5, 2)], attributes: {}, values: () => positions(6, 5, 2) },
    {
      inputs: [f32(3, 2, 2), tensor('i32', n), tensor('i32', 3, n)],
      attributes: {},
      values: (n) => positions(n, 3, n),
    },
    { inputs: [f32(n, 3), tensor('i32', 4), tensor('i32', n, 1)], attributes: {}, values: (n) => positions(4, n, 1) },
    { inputs: [f32(4), tensor('i32', n), tensor('i32', 4, 0)], attributes: {}, values: (n) => positions(n, 4, 0) },
    { inputs: [tensor('i32', n), tensor('i32', 2), tensor('i32', n, 2)], attributes: {}, range: [-1, 3] },
  ],
});
