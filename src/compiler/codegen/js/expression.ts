/**
 * Kernel expressions as JavaScript. f32 values are doubles between a load and a store; bools are booleans; i32 and u32 are
 * numbers in their type's range. A part that occurs more than once in a statement gets a constant.
 */
import type { BinaryOp, CompareOp, Expr, ScalarType, UnaryOp } from '../../kernel/ir.ts';
import { branches } from '../sharing.ts';
import type { Frame } from './frame.ts';
import { indexText, positionText } from './position.ts';
import { at, call, infix, LEVEL, minus, not, number, primary, ternary, type Text } from './text.ts';

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>;

/** The view through which a type's elements are seen. */
export const VIEWS: Readonly<Record<ScalarType, string>> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'i32' };

export function expressionText(frame: Frame, expr: Expr): Text {
  if (expr.lanes !== 1) frame.fail(`${expr.kind} of ${expr.lanes} lanes; the target has none`);
  const known = frame.shared(expr);
  if (known !== undefined) return primary(known);
  const text = nodeText(frame, expr);
  if (!frame.sharing.isShared(expr)) return text;
  const name = frame.fresh('t');
  frame.line(`const ${name} = ${text.code};`);
  frame.keepShared(expr, name);
  return primary(name);
}

function nodeText(frame: Frame, expr: Expr): Text {
  switch (expr.kind) {
    case 'literal':
      return literalText(expr);
    case 'variable':
      return primary(frame.variable(expr.name).text);
    case 'position':
      return positionText(frame, expr.index);
    case 'load': {
      const element = primary(`${VIEWS[expr.type]}[${indexText(frame, expr.buffer, expr.index)}]`);
      return expr.type === 'bool' ? infix(element, '!==', number(0), LEVEL.equality) : element;
    }
    case 'unary':
      return unaryText(frame, expr);
    case 'binary':
      return binaryText(frame, expr);
    case 'multiplyAdd': {
      const [left, right] = [expressionText(frame, expr.left), expressionText(frame, expr.right)];
      const product = infix(left, '*', right, LEVEL.multiplicative);
      return infix(product, '+', expressionText(frame, expr.addend), LEVEL.additive);
    }
    case 'dot4': {
      const operands = [expr.left, expr.right, expr.addend].map((part) => expressionText(frame, part));
      return call(frame.helper('dot4'), ...operands);
    }
    case 'compare':
      return infix(
        singleText(frame, expr.left),
        COMPARISONS[expr.op],
        singleText(frame, expr.right),
        expr.op === 'eq' || expr.op === 'ne' ? LEVEL.equality : LEVEL.relational,
      );
    case 'select':
      return selectText(frame, expr);
    case 'convert':
      return conversionText(frame, expr);
    case 'bitcast':
      return bitcastText(frame, expr);
    case 'splat':
      return expressionText(frame, expr.operand);
    case 'threefry':
      return frame.fail('threefry is not native; it should have been legalised');
    case 'combine':
    case 'lane':
    case 'reduceLanes':
      return frame.fail(`${expr.kind} of vectors; the target has none`);
  }
}

const COMPARISONS: Readonly<Record<CompareOp, string>> = { eq: '===', ne: '!==', lt: '<', le: '<=', gt: '>', ge: '>=' };

function literalText(expr: Of<'literal'>): Text {
  switch (expr.type) {
    case 'f32':
      return number(Math.fround(expr.value));
    case 'i32':
      return number(expr.value | 0);
    case 'u32':
      return number(expr.value >>> 0);
    case 'bool':
      return primary(expr.value === 0 ? 'false' : 'true');
  }
}

/** Whether the double that holds an f32 value has no bits that an f32 lacks. */
export function isSingle(frame: Frame, expr: Expr): boolean {
  switch (expr.kind) {
    case 'literal':
    case 'load':
    case 'convert':
    case 'bitcast':
      return true;
    case 'variable':
      return frame.variable(expr.name).single;
    case 'unary':
      return ROUNDING.has(expr.op) || ((expr.op === 'neg' || expr.op === 'abs') && isSingle(frame, expr.operand));
    case 'binary':
      if (expr.op === 'mod') return true;
      return (expr.op === 'min' || expr.op === 'max') && isSingle(frame, expr.left) && isSingle(frame, expr.right);
    case 'select':
      return isSingle(frame, expr.then) && isSingle(frame, expr.else);
    case 'splat':
      return isSingle(frame, expr.operand);
    case 'position':
    case 'multiplyAdd':
    case 'dot4':
    case 'threefry':
    case 'compare':
    case 'combine':
    case 'lane':
    case 'reduceLanes':
      return false;
  }
}

