/**
 * Structural rewriting of kernel expressions and statements: the one place that knows which parts each kind has.
 * Rewriters return the node they were given when nothing below it changed, so that callers can test by identity.
 * It knows nothing about what the rewriting is for.
 */
import { substitute, symbolsOf, type Bounds, type Dim } from '../dims/dim.ts';
import type { Expr, Kernel, Statement } from './ir.ts';

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'variable':
    case 'position':
    case 'load':
      return [];
    case 'unary':
    case 'convert':
    case 'bitcast':
    case 'splat':
    case 'lane':
    case 'reduceLanes':
      return [expr.operand];
    case 'binary':
    case 'compare':
      return [expr.left, expr.right];
    case 'multiplyAdd':
    case 'dot4':
      return [expr.left, expr.right, expr.addend];
    case 'select':
      return [expr.condition, expr.then, expr.else];
    case 'combine':
      return expr.parts;
    case 'threefry':
      return expr.operands;
  }
}

/** `expr` with every direct child replaced. */
export function mapChildren(expr: Expr, replace: (child: Expr) => Expr): Expr {
  switch (expr.kind) {
    case 'literal':
    case 'variable':
    case 'position':
    case 'load':
      return expr;
    case 'unary':
    case 'convert':
    case 'bitcast':
    case 'splat':
    case 'lane':
    case 'reduceLanes': {
      const operand = replace(expr.operand);
      return operand === expr.operand ? expr : { ...expr, operand };
    }
    case 'binary':
    case 'compare': {
      const [left, right] = [replace(expr.left), replace(expr.right)];
      return left === expr.left && right === expr.right ? expr : { ...expr, left, right };
    }
    case 'multiplyAdd':
    case 'dot4': {
      const [left, right, addend] = [replace(expr.left), replace(expr.right), replace(expr.addend)];
      if (left === expr.left && right === expr.right && addend === expr.addend) return expr;
      return { ...expr, left, right, addend };
    }
    case 'select': {
      const [condition, then, otherwise] = [replace(expr.condition), replace(expr.then), replace(expr.else)];
      if (condition === expr.condition && then === expr.then && otherwise === expr.else) return expr;
      return { ...expr, condition, then, else: otherwise };
    }
    case 'combine': {
      const parts = mapList(expr.parts, replace);
      return parts === expr.parts ? expr : { ...expr, parts };
    }
    case 'threefry': {
      const [a, b, c, d] = expr.operands;
      const operands = [replace(a), replace(b), replace(c), replace(d)] as const;
      return operands.every((operand, at) => operand === expr.operands[at]) ? expr : { ...expr, operands };
    }
  }
}

/** The position an expression reads or yields, if it has one. */
export function indexOf(expr: Expr): Dim | undefined {
  return expr.kind === 'load' || expr.kind === 'position' ? expr.index : undefined;
}

/** Whether `test` holds for `expr` or anything below it. */
export function someExpr(expr: Expr, test: (part: Expr) => boolean): boolean {
  return test(expr) || childrenOf(expr).some((child) => someExpr(child, test));
}

/**
 * `someExpr` as a function that remembers, by identity, what it found: for walks that ask about the parts of what they
 * asked about.
 */
export function rememberingSome(test: (part: Expr) => boolean): (expr: Expr) => boolean {
  const answers = new Map<Expr, boolean>();
  const holds = (expr: Expr): boolean => {
    const known = answers.get(expr);
    if (known !== undefined) return known;
    let answer = test(expr);
    // A loop, as closures would halve the depth that the stack allows.
    for (const child of childrenOf(expr)) answer ||= holds(child);
    answers.set(expr, answer);
    return answer;
  };
  return holds;
}

export function containsLoad(expr: Expr): boolean {
  return someExpr(expr, (part) => part.kind === 'load');
}

/** Whether `expr` reads any of `names`, as a value or in a position. */
export function refersTo(expr: Expr, names: ReadonlySet<string>): boolean {
  return someExpr(expr, (part) => refersItself(part, names));
}

/** `refersTo` of the node alone, without its parts. */
export function refersItself(expr: Expr, names: ReadonlySet<string>): boolean {
  if (expr.kind === 'variable') return names.has(expr.name);
  const index = indexOf(expr);
  return index !== undefined && symbolsOf(index).some((name) => names.has(name));
}

function mapList<T>(items: readonly T[], replace: (item: T) => T): readonly T[] {
  const mapped = items.map(replace);
  return mapped.every((item, at) => item === items[at]) ? items : mapped;
}

/** What to do with the parts of a statement; what is left out stays as it is. */
export interface StatementRewriter {
  readonly expr?: (expr: Expr) => Expr;
  readonly dim?: (dim: Dim) => Dim;
  readonly body?: (body: readonly Statement[], owner: Statement) => readonly Statement[];
}

