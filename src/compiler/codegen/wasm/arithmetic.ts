/**
 * Unary, binary and conversion operations on operands that are on the stack. Scalar bools are 0 or 1, vector bools are
 * lane masks of all zeros or all ones. It must not know where operands come from.
 */
import type { BinaryOp, Lanes, ScalarType, UnaryOp } from '../../kernel/ir.ts';
import type { Frame } from './frame.ts';
import { F32_BINARY, F32_UNARY, INTEGER_BINARY, VECTOR_EXTREMA, type Pair } from './operations.ts';
import { emitIntegerExtremum } from './position.ts';

export function emitPair(frame: Frame, pair: Pair, lanes: Lanes): void {
  frame.code.emit(lanes === 4 ? pair.vector : pair.scalar);
}

export function emitUnary(frame: Frame, op: UnaryOp, type: ScalarType, lanes: Lanes): void {
  if (op === 'not') return emitNot(frame, type, lanes);
  if (type === 'f32') {
    const pair = F32_UNARY[op] ?? frame.fail(`${op} is not an instruction; it should have been legalised`);
    return emitPair(frame, pair, lanes);
  }
  if (type === 'bool' || (op !== 'neg' && op !== 'abs')) frame.fail(`${op} of ${type}`);
  if (op === 'abs' && type === 'u32') return;
  if (lanes === 4) return frame.code.emit(op === 'neg' ? 'i32x4.neg' : 'i32x4.abs');
  emitScalarNegation(frame, op);
}

function emitScalarNegation(frame: Frame, op: 'neg' | 'abs'): void {
  const { code } = frame;
  frame.within('statement', () => {
    const operand = frame.temporary('i32');
    code.emit('local.set', operand);
    if (op === 'abs') code.emit('local.get', operand);
    code.emit('i32.const', 0);
    code.emit('local.get', operand);
    code.emit('i32.sub');
    if (op === 'neg') return;
    code.emit('local.get', operand);
    code.emit('i32.const', 0);
    code.emit('i32.ge_s');
    code.emit('select');
  });
}

function emitNot(frame: Frame, type: ScalarType, lanes: Lanes): void {
  const { code } = frame;
  if (type === 'f32') frame.fail('not of f32');
  if (lanes === 4) return code.emit('v128.not');
  if (type === 'bool') return code.emit('i32.eqz');
  code.emit('i32.const', -1);
  code.emit('i32.xor');
}

/** Shifts of vectors are not among them: their count is a scalar. */
export function emitBinary(frame: Frame, op: BinaryOp, type: ScalarType, lanes: Lanes): void {
  const { code } = frame;
  switch (type) {
    case 'f32': {
      const pair = F32_BINARY[op] ?? frame.fail(`${op} is not an instruction; it should have been legalised`);
      return emitPair(frame, pair, lanes);
    }
    case 'bool': {
      const logical = op === 'min' ? 'and' : op === 'max' ? 'or' : op;
      if (logical !== 'and' && logical !== 'or' && logical !== 'xor') frame.fail(`${op} of bool`);
      return emitPair(frame, INTEGER_BINARY[logical]!, lanes);
    }
    case 'i32':
    case 'u32': {
      const pair = INTEGER_BINARY[op];
      if (pair) return emitPair(frame, pair, lanes);
      const signed = type === 'i32';
      if (op === 'min' || op === 'max') {
        if (lanes === 4) return code.emit(VECTOR_EXTREMA[type][op]);
        const first = op === 'min' ? 'lt' : 'gt';
        return emitIntegerExtremum(frame, signed ? `i32.${first}_s` : `i32.${first}_u`);
      }
      if (op === 'pow' || op === 'mod') frame.fail(`${op} of ${type}`);
      if (lanes === 4) return emitByLane(frame, op, type);
      if (op === 'div') return emitDivision(frame, type);
      return code.emit(op === 'shl' ? 'i32.shl' : signed ? 'i32.shr_s' : 'i32.shr_u');
    }
  }
}

/** A lane at a time, for what vectors of integers lack. */
function emitByLane(frame: Frame, op: BinaryOp, type: 'i32' | 'u32'): void {
  const { code } = frame;
  frame.within('statement', () => {
    const [left, right] = [frame.temporary('v128'), frame.temporary('v128')];
    code.emit('local.set', right);
    code.emit('local.set', left);
    for (let lane = 0; lane < 4; lane++) {
      for (const operand of [left, right]) {
        code.emit('local.get', operand);
        code.emit('i32x4.extract_lane', lane);
      }
      emitBinary(frame, op, type, 1);
      if (lane === 0) code.emit('i32x4.splat');
      else code.emit('i32x4.replace_lane', lane);
    }
  });
}

/**
 * The instructions trap on a divisor of 0, and for -2^31 / -1. A kernel must not stop a whole program, so a quotient by
 * zero is 0 and the other wraps, as in JavaScript's `(a / b) | 0`.
 */
