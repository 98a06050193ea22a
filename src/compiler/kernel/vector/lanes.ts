/**
 * Turns the body of a `vector` loop into one whose variable counts groups of four iterations: expressions that differ
 * from lane to lane become vectors, the others stay scalars. It knows nothing of how the groups cover the loop.
 */
import { add, constant, constantValue, equal, subtract, symbol, type Bounds, type Dim } from '../../dims/dim.ts';
import { withLoopBound } from '../bounds.ts';
import { binary, combine, lane, literal, load, position, select, splat, unary, variable } from '../build.ts';
import type { Expr, Statement } from '../ir.ts';
import { guardLoads, guardsLoads, Lets, type Select } from '../guards.ts';
import type { FreshNames } from '../names.ts';
import { childrenOf, mapChildren, refersItself, rememberingSome, replaceInDim, replaceInExpr } from '../rewrite.ts';
import type { LanePlan } from './analysis.ts';

const LANES = [0, 1, 2, 3] as const;

export interface LaneContext {
  readonly plan: LanePlan;
  readonly loopVariable: string;
  /** The position of lane 0: four times the group's number. */
  readonly base: Dim;
  readonly bounds: Bounds;
  readonly names: FreshNames;
  /** The values of all lets of the kernel. */
  readonly lets: ReadonlyMap<string, Expr>;
  /** The vector that holds a varying let or variable. */
  readonly vectors: Map<string, string>;
  /** The scalars that hold a varying let which dimensions refer to, one a lane. */
  readonly scalars: Map<string, readonly string[]>;
}

/** The context with what is remembered of expressions, at a place in the body. */
interface Place extends Omit<LaneContext, 'lets'> {
  readonly lets: Lets;
  /** Whether an expression has another value in each lane. */
  readonly varies: (expr: Expr) => boolean;
  /** Which lanes may load; undefined if all may. */
  readonly guards?: readonly Expr[];
}

type Load = Expr & { readonly kind: 'load' };

export function widenAll(statements: readonly Statement[], context: LaneContext): Statement[] {
  const varies = rememberingSome((part) => refersItself(part, context.plan.varying));
  return widenList(statements, { ...context, lets: new Lets(context.lets), varies });
}

function widenList(statements: readonly Statement[], context: Place): Statement[] {
  const out: Statement[] = [];
  for (const statement of statements) widen(statement, context, out);
  return out;
}

function widen(statement: Statement, context: Place, out: Statement[]): void {
  switch (statement.kind) {
    case 'let':
      widenLet(statement, context, out);
      return;
    case 'declare':
    case 'assign': {
      if (!context.plan.varying.has(statement.name)) {
        out.push(statement);
        return;
      }
      const value = splat(widenExpr(statement.value, context, out), 4);
      const known = context.vectors.get(statement.name);
      const name = known ?? context.names.fresh(`${statement.name}_v`);
      context.vectors.set(statement.name, name);
      out.push({ kind: statement.kind, name, value });
      return;
    }
    case 'loop': {
      const bounds = withLoopBound(context.bounds, statement.variable, statement.extent);
      out.push({ ...statement, body: widenList(statement.body, { ...context, bounds }) });
      return;
    }
    case 'if':
      out.push({ ...statement, then: widenList(statement.then, context), else: widenList(statement.else, context) });
      return;
    case 'store':
      widenStore(statement, context, out);
      return;
    case 'prefetch':
      // Lanes are neighbours, mostly in one cache line.
      out.push({ ...statement, index: dimInLane(statement.index, context, 0) });
      return;
    case 'count':
      out.push({ ...statement, amount: add(...LANES.map((at) => dimInLane(statement.amount, context, at))) });
      return;
    case 'barrier':
    case 'reduce':
      throw new Error(`internal error: a loop with a ${statement.kind} in lanes`);
  }
}

