/** Evaluates expressions of a body: compile-time values are computed, tensors become nodes of the graph. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import { constant, constantValue, ONE, print, subtract } from '../dims/dim.ts';
import type { BinaryExpr, ComprehensionExpr, Expr, MemberExpr, RangeExpr } from '../syntax/ast.ts';
import {
  callStaticFunction,
  evaluateBinary,
  evaluateNegation,
  isNumber,
  staticFunctionNames,
  type Outcome,
} from './arithmetic.ts';
import { evaluateCall, evaluatePipe } from './calls.ts';
import { demand, innerFrame, joinPath, report, type Frame } from './frame.ts';
import { evaluateSubscripts } from './indexing.ts';
import { applyOperator, applyUnaryOperator } from './tensors.ts';
import { dtypeNamed } from './unify.ts';
import { describeKind, ERROR, integer, NONE, printValue, tensor, type StaticValue } from './values.ts';

/** Total: reports what is wrong and answers the error value. */
export function evaluateExpression(frame: Frame, expr: Expr): StaticValue {
  switch (expr.kind) {
    case 'integer':
      return Number.isSafeInteger(expr.value)
        ? integer(constant(expr.value))
        : report(frame, 'HED2101', expr.span, 'this integer is beyond 2^53');
    case 'float':
      return { kind: 'float', value: expr.value };
    case 'string':
      return { kind: 'string', text: expr.text };
    case 'bool':
      return { kind: 'bool', value: expr.value };
    case 'none':
      return NONE;
    case 'training':
      return { kind: 'bool', value: frame.elaboration.training };
    case 'name':
      return evaluateName(frame, expr.text, expr.span);
    case 'tuple':
    case 'list': {
      const elements = expr.elements.map((element) => evaluateExpression(frame, element));
      return elements.some((element) => element.kind === 'error') ? ERROR : { kind: expr.kind, elements };
    }
    case 'comprehension':
      return evaluateComprehension(frame, expr);
    case 'range':
      return report(frame, 'HED2102', expr.span, 'a range stands only after `in`');
    case 'unary':
      return evaluateUnary(frame, expr.operator, expr.operand, expr.span);
    case 'binary':
      return evaluateBinaryExpression(frame, expr);
    case 'if': {
      const condition = evaluateCondition(frame, expr.condition);
      return condition === undefined ? ERROR : evaluateExpression(frame, condition ? expr.then : expr.else);
    }
    case 'call':
      return evaluateCall(frame, expr);
    case 'index':
      return evaluateSubscripts(frame, expr);
    case 'member':
      return evaluateMember(frame, expr);
    case 'pipe':
      return evaluatePipe(frame, expr);
    case 'error':
      return ERROR;
  }
}

/** What a name stands for, from the innermost body outwards to the built-ins; undefined when nothing. */
export function lookupName(frame: Frame, name: string): StaticValue | undefined {
  const bound = frame.scope.lookup(name)?.value;
  if (bound) return bound;
  const op = frame.elaboration.ops.get(name);
  if (op && !op.internal) return { kind: 'op', op };
  if (staticFunctionNames.includes(name)) return { kind: 'staticFunction', name };
  const dtype = dtypeNamed(name);
  return dtype && { kind: 'dtype', dtype };
}

function evaluateName(frame: Frame, name: string, span: Span): StaticValue {
  return (
    lookupName(frame, name) ??
    report(frame, 'HED2005', span, `\`${name}\` is not defined here`, { hint: suggestName(frame, name) })
  );
}

export function suggestName(frame: Frame, name: string): string | undefined {
  const ops = [...frame.elaboration.ops.values()].filter((op) => !op.internal).map((op) => op.name);
  const similar = closest(name, [...frame.scope.names(), ...ops, ...staticFunctionNames]);
  return similar && `did you mean \`${similar}\`?`;
}

/** A compile-time bool, or undefined after a report. */
export function evaluateCondition(frame: Frame, expr: Expr): boolean | undefined {
  const value = evaluateExpression(frame, expr);
  if (value.kind === 'bool') return value.value;
  if (value.kind !== 'error') {
    const hint = value.kind === 'tensor' ? '`where(condition, a, b)` chooses element by element' : undefined;
    report(
      frame,
      'HED2103',
      expr.span,
      `a condition must be a bool known at compile time, found ${describeKind(value)}`,
      { hint },
    );
  }
  return undefined;
}

/** Turns the outcome of compile-time arithmetic into a value, reporting a problem at `span`. */
export function settle(frame: Frame, outcome: Outcome, span: Span): StaticValue {
  if ('kind' in outcome) return outcome;
  return report(frame, 'HED2104', span, outcome.problem, { hint: outcome.hint });
}

function evaluateUnary(frame: Frame, operator: '-' | '+' | 'not', operand: Expr, span: Span): StaticValue {
  const value = evaluateExpression(frame, operand);
  if (value.kind === 'error') return ERROR;
  if (value.kind === 'tensor') return applyUnaryOperator(frame, operator, value.value, span);
  switch (operator) {
    case 'not':
      return value.kind === 'bool'
        ? { kind: 'bool', value: !value.value }
        : settle(frame, { problem: `\`not\` does not work on ${describeKind(value)}` }, span);
    case '+':
      return isNumber(value)
        ? value
        : settle(frame, { problem: `\`+\` does not work on ${describeKind(value)}` }, span);
    case '-':
      return settle(frame, evaluateNegation(value), span);
  }
}