function emitDivision(frame: Frame, type: 'i32' | 'u32'): void {
  const { code } = frame;
  frame.within('statement', () => {
    const [left, right] = [frame.temporary('i32'), frame.temporary('i32')];
    code.emit('local.set', right);
    code.emit('local.set', left);
    code.emit('local.get', right);
    // Of signed divisors, -1 and 0 are the ones that may trap: -left & -1 is -left, -left & 0 is 0.
    code.emit('i32.const', type === 'i32' ? 1 : 0);
    code.emit('i32.add');
    code.emit('i32.const', type === 'i32' ? 1 : 0);
    code.emit('i32.gt_u');
    code.emit('if', 'i32');
    code.emit('local.get', left);
    code.emit('local.get', right);
    code.emit(type === 'i32' ? 'i32.div_s' : 'i32.div_u');
    code.emit('else');
    code.emit('i32.const', 0);
    code.emit('local.get', left);
    code.emit('i32.sub');
    code.emit('local.get', right);
    code.emit('i32.and');
    code.emit('end');
  });
}

/** Shifts every lane of the vector under it by the scalar on the stack. */
export function emitUniformShift(frame: Frame, op: 'shl' | 'shr', type: ScalarType): void {
  frame.code.emit(op === 'shl' ? 'i32x4.shl' : type === 'i32' ? 'i32x4.shr_s' : 'i32x4.shr_u');
}

/** Between the 0 or 1 of memory and lane masks; its own inverse. */
export function emitMaskNegation(frame: Frame): void {
  frame.code.emit('i32x4.neg');
}

const ONE_AS_F32 = 0x3f800000;

/** A vector of one 32-bit pattern. */
export function repeatedBits(bits: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  for (let lane = 0; lane < 4; lane++) view.setInt32(4 * lane, bits, true);
  return new Uint8Array(view.buffer);
}

export function emitConversion(frame: Frame, from: ScalarType, to: ScalarType, lanes: Lanes): void {
  if (from === to) return;
  if (to === 'bool') return emitIsNonZero(frame, from, lanes);
  if (from === 'f32') return emitPair(frame, to === 'u32' ? FROM_F32.u32 : FROM_F32.i32, lanes);
  if (from === 'bool') return emitFromBool(frame, to, lanes);
  if (to === 'f32') emitPair(frame, TO_F32[from], lanes);
}

const FROM_F32 = {
  i32: { scalar: 'i32.trunc_sat_f32_s', vector: 'i32x4.trunc_sat_f32x4_s' },
  u32: { scalar: 'i32.trunc_sat_f32_u', vector: 'i32x4.trunc_sat_f32x4_u' },
} as const;

const TO_F32 = {
  i32: { scalar: 'f32.convert_i32_s', vector: 'f32x4.convert_i32x4_s' },
  u32: { scalar: 'f32.convert_i32_u', vector: 'f32x4.convert_i32x4_u' },
} as const;

function emitIsNonZero(frame: Frame, from: ScalarType, lanes: Lanes): void {
  const { code } = frame;
  if (lanes === 4) code.emit('v128.const', repeatedBits(0));
  else if (from === 'f32') code.emit('f32.const', 0);
  else code.emit('i32.const', 0);
  if (from === 'f32') code.emit(lanes === 4 ? 'f32x4.ne' : 'f32.ne');
  else code.emit(lanes === 4 ? 'i32x4.ne' : 'i32.ne');
}

function emitFromBool(frame: Frame, to: ScalarType, lanes: Lanes): void {
  const { code } = frame;
  if (lanes === 1) {
    if (to === 'f32') code.emit('f32.convert_i32_s');
  } else if (to === 'f32') {
    code.emit('v128.const', repeatedBits(ONE_AS_F32));
    code.emit('v128.and');
  } else emitMaskNegation(frame);
}

export function emitBitcast(frame: Frame, from: ScalarType, to: ScalarType, lanes: Lanes): void {
  if (from === 'bool' || to === 'bool') frame.fail('bitcast of bool');
  if (lanes === 4 || (from === 'f32') === (to === 'f32')) return;
  frame.code.emit(to === 'f32' ? 'f32.reinterpret_i32' : 'i32.reinterpret_f32');
}

const LANE_SHUFFLE = {
  /** Lanes 2 and 3 to the places of 0 and 1. */
  upper: [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15],
  /** Lane 1 to the place of 0. */
  second: [4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7],
} as const;

type LaneReduction = 'add' | 'mul' | 'min' | 'max' | 'and' | 'or';

/** Combines the lanes of the vector on the stack as (0 op 2) op (1 op 3). */
export function emitLaneReduction(frame: Frame, op: LaneReduction, type: ScalarType): void {
  const { code } = frame;
  if (type === 'bool') {
    if (op !== 'and' && op !== 'or') frame.fail(`${op} of the lanes of bools`);
    return code.emit(op === 'and' ? 'i32x4.all_true' : 'v128.any_true');
  }
  frame.within('statement', () => {
    const vector = frame.temporary('v128');
    for (const shuffle of [LANE_SHUFFLE.upper, LANE_SHUFFLE.second]) {
      code.emit('local.tee', vector);
      code.emit('local.get', vector);
      code.emit('local.get', vector);
      code.emit('i8x16.shuffle', shuffle);
      emitBinary(frame, op, type, 4);
    }
  });
  emitExtractLane(frame, type, 0);
}

export function emitExtractLane(frame: Frame, type: ScalarType, lane: number): void {
  const { code } = frame;
  code.emit(type === 'f32' ? 'f32x4.extract_lane' : 'i32x4.extract_lane', lane);
  if (type !== 'bool') return;
  code.emit('i32.const', 1);
  code.emit('i32.and');
}

export function emitSplat(frame: Frame, type: ScalarType): void {
  frame.code.emit(type === 'f32' ? 'f32x4.splat' : 'i32x4.splat');
  if (type === 'bool') emitMaskNegation(frame);
}