function widenLet(statement: Statement & { kind: 'let' }, context: Place, out: Statement[]): void {
  const { name, value } = statement;
  if (!context.plan.varying.has(name)) {
    out.push(statement);
    return;
  }
  const vector = context.names.fresh(`${name}_v`);
  if (context.plan.perLane.has(name)) {
    const scalars = LANES.map((at) => context.names.fresh(`${name}_l${at}`));
    for (const at of LANES) out.push({ kind: 'let', name: scalars[at]!, value: exprInLane(value, context, at) });
    context.scalars.set(name, scalars);
    const parts = scalars.map((scalar) => variable(scalar, value.type));
    out.push({ kind: 'let', name: vector, value: combine(parts, 4) });
  } else {
    out.push({ kind: 'let', name: vector, value: splat(widenExpr(value, context, out), 4) });
  }
  context.vectors.set(name, vector);
}

function widenStore(statement: Statement & { kind: 'store' }, context: Place, out: Statement[]): void {
  const value = splat(widenExpr(statement.value, context, out), 4);
  const indices = indicesOf(statement.index, context);
  if (areConsecutive(indices)) {
    out.push({ ...statement, index: indices[0]!, value });
    return;
  }
  const held = bind(value, 'stored', context, out);
  for (const at of LANES) out.push({ ...statement, index: indices[at]!, value: lane(held, at) });
}

/** Gives `value` a name in front of what follows. */
function bind(value: Expr, base: string, context: Place, out: Statement[]): Expr {
  if (value.kind === 'variable') return value;
  const name = context.names.fresh(base);
  out.push({ kind: 'let', name, value });
  return variable(name, value.type, value.lanes);
}

/** The dimension as lane `at` sees it. */
function dimInLane(dim: Dim, context: Place, at: number): Dim {
  const integer = (name: string): Dim | undefined => {
    if (name === context.loopVariable) return add(context.base, constant(at));
    const own = context.scalars.get(name)?.[at];
    return own === undefined ? undefined : symbol(own);
  };
  return replaceInDim(dim, { integer, bounds: context.bounds });
}

function indicesOf(dim: Dim, context: Place): Dim[] {
  return LANES.map((at) => dimInLane(dim, context, at));
}

function areConsecutive(indices: readonly Dim[]): boolean {
  return indices.every((index, at) => equal(index, add(indices[0]!, constant(at))));
}

/** The scalar that lane `at` computes. */
function exprInLane(expr: Expr, context: Place, at: number): Expr {
  return replaceInExpr(expr, {
    integer: (name) => {
      const index = dimInLane(symbol(name), context, at);
      return index.key === name ? undefined : index;
    },
    value: (part) => {
      const own = context.scalars.get(part.name)?.[at];
      if (own !== undefined) return { ...part, name: own };
      const vector = context.vectors.get(part.name);
      return vector === undefined ? undefined : lane(variable(vector, part.type, 4), at);
    },
    bounds: context.bounds,
  });
}

/** The value of `expr` in all lanes; a scalar if it is the same in all. Statements it needs first go to `out`. */
function widenExpr(expr: Expr, context: Place, out: Statement[]): Expr {
  if (!context.varies(expr)) {
    if (!context.lets.containsLoad(expr)) return expr;
    if (context.guards) return guardLoads(expr, anyLane(context.guards));
    // A scalar select may stay as it is: it loads only what it takes.
    return expr;
  }
  switch (expr.kind) {
    case 'literal':
    case 'splat':
    case 'lane':
    case 'combine':
    case 'reduceLanes':
      return expr;
    case 'variable':
      return variable(context.vectors.get(expr.name)!, expr.type, 4);
    case 'position':
      return widenPosition(expr.index, context);
    case 'load':
      return widenLoad(expr, context);
    case 'select':
      return guardsLoads(expr, context.lets)
        ? widenGuardedSelect(expr, context, out)
        : widenChildren(expr, context, out);
    case 'unary':
    case 'binary':
    case 'multiplyAdd':
    case 'dot4':
    case 'threefry':
    case 'compare':
    case 'convert':
    case 'bitcast':
      return widenChildren(expr, context, out);
  }
}

function widenChildren(expr: Expr, context: Place, out: Statement[]): Expr {
  const mapped = mapChildren(expr, (child) => widenExpr(child, context, out));
  if (childrenOf(mapped).every((child) => child.lanes === 1)) return mapped;
  return { ...mapChildren(mapped, (child) => splat(child, 4)), lanes: 4 } as Expr;
}