const ROUNDING: ReadonlySet<UnaryOp> = new Set(['floor', 'ceil', 'round', 'trunc']);

/**
 * The value rounded to f32 where its exact size decides something discrete: a comparison, an integer. Elsewhere the bits
 * beyond f32 are harmless, and rounding them off would cost more than the arithmetic.
 */
function singleText(frame: Frame, expr: Expr): Text {
  const text = expressionText(frame, expr);
  return expr.type !== 'f32' || isSingle(frame, expr) ? text : call('Math.fround', text);
}

/** An i32 or u32 result brought back into the range of its type. */
function wrapped(type: ScalarType, text: Text): Text {
  return type === 'u32' ? infix(text, '>>>', number(0), LEVEL.shift) : infix(text, '|', number(0), LEVEL.bitOr);
}

function unaryText(frame: Frame, expr: Of<'unary'>): Text {
  const { op, type, operand } = expr;
  if (op === 'not') {
    if (type === 'f32') return frame.fail('not of f32');
    const value = expressionText(frame, operand);
    if (type === 'bool') return not(value);
    const inverted: Text = { code: `~${at(LEVEL.unary, value)}`, level: LEVEL.unary };
    return type === 'u32' ? wrapped(type, inverted) : inverted;
  }
  if (type === 'f32') return singleFunction(frame, op, operand);
  const value = expressionText(frame, operand);
  if (op === 'neg' && type !== 'bool') return wrapped(type, infix(number(0), '-', value, LEVEL.additive));
  if (op === 'abs' && type === 'i32') return wrapped(type, call('Math.abs', value));
  if (op === 'abs' && type === 'u32') return value;
  return frame.fail(`${op} of ${type}`);
}

function singleFunction(frame: Frame, op: Exclude<UnaryOp, 'not'>, operand: Expr): Text {
  switch (op) {
    case 'neg':
      return minus(expressionText(frame, operand));
    case 'round':
      return call(frame.helper('roundEven'), singleText(frame, operand));
    case 'floor':
    case 'ceil':
    case 'trunc':
      return call(`Math.${op}`, singleText(frame, operand));
    case 'abs':
    case 'sqrt':
    case 'exp':
    case 'expm1':
    case 'log':
    case 'log1p':
    case 'sin':
    case 'cos':
    case 'tanh':
      return call(`Math.${op}`, expressionText(frame, operand));
    case 'erf':
    case 'normcdf':
      return frame.fail(`${op} is not native; it should have been legalised`);
  }
}

function binaryText(frame: Frame, expr: Of<'binary'>): Text {
  const { op, type } = expr;
  // A remainder jumps where its dividend passes a multiple of the divisor.
  if (op === 'mod' && type === 'f32')
    return call(frame.helper('mod'), singleText(frame, expr.left), singleText(frame, expr.right));
  const [left, right] = [expressionText(frame, expr.left), expressionText(frame, expr.right)];
  switch (type) {
    case 'f32':
      return singleBinary(frame, op, left, right);
    case 'bool':
      return boolBinary(frame, op, left, right);
    case 'i32':
    case 'u32':
      return integerBinary(frame, op, type, left, right);
  }
}

function singleBinary(frame: Frame, op: BinaryOp, left: Text, right: Text): Text {
  switch (op) {
    case 'add':
      return infix(left, '+', right, LEVEL.additive);
    case 'sub':
      return infix(left, '-', right, LEVEL.additive);
    case 'mul':
      return infix(left, '*', right, LEVEL.multiplicative);
    case 'div':
      return infix(left, '/', right, LEVEL.multiplicative);
    case 'min':
    case 'max':
      return call(`Math.${op}`, left, right);
    case 'pow':
      return call(frame.helper('pow'), left, right);
    case 'mod':
    case 'and':
    case 'or':
    case 'xor':
    case 'shl':
    case 'shr':
      return frame.fail(`${op} of f32`);
  }
}

