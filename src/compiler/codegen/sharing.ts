/**
 * Which parts of one statement's expression are used more than once, by object identity, so that an emitter computes
 * them once. It must not know what is emitted.
 */
import type { Expr } from '../kernel/ir.ts';
import { childrenOf } from '../kernel/rewrite.ts';

export interface Sharing {
  /** Whether more than one place refers to `expr` and computing it again would cost something. */
  isShared(expr: Expr): boolean;
  /** Whether `expr` reads a buffer: then it must not be evaluated where its select arm is not taken. */
  readsBuffers(expr: Expr): boolean;
  /** Shared parts that both expressions certainly evaluate, operands before the parts that use them. */
  certainInBoth(a: Expr, b: Expr): Expr[];
}

/** A select of scalars whose arms read buffers branches; every other select evaluates both arms. */
export function branches(expr: Expr, sharing: Sharing): boolean {
  return (
    expr.kind === 'select' && expr.lanes === 1 && (sharing.readsBuffers(expr.then) || sharing.readsBuffers(expr.else))
  );
}

function isCheap(expr: Expr): boolean {
  if (expr.kind === 'splat') return expr.operand.kind === 'literal';
  return expr.kind === 'literal' || expr.kind === 'variable';
}

export function analyseSharing(root: Expr): Sharing {
  const references = new Map<Expr, number>();
  const reading = new Map<Expr, boolean>();
  const visit = (expr: Expr): boolean => {
    const count = references.get(expr) ?? 0;
    references.set(expr, count + 1);
    if (count > 0) return reading.get(expr)!;
    const reads = childrenOf(expr).map(visit);
    const own = expr.kind === 'load' || reads.includes(true);
    reading.set(expr, own);
    return own;
  };
  visit(root);

  const sharing: Sharing = {
    isShared: (expr) => references.get(expr)! > 1 && !isCheap(expr),
    readsBuffers: (expr) => reading.get(expr)!,
    certainInBoth: (a, b) => {
      const inA = certainlyEvaluated(a, sharing);
      return [...certainlyEvaluated(b, sharing)].filter((expr) => inA.has(expr) && sharing.isShared(expr));
    },
  };
  return sharing;
}

/** The parts of `root` that are evaluated whichever arms are taken, operands first. */
function certainlyEvaluated(root: Expr, sharing: Sharing): Set<Expr> {
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    if (expr.kind === 'select' && branches(expr, sharing)) visit(expr.condition);
    else childrenOf(expr).forEach(visit);
    seen.add(expr);
  };
  visit(root);
  return seen;
}
