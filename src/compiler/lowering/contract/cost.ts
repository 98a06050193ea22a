/** What it takes to compute an element, before it is known how the target does it. */
import type { Expr, Statement } from '../../kernel/ir.ts';
import { forEachExpr, forEachStatement, valueOf } from '../../kernel/rewrite.ts';
import type { Target } from '../../kernel/target.ts';

/** At least as many operations stand for a function that the target does not have. */
export const REWRITTEN = 20;

export function operationsOf(statements: readonly Statement[], target: Target): number {
  let operations = 0;
  forEachStatement(statements, (statement) => {
    const value = valueOf(statement);
    if (value) forEachExpr(value, (part) => (operations += costOf(part, target)));
  });
  return operations;
}

/** Operations of an expression without its parts, as far as they count. */
function costOf(expr: Expr, target: Target): number {
  switch (expr.kind) {
    case 'unary':
      return target.nativeUnary.has(expr.op) ? 1 : REWRITTEN;
    case 'binary': {
      const isRewritten = (expr.op === 'pow' && !target.nativePow) || (expr.op === 'mod' && !target.nativeMod);
      return isRewritten ? REWRITTEN : 1;
    }
    case 'threefry':
      return REWRITTEN;
    case 'multiplyAdd':
    case 'compare':
    case 'select':
    case 'convert':
      return 1;
    default:
      return 0;
  }
}