function boolBinary(frame: Frame, op: BinaryOp, left: Text, right: Text): Text {
  switch (op) {
    case 'and':
    case 'min':
      return infix(left, '&&', right, LEVEL.and);
    case 'or':
    case 'max':
      return infix(left, '||', right, LEVEL.or);
    case 'xor':
      return infix(left, '!==', right, LEVEL.equality);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'mod':
    case 'pow':
    case 'shl':
    case 'shr':
      return frame.fail(`${op} of bool`);
  }
}

/** A quotient by zero is 0 and -2^31 / -1 wraps: that is what wrapping makes of the double's quotient. */
function integerBinary(frame: Frame, op: BinaryOp, type: 'i32' | 'u32', left: Text, right: Text): Text {
  switch (op) {
    case 'add':
      return wrapped(type, infix(left, '+', right, LEVEL.additive));
    case 'sub':
      return wrapped(type, infix(left, '-', right, LEVEL.additive));
    case 'mul': {
      const product = call('Math.imul', left, right);
      return type === 'u32' ? wrapped(type, product) : product;
    }
    case 'div':
      return wrapped(type, infix(left, '/', right, LEVEL.multiplicative));
    case 'min':
    case 'max':
      return call(`Math.${op}`, left, right);
    case 'and':
      return bitwise(type, infix(left, '&', right, LEVEL.bitAnd));
    case 'or':
      return bitwise(type, infix(left, '|', right, LEVEL.bitOr));
    case 'xor':
      return bitwise(type, infix(left, '^', right, LEVEL.bitXor));
    case 'shl':
      return bitwise(type, infix(left, '<<', right, LEVEL.shift));
    case 'shr':
      return infix(left, type === 'u32' ? '>>>' : '>>', right, LEVEL.shift);
    case 'mod':
    case 'pow':
      return frame.fail(`${op} of ${type}`);
  }
}

/** JavaScript's bit operations answer with an i32. */
function bitwise(type: 'i32' | 'u32', text: Text): Text {
  return type === 'u32' ? wrapped(type, text) : text;
}

function selectText(frame: Frame, expr: Of<'select'>): Text {
  if (!branches(expr, frame.sharing)) {
    const [then, otherwise] = [expressionText(frame, expr.then), expressionText(frame, expr.else)];
    return ternary(expressionText(frame, expr.condition), then, otherwise);
  }
  for (const part of frame.sharing.certainInBoth(expr.then, expr.else)) expressionText(frame, part);
  const condition = expressionText(frame, expr.condition);
  const [then, otherwise] = [armOf(frame, expr.then), armOf(frame, expr.else)];
  if (then.lines.length + otherwise.lines.length === 0) return ternary(condition, then.value, otherwise.value);
  const name = frame.fresh('chosen');
  frame.line(`let ${name};`);
  frame.line(`if (${condition.code}) {`);
  frame.nested([...then.lines, `${name} = ${then.value.code};`]);
  frame.line('} else {');
  frame.nested([...otherwise.lines, `${name} = ${otherwise.value.code};`]);
  frame.line('}');
  return primary(name);
}

/** An arm of a select that must not be evaluated unless taken, and the lines it needs before its value. */
function armOf(frame: Frame, arm: Expr): { lines: string[]; value: Text } {
  let value = primary('undefined');
  const lines = frame.block(() => {
    value = expressionText(frame, arm);
  });
  return { lines, value };
}

function conversionText(frame: Frame, expr: Of<'convert'>): Text {
  const { operand, type: to } = expr;
  const from = operand.type;
  if (to === 'bool') return infix(singleText(frame, operand), '!==', number(0), LEVEL.equality);
  const value = singleText(frame, operand);
  if (from === 'bool') return ternary(value, number(1), number(0));
  if (from === 'f32') return call(frame.helper(to === 'u32' ? 'toU32' : 'toI32'), value);
  if (to === 'f32') return call('Math.fround', value);
  return wrapped(to, value);
}

function bitcastText(frame: Frame, expr: Of<'bitcast'>): Text {
  const { operand, type: to } = expr;
  const from = operand.type;
  if (from === 'bool' || to === 'bool') return frame.fail('bitcast of bool');
  const value = expressionText(frame, operand);
  if (from === 'f32') {
    const bits = call(frame.helper('bitsOfF32'), value);
    return to === 'u32' ? wrapped(to, bits) : bits;
  }
  return to === 'f32' ? call(frame.helper('f32OfBits'), value) : wrapped(to, value);
}
