/** Comparisons, the language's operators on tensors. The result is bool; NaN differs from everything, itself included. */
import type { Op } from '../../ir/op.ts';
import type { DType } from '../../ir/graph.ts';
import { binary, compare, unary } from '../../kernel/build.ts';
import type { CompareOp } from '../../kernel/ir.ts';
import { pointwise } from './define.ts';

interface Comparison {
  readonly name: string;
  readonly operator: string;
  readonly doc: string;
  readonly op: CompareOp;
  readonly compute: (a: number, b: number) => boolean;
}

const ORDERED: readonly DType[] = ['f32', 'i32', 'u32'];
/** Integers in a small range, so that samples contain equal elements. */
const range: readonly [number, number] = [-2, 2];

function ordering({ name, operator, doc, op, compute }: Comparison): Op {
  return pointwise({
    name,
    operator,
    doc,
    operands: ['left', 'right'],
    dtypes: ORDERED,
    result: 'bool',
    compute: () => (a, b) => Number(compute(a, b)),
    scalar: ([a, b]) => compare(op, a!, b!),
    range,
  });
}

export const comparison: readonly Op[] = [
  pointwise({
    name: 'equal',
    operator: '==',
    doc: 'Whether two elements are equal (any dtype, gives bool). NaN is equal to nothing.',
    operands: ['left', 'right'],
    dtypes: [...ORDERED, 'bool'],
    result: 'bool',
    compute: () => (a, b) => Number(a === b),
    scalar: ([a, b]) => (a!.type === 'bool' ? unary('not', binary('xor', a!, b!)) : compare('eq', a!, b!)),
    range,
  }),
  pointwise({
    name: 'not_equal',
    operator: '!=',
    doc: 'Whether two elements differ (any dtype, gives bool). NaN differs from everything, itself included.',
    operands: ['left', 'right'],
    dtypes: [...ORDERED, 'bool'],
    result: 'bool',
    compute: () => (a, b) => Number(a !== b),
    scalar: ([a, b]) => (a!.type === 'bool' ? binary('xor', a!, b!) : compare('ne', a!, b!)),
    range,
  }),
  ordering({
    name: 'less',
    operator: '<',
    doc: 'Whether the left element is below the right one (f32, i32, u32, gives bool); false of NaN.',
    op: 'lt',
    compute: (a, b) => a < b,
  }),
  ordering({
    name: 'less_equal',
    operator: '<=',
    doc: 'Whether the left element is below or equal to the right one (f32, i32, u32, gives bool); false of NaN.',
    op: 'le',
    compute: (a, b) => a <= b,
  }),
  ordering({
    name: 'greater',
    operator: '>',
    doc: 'Whether the left element is above the right one (f32, i32, u32, gives bool); false of NaN.',
    op: 'gt',
    compute: (a, b) => a > b,
  }),
  ordering({
    name: 'greater_equal',
    operator: '>=',
    doc: 'Whether the left element is above or equal to the right one (f32, i32, u32, gives bool); false of NaN.',
    op: 'ge',
    compute: (a, b) => a >= b,
  }),
];
