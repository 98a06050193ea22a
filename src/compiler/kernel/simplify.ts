/**
 * Makes kernels smaller without changing a bit of what they compute: folds expressions, replaces names that stand for
 * other names, constants or positions, writes unrolled loops out, flattens loops that run once and branches that are
 * decided, and drops what is dead.
 */
import {
  constant,
  constantValue,
  isAtLeast,
  simplifyWithin,
  symbol,
  ZERO,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { gridBounds, withLoopBound } from './bounds.ts';
import { removeDead } from './dead.ts';
import { foldAll } from './fold.ts';
import type { Expr, Kernel, Statement } from './ir.ts';
import { definedNames, FreshNames, renameDefinitions, uniqueNames } from './names.ts';
import {
  forEachStatement,
  mapChildren,
  replaceInDim,
  replaceInExpr,
  replaceInStatements,
  withBody,
} from './rewrite.ts';

/** What is known at a place in the kernel. Names are unique, so the maps hold for all places at once. */
interface Scope {
  readonly bounds: Bounds;
  readonly names: FreshNames;
  /** Lets that stand for nothing else. */
  readonly lets: Set<string>;
  /** Variables that are assigned after their declaration. */
  readonly assigned: Set<string>;
  /** What names stand for as values … */
  readonly values: Map<string, Expr>;
  /** … and in dimensions. */
  readonly integers: Map<string, Dim>;
}

export function simplify(kernel: Kernel): Kernel {
  const unique = uniqueNames(kernel);
  const scope: Scope = {
    bounds: gridBounds(unique),
    names: new FreshNames(definedNames(unique)),
    lets: new Set(),
    assigned: assignedNames(unique.body),
    values: new Map(),
    integers: new Map(),
  };
  return withBody(unique, removeDead(simplifyAll(unique.body, scope)));
}

function assignedNames(statements: readonly Statement[]): Set<string> {
  const names = new Set<string>();
  forEachStatement(statements, (statement) => {
    if (statement.kind === 'assign') names.add(statement.name);
  });
  return names;
}

function simplifyAll(statements: readonly Statement[], scope: Scope): Statement[] {
  const simple = statements.flatMap((statement) => simplifyStatement(statement, scope));
  return simple.filter(({ kind }, at) => kind !== 'barrier' || simple[at - 1]?.kind !== 'barrier');
}

function simplifyExpr(expr: Expr, scope: Scope): Expr {
  const replaced = replaceInExpr(expr, {
    value: (variable) => scope.values.get(variable.name),
    integer: (name) => scope.integers.get(name),
    bounds: scope.bounds,
  });
  return foldAll(withinBounds(replaced, scope.bounds), scope);
}

/** The expression with its positions simplified by bounds. */
function withinBounds(expr: Expr, bounds: Bounds): Expr {
  if (expr.kind !== 'position' && expr.kind !== 'load')
    return mapChildren(expr, (child) => withinBounds(child, bounds));
  const index = simplifyWithin(expr.index, bounds);
  return index === expr.index ? expr : { ...expr, index };
}

function simplifyDim(dim: Dim, scope: Scope): Dim {
  const replaced = replaceInDim(dim, { integer: (name) => scope.integers.get(name), bounds: scope.bounds });
  return simplifyWithin(replaced, scope.bounds);
}

function simplifyStatement(statement: Statement, scope: Scope): readonly Statement[] {
  switch (statement.kind) {
    case 'let':
    case 'declare': {
      const value = simplifyExpr(statement.value, scope);
      if (statement.kind === 'declare' && scope.assigned.has(statement.name)) return [{ ...statement, value }];
      if (standsFor(statement.name, value, scope)) return [];
      scope.lets.add(statement.name);
      return [{ kind: 'let', name: statement.name, value }];
    }
    case 'assign': {
      const value = simplifyExpr(statement.value, scope);
      const keepsItself = value.kind === 'variable' && value.name === statement.name;
      return keepsItself ? [] : [{ ...statement, value }];
    }
    case 'loop':
      return simplifyLoop(statement, scope);
    case 'if': {
      const condition = simplifyExpr(statement.condition, scope);
      if (condition.kind === 'literal') return simplifyAll(condition.value ? statement.then : statement.else, scope);
      const [then, otherwise] = [simplifyAll(statement.then, scope), simplifyAll(statement.else, scope)];
      if (condition.kind === 'unary' && condition.op === 'not')
        return [{ ...statement, condition: condition.operand, then: otherwise, else: then }];
      return [{ ...statement, condition, then, else: otherwise }];
    }
    case 'store':
      return [
        { ...statement, index: simplifyDim(statement.index, scope), value: simplifyExpr(statement.value, scope) },
      ];
    case 'prefetch':
      return [{ ...statement, index: simplifyDim(statement.index, scope) }];
    case 'count':
      return [{ ...statement, amount: simplifyDim(statement.amount, scope) }];
    case 'barrier':
      return [statement];
    case 'reduce':
      scope.lets.add(statement.name);
      return [{ ...statement, value: simplifyExpr(statement.value, scope) }];
  }
}

/** Records that `name` is only another way to write `value`, if it is. */
function standsFor(name: string, value: Expr, scope: Scope): boolean {
  const isLiteral = value.kind === 'literal' || (value.kind === 'splat' && value.operand.kind === 'literal');
  const isLet = value.kind === 'variable' && !scope.assigned.has(value.name);
  const isPlace = value.kind === 'position' && value.index.terms.every(hasNoDivision);
  if (!isLiteral && !isLet && !isPlace) return false;
  scope.values.set(name, value);
  if (value.type !== 'i32' || value.lanes !== 1) return true;
  if (value.kind === 'literal') scope.integers.set(name, constant(value.value));
  if (value.kind === 'variable') scope.integers.set(name, symbol(value.name));
  if (value.kind === 'position') scope.integers.set(name, value.index);
  return true;
}

/** Whether a position is cheap enough to be computed again at each use. */
function hasNoDivision(term: Dim['terms'][number]): boolean {
  return term.factors.every((atom) => atom.kind === 'symbol');
}

function simplifyLoop(loop: Statement & { kind: 'loop' }, scope: Scope): readonly Statement[] {
  const extent = simplifyDim(loop.extent, scope);
  const count = constantValue(extent);
  if (isAtLeast(ZERO, extent, scope.bounds)) return [];
  if (count === 1 || (count !== undefined && loop.mode === 'unrolled')) {
    const copies = Array.from({ length: count }, (_, at) => iteration(loop, at, count === 1, scope));
    return simplifyAll(copies.flat(), scope);
  }
  const bounds = withLoopBound(scope.bounds, loop.variable, extent);
  return [{ ...loop, extent, body: simplifyAll(loop.body, { ...scope, bounds }) }];
}

/** The body at one value of the loop's variable, its definitions under new names unless it is the `only` one. */
function iteration(loop: Statement & { kind: 'loop' }, at: number, only: boolean, scope: Scope): readonly Statement[] {
  const index = constant(at);
  const body = replaceInStatements(loop.body, {
    integer: (name) => (name === loop.variable ? index : undefined),
    bounds: scope.bounds,
  });
  if (only) return body;
  return renameDefinitions(body, (name) => {
    const copy = scope.names.fresh(name);
    if (scope.assigned.has(name)) scope.assigned.add(copy);
    return copy;
  });
}
