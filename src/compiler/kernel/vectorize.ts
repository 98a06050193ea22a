/**
 * Removes the mode `vector` from loops, and with it the marks on reductions. On a target with lanes such a loop becomes a loop over groups of four
 * iterations and one over the rest; without lanes, or where iterations cannot run side by side, a serial loop. It
 * must not know what kernels compute, nor any target beyond its lanes.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  modulo,
  multiply,
  subtract,
  symbol,
  ZERO,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { reductionIdentity, type ReductionOp } from './arithmetic.ts';
import { gridBounds, withLoopBound } from './bounds.ts';
import { binary, literal, position, splat, variable } from './build.ts';
import { letValues } from './guards.ts';
import type { Expr, Kernel, Lanes, Statement } from './ir.ts';
import { definedNames, FreshNames, uniqueNames } from './names.ts';
import {
  forEachStatement,
  mapStatement,
  replaceInDim,
  replaceInStatements,
  withBody,
  type Replacement,
} from './rewrite.ts';
import { planLanes, type LanePlan, type Loop } from './vector/analysis.ts';
import { widenAll, type LaneContext } from './vector/lanes.ts';

const FOUR = constant(4);

/** What holds at a place in the kernel. */
interface Scope {
  readonly bounds: Bounds;
  readonly names: FreshNames;
  readonly lets: ReadonlyMap<string, Expr>;
}

/** `kernel` without `vector` loops, its names all different. */
export function vectorize(kernel: Kernel, lanes: Lanes): Kernel {
  const unique = uniqueNames(kernel);
  const scope: Scope = {
    bounds: gridBounds(unique),
    names: new FreshNames(definedNames(unique)),
    lets: letValues(unique.body),
  };
  return uniqueNames(withBody(unique, vectorizeAll(unique.body, lanes, scope)));
}

function vectorizeAll(statements: readonly Statement[], lanes: Lanes, scope: Scope): Statement[] {
  return statements.flatMap((statement): readonly Statement[] => {
    if (statement.kind === 'assign') return [{ kind: 'assign', name: statement.name, value: statement.value }];
    if (statement.kind !== 'loop')
      return [mapStatement(statement, { body: (body) => vectorizeAll(body, lanes, scope) })];
    if (statement.mode === 'vector' && lanes === 4) {
      const inlined = inlinePositions(statement);
      const plan = planLanes(inlined);
      if (plan) return splitLoop(inlined, plan, scope);
    }
    return [withoutLanes(statement, lanes, scope)];
  });
}

/** The loop as a serial one, what is inside it vectorized. */
function withoutLanes(loop: Loop, lanes: Lanes, scope: Scope): Loop {
  const bounds = withLoopBound(scope.bounds, loop.variable, loop.extent);
  const body = vectorizeAll(loop.body, lanes, { ...scope, bounds });
  return { ...loop, body, mode: loop.mode === 'vector' ? 'serial' : loop.mode };
}

/** Writes out lets that are positions, so that it shows which indices are consecutive. */
function inlinePositions(loop: Loop): Loop {
  const positions = new Map<string, Dim>();
  const replacement: Replacement = {
    integer: (name) => positions.get(name),
    value: ({ name }) => (positions.has(name) ? position(positions.get(name)!) : undefined),
  };
  forEachStatement(loop.body, (statement) => {
    if (statement.kind === 'let' && statement.value.kind === 'position')
      positions.set(statement.name, replaceInDim(statement.value.index, replacement));
  });
  return positions.size === 0 ? loop : { ...loop, body: replaceInStatements(loop.body, replacement) };
}

