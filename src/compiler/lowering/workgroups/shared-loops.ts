/** Which loops of a kernel's point its workgroup can share out, and whether the way to them is the same for all of it. */
import { constantValue, symbolsOf, type Dim } from '../../dims/dim.ts';
import type { Expr, ScalarType, Statement } from '../../kernel/ir.ts';
import type { ReductionOp } from '../../kernel/arithmetic.ts';
import { bodiesOf, forEachStatement, refersTo, someExpr, valueOf } from '../../kernel/rewrite.ts';

export type Loop = Statement & { readonly kind: 'loop' };

/** A loop whose iterations may run at once. */
type SharedLoop = Loop & { readonly mode: 'vector' };

export function isShared(statement: Statement): statement is SharedLoop {
  return statement.kind === 'loop' && statement.mode === 'vector';
}

/** The loops that are shared out: outermost ones whose iterations are independent. */
export function sharedLoops(statements: readonly Statement[]): readonly Loop[] {
  return statements.flatMap((statement) =>
    isShared(statement) ? [statement] : bodiesOf(statement).flatMap((body) => sharedLoops(body)),
  );
}

/** Whether loops inside `statement` are shared out. */
export function holdsShared(statement: Statement): boolean {
  return !isShared(statement) && bodiesOf(statement).some((body) => sharedLoops(body).length > 0);
}

/** The iterations of the longest of `loops`, as far as is known; undefined where only a run knows. */
export function longest(loops: readonly Loop[]): number | undefined {
  const counts = loops.map(({ extent }) => atMost(extent));
  return counts.every((count) => count !== undefined) ? Math.max(0, ...counts) : undefined;
}

/** The number that a size is, or is limited to. */
function atMost(size: Dim): number | undefined {
  const [term] = size.terms;
  const [atom] = term?.factors ?? [];
  const isOneAtom = size.terms.length === 1 && term!.coefficient === 1 && term!.factors.length === 1;
  if (!isOneAtom || atom?.kind !== 'min') return constantValue(size);
  const limits = [atMost(atom.left), atMost(atom.right)].filter((limit) => limit !== undefined);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** Whether one invocation may as well go through all of `loops`: they are short, and there are no loops in them. */
export function areShort(loops: readonly Loop[], most: number): boolean {
  return loops.every((loop) => isFlat(loop) && (constantValue(loop.extent) ?? Infinity) <= most);
}

/** Whether there are no loops in a loop. */
export function isFlat({ body }: Loop): boolean {
  return body.every((statement) => !holdsLoop(statement));
}

function holdsLoop(statement: Statement): boolean {
  return statement.kind === 'loop' || bodiesOf(statement).some((body) => body.some(holdsLoop));
}

/**
 * Whether every invocation goes the same way to the loops that are shared out, and devices see that it does: what leads to
 * them must depend neither on `written` buffers nor on what was reduced. And what is neither shared out nor done by all alike, because it stores, must set nothing for later.
 */
export function isSharable(statements: readonly Statement[], written: ReadonlySet<string>): boolean {
  const varying = varyingNames(statements, written);
  const check = (list: readonly Statement[]): boolean =>
    list.every((statement) => {
      if (isShared(statement)) return true;
      if (!holdsShared(statement)) return !stores(statement) || assignedOutside(statement).length === 0;
      if (statement.kind === 'if' && dependsOn(statement.condition, varying, written)) return false;
      if (statement.kind === 'loop' && symbolsOf(statement.extent).some((name) => varying.has(name))) return false;
      return bodiesOf(statement).every(check);
    });
  return check(statements);
}

/**
 * Names outside of shared loops whose value devices do not see to be the same everywhere: it is made of what the kernel
 * itself stores, or of what its invocations reduced.
 */
function varyingNames(statements: readonly Statement[], written: ReadonlySet<string>): ReadonlySet<string> {
  const varying = new Set<string>();
  const visit = (list: readonly Statement[], isUnder: boolean): void => {
    for (const statement of list) {
      if (isShared(statement)) {
        for (const name of assignedOutside(statement)) varying.add(name);
        continue;
      }
      const value = valueOf(statement);
      const extent: readonly string[] = statement.kind === 'loop' ? symbolsOf(statement.extent) : [];
      const depends =
        isUnder || (value && dependsOn(value, varying, written)) || extent.some((name) => varying.has(name));
      if (depends && (statement.kind === 'let' || statement.kind === 'declare' || statement.kind === 'assign'))
        varying.add(statement.name);
      for (const body of bodiesOf(statement)) visit(body, depends === true);
    }
  };
  // A variable may be set after it is read, in a loop around both, so this runs until nothing changes.
  for (let size = -1; size !== varying.size;) {
    size = varying.size;
    visit(statements, false);
  }
  return varying;
}

function dependsOn(expr: Expr, names: ReadonlySet<string>, buffers: ReadonlySet<string>): boolean {
  return refersTo(expr, names) || someExpr(expr, (part) => part.kind === 'load' && buffers.has(part.buffer));
}

/** Whether anything in `statement` stores. */
export function stores(statement: Statement): boolean {
  let found = false;
  forEachStatement([statement], ({ kind }) => (found ||= kind === 'store'));
  return found;
}

/** The variables that `statement` assigns and does not define. */
function assignedOutside(statement: Statement): readonly string[] {
  const own = new Set<string>();
  const assigned = new Set<string>();
  forEachStatement([statement], (inner) => {
    if (inner.kind === 'declare') own.add(inner.name);
    if (inner.kind === 'assign') assigned.add(inner.name);
  });
  return [...assigned].filter((name) => !own.has(name));
}

export interface Accumulator {
  readonly op: ReductionOp;
  readonly type: ScalarType;
}

/**
 * The variables from outside of `statement` that shared loops in it reduce into, with one operation, and that nothing else
 * in it reads or sets: of these, each invocation can have a part of its own until `statement` is over.
 */
export function accumulatorsOf(statement: Statement): ReadonlyMap<string, Accumulator> {
  const found = new Map<string, Accumulator>();
  const other = new Set<string>();
  const seeAll = (list: readonly Statement[], isInside: boolean, own: ReadonlySet<string>): void => {
    const local = new Set(own);
    for (const one of list) {
      const inside = isInside || isShared(one);
      if (one.kind === 'declare') local.add(one.name);
      const isSum = one.kind === 'assign' && inside && one.reduction !== undefined && !local.has(one.name);
      if (one.kind === 'assign' && !isSum) other.add(one.name);
      if (isSum) {
        const op = one.reduction!;
        if ((found.get(one.name)?.op ?? op) !== op) other.add(one.name);
        found.set(one.name, { op, type: one.value.type });
      }
      const value = valueOf(one);
      if (value) forEachRead(isSum ? operandOf(value) : value, (name) => other.add(name));
      for (const body of bodiesOf(one)) seeAll(body, inside, local);
    }
  };
  seeAll([statement], false, new Set());
  for (const name of other) found.delete(name);
  return found;
}

/** What a reduction adds to its variable, which stands on the left. */
function operandOf(value: Expr): Expr {
  if (value.kind !== 'binary' || value.left.kind !== 'variable') throw new Error('internal: this is no reduction');
  return value.right;
}

function forEachRead(expr: Expr, see: (name: string) => void): void {
  someExpr(expr, (part) => {
    if (part.kind === 'variable') see(part.name);
    return false;
  });
}
