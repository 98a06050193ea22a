/**
 * Which elements a piece of a kernel reads and writes, grouped so that neighbours share one address. It must not know how
 * a backend forms addresses.
 */
import { add, affineIn, isAtLeast, splitConstant, symbolsOf, ZERO, type Dim, type Term } from '../dims/dim.ts';
import { fromSorted } from '../dims/polynomial.ts';
import type { Expr, Statement } from '../kernel/ir.ts';
import { childrenOf, definedName, forEachStatement } from '../kernel/rewrite.ts';
import { analyseSharing, branches, type Sharing } from './sharing.ts';

/** What a piece of code needs integer names for. */
export interface Positions {
  readonly accesses: readonly Access[];
  /** Positions used as values. */
  readonly values: readonly Dim[];
  /** Names used as values. */
  readonly names: ReadonlySet<string>;
}

interface Found {
  readonly accesses: Access[];
  readonly values: Dim[];
  readonly names: Set<string>;
}

export interface Access {
  readonly buffer: string;
  readonly index: Dim;
  /** Not made every time the piece of code runs. */
  readonly conditional: boolean;
}

/** Accesses to one buffer whose indices differ by constants. */
export interface AccessGroup {
  readonly buffer: string;
  /** The index without its constant. */
  readonly rest: Dim;
  /** The constant that an address of the group includes. */
  readonly anchor: number;
  /**
   * Whether `rest + anchor` is at least 0 whenever a member is accessed, so that a member at or above the anchor may be
   * reached by an unsigned offset. An address below the start of memory must not be formed and then stepped over.
   */
  readonly firm: boolean;
  readonly uses: number;
}

/** The names that `statements` define: lets, variables and loop counters, at any depth. */
export function namesDefinedIn(statements: readonly Statement[]): Set<string> {
  const names = new Set<string>();
  forEachStatement(statements, (statement) => {
    const name = definedName(statement);
    if (name !== undefined) names.add(name);
  });
  return names;
}

export function containsLoop(statements: readonly Statement[]): boolean {
  let found = false;
  forEachStatement(statements, (statement) => (found ||= statement.kind === 'loop'));
  return found;
}

/**
 * The positions of `statements`: those of the list itself, and with `depth` `branches` also those inside its `if`s.
 * What a nested loop needs is never included.
 */
export function positionsIn(statements: readonly Statement[], depth: 'list' | 'branches'): Positions {
  const found: Found = { accesses: [], values: [], names: new Set() };
  const visitRoot = (root: Expr, conditional: boolean): void => {
    collect(root, analyseSharing(root), conditional, found);
  };
  const visit = (statement: Statement, conditional: boolean): void => {
    switch (statement.kind) {
      case 'let':
      case 'declare':
      case 'assign':
      case 'reduce':
        return visitRoot(statement.value, conditional);
      case 'store':
        found.accesses.push({ buffer: statement.buffer, index: statement.index, conditional });
        return visitRoot(statement.value, conditional);
      case 'prefetch':
        found.accesses.push({ buffer: statement.buffer, index: statement.index, conditional });
        return;
      case 'count':
        found.values.push(statement.amount);
        return;
      case 'if':
        visitRoot(statement.condition, conditional);
        if (depth === 'list') return;
        statement.then.forEach((inner) => visit(inner, true));
        statement.else.forEach((inner) => visit(inner, true));
        return;
      case 'loop':
      case 'barrier':
    }
  };
  statements.forEach((statement) => visit(statement, false));
  return found;
}

function collect(root: Expr, sharing: Sharing, conditional: boolean, into: Found): void {
  const seen = new Set<Expr>();
  const visit = (expr: Expr, conditional: boolean): void => {
    if (seen.has(expr) && sharing.isShared(expr)) return;
    seen.add(expr);
    if (expr.kind === 'load') into.accesses.push({ buffer: expr.buffer, index: expr.index, conditional });
    if (expr.kind === 'position') into.values.push(expr.index);
    if (expr.kind === 'variable') into.names.add(expr.name);
    if (expr.kind === 'select' && branches(expr, sharing)) {
      visit(expr.condition, conditional);
      visit(expr.then, true);
      visit(expr.else, true);
    } else for (const operand of childrenOf(expr)) visit(operand, conditional);
  };
  visit(root, conditional);
}

export function groupKey(buffer: string, rest: Dim): string {
  return `${buffer}[${rest.key}]`;
}

export function groupAccesses(accesses: readonly Access[]): Map<string, AccessGroup> {
  const members = new Map<string, { buffer: string; rest: Dim; constants: number[]; certain: number[] }>();
  for (const { buffer, index, conditional } of accesses) {
    const { rest, offset } = splitConstant(index);
    const key = groupKey(buffer, rest);
    const group = members.get(key) ?? { buffer, rest, constants: [], certain: [] };
    members.set(key, group);
    group.constants.push(offset);
    if (!conditional) group.certain.push(offset);
  }
  const groups = new Map<string, AccessGroup>();
  for (const [key, { buffer, rest, constants, certain }] of members)
    groups.set(key, { buffer, rest, uses: constants.length, ...anchorOf(rest, constants, certain) });
  return groups;
}

function anchorOf(
  rest: Dim,
  constants: readonly number[],
  certain: readonly number[],
): { anchor: number; firm: boolean } {
  const least = certain.reduce((a, b) => Math.min(a, b), Infinity);
  const restIsSafe = isAtLeast(rest, ZERO);
  if (restIsSafe && least >= 0) return { anchor: 0, firm: true };
  if (least < Infinity) return { anchor: least, firm: true };
  return { anchor: constants.reduce((a, b) => Math.min(a, b), Infinity), firm: false };
}

/** `dim` split into the terms that mention none of `names`, and the others. */
export function splitInvariant(dim: Dim, names: ReadonlySet<string>): { invariant: Dim; varying: Dim } {
  const isVarying = (item: Term): boolean => mentionsAny(fromSorted([item]), names);
  return {
    invariant: fromSorted(dim.terms.filter((item) => !isVarying(item))),
    varying: fromSorted(dim.terms.filter(isVarying)),
  };
}

function mentionsAny(dim: Dim, names: ReadonlySet<string>): boolean {
  return symbolsOf(dim).some((name) => names.has(name));
}

/** The index of an access in a loop over `variable`, taken apart by how it changes from one iteration to the next. */
export interface Stride {
  /** What never changes, plus a multiple of the loop variable. */
  readonly steady: Dim;
  /** What `steady` grows by per iteration. */
  readonly step: Dim;
  /** The rest, to be computed in every iteration. */
  readonly moving: Dim;
}

/** `varying` names the loop variable and everything else that changes inside the loop. */
export function strideOf(rest: Dim, variable: string, varying: ReadonlySet<string>): Stride {
  const steady: Dim[] = [];
  const moving: Dim[] = [];
  let step = ZERO;
  for (const item of rest.terms) {
    const part = fromSorted([item]);
    const affine = affineIn(part, variable);
    const isSteady = affine && !mentionsAny(affine.coefficient, varying) && !mentionsAny(affine.rest, varying);
    if (isSteady) {
      steady.push(part);
      step = add(step, affine.coefficient);
    } else moving.push(part);
  }
  return { steady: add(...steady), step, moving: add(...moving) };
}
