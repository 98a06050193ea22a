/**
 * Cuts `vector` loops where a choice between loads turns, such as at the edges of a padding or the seam of a
 * concatenation, so that lanes agree within each piece and nothing is asked there. It must not know what the choices are
 * for, nor how pieces become lanes.
 */
import {
  add,
  affineIn,
  constant,
  constantValue,
  isAtLeast,
  negate,
  ONE,
  subtract,
  symbol,
  symbolsOf,
  ZERO,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { gridBounds, withLoopBound } from './bounds.ts';
import { guardsLoads, letsOf, type Lets } from './guards.ts';
import type { CompareOp, Expr, Kernel, Statement } from './ir.ts';
import { definedNames, FreshNames, renameDefinitions, uniqueNames } from './names.ts';
import { forEachExpr, forEachStatement, mapStatement, replaceInStatements, valueOf, withBody } from './rewrite.ts';
import { simplify } from './simplify.ts';
import type { Target } from './target.ts';

/** Each piece repeats the body. */
const MOST_PIECES = 3;

type Loop = Statement & { readonly kind: 'loop' };

interface Scope {
  readonly bounds: Bounds;
  readonly names: FreshNames;
  readonly lets: Lets;
}

export function split(kernel: Kernel, { lanes, workgroups }: Target): Kernel {
  if (lanes === 1 || workgroups) return kernel;
  const unique = uniqueNames(kernel);
  const scope: Scope = {
    bounds: gridBounds(unique),
    names: new FreshNames(definedNames(unique)),
    lets: letsOf(unique.body),
  };
  const body = splitAll(unique.body, scope);
  return body.some((statement, at) => statement !== unique.body[at]) ? simplify(withBody(unique, body)) : kernel;
}

function splitAll(statements: readonly Statement[], scope: Scope): readonly Statement[] {
  return statements.flatMap((statement): readonly Statement[] => {
    if (statement.kind !== 'loop') return [mapStatement(statement, { body: (body) => splitAll(body, scope) })];
    if (statement.mode === 'vector') return splitLoop(statement, scope);
    const bounds = withLoopBound(scope.bounds, statement.variable, statement.extent);
    return [{ ...statement, body: splitAll(statement.body, { ...scope, bounds }) }];
  });
}

/** The pieces of the loop; reductions stay whole, as the order of a sum must not depend on seams. */
function splitLoop(loop: Loop, scope: Scope): readonly Statement[] {
  if (!loop.body.every(({ kind }) => kind === 'let' || kind === 'store')) return [loop];
  const seams = sorted(seamsOf(loop, scope), loop.extent, scope.bounds);
  if (!seams || seams.length === 0 || seams.length >= MOST_PIECES) return [loop];
  const ends = [ZERO, ...seams, loop.extent];
  return seams.concat(loop.extent).map((end, piece): Loop => {
    const start = ends[piece]!;
    const variable = scope.names.fresh(loop.variable);
    const extent = subtract(end, start);
    const body = replaceInStatements(loop.body, {
      integer: (name) => (name === loop.variable ? add(start, symbol(variable)) : undefined),
      bounds: withLoopBound(scope.bounds, variable, extent),
    });
    return { ...loop, variable, extent, body: renameDefinitions(body, (name) => scope.names.fresh(name)) };
  });
}

/** Where comparisons that decide between loads turn: the first position of what follows. */
function seamsOf(loop: Loop, { lets }: Scope): Dim[] {
  const own = new Set<string>([loop.variable]);
  const seams = new Map<string, Dim>();
  forEachStatement(loop.body, (statement) => {
    if (statement.kind === 'let') own.add(statement.name);
    forEachExpr(valueOf(statement)!, (part) => {
      if (part.kind !== 'select' || !guardsLoads(part, lets)) return;
      forEachExpr(part.condition, (asked) => {
        const seam = asked.kind === 'compare' ? seamOf(asked, loop.variable) : undefined;
        if (seam && !symbolsOf(seam).some((name) => own.has(name))) seams.set(seam.key, seam);
      });
    });
  });
  return [...seams.values()];
}

function seamOf({ op, left, right }: Expr & { readonly kind: 'compare' }, variable: string): Dim | undefined {
  const [a, b] = [placeOf(left), placeOf(right)];
  const difference = a && b && affineIn(subtract(a, b), variable);
  const step = difference && constantValue(difference.coefficient);
  const late = turnsLate(op);
  if (late === undefined || (step !== 1 && step !== -1)) return undefined;
  // It turns where the difference comes to 0, going up, or to what follows 0; going down, one position later.
  if (step === 1) return add(negate(difference!.rest), late ? ONE : ZERO);
  return add(difference!.rest, late ? ZERO : ONE);
}

function placeOf(expr: Expr): Dim | undefined {
  if (expr.kind === 'position') return expr.index;
  return expr.kind === 'literal' && expr.type === 'i32' ? constant(expr.value) : undefined;
}

/** Whether a comparison with 0 changes between 0 and 1 rather than between -1 and 0; undefined if it does neither. */
function turnsLate(op: CompareOp): boolean | undefined {
  switch (op) {
    case 'ge':
    case 'lt':
      return false;
    case 'gt':
    case 'le':
      return true;
    case 'eq':
    case 'ne':
      return undefined;
  }
}

/** The seams inside the loop in order; undefined if that cannot be proved. */
function sorted(seams: readonly Dim[], extent: Dim, bounds: Bounds): readonly Dim[] | undefined {
  const inside = seams.filter((seam) => !isAtLeast(ZERO, seam, bounds) && !isAtLeast(seam, extent, bounds));
  const ordered = inside.toSorted((a, b) => (isAtLeast(b, a, bounds) ? -1 : 1));
  const ends = [ZERO, ...ordered, extent];
  return ends.slice(1).every((end, at) => isAtLeast(end, ends[at]!, bounds)) ? ordered : undefined;
}
