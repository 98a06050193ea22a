/**
 * Computes what is written twice once: an expression that recurs in a statement list, or in the lists inside it, while
 * what it reads stays the same gets a let in front of its first use.
 */
import { variable } from './build.ts';
import { isWork } from './effects.ts';
import { guardsLoads, letsOf, type Lets, type Select } from './guards.ts';
import type { Expr, Kernel, Statement } from './ir.ts';
import { definedNames, FreshNames, uniqueNames } from './names.ts';
import { ExprFacts, Versions } from './facts.ts';
import { bodiesOf, mapChildren, mapStatement, valueOf, withBody } from './rewrite.ts';

interface Scope {
  readonly names: FreshNames;
  readonly lets: Lets;
  readonly facts: ExprFacts;
}

export function share(kernel: Kernel): Kernel {
  const unique = uniqueNames(kernel);
  const scope = {
    names: new FreshNames(definedNames(unique)),
    lets: letsOf(unique.body),
    facts: new ExprFacts(unique.body),
  };
  return withBody(unique, shareAll(unique.body, scope, new Versions(scope.facts), new Map()));
}

/** How a select hides its arms: what may fail in them is evaluated only when they are taken. */
function hidesArms(expr: Expr, lets: Lets): expr is Select {
  return expr.kind === 'select' && expr.lanes === 1 && guardsLoads(expr, lets);
}

/** How often each expression occurs, in the order of the walk; parts of a recurring one are counted with its first. */
function countAll(
  statements: readonly Statement[],
  scope: Scope,
  versions: Versions,
  counts: Map<string, number>,
): void {
  const count = (expr: Expr, hidden: boolean): void => {
    if (isWork(expr) && !(hidden && scope.facts.mayFail(expr))) {
      const key = versions.keyOf(expr);
      const before = counts.get(key) ?? 0;
      counts.set(key, before + 1);
      if (before > 0) return;
    }
    visitParts(expr, hidden, scope.lets, count);
  };
  for (const statement of statements) {
    const value = valueOf(statement);
    if (value) count(value, false);
    enter(statement, versions, (body, inner) => countAll(body, scope, inner, counts));
    versions.change(statement);
  }
}

function visitParts(expr: Expr, hidden: boolean, lets: Lets, visit: (part: Expr, hidden: boolean) => void): void {
  const hides = hidesArms(expr, lets);
  let at = 0;
  // The condition is the first of a select's parts.
  mapChildren(expr, (child) => {
    visit(child, hidden || (hides && at++ > 0));
    return child;
  });
}

/** Calls `visit` for each list inside `statement` with the versions that hold at its start. */
function enter(
  statement: Statement,
  versions: Versions,
  visit: (body: readonly Statement[], versions: Versions) => void,
): void {
  for (const body of bodiesOf(statement)) {
    const inner = versions.inner();
    if (statement.kind === 'loop') inner.change(statement);
    visit(body, inner);
  }
}

function shareAll(
  statements: readonly Statement[],
  scope: Scope,
  versions: Versions,
  outer: ReadonlyMap<string, Expr>,
): readonly Statement[] {
  const counts = new Map<string, number>();
  countAll(statements, scope, versions.inner(), counts);
  const known = new Map(outer);
  const out: Statement[] = [];
  for (const statement of statements) {
    const sharing: Sharing = { ...scope, counts, known, versions, out };
    const rewritten = mapStatement(statement, {
      // A let is itself the name for its value.
      expr: (expr) => (statement.kind === 'let' ? shareValue(expr, sharing) : shareExpr(expr, false, sharing)),
      body: (body) => {
        const inner = versions.inner();
        if (statement.kind === 'loop') inner.change(statement);
        return shareAll(body, scope, inner, known);
      },
    });
    versions.change(statement);
    out.push(rewritten);
    if (statement.kind === 'let' && isWork(statement.value)) {
      const { type, lanes } = statement.value;
      const key = versions.keyOf(statement.value);
      if (!known.has(key)) known.set(key, variable(statement.name, type, lanes));
    }
  }
  return out;
}

interface Sharing extends Scope {
  readonly counts: ReadonlyMap<string, number>;
  /** The names of values that exist already. */
  readonly known: Map<string, Expr>;
  readonly versions: Versions;
  readonly out: Statement[];
}

/** The value of a let. */
function shareValue(expr: Expr, sharing: Sharing): Expr {
  const known = isWork(expr) ? sharing.known.get(sharing.versions.keyOf(expr)) : undefined;
  return known ?? shareParts(expr, false, sharing);
}

function shareExpr(expr: Expr, hidden: boolean, sharing: Sharing): Expr {
  if (!isWork(expr)) return shareParts(expr, hidden, sharing);
  const key = sharing.versions.keyOf(expr);
  const known = sharing.known.get(key);
  if (known) return known;
  const value = shareParts(expr, hidden, sharing);
  if ((sharing.counts.get(key) ?? 0) < 2 || (hidden && sharing.facts.mayFail(expr))) return value;
  const name = sharing.names.fresh('shared');
  const result = variable(name, expr.type, expr.lanes);
  sharing.out.push({ kind: 'let', name, value });
  sharing.known.set(key, result);
  return result;
}

function shareParts(expr: Expr, hidden: boolean, sharing: Sharing): Expr {
  const hides = hidesArms(expr, sharing.lets);
  let at = 0;
  return mapChildren(expr, (child) => shareExpr(child, hidden || (hides && at++ > 0), sharing));
}
