/**
 * Vectors of one constant. An engine builds a vector from its bits where the instruction stands, with several machine
 * instructions, and does not move it out of a loop; so an innermost loop takes those that it needs from locals.
 */
import type { Expr, Statement } from '../../kernel/ir.ts';
import { forEachPart, forEachStatement, valueOf } from '../../kernel/rewrite.ts';
import { repeatedBits } from './arithmetic.ts';
import type { Frame } from './frame.ts';

/** The bits of each lane of a vector that is a literal in every lane. */
export function constantBits(expr: Expr): number | undefined {
  if (expr.kind !== 'splat' || expr.lanes === 1 || expr.operand.kind !== 'literal') return undefined;
  const { type, value } = expr.operand;
  if (type === 'f32') return new Int32Array(Float32Array.of(value).buffer)[0]!;
  return type === 'bool' ? -value : value | 0;
}

export function emitVectorConstant(frame: Frame, bits: number): void {
  const known = frame.constant(bits);
  if (known === undefined) frame.code.emit('v128.const', repeatedBits(bits));
  else frame.code.emit('local.get', known);
}

/** Puts the constants of a loop's body into locals, in front of the loop. */
export function emitLoopConstants(frame: Frame, body: readonly Statement[]): void {
  for (const bits of constantsIn(body)) {
    if (frame.constant(bits) !== undefined) continue;
    frame.code.emit('v128.const', repeatedBits(bits));
    const local = frame.kept('v128');
    frame.code.emit('local.set', local);
    frame.keepConstant(bits, local);
  }
}

function constantsIn(body: readonly Statement[]): Set<number> {
  const found = new Set<number>();
  forEachStatement(body, (statement) => {
    const value = valueOf(statement);
    if (!value) return;
    forEachPart(value, (part) => {
      const bits = constantBits(part);
      if (bits !== undefined) found.add(bits);
    });
  });
  return found;
}