/** The loop over whole groups, the vector accumulators folded into the scalar ones, then the loop over the rest. */
function splitLoop(loop: Loop, plan: LanePlan, scope: Scope): Statement[] {
  const groups = floorDiv(loop.extent, FOUR, scope.bounds);
  const rest = modulo(loop.extent, FOUR, scope.bounds);
  if (constantValue(groups) === 0) return [withoutLanes(loop, 1, scope)];
  const main = groupLoop(loop, plan, groups, scope);
  return constantValue(rest) === 0 ? main : [...main, withoutLanes(restLoop(loop, groups, rest, scope), 1, scope)];
}

/**
 * Each group of an iteration has accumulators of its own: a chain of additions to one takes as many cycles a group as an
 * addition takes to finish, several times what the loads do. Groups that make no whole iteration follow one by one.
 */
function groupLoop(loop: Loop, plan: LanePlan, groups: Dim, scope: Scope): Statement[] {
  const ways = waysOf(loop, plan, groups);
  const names = new Map([...plan.accumulators.keys()].map((name) => [name, waysNames(name, ways, scope)]));
  const before: Statement[] = [];
  const after: Statement[] = [];
  for (const [name, { op, type }] of plan.accumulators) {
    const parts = names.get(name)!.map((vector) => {
      before.push({ kind: 'declare', name: vector, value: splat(literal(reductionIdentity(op, type), type), 4) });
      return variable(vector, type, 4);
    });
    const total: Expr = { kind: 'reduceLanes', type, lanes: 1, op, operand: pairwise(op, parts) };
    after.push({ kind: 'assign', name, value: binary(op, variable(name, type), total) });
  }
  const whole = floorDiv(groups, constant(ways), scope.bounds);
  const covered = multiply(constant(ways), whole);
  const groupsFrom = (first: Dim, extent: Dim, width: number): Statement[] => {
    if (constantValue(extent) === 0) return [];
    const group = scope.names.fresh(`${loop.variable}_g`);
    const bounds = withLoopBound(scope.bounds, group, extent);
    const body = Array.from({ length: width }, (_, way): LaneContext => {
      const base = multiply(FOUR, add(first, multiply(constant(width), symbol(group)), constant(way)));
      const vectors = new Map([...names].map(([name, own]) => [name, own[way]!]));
      return { ...scope, plan, loopVariable: loop.variable, base, bounds, vectors, scalars: new Map() };
    }).flatMap((context) => widenAll(loop.body, context));
    return [{ kind: 'loop', variable: group, extent, mode: 'serial', body }];
  };
  return [...before, ...groupsFrom(ZERO, whole, ways), ...groupsFrom(covered, subtract(groups, covered), 1), ...after];
}

function waysNames(name: string, ways: number, { names }: Scope): string[] {
  return Array.from({ length: ways }, () => names.fresh(`${name}_v`));
}

/** How many groups one iteration takes: several where the loop does little but accumulate. */
function waysOf(loop: Loop, plan: LanePlan, groups: Dim): number {
  const count = constantValue(groups) ?? Infinity;
  const isShort = loop.body.length <= 4 && loop.body.every((item) => item.kind === 'let' || item.kind === 'assign');
  if (plan.accumulators.size === 0 || plan.perLane.size > 0 || !isShort) return 1;
  return [4, 2].find((ways) => count >= 2 * ways) ?? 1;
}

/** (p0 op p1) op (p2 op p3) … */
function pairwise(op: ReductionOp, parts: readonly Expr[]): Expr {
  if (parts.length === 1) return parts[0]!;
  const half = parts.length / 2;
  return binary(op, pairwise(op, parts.slice(0, half)), pairwise(op, parts.slice(half)));
}

function restLoop(loop: Loop, groups: Dim, rest: Dim, scope: Scope): Loop {
  const variable = scope.names.fresh(`${loop.variable}_r`);
  const at = add(multiply(FOUR, groups), symbol(variable));
  const body = replaceInStatements(loop.body, {
    integer: (name) => (name === loop.variable ? at : undefined),
    bounds: withLoopBound(scope.bounds, variable, rest),
  });
  return { kind: 'loop', variable, extent: rest, mode: 'serial', body };
}
