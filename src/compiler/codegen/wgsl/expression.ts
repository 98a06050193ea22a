/**
 * Kernel expressions as WGSL; four lanes are a `vec4`. A bool is a `bool` in registers and an i32 in memory. A part that occurs more than once in a
 * statement gets a constant. What WGSL leaves open (NaN, conversions out of range, divisions by 0) goes through helpers
 * with the meanings of kernel IR.
 */
import type { Expr, Lanes, ScalarType, UnaryOp } from '../../kernel/ir.ts';
import { branches } from '../sharing.ts';
import type { BufferAccess, Frame } from './frame.ts';
import { literalText } from './literal.ts';
import { bit, combineText, COMPONENTS, splatText, typeText } from './operators.ts';
import { indexTexts, positionText } from './position.ts';
import { at, bitwise, call, comparison, infix, integer, LEVEL, prefix, primary, single, type Text } from './text.ts';

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>;

export function expressionText(frame: Frame, expr: Expr): Text {
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
      return literalText(frame.ask, expr.type, expr.value);
    case 'variable':
      return primary(frame.variable(expr.name));
    case 'position':
      return positionText(frame, expr.index);
    case 'load':
      return loadText(frame, expr);
    case 'unary':
      return unaryText(frame, expr);
    case 'binary':
      return binaryText(frame, expr);
    case 'multiplyAdd':
      return call('fma', ...[expr.left, expr.right, expr.addend].map((part) => runTimeText(frame, part)));
    case 'dot4': {
      const operands = [expr.left, expr.right, expr.addend].map((part) => runTimeText(frame, part));
      return call(frame.helper(expr.lanes === 1 ? 'dot4' : 'dot4s'), ...operands);
    }
    case 'compare':
      return comparisonText(frame, expr);
    case 'select':
      return selectText(frame, expr);
    case 'convert':
      return conversionText(frame, expr);
    case 'bitcast':
      if (expr.type === 'bool' || expr.operand.type === 'bool') return frame.fail('bitcast of bool');
      return call(`bitcast<${typeText(expr.type, expr.lanes)}>`, runTimeText(frame, expr.operand));
    case 'splat':
      return splatText(expressionText(frame, expr.operand), expr.type, expr.lanes);
    case 'combine':
      return call(typeText(expr.type, expr.lanes), ...expr.parts.map((part) => expressionText(frame, part)));
    case 'lane':
      return componentText(expressionText(frame, expr.operand), expr.lane);
    case 'reduceLanes':
      return reduceText(frame, expr);
    case 'threefry':
      return frame.fail('threefry is not native; it should have been legalised');
  }
}

/** A vector's elements one by one where the binding has no vectors. */
function loadText(frame: Frame, { buffer, index, lanes }: Of<'load'>): Text {
  const access = frame.buffer(buffer);
  const { variable, parts = 1 } = access;
  const elements = indexTexts(frame, buffer, index, lanes).map((at) =>
    primary(parts > 1 ? `read_${variable}(${at})` : `${variable}[${at}]`),
  );
  const isWhole = elements.length === 1;
  return loaded(access, isWhole ? elements[0]! : call(heldType(access, lanes), ...elements), lanes);
}

/** The type of `lanes` elements in their binding, as text. */
export function heldType(access: BufferAccess, lanes: Lanes): string {
  if (access.half) return lanes === 1 ? 'f16' : 'vec4h';
  return typeText(elementType(access), lanes);
}

function elementType({ type, base }: BufferAccess): ScalarType {
  if (base !== undefined) return 'u32';
  return type === 'bool' ? 'i32' : type;
}

/** What elements of a binding are as a value. */
function loaded(access: BufferAccess, element: Text, lanes: Lanes): Text {
  const held = elementType(access);
  if (access.type === 'bool')
    return comparison(element, '!=', splatText(integer(0, held === 'u32' ? 'u32' : 'i32'), held, lanes));
  if (access.half) return call(typeText('f32', lanes), element);
  return held === access.type ? element : call(`bitcast<${typeText(access.type, lanes)}>`, element);
}

/** What a value is as elements of a binding. */
export function stored(access: BufferAccess, value: Text, lanes: Lanes): Text {
  const held = elementType(access);
  if (access.type === 'bool') return bit(value, held === 'u32' ? 'u32' : 'i32', lanes);
  if (access.half) return call(heldType(access, lanes), value);
  return held === access.type ? value : call(`bitcast<${typeText(held, lanes)}>`, value);
}

export function componentText(vector: Text, component: number): Text {
  return primary(`${at(LEVEL.primary, vector)}.${COMPONENTS[component]!}`);
}

/** (0 op 2) op (1 op 3) */
function reduceText(frame: Frame, { op, type, operand }: Of<'reduceLanes'>): Text {
  if (operand.lanes === 1) return expressionText(frame, operand);
  const vector = frame.named(expressionText(frame, operand));
  const [a, b, c, d] = COMPONENTS.map((_, lane) => componentText(vector, lane));
  const combine = (left: Text, right: Text): Text => combineText(frame.ask, op, type, 1, left, right);
  return combine(combine(a!, c!), combine(b!, d!));
}

/** An operand of an operation that must not be computed by the compiler of the module. */
function runTimeText(frame: Frame, expr: Expr): Text {
  const text = expressionText(frame, expr);
  return text.constant ? frame.named(text) : text;
}

