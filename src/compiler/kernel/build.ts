/** Constructors of kernel expressions: they fill in types and widths and splat scalars that meet vectors. */
import type { Dim } from '../dims/dim.ts';
import type { BinaryOp, CompareOp, Expr, Lanes, ScalarType, UnaryOp } from './ir.ts';

export function literal(value: number, type: ScalarType = 'f32'): Expr {
  return { kind: 'literal', type, lanes: 1, value };
}

export function variable(name: string, type: ScalarType, lanes: Lanes = 1): Expr {
  return { kind: 'variable', type, lanes, name };
}

export function position(index: Dim): Expr {
  return { kind: 'position', type: 'i32', lanes: 1, index };
}

export function load(buffer: string, index: Dim, type: ScalarType, lanes: Lanes = 1): Expr {
  return { kind: 'load', type, lanes, buffer, index };
}

export function splat(operand: Expr, lanes: Lanes): Expr {
  if (operand.lanes === lanes) return operand;
  return { kind: 'splat', type: operand.type, lanes, operand };
}

function widest(...operands: readonly Expr[]): Lanes {
  return operands.some((operand) => operand.lanes === 4) ? 4 : 1;
}

export function unary(op: UnaryOp, operand: Expr): Expr {
  return { kind: 'unary', type: operand.type, lanes: operand.lanes, op, operand };
}

export function binary(op: BinaryOp, left: Expr, right: Expr): Expr {
  const lanes = widest(left, right);
  return { kind: 'binary', type: left.type, lanes, op, left: splat(left, lanes), right: splat(right, lanes) };
}

export function multiplyAdd(left: Expr, right: Expr, addend: Expr): Expr {
  const lanes = widest(left, right, addend);
  return {
    kind: 'multiplyAdd',
    type: 'f32',
    lanes,
    left: splat(left, lanes),
    right: splat(right, lanes),
    addend: splat(addend, lanes),
  };
}

/** `left` holds four signed bytes, `right` four of 0 … 127. */
export function dot4(left: Expr, right: Expr, addend: Expr): Expr {
  const lanes = widest(left, right, addend);
  return {
    kind: 'dot4',
    type: 'i32',
    lanes,
    left: splat(left, lanes),
    right: splat(right, lanes),
    addend: splat(addend, lanes),
  };
}

/** One of the two words that Threefry-2x32 makes of a key and a counter, four u32. */
export function threefry(
  key: readonly [Expr, Expr],
  counter: readonly [Expr, Expr],
  word: 0 | 1,
): Extract<Expr, { kind: 'threefry' }> {
  const lanes = widest(...key, ...counter);
  const [a, b] = [splat(key[0], lanes), splat(key[1], lanes)];
  const operands = [a, b, splat(counter[0], lanes), splat(counter[1], lanes)] as const;
  return { kind: 'threefry', type: 'u32', lanes, word, operands };
}

export function compare(op: CompareOp, left: Expr, right: Expr): Expr {
  const lanes = widest(left, right);
  return { kind: 'compare', type: 'bool', lanes, op, left: splat(left, lanes), right: splat(right, lanes) };
}

export function select(condition: Expr, then: Expr, otherwise: Expr): Expr {
  const lanes = widest(condition, then, otherwise);
  return {
    kind: 'select',
    type: then.type,
    lanes,
    condition: splat(condition, lanes),
    then: splat(then, lanes),
    else: splat(otherwise, lanes),
  };
}

export function convert(operand: Expr, type: ScalarType): Expr {
  return operand.type === type ? operand : { kind: 'convert', type, lanes: operand.lanes, operand };
}

export function bitcast(operand: Expr, type: ScalarType): Expr {
  return operand.type === type ? operand : { kind: 'bitcast', type, lanes: operand.lanes, operand };
}

export function lane(operand: Expr, at: number): Expr {
  return { kind: 'lane', type: operand.type, lanes: 1, operand, lane: at };
}

export function combine(parts: readonly Expr[], lanes: Lanes): Expr {
  return { kind: 'combine', type: parts[0]!.type, lanes, parts };
}
