/**
 * Rewrites the functions that a target does not compute itself into arithmetic that every target has. The expansions
 * do not care about lanes. What an expansion uses twice is bound by a let in front of the statement.
 */
import { literal, variable } from '../build.ts';
import { guardsLoads, letsOf, type Lets } from '../guards.ts';
import type { Expr, Kernel, Statement, UnaryOp } from '../ir.ts';
import { definedNames, FreshNames, uniqueNames } from '../names.ts';
import { printExpr } from '../print.ts';
import { mapChildren, mapStatement, rememberingSome, withBody } from '../rewrite.ts';
import type { Target } from '../target.ts';
import { expandErf } from './erf.ts';
import type { Bind, Expansion } from './expansion.ts';
import { expandExp, expandExpm1, expandTanh } from './exponential.ts';
import { expandLog, expandLog1p } from './logarithm.ts';
import { expandNormcdf } from './normcdf.ts';
import { expandMod } from './remainder.ts';
import { expandPow } from './power.ts';
import { expandCeil, expandFloor, expandRound, expandTrunc } from './rounding.ts';
import { expandThreefry } from './threefry.ts';
import { expandCos, expandSin } from './trigonometry.ts';

/** How each function is computed without the target's help; `native` ones every target must have. */
const expansions: Readonly<Record<UnaryOp, Expansion | 'native'>> = {
  neg: 'native',
  abs: 'native',
  sqrt: 'native',
  not: 'native',
  floor: expandFloor,
  ceil: expandCeil,
  round: expandRound,
  trunc: expandTrunc,
  exp: expandExp,
  expm1: expandExpm1,
  log: expandLog,
  log1p: expandLog1p,
  sin: expandSin,
  cos: expandCos,
  tanh: expandTanh,
  erf: expandErf,
  normcdf: expandNormcdf,
};

interface Scope {
  readonly target: Target;
  readonly names: FreshNames;
  readonly lets: Lets;
  /** Whether anything in an expression has to be rewritten. */
  readonly isLacking: (expr: Expr) => boolean;
}

/** What a statement, or an arm of a select, needs in front of it. */
class Before {
  readonly statements: Statement[] = [];
  /** Both words of the counters that have been drawn from so far. */
  readonly words = new Map<string, readonly [Expr, Expr]>();
}

type Threefry = Extract<Expr, { kind: 'threefry' }>;

export function legalize(kernel: Kernel, target: Target): Kernel {
  const unique = uniqueNames(kernel);
  const scope: Scope = {
    target,
    names: new FreshNames(definedNames(unique)),
    lets: letsOf(unique.body),
    isLacking: rememberingSome((part) => part.kind === 'threefry' || expansionOf(part, target) !== undefined),
  };
  return withBody(unique, legalizeAll(unique.body, scope));
}

function legalizeAll(statements: readonly Statement[], scope: Scope): Statement[] {
  return statements.flatMap((statement) => {
    const before = new Before();
    const mapped = mapStatement(statement, {
      expr: (expr) => legalizeExpr(expr, scope, before),
      body: (body) => legalizeAll(body, scope),
    });
    return [...before.statements, mapped];
  });
}

/** How to write `expr` in what the target has; undefined if it has it, or if the parts are what it lacks. */
function expansionOf(expr: Expr, target: Target): ((bind: Bind) => Expr) | undefined {
  if (expr.type !== 'f32') return undefined;
  if (expr.kind === 'binary' && expr.op === 'pow' && !target.nativePow)
    return (bind) => expandPow(bind(expr.left, 'base'), bind(expr.right, 'exponent'), bind);
  if (expr.kind === 'binary' && expr.op === 'mod' && !target.nativeMod)
    return (bind) => expandMod(bind(expr.left, 'dividend'), bind(expr.right, 'divisor'), bind);
  if (expr.kind !== 'unary' || target.nativeUnary.has(expr.op)) return undefined;
  const expansion = expansions[expr.op];
  return expansion === 'native' ? undefined : (bind) => expansion(bind(expr.operand, 'argument'), bind);
}

/** Statements that `expr` needs first go to `before`. */
function legalizeExpr(expr: Expr, scope: Scope, before: Before): Expr {
  if (!scope.isLacking(expr)) return expr;
  if (expr.kind === 'select' && expr.lanes === 1 && guardsLoads(expr, scope.lets)) return branch(expr, scope, before);
  const mapped = mapChildren(expr, (child) => legalizeExpr(child, scope, before));
  // An expansion may itself use functions that the target lacks.
  const bind: Bind = Object.assign(
    (value: Expr, name: string) => bindTo(legalizeExpr(value, scope, before), name, scope, before),
    { strict: scope.target.strictArithmetic },
  );
  if (mapped.kind === 'threefry') return wordOf(mapped, bind, before);
  const expand = expansionOf(mapped, scope.target);
  return expand ? legalizeExpr(expand(bind), scope, before) : mapped;
}

/** The two words of one counter are computed together. */
function wordOf({ operands, word }: Threefry, bind: Bind, { words }: Before): Expr {
  const key = operands.map(printExpr).join();
  const [a, b, c, d] = operands;
  const operandsOnce = (): Threefry['operands'] => [
    bind(a, 'key'),
    bind(b, 'key'),
    bind(c, 'counter'),
    bind(d, 'counter'),
  ];
  const both = words.get(key) ?? expandThreefry(operandsOnce(), bind);
  words.set(key, both);
  return both[word];
}

function bindTo(value: Expr, base: string, scope: Scope, before: Before): Expr {
  if (value.kind === 'variable' || isLiteral(value)) return value;
  const name = scope.names.fresh(base);
  before.statements.push({ kind: 'let', name, value });
  return variable(name, value.type, value.lanes);
}

function isLiteral(expr: Expr): boolean {
  return expr.kind === 'literal' || (expr.kind === 'splat' && expr.operand.kind === 'literal');
}

/** A select whose arms load only where they are taken: lets in front of it would load always, so it branches. */
function branch(expr: Expr & { kind: 'select' }, scope: Scope, before: Before): Expr {
  const condition = legalizeExpr(expr.condition, scope, before);
  const name = scope.names.fresh('selected');
  const arm = (value: Expr): Statement[] => {
    const body = new Before();
    const legal = legalizeExpr(value, scope, body);
    return [...body.statements, { kind: 'assign', name, value: legal }];
  };
  before.statements.push(
    { kind: 'declare', name, value: literal(0, expr.type) },
    { kind: 'if', condition, then: arm(expr.then), else: arm(expr.else) },
  );
  return variable(name, expr.type);
}
