/** Removes lets and variables that nothing reads, and loops and branches that do nothing. */
import { symbolsOf, type Dim } from '../dims/dim.ts';
import type { Expr, Statement } from './ir.ts';
import { dimOf, forEachExpr, forEachStatement, indexOf, valueOf } from './rewrite.ts';

/** The statements that have an effect. Names are unique. */
export function removeDead(statements: readonly Statement[]): readonly Statement[] {
  for (let kept = statements; ;) {
    const live = new Set<string>();
    const next = liveOnly(kept, live, readVariables(kept));
    if (next === kept) return kept;
    kept = next;
  }
}

/** The names of variables that are read elsewhere than in assignments to themselves. */
function readVariables(statements: readonly Statement[]): Set<string> {
  const read = new Set<string>();
  forEachStatement(statements, (statement) => {
    const value = valueOf(statement);
    if (!value) return;
    forEachExpr(value, (part) => {
      const updatesItself = statement.kind === 'assign' && part.kind === 'variable' && part.name === statement.name;
      if (part.kind === 'variable' && !updatesItself) read.add(part.name);
    });
  });
  return read;
}

/** From the last statement to the first: a let is live if something after it, or inside that, reads it. */
function liveOnly(
  statements: readonly Statement[],
  live: Set<string>,
  read: ReadonlySet<string>,
): readonly Statement[] {
  const kept: Statement[] = [];
  for (const statement of statements.toReversed()) {
    const result = liveStatement(statement, live, read);
    if (!result) continue;
    kept.push(result);
    const value = valueOf(result);
    if (value) markExpr(value, live);
    const dim = dimOf(result);
    if (dim) markDim(dim, live);
  }
  const unchanged = kept.length === statements.length && kept.every((item, at) => item === statements.at(-1 - at));
  return unchanged ? statements : kept.toReversed();
}

function liveStatement(statement: Statement, live: Set<string>, read: ReadonlySet<string>): Statement | undefined {
  switch (statement.kind) {
    case 'let':
    case 'reduce':
      return live.has(statement.name) ? statement : undefined;
    case 'declare':
    case 'assign':
      return read.has(statement.name) ? statement : undefined;
    case 'store':
    case 'prefetch':
    case 'count':
    case 'barrier':
      return statement;
    case 'loop': {
      const body = liveOnly(statement.body, live, read);
      if (body.length === 0) return undefined;
      return body === statement.body ? statement : { ...statement, body };
    }
    case 'if': {
      const [then, otherwise] = [liveOnly(statement.then, live, read), liveOnly(statement.else, live, read)];
      if (then.length === 0 && otherwise.length === 0) return undefined;
      return then === statement.then && otherwise === statement.else
        ? statement
        : { ...statement, then, else: otherwise };
    }
  }
}

function markExpr(expr: Expr, live: Set<string>): void {
  forEachExpr(expr, (part) => {
    if (part.kind === 'variable') live.add(part.name);
    const index = indexOf(part);
    if (index) markDim(index, live);
  });
}

function markDim(dim: Dim, live: Set<string>): void {
  for (const name of symbolsOf(dim)) live.add(name);
}
