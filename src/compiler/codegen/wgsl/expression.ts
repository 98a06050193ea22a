/**
 * Kernel expressions as WGSL. A bool is a `bool` in registers and an i32 in memory. A part that occurs more than once in a
 * statement gets a constant. What WGSL leaves open (NaN, conversions out of range, divisions by 0) goes through helpers
 * with the meanings of kernel IR.
 */
import type { BinaryOp, Expr, ScalarType, UnaryOp } from '../../kernel/ir.ts';
import { branches } from '../sharing.ts';
import type { BufferAccess, Frame } from './frame.ts';
import { elementText, positionText } from './position.ts';
import { bitwise, call, comparison, infix, integer, LEVEL, prefix, primary, single, type Text } from './text.ts';

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>;

export function expressionText(frame: Frame, expr: Expr): Text {
  if (expr.lanes !== 1) frame.fail(`${expr.kind} of ${expr.lanes} lanes; the target has none`);
  const known = frame.shared(expr);
  if (known !== undefined) return primary(known);
  const text = nodeText(frame, expr);
  if (!frame.sharing.isShared(expr)) return text;
  const name = frame.fresh('t');
  frame.line(`let ${name} = ${text.code};`);
  frame.keepShared(expr, name);
  return primary(name);
}

function nodeText(frame: Frame, expr: Expr): Text {
  switch (expr.kind) {
    case 'literal':
      return literalText(frame, expr);
    case 'variable':
      return primary(frame.variable(expr.name));
    case 'position':
      return positionText(frame, expr.index);
    case 'load':
      return loaded(frame.buffer(expr.buffer), primary(elementText(frame, expr.buffer, expr.index)));
    case 'unary':
      return unaryText(frame, expr);
    case 'binary':
      return binaryText(frame, expr);
    case 'multiplyAdd':
      return call('fma', ...[expr.left, expr.right, expr.addend].map((part) => runTimeText(frame, part)));
    case 'dot4': {
      const operands = [expr.left, expr.right, expr.addend].map((part) => runTimeText(frame, part));
      return call(frame.helper('dot4'), ...operands);
    }
    case 'compare':
      return comparisonText(frame, expr);
    case 'select':
      return selectText(frame, expr);
    case 'convert':
      return conversionText(frame, expr);
    case 'bitcast':
      if (expr.type === 'bool' || expr.operand.type === 'bool') return frame.fail('bitcast of bool');
      return call(`bitcast<${expr.type}>`, runTimeText(frame, expr.operand));
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

/** What the element of a binding is as a value. */
function loaded({ type, base }: BufferAccess, element: Text): Text {
  if (type === 'bool') return comparison(element, '!=', integer(0, base === undefined ? 'i32' : 'u32'));
  return base === undefined ? element : call(`bitcast<${type}>`, element);
}

/** What a value is as the element of a binding. */
export function stored({ type, base }: BufferAccess, value: Text): Text {
  if (type === 'bool') return base === undefined ? bit(value, 'i32') : bit(value, 'u32');
  return base === undefined ? value : call('bitcast<u32>', value);
}

function bit(value: Text, type: 'i32' | 'u32'): Text {
  return call('select', integer(0, type), integer(1, type), value);
}

function literalText(frame: Frame, { type, value }: Of<'literal'>): Text {
  switch (type) {
    case 'f32': {
      const rounded = Math.fround(value);
      if (Number.isFinite(rounded)) return single(rounded);
      const bits = Number.isNaN(rounded) ? '0x7fc00000u' : rounded > 0 ? '0x7f800000u' : '0xff800000u';
      return primary(`${frame.helper('single_of_bits')}(${bits})`);
    }
    case 'i32':
      return integer(value | 0);
    case 'u32':
      return integer(value >>> 0, 'u32');
    case 'bool':
      return { ...primary(value === 0 ? 'false' : 'true'), constant: true };
  }
}

/** An operand of an operation that must not be computed by the compiler of the module. */
function runTimeText(frame: Frame, expr: Expr): Text {
  const text = expressionText(frame, expr);
  return text.constant ? frame.atRunTime(text) : text;
}

/** Both operands, of which one is no constant. */
function operandTexts(frame: Frame, { left, right }: Of<'binary'> | Of<'compare'>): [Text, Text] {
  const [a, b] = [expressionText(frame, left), expressionText(frame, right)];
  return [a.constant && b.constant ? frame.atRunTime(a) : a, b];
}

function unaryText(frame: Frame, { op, type, operand }: Of<'unary'>): Text {
  const value = runTimeText(frame, operand);
  switch (type) {
    case 'f32':
      return singleFunction(frame, op, value);
    case 'bool':
      return op === 'not' ? prefix('!', value) : frame.fail(`${op} of bool`);
    case 'i32':
    case 'u32':
      if (op === 'not') return prefix('~', value);
      if (op === 'neg') return infix(integer(0, type), '-', value, LEVEL.additive);
      if (op === 'abs') return call('abs', value);
      return frame.fail(`${op} of ${type}`);
  }
}

function singleFunction(frame: Frame, op: UnaryOp, value: Text): Text {
  switch (op) {
    case 'neg':
      return prefix('-', value);
    case 'abs':
    case 'sqrt':
    case 'floor':
    case 'ceil':
    case 'round':
    case 'trunc':
      return call(op, value);
    case 'exp':
    case 'expm1':
    case 'log':
    case 'log1p':
    case 'sin':
    case 'cos':
    case 'tanh':
    case 'erf':
    case 'normcdf':
      return frame.fail(`${op} is not native; it should have been legalised`);
    case 'not':
      return frame.fail('not of f32');
  }
}

function binaryText(frame: Frame, expr: Of<'binary'>): Text {
  const [left, right] = operandTexts(frame, expr);
  switch (expr.type) {
    case 'f32':
      return singleBinary(frame, expr, left, right);
    case 'bool':
      return boolBinary(frame, expr.op, left, right);
    case 'i32':
    case 'u32':
      return integerBinary(frame, expr, expr.type, left, right);
  }
}

function singleBinary(frame: Frame, expr: Of<'binary'>, left: Text, right: Text): Text {
  const { op } = expr;
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
      return call(frame.helper(`${op}_single`), left, right);
    case 'mod':
    case 'pow':
      return frame.fail(`${op} is not native; it should have been legalised`);
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
      return bitwise(left, '&', right);
    case 'or':
    case 'max':
      return bitwise(left, '|', right);
    case 'xor':
      return bitwise(left, '!=', right);
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

function integerBinary(frame: Frame, expr: Of<'binary'>, type: 'i32' | 'u32', left: Text, right: Text): Text {
  const { op } = expr;
  switch (op) {
    case 'add':
      return infix(left, '+', right, LEVEL.additive);
    case 'sub':
      return infix(left, '-', right, LEVEL.additive);
    case 'mul':
      return infix(left, '*', right, LEVEL.multiplicative);
    case 'div':
      return isNonzero(expr.right)
        ? infix(left, '/', right, LEVEL.multiplicative)
        : call(frame.helper(`quotient_${type}`), left, right);
    case 'min':
    case 'max':
      return call(op, left, right);
    case 'and':
      return bitwise(left, '&', right);
    case 'or':
      return bitwise(left, '|', right);
    case 'xor':
      return bitwise(left, '^', right);
    case 'shl':
    case 'shr':
      return bitwise(left, op === 'shl' ? '<<' : '>>', shiftDistance(expr.right, type, right));
    case 'mod':
    case 'pow':
      return frame.fail(`${op} of ${type}`);
  }
}

function isNonzero(expr: Expr): boolean {
  return expr.kind === 'literal' && expr.value !== 0;
}

/** As u32, and its lower five bits: literals beyond are an error. */
function shiftDistance(by: Expr, type: 'i32' | 'u32', text: Text): Text {
  if (by.kind === 'literal') return integer(by.value & 31, 'u32');
  return bitwise(type === 'u32' ? text : call('u32', text), '&', integer(31, 'u32'));
}

const COMPARISONS = { eq: '==', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;

function comparisonText(frame: Frame, expr: Of<'compare'>): Text {
  const { op, left, right } = expr;
  const [a, b] = operandTexts(frame, expr);
  if (left.type === 'f32') {
    const isOrdered = (): Text => prefix('!', call(frame.helper('is_nan'), a));
    if (left === right && (op === 'eq' || op === 'ne'))
      return op === 'eq' ? isOrdered() : call(frame.helper('is_nan'), a);
    // `!=` of a NaN may be false.
    if (op === 'ne') return prefix('!', comparison(a, '==', b));
  }
  if (left.type !== 'bool' || op === 'eq' || op === 'ne') {
    const [x, y] = left.type === 'bool' ? [{ ...a, level: Math.min(a.level, LEVEL.primary) }, b] : [a, b];
    return comparison(x, COMPARISONS[op], y);
  }
  return comparison(bit(a, 'i32'), COMPARISONS[op], bit(b, 'i32'));
}

function selectText(frame: Frame, expr: Of<'select'>): Text {
  if (!branches(expr, frame.sharing)) {
    const [then, otherwise] = [expressionText(frame, expr.then), expressionText(frame, expr.else)];
    const chosen = call('select', otherwise, then, expressionText(frame, expr.condition));
    return chosen;
  }
  for (const part of frame.sharing.certainInBoth(expr.then, expr.else)) expressionText(frame, part);
  const condition = expressionText(frame, expr.condition);
  const [then, otherwise] = [armOf(frame, expr.then), armOf(frame, expr.else)];
  const name = frame.fresh('chosen');
  frame.line(`var ${name}: ${expr.type};`);
  frame.line(`if (${condition.code}) {`);
  frame.nested([...then.lines, `${name} = ${then.value.code};`]);
  frame.line('} else {');
  frame.nested([...otherwise.lines, `${name} = ${otherwise.value.code};`]);
  frame.line('}');
  return primary(name);
}

/** An arm of a select that must not be evaluated unless taken, and the lines it needs before its value. */
function armOf(frame: Frame, arm: Expr): { lines: string[]; value: Text } {
  let value = primary('');
  const lines = frame.block(() => {
    value = expressionText(frame, arm);
  });
  return { lines, value };
}

function conversionText(frame: Frame, { operand, type: to }: Of<'convert'>): Text {
  const from: ScalarType = operand.type;
  const value = runTimeText(frame, operand);
  if (from === to) return value;
  if (from === 'bool') return call(to, value);
  if (to === 'bool') {
    if (from === 'f32') return prefix('!', comparison(value, '==', single(0)));
    return comparison(value, '!=', integer(0, from));
  }
  if (from === 'f32') return call(frame.helper(to === 'u32' ? 'u32_of_single' : 'i32_of_single'), value);
  // Between integers the bits stay.
  return call(to, value);
}
