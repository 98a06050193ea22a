/**
 * What the operations of kernel IR mean on single values: the one definition that the interpreter and the constant
 * folder share. Values are JS numbers that the type can hold (f32 already rounded, i32 and u32 in range, bool 0 or 1).
 * It knows no expressions and no lanes.
 */
import type { BinaryOp, CompareOp, ScalarType, UnaryOp } from './ir.ts';

export type ReductionOp = 'add' | 'mul' | 'min' | 'max' | 'and' | 'or';

/** The value of `type` nearest to `value`: f32 rounds, integers wrap. */
export function wrap(value: number, type: ScalarType): number {
  switch (type) {
    case 'f32':
      return Math.fround(value);
    case 'i32':
      return value | 0;
    case 'u32':
      return value >>> 0;
    case 'bool':
      return value === 0 ? 0 : 1;
  }
}

/** To nearest, ties to even; keeps the sign of zero. */
export function roundTiesToEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const below = Math.floor(x);
  const rest = x - below;
  const nearest = rest < 0.5 ? below : rest > 0.5 ? below + 1 : below % 2 === 0 ? below : below + 1;
  return nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest;
}

/** By the series 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms are all positive; f64 accuracy. */
export function erf(x: number): number {
  if (!(Math.abs(x) < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  let part = x;
  let sum = x;
  for (let n = 1; Math.abs(part) > Math.abs(sum) * 1e-17; n++) {
    part *= (2 * x * x) / (2 * n + 1);
    sum += part;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** C's pow: unlike JavaScript's, 1 to any power and -1 to an infinite one are 1. */
export function pow(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return Math.pow(x, y);
}

const f32Functions: Record<Exclude<UnaryOp, 'not'>, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundTiesToEven,
  trunc: Math.trunc,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  normcdf: (x) => (1 + erf(x * Math.SQRT1_2)) / 2,
};

/** By how much a positive single has to shrink to become its predecessor. */
const BELOW_ONE = 1 - 2 ** -24;

/** The remainder of two singles with the sign of the divisor. Where it would round to the divisor, it stays below. */
export function floorModulo(x: number, y: number): number {
  const rest = x % y;
  if (rest === 0 || rest < 0 === y < 0) return rest;
  const sum = Math.fround(rest + y);
  return sum === y ? Math.fround(y * BELOW_ONE) : sum;
}

export function unaryValue(op: UnaryOp, type: ScalarType, x: number): number {
  if (op === 'not') return type === 'bool' ? 1 - x : wrap(~x, type);
  return wrap(f32Functions[op](x), type);
}

/** Throws RangeError on an integer division by zero. */
export function binaryValue(op: BinaryOp, type: ScalarType, x: number, y: number): number {
  switch (op) {
    case 'add':
      return wrap(x + y, type);
    case 'sub':
      return wrap(x - y, type);
    case 'mul':
      return type === 'f32' ? Math.fround(x * y) : wrap(Math.imul(x, y), type);
    case 'div':
      if (type !== 'f32' && y === 0) throw new RangeError('integer division by zero');
      return wrap(type === 'f32' ? x / y : Math.trunc(x / y), type);
    case 'mod':
      return floorModulo(x, y);
    case 'min':
      return Math.min(x, y);
    case 'max':
      return Math.max(x, y);
    case 'pow':
      return Math.fround(pow(x, y));
    case 'and':
      return wrap(x & y, type);
    case 'or':
      return wrap(x | y, type);
    case 'xor':
      return wrap(x ^ y, type);
    case 'shl':
      return wrap(x << y, type);
    case 'shr':
      return type === 'u32' ? x >>> y : wrap(x >> y, type);
  }
}

/** `addend` + the products of the signed bytes of `left` and those of `right`, which are 0 … 127. */
export function dot4Value(left: number, right: number, addend: number): number {
  const byte = (word: number, at: number): number => (word << (24 - 8 * at)) >> 24;
  return [0, 1, 2, 3].reduce((sum, at) => (sum + byte(left, at) * byte(right, at)) | 0, addend | 0);
}

export function compareValue(op: CompareOp, x: number, y: number): 0 | 1 {
  const holds: Record<CompareOp, boolean> = {
    eq: x === y,
    ne: x !== y,
    lt: x < y,
    le: x <= y,
    gt: x > y,
    ge: x >= y,
  };
  return holds[op] ? 1 : 0;
}

export function convertValue(from: ScalarType, to: ScalarType, x: number): number {
  if (to === 'bool') return x !== 0 ? 1 : 0;
  if (from !== 'f32' || to === 'f32') return wrap(x, to);
  if (Number.isNaN(x)) return 0;
  const [least, most] = to === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return Math.min(Math.max(Math.trunc(x), least), most) + 0;
}

/** The bits of `x` as another type. */
export function bitcastValue(from: ScalarType, to: ScalarType, x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  if (from === 'f32') view.setFloat32(0, x);
  else view.setInt32(0, x | 0);
  if (to === 'f32') return view.getFloat32(0);
  return to === 'u32' ? view.getUint32(0) : view.getInt32(0);
}

/** The value `e` with `e op x = x` for every x (for `add` up to the sign of zero). */
export function reductionIdentity(op: ReductionOp, type: ScalarType): number {
  switch (op) {
    case 'add':
    case 'or':
      return 0;
    case 'mul':
      return 1;
    case 'and':
      return type === 'bool' ? 1 : type === 'u32' ? 2 ** 32 - 1 : -1;
    case 'min':
      return { f32: Infinity, i32: 2 ** 31 - 1, u32: 2 ** 32 - 1, bool: 1 }[type];
    case 'max':
      return { f32: -Infinity, i32: -(2 ** 31), u32: 0, bool: 0 }[type];
  }
}