/** Both operands, of which one is no constant. */
function operandTexts(frame: Frame, { left, right }: Of<'binary'> | Of<'compare'>): [Text, Text] {
  const [a, b] = [expressionText(frame, left), expressionText(frame, right)];
  return [a.constant && b.constant ? frame.named(a) : a, b];
}

function unaryText(frame: Frame, { op, type, lanes, operand }: Of<'unary'>): Text {
  const value = runTimeText(frame, operand);
  switch (type) {
    case 'f32':
      return singleFunction(frame, op, value);
    case 'bool':
      return op === 'not' ? prefix('!', value) : frame.fail(`${op} of bool`);
    case 'i32':
    case 'u32':
      if (op === 'not') return prefix('~', value);
      if (op === 'neg') return infix(splatText(integer(0, type), type, lanes), '-', value, LEVEL.additive);
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
      return boolBinary(frame, expr, left, right);
    case 'i32':
    case 'u32':
      return integerBinary(frame, expr, expr.type, left, right);
  }
}

function singleBinary(frame: Frame, expr: Of<'binary'>, left: Text, right: Text): Text {
  const { op, type, lanes } = expr;
  switch (op) {
    case 'add':
    case 'mul':
    case 'min':
    case 'max':
      return combineText(frame.ask, op, type, lanes, left, right);
    case 'sub':
      return infix(left, '-', right, LEVEL.additive);
    case 'div':
      return infix(left, '/', right, LEVEL.multiplicative);
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

function boolBinary(frame: Frame, { op, type, lanes }: Of<'binary'>, left: Text, right: Text): Text {
  switch (op) {
    case 'and':
    case 'min':
    case 'or':
    case 'max':
      return combineText(frame.ask, op, type, lanes, left, right);
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
  const { op, lanes } = expr;
  switch (op) {
    case 'add':
    case 'mul':
    case 'min':
    case 'max':
    case 'and':
    case 'or':
      return combineText(frame.ask, op, type, lanes, left, right);
    case 'sub':
      return infix(left, '-', right, LEVEL.additive);
    case 'div':
      return isNonzero(expr.right)
        ? infix(left, '/', right, LEVEL.multiplicative)
        : call(frame.helper(`${lanes === 1 ? 'quotient' : 'quotients'}_${type}`), left, right);
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
  if (expr.kind === 'splat') return isNonzero(expr.operand);
  return expr.kind === 'literal' && expr.value !== 0;
}

/** As u32, and its lower five bits: literals beyond are an error. */
function shiftDistance(by: Expr, type: 'i32' | 'u32', text: Text): Text {
  const distance = by.kind === 'splat' ? by.operand : by;
  if (distance.kind === 'literal') return splatText(integer(distance.value & 31, 'u32'), 'u32', by.lanes);
  const unsigned = type === 'u32' ? text : call(typeText('u32', by.lanes), text);
  return bitwise(unsigned, '&', splatText(integer(31, 'u32'), 'u32', by.lanes));
}

const COMPARISONS = { eq: '==', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;

function comparisonText(frame: Frame, expr: Of<'compare'>): Text {
  const { op, left, right, lanes } = expr;
  const [a, b] = operandTexts(frame, expr);
  if (left.type === 'f32') {
    const isNan = (): Text => call(frame.helper(lanes === 1 ? 'is_nan' : 'are_nan'), a);
    if (left === right && (op === 'eq' || op === 'ne')) return op === 'eq' ? prefix('!', isNan()) : isNan();
    // `!=` of a NaN may be false.
    if (op === 'ne') return prefix('!', comparison(a, '==', b));
  }
  if (left.type !== 'bool' || op === 'eq' || op === 'ne') {
    const [x, y] = left.type === 'bool' ? [{ ...a, level: Math.min(a.level, LEVEL.primary) }, b] : [a, b];
    return comparison(x, COMPARISONS[op], y);
  }
  return comparison(bit(a, 'i32', lanes), COMPARISONS[op], bit(b, 'i32', lanes));
}

function selectText(frame: Frame, expr: Of<'select'>): Text {
  if (!branches(expr, frame.sharing)) {
    const [then, otherwise] = [expressionText(frame, expr.then), expressionText(frame, expr.else)];
    // One bool chooses between vectors as a whole.
    const { condition } = expr;
    return call(
      'select',
      otherwise,
      then,
      expressionText(frame, condition.kind === 'splat' ? condition.operand : condition),
    );
  }
  for (const part of frame.sharing.certainInBoth(expr.then, expr.else)) expressionText(frame, part);
  const condition = expressionText(frame, expr.condition);
  const [then, otherwise] = [armOf(frame, expr.then), armOf(frame, expr.else)];
  const name = frame.fresh('chosen');
  frame.line(`var ${name}: ${typeText(expr.type, expr.lanes)};`);
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

function conversionText(frame: Frame, { operand, type: to, lanes }: Of<'convert'>): Text {
  const from: ScalarType = operand.type;
  const value = runTimeText(frame, operand);
  if (from === to) return value;
  if (from === 'bool') return call(typeText(to, lanes), value);
  if (to === 'bool') {
    if (from === 'f32') return prefix('!', comparison(value, '==', splatText(single(0), from, lanes)));
    return comparison(value, '!=', splatText(integer(0, from), from, lanes));
  }
  if (from === 'f32')
    return call(frame.helper(`${to === 'u32' ? 'u32' : 'i32'}_of_${lanes === 1 ? 'single' : 'singles'}`), value);
  // Between integers the bits stay, and from integers to f32 the device rounds.
  return call(typeText(to, lanes), value);
}
