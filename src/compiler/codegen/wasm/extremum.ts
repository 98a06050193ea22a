/**
 * Where a vector minimum or maximum may be `pmin` or `pmax`. `f32x4.min` and `max` cost several machine instructions for the
 * sake of NaN and of zeros' signs; `pmin(a, b)` is `b < a ? b : a`, `pmax(a, b)` is `a < b ? b : a`, one instruction each.
 */
import type { Expr } from '../../kernel/ir.ts';

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>;

export interface PseudoExtremum {
  readonly instruction: 'f32x4.pmin' | 'f32x4.pmax';
  readonly left: Expr;
  readonly right: Expr;
  /** Whether adding +0 must make a zero positive. */
  readonly clearsZero: boolean;
}

/** What to emit for `expr` instead of itself, if its meaning allows. */
export function pseudoExtremum(expr: Expr): PseudoExtremum | undefined {
  if (expr.lanes !== 4 || expr.type !== 'f32') return undefined;
  if (expr.kind === 'binary' && (expr.op === 'min' || expr.op === 'max'))
    return withConstant(expr.op, expr.left, expr.right) ?? withConstant(expr.op, expr.right, expr.left);
  return expr.kind === 'select' ? fromSelect(expr) : undefined;
}

/**
 * A NaN of the first operand is passed on, and the second is none. Of two zeros the first is taken: for a minimum with
 * +0 and a maximum with -0 that is right, a maximum with +0 is mended by adding +0.
 */
function withConstant(op: 'min' | 'max', other: Expr, limit: Expr): PseudoExtremum | undefined {
  if (limit.kind !== 'splat' || limit.operand.kind !== 'literal') return undefined;
  const { value } = limit.operand;
  if (Number.isNaN(value) || (op === 'min' && Object.is(value, -0))) return undefined;
  const instruction = op === 'min' ? 'f32x4.pmin' : 'f32x4.pmax';
  return { instruction, left: other, right: limit, clearsZero: op === 'max' && Object.is(value, 0) };
}

/** A choice between two values by which of them is less. */
function fromSelect({ condition, then, else: otherwise }: Of<'select'>): PseudoExtremum | undefined {
  if (condition.kind !== 'compare' || (condition.op !== 'lt' && condition.op !== 'gt')) return undefined;
  const { left, right } = condition;
  const [less, greater] = condition.op === 'lt' ? [left, right] : [right, left];
  const common = { left: otherwise, right: then, clearsZero: false };
  if (isSame(less, otherwise) && isSame(greater, then)) return { instruction: 'f32x4.pmax', ...common };
  if (isSame(less, then) && isSame(greater, otherwise)) return { instruction: 'f32x4.pmin', ...common };
  return undefined;
}

function isSame(a: Expr, b: Expr): boolean {
  if (a === b) return true;
  if (a.kind === 'variable' && b.kind === 'variable') return a.name === b.name;
  if (a.kind === 'literal' && b.kind === 'literal') return a.type === b.type && Object.is(a.value, b.value);
  return a.kind === 'splat' && b.kind === 'splat' && isSame(a.operand, b.operand);
}
