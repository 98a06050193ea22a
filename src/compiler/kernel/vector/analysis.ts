/**
 * Decides whether a `vector` loop can run in lanes, and which of its names then differ from lane to lane. It changes
 * nothing.
 */
import { symbolsOf, type Dim } from '../../dims/dim.ts';
import type { ReductionOp } from '../arithmetic.ts';
import type { Expr, ScalarType, Statement } from '../ir.ts';
import {
  bodiesOf,
  dimOf,
  forEachExpr,
  forEachIndex,
  forEachStatement,
  refersTo,
  someExpr,
  valueOf,
} from '../rewrite.ts';

export type Loop = Statement & { readonly kind: 'loop' };

export interface Accumulator {
  readonly op: ReductionOp;
  readonly type: ScalarType;
}

export interface LanePlan {
  /** Names whose value depends on the loop's variable, with that variable itself. */
  readonly varying: ReadonlySet<string>;
  /** The varying lets that dimensions refer to: each lane needs its own as an integer name. */
  readonly perLane: ReadonlySet<string>;
  /** The variables of outer scopes that the loop reduces into. */
  readonly accumulators: ReadonlyMap<string, Accumulator>;
}

/** Whether `expr` has another value in each lane. */
export function exprVaries(expr: Expr, varying: ReadonlySet<string>): boolean {
  return refersTo(expr, varying);
}

function dimVaries(dim: Dim, varying: ReadonlySet<string>): boolean {
  return symbolsOf(dim).some((name) => varying.has(name));
}

/** How to run `loop` in lanes; undefined if it has to stay serial. */
export function planLanes(loop: Loop): LanePlan | undefined {
  const accumulators = findAccumulators(loop);
  if (!accumulators) return undefined;
  const varying = findVarying(loop, accumulators);
  if (!controlIsUniform(loop.body, varying)) return undefined;
  return { varying, accumulators, perLane: findPerLane(loop.body, loop.variable, varying) };
}

/**
 * Each variable of an outer scope that the loop assigns must be reduced with one operation and read nowhere else in
 * the loop; undefined if one is not.
 */
function findAccumulators(loop: Loop): Map<string, Accumulator> | undefined {
  const own = new Set<string>();
  const found = new Map<string, Accumulator>();
  const reads = new Map<string, number>();
  let regular = true;
  forEachStatement(loop.body, (statement) => {
    if (statement.kind === 'declare') own.add(statement.name);
    const value = valueOf(statement);
    if (value) {
      forEachExpr(value, (part) => {
        if (part.kind === 'variable') reads.set(part.name, (reads.get(part.name) ?? 0) + 1);
      });
    }
    if (statement.kind !== 'assign' || own.has(statement.name)) return;
    const op = statement.reduction;
    const before = found.get(statement.name);
    if (!op || (before && before.op !== op) || !isReduction(statement.value, op, statement.name)) regular = false;
    else found.set(statement.name, { op, type: statement.value.type });
    // The read of the accumulator in its own update is the one allowed.
    reads.set(statement.name, (reads.get(statement.name) ?? 0) - 1);
  });
  return regular && [...found.keys()].every((name) => reads.get(name) === 0) ? found : undefined;
}

/** Whether `value` is `name op something`. */
function isReduction(value: Expr, op: ReductionOp, name: string): boolean {
  return value.kind === 'binary' && value.op === op && value.left.kind === 'variable' && value.left.name === name;
}

function findVarying(loop: Loop, accumulators: ReadonlyMap<string, Accumulator>): Set<string> {
  const varying = new Set([loop.variable, ...accumulators.keys()]);
  // Variables may be assigned after they are read, in a nested loop, so this runs until nothing changes.
  for (let size = -1; size !== varying.size;) {
    size = varying.size;
    forEachStatement(loop.body, (statement) => {
      if (statement.kind !== 'let' && statement.kind !== 'declare' && statement.kind !== 'assign') return;
      if (refersTo(statement.value, varying)) varying.add(statement.name);
    });
  }
  return varying;
}

/** Nested loops and branches must go the same way in every lane, and nothing may use lanes yet. */
function controlIsUniform(statements: readonly Statement[], varying: ReadonlySet<string>): boolean {
  return statements.every((statement) => {
    const value = valueOf(statement);
    if (value && someExpr(value, (part) => part.lanes !== 1)) return false;
    if (statement.kind === 'barrier' || statement.kind === 'reduce') return false;
    if (statement.kind === 'if' && refersTo(statement.condition, varying)) return false;
    if (statement.kind === 'loop' && (statement.mode === 'vector' || dimVaries(statement.extent, varying)))
      return false;
    return bodiesOf(statement).every((body) => controlIsUniform(body, varying));
  });
}

/** The varying names besides the loop's `counter` that dimensions in the body refer to. */
export function findPerLane(
  body: readonly Statement[],
  counter: string,
  varying: ReadonlySet<string>,
): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (dim: Dim): void => {
    for (const name of symbolsOf(dim)) if (name !== counter && varying.has(name)) names.add(name);
  };
  forEachStatement(body, (statement) => {
    const dim = dimOf(statement);
    if (dim) visit(dim);
    const value = valueOf(statement);
    if (value) forEachIndex(value, visit);
  });
  return names;
}
