/** Kernel expressions as stack code. A part that occurs more than once in a statement is computed once. */
import type { Expr, Lanes } from '../../kernel/ir.ts';
import { branches } from '../sharing.ts';
import { emitAddress } from './addressing.ts';
import {
  emitBinary,
  emitBitcast,
  emitConversion,
  emitExtractLane,
  emitLaneReduction,
  emitMaskNegation,
  emitPair,
  emitSplat,
  emitUnary,
  emitUniformShift,
} from './arithmetic.ts';
import { pseudoExtremum, type PseudoExtremum } from './extremum.ts';
import { constantBits, emitVectorConstant } from './constants.ts';
import { wasmType, type Frame } from './frame.ts';
import { COMPARE } from './operations.ts';
import { emitWordwiseDot } from './dot4.ts';
import { emitPosition } from './position.ts';

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>;

/** Buffers are arrays of 4-byte elements; vectors need not start at a multiple of 16. */
const ALIGNMENT = 2;

/** Pushes the value of `expr`. */
export function emitExpression(frame: Frame, expr: Expr): void {
  const known = frame.shared(expr);
  if (known !== undefined) return frame.code.emit('local.get', known);
  emitNode(frame, expr);
  if (!frame.sharing.isShared(expr)) return;
  const local = frame.temporary(wasmType(expr.type, expr.lanes));
  frame.code.emit('local.tee', local);
  frame.keepShared(expr, local);
}

function emitNode(frame: Frame, expr: Expr): void {
  const { code } = frame;
  const extremum = pseudoExtremum(expr);
  if (extremum) return emitPseudoExtremum(frame, extremum);
  switch (expr.kind) {
    case 'literal':
      if (expr.type === 'f32') return code.emit('f32.const', expr.value);
      return code.emit('i32.const', literalBits(expr));
    case 'variable':
      return code.emit('local.get', frame.local(expr.name));
    case 'position':
      return emitPosition(frame, expr.index);
    case 'load':
      return emitLoad(frame, expr);
    case 'unary':
      emitExpression(frame, expr.operand);
      return emitUnary(frame, expr.op, expr.type, expr.lanes);
    case 'binary':
      return emitBinaryExpression(frame, expr);
    case 'multiplyAdd':
      return emitMultiplyAdd(frame, expr);
    case 'dot4':
      return emitDot4(frame, expr);
    case 'threefry':
      return frame.fail('threefry is not an instruction; it should have been legalised');
    case 'compare':
      emitExpression(frame, expr.left);
      emitExpression(frame, expr.right);
      return emitPair(frame, COMPARE[expr.left.type][expr.op], expr.lanes);
    case 'select':
      return emitSelect(frame, expr);
    case 'convert':
      emitExpression(frame, expr.operand);
      return emitConversion(frame, expr.operand.type, expr.type, expr.lanes);
    case 'bitcast':
      emitExpression(frame, expr.operand);
      return emitBitcast(frame, expr.operand.type, expr.type, expr.lanes);
    case 'splat':
      return emitSplatExpression(frame, expr);
    case 'combine':
      return emitCombine(frame, expr.parts);
    case 'lane':
      emitExpression(frame, expr.operand);
      return emitExtractLane(frame, expr.type, expr.lane);
    case 'reduceLanes':
      emitExpression(frame, expr.operand);
      return emitLaneReduction(frame, expr.op, expr.type);
  }
}

function emitPseudoExtremum(frame: Frame, { instruction, left, right, clearsZero }: PseudoExtremum): void {
  const { code } = frame;
  emitExpression(frame, left);
  emitExpression(frame, right);
  code.emit(instruction);
  if (!clearsZero) return;
  emitVectorConstant(frame, 0);
  code.emit('f32x4.add');
}

function literalBits(expr: Of<'literal'>): number {
  if (expr.type === 'f32') return new Int32Array(Float32Array.of(expr.value).buffer)[0]!;
  return expr.value | 0;
}

function emitLoad(frame: Frame, expr: Of<'load'>): void {
  const { code } = frame;
  const offset = emitAddress(frame, expr.buffer, expr.index);
  if (expr.lanes === 1) return code.emit(expr.type === 'f32' ? 'f32.load' : 'i32.load', { offset });
  code.emit('v128.load', { offset, align: ALIGNMENT });
  if (expr.type === 'bool') emitMaskNegation(frame);
}

function emitBinaryExpression(frame: Frame, expr: Of<'binary'>): void {
  const { code } = frame;
  const { op, type, lanes, left, right } = expr;
  emitExpression(frame, left);
  if ((op === 'shl' || op === 'shr') && lanes === 4 && right.kind === 'splat') {
    emitExpression(frame, right.operand);
    return emitUniformShift(frame, op, type);
  }
  emitExpression(frame, right);
  if (
    op === 'div' &&
    type !== 'f32' &&
    lanes === 1 &&
    right.kind === 'literal' &&
    (right.value > 0 || right.value < -1)
  )
    return code.emit(type === 'i32' ? 'i32.div_s' : 'i32.div_u');
  emitBinary(frame, op, type, lanes);
}