/** `statement` with its direct parts replaced. Statements inside it are the business of `rewriter.body`. */
export function mapStatement(statement: Statement, rewriter: StatementRewriter): Statement {
  const expr = rewriter.expr ?? ((part: Expr) => part);
  const dim = rewriter.dim ?? ((part: Dim) => part);
  const body = (list: readonly Statement[]) => (rewriter.body ? rewriter.body(list, statement) : list);
  switch (statement.kind) {
    case 'let':
    case 'declare':
    case 'assign':
    case 'reduce': {
      const value = expr(statement.value);
      return value === statement.value ? statement : { ...statement, value };
    }
    case 'loop': {
      const [extent, inner] = [dim(statement.extent), body(statement.body)];
      return extent === statement.extent && inner === statement.body
        ? statement
        : { ...statement, extent, body: inner };
    }
    case 'if': {
      const [condition, then, otherwise] = [expr(statement.condition), body(statement.then), body(statement.else)];
      if (condition === statement.condition && then === statement.then && otherwise === statement.else)
        return statement;
      return { ...statement, condition, then, else: otherwise };
    }
    case 'store': {
      const [index, value] = [dim(statement.index), expr(statement.value)];
      return index === statement.index && value === statement.value ? statement : { ...statement, index, value };
    }
    case 'prefetch': {
      const index = dim(statement.index);
      return index === statement.index ? statement : { ...statement, index };
    }
    case 'count': {
      const amount = dim(statement.amount);
      return amount === statement.amount ? statement : { ...statement, amount };
    }
    case 'barrier':
      return statement;
  }
}

/** The statement lists directly inside `statement`. */
export function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.kind) {
    case 'let':
    case 'declare':
    case 'assign':
    case 'store':
    case 'prefetch':
    case 'count':
    case 'barrier':
    case 'reduce':
      return [];
    case 'loop':
      return [statement.body];
    case 'if':
      return [statement.then, statement.else];
  }
}

/** The expression directly inside `statement`. */
export function valueOf(statement: Statement): Expr | undefined {
  switch (statement.kind) {
    case 'let':
    case 'declare':
    case 'assign':
    case 'store':
    case 'reduce':
      return statement.value;
    case 'if':
      return statement.condition;
    case 'loop':
    case 'prefetch':
    case 'count':
    case 'barrier':
      return undefined;
  }
}

/** The dimension directly inside `statement`: a loop's extent, the index of a store or a prefetch, an amount. */
export function dimOf(statement: Statement): Dim | undefined {
  switch (statement.kind) {
    case 'loop':
      return statement.extent;
    case 'store':
    case 'prefetch':
      return statement.index;
    case 'count':
      return statement.amount;
    case 'let':
    case 'declare':
    case 'assign':
    case 'if':
    case 'barrier':
    case 'reduce':
      return undefined;
  }
}

/** The name that `statement` brings into scope. */
export function definedName(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'let':
    case 'declare':
    case 'reduce':
      return statement.name;
    case 'loop':
      return statement.variable;
    case 'assign':
    case 'if':
    case 'store':
    case 'prefetch':
    case 'count':
    case 'barrier':
      return undefined;
  }
}

/** Visits every statement, outer ones first, in order. */
export function forEachStatement(statements: readonly Statement[], visit: (statement: Statement) => void): void {
  for (const statement of statements) {
    visit(statement);
    for (const body of bodiesOf(statement)) forEachStatement(body, visit);
  }
}

/** Visits every expression, outer ones first. */
export function forEachExpr(expr: Expr, visit: (part: Expr) => void): void {
  visit(expr);
  for (const child of childrenOf(expr)) forEachExpr(child, visit);
}

/** Visits every expression once, by identity, outer ones first: there are far more ways to shared parts than parts. */
export function forEachPart(expr: Expr, visit: (part: Expr) => void, seen = new Set<Expr>()): void {
  if (seen.has(expr)) return;
  seen.add(expr);
  visit(expr);
  for (const child of childrenOf(expr)) forEachPart(child, visit, seen);
}

/** Visits every dimension that the expression reads a position from. */
export function forEachIndex(expr: Expr, visit: (dim: Dim) => void): void {
  forEachExpr(expr, (part) => {
    const index = indexOf(part);
    if (index) visit(index);
  });
}

export type VariableExpr = Expr & { readonly kind: 'variable' };

/** What names stand for; names answered with undefined stay. */
export interface Replacement {
  /** Values of `variable` expressions. */
  readonly value?: (variable: VariableExpr) => Expr | undefined;
  /** Positions of names in dimensions. */
  readonly integer?: (name: string) => Dim | undefined;
  /** Bounds by which rewritten dimensions may simplify. */
  readonly bounds?: Bounds;
}

export function replaceInDim(dim: Dim, replacement: Replacement): Dim {
  if (!replacement.integer) return dim;
  const result = substitute(dim, replacement.integer, replacement.bounds);
  return result.key === dim.key ? dim : result;
}

export function replaceInExpr(expr: Expr, replacement: Replacement): Expr {
  switch (expr.kind) {
    case 'variable':
      return replacement.value?.(expr) ?? expr;
    case 'position':
    case 'load': {
      const index = replaceInDim(expr.index, replacement);
      return index === expr.index ? expr : { ...expr, index };
    }
    default:
      return mapChildren(expr, (child) => replaceInExpr(child, replacement));
  }
}

/** Replaces names in all expressions and dimensions below; names that statements define are not touched. */
export function replaceInStatements(statements: readonly Statement[], replacement: Replacement): readonly Statement[] {
  return mapList(statements, (statement) =>
    mapStatement(statement, {
      expr: (expr) => replaceInExpr(expr, replacement),
      dim: (dim) => replaceInDim(dim, replacement),
      body: (body) => replaceInStatements(body, replacement),
    }),
  );
}

export function withBody(kernel: Kernel, body: readonly Statement[]): Kernel {
  return body === kernel.body ? kernel : { ...kernel, body };
}
