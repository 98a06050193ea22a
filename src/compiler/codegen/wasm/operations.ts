/**
 * Which instruction computes which operation, by type and width. What is not in these tables is either composed in
 * `arithmetic.ts` or was rewritten into arithmetic before.
 */
import type { BinaryOp, CompareOp, ScalarType, UnaryOp } from '../../kernel/ir.ts';
import type { InstructionArguments, InstructionName } from './instructions.ts';

/** Instructions without immediates. */
export type PlainName = {
  [N in InstructionName]: InstructionArguments<N> extends readonly [] ? N : never;
}[InstructionName];

export interface Pair {
  readonly scalar: PlainName;
  readonly vector: PlainName;
}

function pair(scalar: PlainName, vector: PlainName): Pair {
  return { scalar, vector };
}

export const F32_UNARY: Partial<Record<UnaryOp, Pair>> = {
  neg: pair('f32.neg', 'f32x4.neg'),
  abs: pair('f32.abs', 'f32x4.abs'),
  sqrt: pair('f32.sqrt', 'f32x4.sqrt'),
  floor: pair('f32.floor', 'f32x4.floor'),
  ceil: pair('f32.ceil', 'f32x4.ceil'),
  round: pair('f32.nearest', 'f32x4.nearest'),
  trunc: pair('f32.trunc', 'f32x4.trunc'),
};

export const F32_BINARY: Partial<Record<BinaryOp, Pair>> = {
  add: pair('f32.add', 'f32x4.add'),
  sub: pair('f32.sub', 'f32x4.sub'),
  mul: pair('f32.mul', 'f32x4.mul'),
  div: pair('f32.div', 'f32x4.div'),
  min: pair('f32.min', 'f32x4.min'),
  max: pair('f32.max', 'f32x4.max'),
};

/** For i32, u32 and, where it makes sense, bool. */
export const INTEGER_BINARY: Partial<Record<BinaryOp, Pair>> = {
  add: pair('i32.add', 'i32x4.add'),
  sub: pair('i32.sub', 'i32x4.sub'),
  mul: pair('i32.mul', 'i32x4.mul'),
  and: pair('i32.and', 'v128.and'),
  or: pair('i32.or', 'v128.or'),
  xor: pair('i32.xor', 'v128.xor'),
};

export const VECTOR_EXTREMA = {
  i32: { min: 'i32x4.min_s', max: 'i32x4.max_s' },
  u32: { min: 'i32x4.min_u', max: 'i32x4.max_u' },
} as const;

const EQUALITY = { eq: pair('i32.eq', 'i32x4.eq'), ne: pair('i32.ne', 'i32x4.ne') };

const UNSIGNED: Record<CompareOp, Pair> = {
  ...EQUALITY,
  lt: pair('i32.lt_u', 'i32x4.lt_u'),
  le: pair('i32.le_u', 'i32x4.le_u'),
  gt: pair('i32.gt_u', 'i32x4.gt_u'),
  ge: pair('i32.ge_u', 'i32x4.ge_u'),
};

/** As unsigned numbers, both 0 < 1 and 0 < all ones: scalar and vector bools order alike. */
export const COMPARE: Record<ScalarType, Record<CompareOp, Pair>> = {
  f32: {
    eq: pair('f32.eq', 'f32x4.eq'),
    ne: pair('f32.ne', 'f32x4.ne'),
    lt: pair('f32.lt', 'f32x4.lt'),
    le: pair('f32.le', 'f32x4.le'),
    gt: pair('f32.gt', 'f32x4.gt'),
    ge: pair('f32.ge', 'f32x4.ge'),
  },
  i32: {
    ...EQUALITY,
    lt: pair('i32.lt_s', 'i32x4.lt_s'),
    le: pair('i32.le_s', 'i32x4.le_s'),
    gt: pair('i32.gt_s', 'i32x4.gt_s'),
    ge: pair('i32.ge_s', 'i32x4.ge_s'),
  },
  u32: UNSIGNED,
  bool: UNSIGNED,
};