function emitMultiplyAdd(frame: Frame, { left, right, addend, lanes }: Of<'multiplyAdd'>): void {
  emitExpression(frame, left);
  emitExpression(frame, right);
  const isFused = frame.relaxed && lanes === 4;
  if (!isFused) emitBinary(frame, 'mul', 'f32', lanes);
  emitExpression(frame, addend);
  if (isFused) frame.code.emit('f32x4.relaxed_madd');
  else emitBinary(frame, 'add', 'f32', lanes);
}

function emitDot4(frame: Frame, { left, right, addend, lanes }: Of<'dot4'>): void {
  const push = (operand: Expr): void => {
    emitExpression(frame, operand);
    if (operand.lanes === 1) frame.code.emit('i32x4.splat');
  };
  if (frame.relaxed) {
    [left, right, addend].forEach(push);
    frame.code.emit('i32x4.relaxed_dot_i8x16_i7x16_add_s');
  } else {
    push(addend);
    emitWordwiseDot(frame, left, right, push);
  }
  if (lanes === 1) frame.code.emit('i32x4.extract_lane', 0);
}

function emitSelect(frame: Frame, expr: Of<'select'>): void {
  const { code, sharing } = frame;
  const arms = [expr.then, expr.else];
  if (expr.lanes === 4) {
    const zero = arms.findIndex(isZero);
    if (zero !== -1) {
      emitExpression(frame, arms[1 - zero]!);
      emitExpression(frame, expr.condition);
      return code.emit(zero === 0 ? 'v128.andnot' : 'v128.and');
    }
    arms.forEach((arm) => emitExpression(frame, arm));
    emitExpression(frame, expr.condition);
    return code.emit('v128.bitselect');
  }
  if (!branches(expr, sharing)) {
    arms.forEach((arm) => emitExpression(frame, arm));
    emitExpression(frame, expr.condition);
    return code.emit('select');
  }
  for (const part of sharing.certainInBoth(expr.then, expr.else)) {
    if (frame.shared(part) !== undefined) continue;
    emitExpression(frame, part);
    code.emit('drop');
  }
  emitExpression(frame, expr.condition);
  code.emit('if', wasmType(expr.type, expr.lanes) as 'i32' | 'f32');
  frame.within('arm', () => emitExpression(frame, expr.then));
  code.emit('else');
  frame.within('arm', () => emitExpression(frame, expr.else));
  code.emit('end');
}

/** Whether all bits of a vector are 0: choosing between them and others is masking. */
function isZero(expr: Expr): boolean {
  return constantBits(expr) === 0;
}

function emitSplatExpression(frame: Frame, expr: Of<'splat'>): void {
  const { operand } = expr;
  if (expr.lanes === 1) return emitExpression(frame, operand);
  const bits = constantBits(expr);
  if (bits !== undefined) return emitVectorConstant(frame, bits);
  if (isPlainLoad(frame, operand)) {
    const offset = emitAddress(frame, operand.buffer, operand.index);
    frame.code.emit('v128.load32_splat', { offset });
    if (operand.type === 'bool') emitMaskNegation(frame);
    return;
  }
  emitExpression(frame, operand);
  emitSplat(frame, operand.type);
}

/** A scalar load whose value nothing else needs. */
function isPlainLoad(frame: Frame, expr: Expr): expr is Of<'load'> {
  return expr.kind === 'load' && expr.lanes === 1 && !frame.sharing.isShared(expr);
}

function emitCombine(frame: Frame, parts: readonly Expr[]): void {
  const { code } = frame;
  const [first, ...others] = parts;
  if (!first || parts.length !== 4) return frame.fail(`combine of ${parts.length} parts`);
  const { type } = first;
  if (parts.every((part): part is Of<'load'> => isPlainLoad(frame, part))) {
    emitLaneLoads(frame, parts);
  } else {
    emitExpression(frame, first);
    code.emit(type === 'f32' ? 'f32x4.splat' : 'i32x4.splat');
    others.forEach((part, at) => {
      emitExpression(frame, part);
      code.emit(type === 'f32' ? 'f32x4.replace_lane' : 'i32x4.replace_lane', at + 1);
    });
  }
  if (type === 'bool') emitMaskNegation(frame);
}

/** The address of a lane load lies under the vector it goes into, so the last lane's address comes first. */
function emitLaneLoads(frame: Frame, parts: readonly Of<'load'>[]): void {
  const offsets = parts.toReversed().map((part) => emitAddress(frame, part.buffer, part.index));
  offsets.toReversed().forEach((offset, lane) => {
    if (lane === 0) frame.code.emit('v128.load32_zero', { offset });
    else frame.code.emit('v128.load32_lane', { offset }, lane);
  });
}

/** Pops the value and writes it; the address was pushed before it. */
export function emitStoreInstruction(frame: Frame, type: Expr['type'], lanes: Lanes, offset: number): void {
  if (lanes === 1) return frame.code.emit(type === 'f32' ? 'f32.store' : 'i32.store', { offset });
  if (type === 'bool') emitMaskNegation(frame);
  frame.code.emit('v128.store', { offset, align: ALIGNMENT });
}
