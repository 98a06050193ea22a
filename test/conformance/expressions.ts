/** A tiny f64 evaluator of scalar kernel expressions: the meaning of `scalar` and `element` bodies in the tests. */
import { threefry } from '../../src/program/threefry.ts';
import { evaluate } from '../../src/compiler/dims/dim.ts';
import type { BinaryOp, CompareOp, Expr, ScalarType, UnaryOp } from '../../src/compiler/kernel/ir.ts';
import { erf, erfc, floorModulo, power, roundHalfEven } from '../../src/compiler/ops/pointwise/special.ts';

export interface Scope {
  readonly variables: ReadonlyMap<string, number>;
  /** Integer names in positions. */
  readonly symbols: ReadonlyMap<string, number>;
  /** The element a load reads. */
  load(buffer: string): number;
}

export function evaluateExpr(expr: Expr, scope: Scope): number {
  const value = (part: Expr): number => evaluateExpr(part, scope);
  switch (expr.kind) {
    case 'literal':
      return expr.value;
    case 'variable':
      return scope.variables.get(expr.name)!;
    case 'position':
      return evaluate(expr.index, scope.symbols);
    case 'load':
      return scope.load(expr.buffer);
    case 'unary':
      return unary(expr.op, value(expr.operand), expr.type);
    case 'binary':
      return binary(expr.op, value(expr.left), value(expr.right), expr.type);
    case 'multiplyAdd':
      return value(expr.left) * value(expr.right) + value(expr.addend);
    case 'compare':
      return Number(compare(expr.op, value(expr.left), value(expr.right)));
    case 'select':
      return value(value(expr.condition) === 0 ? expr.else : expr.then);
    case 'convert':
      return convert(value(expr.operand), expr.operand.type, expr.type);
    case 'splat':
      return value(expr.operand);
    case 'threefry': {
      const [a, b, c, d] = expr.operands.map(value);
      return threefry([a!, b!], [c!, d!])[expr.word];
    }
    case 'bitcast':
      return sameBits(value(expr.operand), expr.operand.type, expr.type);
    case 'dot4':
    case 'combine':
    case 'lane':
    case 'reduceLanes':
      throw new Error(`a body in f64 has no use for ${expr.kind}`);
  }
}

/** The 32 bits of a number, which has to be a single if it is f32, as another type. */
function sameBits(value: number, from: ScalarType, to: ScalarType): number {
  const view = new DataView(new ArrayBuffer(4));
  if (from === 'f32') view.setFloat32(0, value);
  else view.setInt32(0, value);
  if (to === 'f32') return view.getFloat32(0);
  return to === 'i32' ? view.getInt32(0) : view.getUint32(0);
}

function wrap(value: number, type: ScalarType): number {
  switch (type) {
    case 'f32':
    case 'bool':
      return value;
    case 'i32':
      return value | 0;
    case 'u32':
      return value >>> 0;
  }
}

function unary(op: UnaryOp, x: number, type: ScalarType): number {
  if (op === 'not') return type === 'bool' ? 1 - x : wrap(~x, type);
  if (type !== 'f32') throw new Error(`${op} of ${type}`);
  switch (op) {
    case 'neg':
      return -x;
    case 'round':
      return roundHalfEven(x);
    case 'erf':
      return erf(x);
    case 'normcdf':
      return erfc(-x * Math.SQRT1_2) / 2;
    default:
      return Math[op](x);
  }
}

function binary(op: BinaryOp, a: number, b: number, type: ScalarType): number {
  switch (op) {
    case 'add':
      return wrap(a + b, type);
    case 'sub':
      return wrap(a - b, type);
    case 'mul':
      return type === 'f32' ? a * b : wrap(Math.imul(a, b), type);
    case 'div':
      if (type === 'f32') return a / b;
      if (b === 0) throw new Error('integer division by zero');
      return wrap(Math.trunc(a / b), type);
    case 'mod':
      return floorModulo(a, b);
    case 'min':
      return Math.min(a, b);
    case 'max':
      return Math.max(a, b);
    case 'pow':
      return power(a, b);
    case 'and':
      return wrap(a & b, type);
    case 'or':
      return wrap(a | b, type);
    case 'xor':
      return wrap(a ^ b, type);
    case 'shl':
      return wrap(a << b, type);
    case 'shr':
      return wrap(type === 'u32' ? a >>> b : a >> b, type);
  }
}

function compare(op: CompareOp, a: number, b: number): boolean {
  switch (op) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
  }
}

function convert(x: number, from: ScalarType, to: ScalarType): number {
  if (to === 'bool') return x === 0 ? 0 : 1;
  if (to === 'f32') return x;
  if (from !== 'f32') return wrap(x, to);
  if (Number.isNaN(x)) return 0;
  const [least, most] = to === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return Math.min(Math.max(Math.trunc(x), least), most) + 0;
}
