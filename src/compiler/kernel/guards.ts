/**
 * Which loads a select guards: those that may be out of range when their arm is not taken. A condition on data alone
 * (a mask, a sign) does not bear on where loads may go, a condition on positions does; and an index that is itself
 * loaded may be anything when the condition fails. It must not know what the select is for.
 */
import { symbolsOf, type Dim } from '../dims/dim.ts';
import { literal, select } from './build.ts';
import type { Expr, Statement } from './ir.ts';
import { forEachStatement, indexOf, mapChildren, rememberingSome, someExpr } from './rewrite.ts';

export type Select = Expr & { readonly kind: 'select' };

/** The values of lets by name, whose names are unique, and what is known of them: each value is looked into once. */
export class Lets {
  readonly #values: ReadonlyMap<string, Expr>;
  readonly #onPositions = new Map<string, boolean>();
  readonly #onData = new Map<string, boolean>();
  readonly containsLoad: (expr: Expr) => boolean = rememberingSome((part) => part.kind === 'load');

  constructor(values: ReadonlyMap<string, Expr>) {
    this.#values = values;
  }

  /** Whether the let depends on a position; undefined if there is no such let. */
  dependsOnPositions(name: string): boolean | undefined {
    return this.#ask(name, this.#onPositions, (value) => dependsOnPositions(value, this));
  }

  /** Whether the let depends on what a buffer holds; undefined if there is no such let. */
  isData(name: string): boolean | undefined {
    return this.#ask(name, this.#onData, (value) => valueIsData(value, this));
  }

  #ask(name: string, answers: Map<string, boolean>, compute: (value: Expr) => boolean): boolean | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const answer = answers.get(name) ?? compute(value);
    answers.set(name, answer);
    return answer;
  }
}

export function letsOf(statements: readonly Statement[]): Lets {
  return new Lets(letValues(statements));
}

/** With the values that go into reductions, which depend on nothing else. */
export function letValues(statements: readonly Statement[]): ReadonlyMap<string, Expr> {
  const values = new Map<string, Expr>();
  forEachStatement(statements, (statement) => {
    if (statement.kind === 'let' || statement.kind === 'reduce') values.set(statement.name, statement.value);
  });
  return values;
}

/** Whether an arm of `expr` holds a load that must not happen when the arm is not taken. */
export function guardsLoads(expr: Select, lets: Lets): boolean {
  if (!lets.containsLoad(expr.then) && !lets.containsLoad(expr.else)) return false;
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
    return lets.dependsOnPositions(part.name) ?? part.type !== 'f32';
  });
}

/** Whether an index depends on what a buffer holds. */
function indexIsData(index: Dim, lets: Lets): boolean {
  return symbolsOf(index).some((name) => lets.isData(name) ?? false);
}

function valueIsData(expr: Expr, lets: Lets): boolean {
  return someExpr(expr, (part) => {
    if (part.kind === 'load') return true;
    if (part.kind === 'variable') return lets.isData(part.name) ?? true;
    const index = indexOf(part);
    return index !== undefined && indexIsData(index, lets);
  });
}

/** Scalar `expr` with every load taken only if `guard` holds. */
export function guardLoads(expr: Expr, guard: Expr): Expr {
  if (expr.kind === 'load') return select(guard, expr, literal(0, expr.type));
  return mapChildren(expr, (child) => guardLoads(child, guard));
}