/** A chain such as `a + b + c` leans to the left and may be long, so it is walked in a loop. */
function evaluateBinaryExpression(frame: Frame, expr: BinaryExpr): StaticValue {
  const chain = [expr];
  for (let left = expr.left; left.kind === 'binary'; left = left.left) chain.push(left);
  const first = evaluateExpression(frame, chain.at(-1)!.left);
  return chain.reduceRight((left, node) => combine(frame, node, left), first);
}

/** The value of a binary expression whose left operand is known. */
function combine(frame: Frame, expr: BinaryExpr, left: StaticValue): StaticValue {
  if (left.kind === 'error' && (expr.operator === 'and' || expr.operator === 'or')) return ERROR;
  // `a and b` leaves b alone when a decides, so that `given(x) and …` guards what follows.
  if (left.kind === 'bool' && expr.operator === 'and' && !left.value) return left;
  if (left.kind === 'bool' && expr.operator === 'or' && left.value) return left;
  const right = evaluateExpression(frame, expr.right);
  if (left.kind === 'error' || right.kind === 'error') return ERROR;
  if (left.kind === 'tensor' || right.kind === 'tensor') return applyOperator(frame, expr, left, right);
  const value = settle(frame, evaluateBinary(expr.operator, left, right, frame.elaboration.bounds), expr.span);
  if (expr.operator === '%') demandDivisor(frame, value, right, expr.right.span);
  return value;
}

/** The values a `for` runs over; undefined after a report. */
export function evaluateSequence(frame: Frame, over: Expr): readonly StaticValue[] | undefined {
  if (over.kind === 'range') return evaluateRange(frame, over);
  const value = evaluateExpression(frame, over);
  if (value.kind === 'list' || value.kind === 'tuple') return value.elements;
  if (value.kind !== 'error')
    report(frame, 'HED2105', over.span, `\`for\` runs over a range, a list or a tuple, found ${describeKind(value)}`);
  return undefined;
}

function evaluateRange(frame: Frame, range: RangeExpr): readonly StaticValue[] | undefined {
  const ends = [range.from, range.to].map((end) => {
    const value = evaluateExpression(frame, end);
    const number = value.kind === 'integer' ? constantValue(value.value) : undefined;
    if (number === undefined && value.kind !== 'error')
      report(frame, 'HED2105', end.span, `a range ends at ints known at compile time, found \`${printValue(value)}\``);
    return number;
  });
  const [from, to] = ends;
  if (from === undefined || to === undefined) return undefined;
  if (to - from > MAX_RANGE) {
    report(frame, 'HED2106', range.span, `this range has ${to - from} steps; at most ${MAX_RANGE} are unrolled`);
    return undefined;
  }
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => integer(constant(from + at)));
}

/** Repetitions are unrolled at compile time, so a longer range is taken for a mistake. */
const MAX_RANGE = 100_000;

function evaluateComprehension(frame: Frame, expr: ComprehensionExpr): StaticValue {
  const items = evaluateSequence(frame, expr.over);
  if (!items) return ERROR;
  const elements = items.map((item, at) => {
    const inner = innerFrame(frame, expr.path ? joinPath(...expr.path.map((name) => name.text), String(at)) : '');
    inner.scope.define({ name: expr.variable.text, value: item, span: expr.variable.span, role: 'constant' });
    return evaluateExpression(inner, expr.element);
  });
  return elements.some((element) => element.kind === 'error') ? ERROR : { kind: 'list', elements };
}

/** `emb.weight`, `block.core.up.weight`: a parameter of an instance that has been applied, by its path below it. */
function evaluateMember(frame: Frame, expr: MemberExpr): StaticValue {
  const names = [expr.member];
  let owner = expr.base;
  for (; owner.kind === 'member'; owner = owner.base) names.unshift(owner.member);
  const base = evaluateExpression(frame, owner);
  if (base.kind === 'error') return ERROR;
  const member = names.map((name) => name.text).join('.');
  if (base.kind !== 'instance') {
    const what = `\`.${names[0]!.text}\` reads a parameter of a block instance, found ${describeKind(base)}`;
    return report(frame, 'HED2107', names[0]!.span, what);
  }
  const { path, declaration } = base.instance;
  const parameter = path === undefined ? undefined : frame.elaboration.parameters.get(joinPath(path, member));
  if (parameter) return tensor(parameter.value);
  const prefix = `${path ?? ''}.`;
  const known = [...frame.elaboration.parameters.keys()].flatMap((name) =>
    path !== undefined && name.startsWith(prefix) ? name.slice(prefix.length) : [],
  );
  const similar = closest(member, known);
  const listed = known.length > 0 ? `it has ${known.join(', ')}` : 'parameters exist once the block has been applied';
  return report(
    frame,
    'HED2108',
    expr.member.span,
    `this \`${declaration.name.text}\` has no parameter \`${member}\` yet`,
    {
      hint: similar ? `did you mean \`${similar}\`?` : listed,
    },
  );
}

/** Where a run has to divide by a symbolic size for `value`, that must not be 0. */
function demandDivisor(frame: Frame, value: StaticValue, divisor: StaticValue | undefined, span: Span): void {
  if (value.kind !== 'integer' || divisor?.kind !== 'integer' || constantValue(divisor.value) !== undefined) return;
  const divides = value.value.terms.some((term) => term.factors.some((factor) => factor.kind === 'floordiv'));
  if (divides) demand(frame, subtract(divisor.value, ONE), `the divisor ${print(divisor.value)} is 0`, span);
}

export function callStatic(frame: Frame, name: string, values: readonly StaticValue[], span: Span): StaticValue {
  const value = settle(frame, callStaticFunction(name, values, frame.elaboration.bounds), span);
  if (name === 'floordiv') demandDivisor(frame, value, values[1], span);
  return value;
}