function widenPosition(index: Dim, context: Place): Expr {
  const indices = indicesOf(index, context);
  const steps = indices.map((other) => constantValue(subtract(other, indices[0]!)));
  if (steps.every((step) => step === 0)) return position(indices[0]!);
  if (steps.some((step) => step === undefined)) return combine(indices.map(position), 4);
  const offsets = combine(
    steps.map((step) => literal(step!, 'i32')),
    4,
  );
  return binary('add', position(indices[0]!), offsets);
}

function widenLoad(expr: Load, context: Place): Expr {
  const { buffer, type } = expr;
  const indices = indicesOf(expr.index, context);
  const { guards } = context;
  if (guards) {
    const zero = literal(0, type);
    return combine(
      indices.map((index, at) => select(guards[at]!, load(buffer, index, type), zero)),
      4,
    );
  }
  if (areConsecutive(indices)) return load(buffer, indices[0]!, type, 4);
  if (indices.every((index) => equal(index, indices[0]!))) return load(buffer, indices[0]!, type);
  return combine(
    indices.map((index) => load(buffer, index, type)),
    4,
  );
}

function anyLane(guards: readonly Expr[]): Expr {
  return binary('or', binary('or', guards[0]!, guards[1]!), binary('or', guards[2]!, guards[3]!));
}

/**
 * A select whose arms load, which they may only where they are taken. A vector select evaluates both arms, so:
 * a condition that is the same in all lanes becomes a branch; otherwise groups that agree take a branch (the usual
 * case: a concatenation or a padded row has few seams), and the rest load lane by lane.
 */
function widenGuardedSelect(expr: Select, context: Place, out: Statement[]): Expr {
  if (context.guards) return selectUnderGuards(expr, context, out);
  const condition = bind(widenExpr(expr.condition, context, out), 'taken', context, out);
  // Also what depends on the loop's variable may be the same in all lanes, such as its quarter.
  const uniform = condition.lanes === 1;
  const name = context.names.fresh('selected');
  const armTo = (arm: Expr): Statement[] => {
    const body: Statement[] = [];
    const value = splat(widenExpr(arm, context, body), 4);
    return [...body, { kind: 'assign', name, value }];
  };
  const mixed = (): Statement[] => {
    const body: Statement[] = [];
    const guards = LANES.map((at) => bind(lane(condition, at), 'guard', context, body));
    const value = selectByLane(expr, condition, guards, context, body);
    return [...body, { kind: 'assign', name, value }];
  };
  const all = (of: Expr): Expr => ({ kind: 'reduceLanes', type: 'bool', lanes: 1, op: 'and', operand: of });
  const otherwise = (): Statement[] => [
    { kind: 'if', condition: all(unary('not', condition)), then: armTo(expr.else), else: mixed() },
  ];
  out.push(
    { kind: 'declare', name, value: splat(literal(0, expr.type), 4) },
    {
      kind: 'if',
      condition: uniform ? condition : all(condition),
      then: armTo(expr.then),
      else: uniform ? armTo(expr.else) : otherwise(),
    },
  );
  return variable(name, expr.type, 4);
}

/** A select with loads inside an arm of another one: its own condition narrows the lanes that may load. */
function selectUnderGuards(expr: Select, context: Place, out: Statement[]): Expr {
  const condition = bind(splat(widenExpr(expr.condition, context, out), 4), 'taken', context, out);
  const guards = LANES.map((at) => bind(lane(condition, at), 'guard', context, out));
  return selectByLane(expr, condition, guards, context, out);
}

/** Both arms in all lanes, loading only where `guards`, the lanes of `condition`, and the outer guards allow. */
function selectByLane(expr: Select, condition: Expr, guards: readonly Expr[], context: Place, out: Statement[]): Expr {
  const within = (own: readonly Expr[]): readonly Expr[] => {
    const outer = context.guards;
    return own.map((guard, at) => bind(outer ? binary('and', outer[at]!, guard) : guard, 'guard', context, out));
  };
  const arm = (value: Expr, own: () => readonly Expr[]): Expr => {
    if (!context.lets.containsLoad(value)) return widenExpr(value, context, out);
    return widenExpr(value, { ...context, guards: own() }, out);
  };
  const then = arm(expr.then, () => within(guards));
  const otherwise = arm(expr.else, () => within(guards.map((guard) => unary('not', guard))));
  return select(condition, splat(then, 4), splat(otherwise, 4));
}
