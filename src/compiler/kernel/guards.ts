/**
 * Which loads a select guards: those that may be out of range when their arm is not taken. A condition on data alone
 * (a mask, a sign) does not bear on where loads may go, a condition on positions does; and an index that is itself
 * loaded may be anything when the condition fails. It must not know what the select is for.
 */
import { symbolsOf, type Dim } from '../dims/dim.ts';
import { literal, select } from './build.ts';
import type { Expr, Statement } from './ir.ts';
import { containsLoad, forEachStatement, indexOf, mapChildren, someExpr } from './rewrite.ts';

export type Select = Expr & { readonly kind: 'select' };

/** The values of lets by name; names are unique. */
export type Lets = ReadonlyMap<string, Expr>;

export function letsOf(statements: readonly Statement[]): Lets {
  const lets = new Map<string, Expr>();
  forEachStatement(statements, (statement) => {
    if (statement.kind === 'let') lets.set(statement.name, statement.value);
  });
  return lets;
}

/** Whether an arm of `expr` holds a load that must not happen when the arm is not taken. */
export function guardsLoads(expr: Select, lets: Lets): boolean {
  if (!containsLoad(expr.then) && !containsLoad(expr.else)) return false;
  if (dependsOnPositions(expr.condition, lets)) return true;
  return [expr.then, expr.else].some((arm) =>
    someExpr(arm, (part) => part.kind === 'load' && indexIsData(part.index, lets)),
  );
}

/** Whether `expr` compares positions, directly or through lets. A mutable flag or integer may hold anything. */
function dependsOnPositions(expr: Expr, lets: Lets): boolean {
  return someExpr(expr, (part) => {
    if (part.kind === 'position') return true;
    if (part.kind !== 'variable') return false;
    const value = lets.get(part.name);
    return value ? dependsOnPositions(value, lets) : part.type !== 'f32';
  });
}

/** Whether an index depends on what a buffer holds. */
function indexIsData(index: Dim, lets: Lets): boolean {
  return symbolsOf(index).some((name) => {
    const value = lets.get(name);
    return value !== undefined && valueIsData(value, lets);
  });
}

function valueIsData(expr: Expr, lets: Lets): boolean {
  return someExpr(expr, (part) => {
    if (part.kind === 'load') return true;
    if (part.kind === 'variable') {
      const value = lets.get(part.name);
      return value === undefined || valueIsData(value, lets);
    }
    const index = indexOf(part);
    return index !== undefined && indexIsData(index, lets);
  });
}

/** Scalar `expr` with every load taken only if `guard` holds. */
export function guardLoads(expr: Expr, guard: Expr): Expr {
  if (expr.kind === 'load') return select(guard, expr, literal(0, expr.type));
  return mapChildren(expr, (child) => guardLoads(child, guard));
}
