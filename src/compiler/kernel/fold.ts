/**
 * Simplifies one expression whose parts are simplified already. Only rewritings that give the same bits on every
 * input, NaN, infinities and signed zeros included: constants that any backend computes alike, exact identities, and
 * comparisons of positions that bounds decide. It must not know statements.
 */
import {
  ONE,
  add,
  constant,
  constantValue,
  equal,
  isAtLeast,
  subtract,
  symbolsOf,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { binaryValue, bitcastValue, compareValue, convertValue, unaryValue } from './arithmetic.ts';
import { binary, bitcast, compare, convert, literal, select, splat, unary } from './build.ts';
import type { BinaryOp, CompareOp, Expr, ScalarType, UnaryOp } from './ir.ts';
import { childrenOf, mapChildren } from './rewrite.ts';

/** Functions that every backend rounds correctly; the others are left to it. */
const exactUnary: ReadonlySet<UnaryOp> = new Set(['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'trunc', 'not']);

/** What is known of the integer names around an expression. */
export interface Known {
  readonly bounds: Bounds;
  /** Names of lets, whose values may be negative. */
  readonly lets: ReadonlySet<string>;
}

export function foldAll(expr: Expr, known: Known): Expr {
  return fold(
    mapChildren(expr, (child) => foldAll(child, known)),
    known,
  );
}

function fold(expr: Expr, known: Known): Expr {
  switch (expr.kind) {
    case 'literal':
    case 'variable':
    case 'load':
    case 'threefry':
      return expr;
    case 'position': {
      const value = constantValue(expr.index);
      return value === undefined ? expr : literal(value, 'i32');
    }
    case 'splat':
      return expr.lanes === expr.operand.lanes ? expr.operand : expr;
    case 'combine': {
      const [first] = expr.parts;
      return expr.parts.every((part) => same(part, first!)) ? splat(first!, expr.lanes) : expr;
    }
    case 'lane':
      if (expr.operand.kind === 'splat') return expr.operand.operand;
      return expr.operand.kind === 'combine' ? expr.operand.parts[expr.lane]! : expr;
    case 'reduceLanes': {
      const keeps = expr.op !== 'add' && expr.op !== 'mul';
      return keeps && expr.operand.kind === 'splat' ? expr.operand.operand : expr;
    }
    default:
      return foldOperation(expr, known);
  }
}

type Operation = Expr & {
  readonly kind: 'unary' | 'binary' | 'multiplyAdd' | 'dot4' | 'compare' | 'select' | 'convert' | 'bitcast';
};

function foldOperation(expr: Operation, known: Known): Expr {
  const scalar = onScalars(expr);
  if (scalar) return splat(fold(scalar, known), expr.lanes);
  switch (expr.kind) {
    case 'unary':
      return foldUnary(expr);
    case 'binary':
      return foldBinary(expr);
    case 'multiplyAdd':
      return foldMultiplyAdd(expr);
    case 'dot4':
      return foldDot4(expr);
    case 'compare':
      return foldCompare(expr, known);
    case 'select':
      return foldSelect(expr);
    case 'convert':
      return foldConvert(expr);
    case 'bitcast': {
      const { operand, type } = expr;
      if (operand.kind === 'literal') return result(bitcastValue(operand.type, type, operand.value), type) ?? expr;
      return operand.kind === 'bitcast' ? bitcast(operand.operand, type) : expr;
    }
  }
}

/** The operation on scalars, if all its operands are splats. */
function onScalars(expr: Operation): Expr | undefined {
  if (expr.lanes === 1) return undefined;
  const scalars: Expr[] = [];
  const mapped = mapChildren(expr, (child) => {
    if (child.kind === 'splat') scalars.push(child.operand);
    return child.kind === 'splat' ? child.operand : child;
  });
  return scalars.length === childrenOf(expr).length ? ({ ...mapped, lanes: 1 } as Expr) : undefined;
}

/** A literal; undefined for NaN, whose bits are the backend's own. */
function result(value: number, type: ScalarType): Expr | undefined {
  return Number.isNaN(value) ? undefined : literal(value, type);
}

/** The value of a literal, also in all lanes. */
function literalValue(expr: Expr): number | undefined {
  if (expr.kind === 'splat') return literalValue(expr.operand);
  if (expr.kind !== 'literal') return undefined;
  return expr.type === 'f32' ? Math.fround(expr.value) : expr.value;
}

/** Whether two expressions are certainly the same; looks no deeper than names and places. */
function same(a: Expr, b: Expr): boolean {
  if (a === b) return true;
  if (a.type !== b.type || a.lanes !== b.lanes) return false;
  if (a.kind === 'literal' && b.kind === 'literal') return Object.is(a.value, b.value);
  if (a.kind === 'variable' && b.kind === 'variable') return a.name === b.name;
  if (a.kind === 'position' && b.kind === 'position') return equal(a.index, b.index);
  if (a.kind === 'load' && b.kind === 'load') return a.buffer === b.buffer && equal(a.index, b.index);
  return false;
}

function foldUnary(expr: Expr & { kind: 'unary' }): Expr {
  const { op, operand, type } = expr;
  if (operand.kind === 'literal' && exactUnary.has(op))
    return result(unaryValue(op, type, literalValue(operand)!), type) ?? expr;
  if (operand.kind === 'unary') {
    const inner = operand.op;
    if ((op === 'neg' && inner === 'neg') || (op === 'not' && inner === 'not')) return operand.operand;
    if (op === 'abs' && (inner === 'abs' || inner === 'neg')) return unary('abs', operand.operand);
  }
  // `not` of another comparison is not its opposite: both are false on NaN.
  if (op === 'not' && operand.kind === 'compare' && (operand.left.type !== 'f32' || isEquality(operand.op)))
    return compare(opposite[operand.op], operand.left, operand.right);
  return expr;
}

const opposite: Record<CompareOp, CompareOp> = { eq: 'ne', ne: 'eq', lt: 'ge', ge: 'lt', gt: 'le', le: 'gt' };

function isEquality(op: CompareOp): boolean {
  return op === 'eq' || op === 'ne';
}

function foldBinary(expr: Expr & { kind: 'binary' }): Expr {
  const { op, left, right, type } = expr;
  const [x, y] = [literalValue(left), literalValue(right)];
  if (left.kind === 'literal' && right.kind === 'literal' && op !== 'pow' && op !== 'mod') {
    if (op === 'div' && type !== 'f32' && y === 0) return expr;
    return result(binaryValue(op, type, x!, y!), type) ?? expr;
  }
  if (y !== undefined && isRightIdentity(op, type, y)) return left;
  if (x !== undefined && isCommutative(op) && isRightIdentity(op, type, x)) return right;
  if ((op === 'min' || op === 'max' || op === 'and' || op === 'or') && same(left, right)) return left;
  if (y === undefined) return expr;
  switch (op) {
    case 'div':
      return type === 'f32' && hasExactReciprocal(y) ? binary('mul', left, splat(literal(1 / y), expr.lanes)) : expr;
    case 'pow':
      return y === 2 && left.kind === 'variable' ? binary('mul', left, left) : expr;
    case 'mul':
      return type !== 'f32' && y === 0 ? right : expr;
    case 'and':
      return type === 'bool' && y === 0 ? right : expr;
    case 'or':
      return type === 'bool' && y === 1 ? right : expr;
    default:
      return expr;
  }
}

/** Where one of the two operations does nothing, the other rounds once whatever the target. */
function foldMultiplyAdd(expr: Expr & { kind: 'multiplyAdd' }): Expr {
  const { left, right, addend } = expr;
  if (literalValue(left) === 1) return binary('add', right, addend);
  if (literalValue(right) === 1) return binary('add', left, addend);
  return Object.is(literalValue(addend), -0) ? binary('mul', left, right) : expr;
}

/** Bytes that are all 0 add nothing. */
function foldDot4(expr: Expr & { kind: 'dot4' }): Expr {
  return literalValue(expr.left) === 0 || literalValue(expr.right) === 0 ? expr.addend : expr;
}

function isCommutative(op: BinaryOp): boolean {
  return op === 'add' || op === 'mul' || op === 'and' || op === 'or' || op === 'xor';
}

/** Whether `x op y` is x for every x. */
function isRightIdentity(op: BinaryOp, type: ScalarType, y: number): boolean {
  switch (op) {
    case 'add':
      return type === 'f32' ? Object.is(y, -0) : y === 0;
    case 'sub':
      return type === 'f32' ? Object.is(y, 0) : y === 0;
    case 'mul':
    case 'div':
    case 'pow':
      return y === 1;
    case 'and':
      return y === { f32: NaN, bool: 1, i32: -1, u32: 2 ** 32 - 1 }[type];
    case 'or':
    case 'xor':
    case 'shl':
    case 'shr':
      return y === 0;
    case 'mod':
    case 'min':
    case 'max':
      return false;
  }
}

/** Powers of two whose reciprocals are normal. */
function hasExactReciprocal(y: number): boolean {
  const exponent = Math.log2(Math.abs(y));
  return Number.isInteger(exponent) && exponent > -126 && exponent < 126 && Math.abs(y) === 2 ** exponent;
}

function foldCompare(expr: Expr & { kind: 'compare' }, known: Known): Expr {
  const { op, left, right } = expr;
  if (left.kind === 'literal' && right.kind === 'literal')
    return literal(compareValue(op, literalValue(left)!, literalValue(right)!), 'bool');
  const [a, b] = [positionOf(left), positionOf(right)];
  if (!a || !b || symbolsOf(subtract(a, b)).some((name) => known.lets.has(name))) return expr;
  const decided = comparePositions(op, a, b, known.bounds);
  return decided === undefined ? expr : literal(decided ? 1 : 0, 'bool');
}

function positionOf(expr: Expr): Dim | undefined {
  if (expr.kind === 'position') return expr.index;
  if (expr.kind !== 'literal' || expr.type !== 'i32') return undefined;
  return constant(expr.value);
}

function comparePositions(op: CompareOp, a: Dim, b: Dim, bounds: Bounds): boolean | undefined {
  const less = (x: Dim, y: Dim): boolean => isAtLeast(y, add(x, ONE), bounds);
  const atMost = (x: Dim, y: Dim): boolean => isAtLeast(y, x, bounds);
  switch (op) {
    case 'lt':
      return less(a, b) ? true : atMost(b, a) ? false : undefined;
    case 'le':
      return atMost(a, b) ? true : less(b, a) ? false : undefined;
    case 'gt':
      return comparePositions('lt', b, a, bounds);
    case 'ge':
      return comparePositions('le', b, a, bounds);
    case 'eq':
    case 'ne': {
      const equalTo = equal(a, b) ? true : less(a, b) || less(b, a) ? false : undefined;
      return equalTo === undefined ? undefined : equalTo === (op === 'eq');
    }
  }
}

function foldSelect(expr: Expr & { kind: 'select' }): Expr {
  const { condition, then, else: otherwise, type } = expr;
  const value = literalValue(condition);
  if (value !== undefined) return value === 1 ? then : otherwise;
  if (same(then, otherwise)) return then;
  if (condition.kind === 'unary' && condition.op === 'not') return select(condition.operand, otherwise, then);
  if (type === 'bool' && literalValue(then) === 1 && literalValue(otherwise) === 0) return condition;
  return expr;
}

function foldConvert(expr: Expr & { kind: 'convert' }): Expr {
  const { operand, type } = expr;
  if (operand.kind === 'literal') return result(convertValue(operand.type, type, literalValue(operand)!), type) ?? expr;
  // 0 and 1 survive every conversion.
  if (operand.kind === 'convert' && operand.operand.type === 'bool') return convert(operand.operand, type);
  return expr;
}
