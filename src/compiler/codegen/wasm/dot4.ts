/**
 * `dot4` in SIMD128 alone. The even bytes of each word as two i16 and the odd ones as two others: a dot product of i16
 * pairs of each then sums up within the word, so that nothing has to cross lanes. An operand that several of them share,
 * as the operands of a register tile do, is taken apart once.
 */
import type { Expr } from '../../kernel/ir.ts';
import { repeatedBits } from './arithmetic.ts';
import type { Frame, Halves } from './frame.ts';

type Signedness = 'signed' | 'unsigned';

/** Pops the addend and pushes the sum. `push` pushes an operand of four lanes. */
export function emitWordwiseDot(frame: Frame, left: Expr, right: Expr, push: (operand: Expr) => void): void {
  const { code } = frame;
  const a = halvesOf(frame, left, 'signed', push);
  const b = halvesOf(frame, right, 'unsigned', push);
  for (const part of ['even', 'odd'] as const) {
    code.emit('local.get', a[part]);
    code.emit('local.get', b[part]);
    code.emit('i32x4.dot_i16x8_s');
    code.emit('i32x4.add');
  }
}

function halvesOf(frame: Frame, operand: Expr, signedness: Signedness, push: (operand: Expr) => void): Halves {
  // What a let holds stays the same, so its halves serve all that follows.
  const name = operand.kind === 'variable' && frame.isConstant(operand.name) ? operand.name : undefined;
  const known = name === undefined ? undefined : frame.halves(`${name} ${signedness}`);
  if (known) return known;
  const local = (): number => (name === undefined ? frame.temporary('v128') : frame.kept('v128'));
  const halves: Halves = { even: local(), odd: local() };
  push(operand);
  emitHalves(frame, halves, signedness);
  if (name !== undefined) frame.keepHalves(`${name} ${signedness}`, halves);
  return halves;
}

/** Pops the operand. */
function emitHalves({ code }: Frame, { even, odd }: Halves, signedness: Signedness): void {
  code.emit('local.tee', odd);
  if (signedness === 'signed') {
    code.emit('i32.const', 8);
    code.emit('i16x8.shl');
    code.emit('i32.const', 8);
    code.emit('i16x8.shr_s');
  } else {
    code.emit('v128.const', repeatedBits(0x00ff00ff));
    code.emit('v128.and');
  }
  code.emit('local.set', even);
  code.emit('local.get', odd);
  code.emit('i32.const', 8);
  code.emit(signedness === 'signed' ? 'i16x8.shr_s' : 'i16x8.shr_u');
  code.emit('local.set', odd);
}
