/**
 * Rewrites the functions that a target does not compute itself into arithmetic that every target has. The expansions
 * do not care about lanes. What an expansion uses twice is bound by a let in front of the statement.
 */
import { literal, variable } from '../build.ts';
import { guardsLoads, letsOf, type Lets } from '../guards.ts';
import type { Expr, Kernel, Statement, UnaryOp } from '../ir.ts';
import { definedNames, FreshNames, uniqueNames } from '../names.ts';
import { mapChildren, mapStatement, someExpr, withBody } from '../rewrite.ts';
import type { Target } from '../target.ts';
import { expandErf } from './erf.ts';
import type { Bind, Expansion } from './expansion.ts';
import { expandExp, expandExpm1, expandTanh } from './exponential.ts';

/** How each function is computed without the target's help; `native` ones every target must have. */
const expansions: Readonly<Record<UnaryOp, Expansion | 'native'>> = {
  neg: 'native',
  abs: 'native',
  sqrt: 'native',
  floor: 'native',
  ceil: 'native',
  trunc: 'native',
  not: 'native',
  round: 'native',
  exp: expandExp,
  expm1: expandExpm1,
  log: 'native',
  log1p: 'native',
  sin: 'native',
  cos: 'native',
  tanh: expandTanh,
  erf: expandErf,
};

interface Scope {
  readonly target: Target;
  readonly names: FreshNames;
  readonly lets: Lets;
}

export function legalize(kernel: Kernel, target: Target): Kernel {
  const unique = uniqueNames(kernel);
  const scope: Scope = { target, names: new FreshNames(definedNames(unique)), lets: letsOf(unique.body) };
  return withBody(unique, legalizeAll(unique.body, scope));
}

function legalizeAll(statements: readonly Statement[], scope: Scope): Statement[] {
  return statements.flatMap((statement) => {
    const before: Statement[] = [];
    const mapped = mapStatement(statement, {
      expr: (expr) => legalizeExpr(expr, scope, before),
      body: (body) => legalizeAll(body, scope),
    });
    return [...before, mapped];
  });
}

/** The expansion that `expr` needs on the target, if any. */
function expansionOf(expr: Expr, target: Target): Expansion | undefined {
  if (expr.type !== 'f32' || expr.kind !== 'unary' || target.nativeUnary.has(expr.op)) return undefined;
  const expansion = expansions[expr.op];
  return expansion === 'native' ? undefined : expansion;
}

/** Statements that `expr` needs first go to `before`. */
function legalizeExpr(expr: Expr, scope: Scope, before: Statement[]): Expr {
  if (!someExpr(expr, (part) => expansionOf(part, scope.target) !== undefined)) return expr;
  if (expr.kind === 'select' && expr.lanes === 1 && guardsLoads(expr, scope.lets)) return branch(expr, scope, before);
  const mapped = mapChildren(expr, (child) => legalizeExpr(child, scope, before));
  const expansion = expansionOf(mapped, scope.target);
  if (!expansion || mapped.kind !== 'unary') return mapped;
  const bind: Bind = (value, name) => bindTo(value, name, scope, before);
  return expansion(bind(mapped.operand, 'argument'), bind);
}

function bindTo(value: Expr, base: string, scope: Scope, before: Statement[]): Expr {
  if (value.kind === 'literal' || value.kind === 'variable') return value;
  const name = scope.names.fresh(base);
  before.push({ kind: 'let', name, value });
  return variable(name, value.type, value.lanes);
}

/** A select whose arms load only where they are taken: lets in front of it would load always, so it branches. */
function branch(expr: Expr & { kind: 'select' }, scope: Scope, before: Statement[]): Expr {
  const condition = legalizeExpr(expr.condition, scope, before);
  const name = scope.names.fresh('selected');
  const arm = (value: Expr): Statement[] => {
    const body: Statement[] = [];
    const legal = legalizeExpr(value, scope, body);
    return [...body, { kind: 'assign', name, value: legal }];
  };
  before.push(
    { kind: 'declare', name, value: literal(0, expr.type) },
    { kind: 'if', condition, then: arm(expr.then), else: arm(expr.else) },
  );
  return variable(name, expr.type);
}
