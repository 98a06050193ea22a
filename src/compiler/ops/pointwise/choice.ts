/** The pointwise ops whose operands and results differ in dtype: `where` and `cast`. */
import type { DType, TensorType } from '../../ir/graph.ts';
import { defineOp, type Op, type Sample } from '../../ir/op.ts';
import { convert, select } from '../../kernel/build.ts';
import { dtypeFault, gives, mixedDtypeFault } from '../rules.ts';
import { formula } from '../formula.ts';
import { n, tensor } from '../samples.ts';
import { shapeFault } from './define.ts';

const EXACT = { absolute: 0, relative: 1e-6 };

const where = defineOp({
  name: 'where',
  doc: 'The element of `then` where the bool `condition` is true, else of `otherwise`, which have one dtype (any).',
  operands: [{ name: 'condition' }, { name: 'then' }, { name: 'otherwise' }],
  attributes: [],
  infer(inputs) {
    const [condition, ...values] = inputs;
    const mixed = mixedDtypeFault('where', values);
    const error =
      dtypeFault('where', [condition!], ['bool']) ??
      (mixed && { ...mixed, operand: mixed.operand! + 1 }) ??
      shapeFault('where', inputs);
    return error ? { error } : gives(values[0]!);
  },
  evaluate([condition, then, otherwise]) {
    return [condition!.data.map((holds, at) => (holds === 1 ? then!.data[at]! : otherwise!.data[at]!))];
  },
  body: { kind: 'pointwise', scalar: ([condition, then, otherwise]) => select(condition!, then!, otherwise!) },
  vjp(builder, { inputs: [condition] }, [cotangent]) {
    const f = formula(builder);
    return [undefined, f('where', condition!, cotangent!, 0), f('where', condition!, 0, cotangent!)];
  },
  tolerance: EXACT,
  samples: (['f32', 'i32', 'u32', 'bool'] as const).map((dtype): Sample => {
    const value = tensor(dtype, 2, n);
    return { inputs: [tensor('bool', 2, n), value, value], attributes: {} };
  }),
});

type Cast = { readonly dtype: DType };

/** Truncates towards zero and stays within limits; NaN gives 0. */
function saturate(x: number, least: number, greatest: number): number {
  return Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), least), greatest) + 0;
}

function conversion(from: DType, to: DType): (x: number) => number {
  switch (to) {
    case 'f32':
      return (x) => x;
    case 'bool':
      return (x) => (x === 0 ? 0 : 1);
    case 'i32':
      return from === 'f32' ? (x) => saturate(x, -(2 ** 31), 2 ** 31 - 1) : (x) => x | 0;
    case 'u32':
      return from === 'f32' ? (x) => saturate(x, 0, 2 ** 32 - 1) : (x) => x >>> 0;
  }
}

const ALL: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];

const cast = defineOp<Cast>({
  name: 'cast',
  doc:
    'The tensor converted to another dtype. f32 to an integer truncates towards zero and saturates, NaN gives 0; ' +
    'i32 and u32 keep their bits; to bool is `!= 0`; true is 1.',
  operands: [{ name: 'x' }],
  attributes: [{ name: 'dtype', kind: 'dtype', doc: 'The dtype of the result.' }],
  infer: ([x], { dtype }) => gives({ dtype, shape: x!.shape } satisfies TensorType),
  evaluate: ([x], { dtype }) => [x!.data.map(conversion(x!.dtype, dtype))],
  body: { kind: 'pointwise', scalar: ([x], { dtype }) => convert(x!, dtype) },
  vjp: (_, { inputs: [x] }, [cotangent]) => [x!.type.dtype === 'f32' ? cotangent : undefined],
  tolerance: EXACT,
  samples: ALL.flatMap((from) =>
    ALL.map((dtype): Sample => ({ inputs: [tensor(from, n)], attributes: { dtype }, range: [-9, 9] })),
  ),
});

export const choice: readonly Op[] = [where, cast];
