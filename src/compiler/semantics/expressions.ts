/** Evaluates expressions of a body: compile-time values are computed, tensors become nodes of the graph. */
import { textOf, type Span } from '../base/source.ts';
import { constant, constantValue, ONE, print, subtract } from '../dims/dim.ts';
import type { BinaryExpr, ComprehensionExpr, Expr, FrozenExpr, Path, RangeExpr } from '../syntax/ast.ts';
import { evaluateBinary, evaluateNegation, isNumber, sequence, type Outcome } from './arithmetic.ts';
import { placeInstance } from './apply.ts';
import { evaluateCall, evaluatePipe } from './calls.ts';
import { demand, innerFrame, joinPath, report, takeStep, type Frame } from './frame.ts';
import { evaluateSubscripts } from './indexing.ts';
import { bindingsIn } from './origins.ts';
import { callStaticFunction, staticFunctionNames } from './static-functions.ts';
import { describeRound, tensorsIn } from './structure.ts';
import { evaluateMember } from './members.ts';
import { evaluateMixture } from './mixture/mixture.ts';
import { MAX_SUGGESTIONS, suggestName } from './suggestions.ts';
import { applyOperator, applyUnaryOperator } from './tensors.ts';
import { dtypeNamed } from './unify.ts';
import { describeKind, ERROR, integer, NONE, printValue, type StaticValue } from './values.ts';

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
      return { kind: 'bool', value: frame.training };
    case 'name':
      return evaluateName(frame, expr.text, expr.span);
    case 'tuple':
    case 'list': {
      const elements = expr.elements.map((element) => evaluateExpression(frame, element));
      if (elements.some((element) => element.kind === 'error')) return ERROR;
      return settle(frame, sequence(expr.kind, elements), expr.span);
    }
    case 'comprehension':
      return evaluateComprehension(frame, expr);
    case 'range':
      return report(frame, 'HED2102', expr.span, 'a range stands only after `in`', {
        hint: `a list of its numbers is \`[for i in ${textOf(expr.span)} => i]\``,
      });
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
    case 'frozen':
      return evaluateFrozen(frame, expr);
    case 'mixture':
      return evaluateMixture(frame, expr);
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
  const unbound = frame.application?.unbound.get(name);
  if (unbound) {
    return report(frame, 'HED2112', span, `no input has told the dimension \`${name}\` yet`, {
      secondary: [{ span: unbound.span, text: 'declared here' }],
      hint: 'an applied model learns its dimensions from its arguments: use them after the inputs',
    });
  }
  const known = lookupName(frame, name);
  if (known) return known;
  const isOneOfMany = frame.elaboration.sink.items.length > MAX_SUGGESTIONS;
  const hint = isOneOfMany ? undefined : suggestName(frame, name);
  report(frame, 'HED2005', span, `\`${name}\` is not defined here`, { hint });
  // Said once: whoever uses the name again means the same by it.
  frame.scope.define({ name, value: ERROR, span, role: 'variable' });
  return ERROR;
}

/** `dims name <= max`: the limit; undefined where there is none, or after a report. */
export function evaluateLimit(frame: Frame, name: string, max: Expr | undefined): number | undefined {
  if (!max) return undefined;
  const limit = evaluateExpression(frame, max);
  const value = limit.kind === 'integer' ? constantValue(limit.value) : undefined;
  if (limit.kind === 'error' || (value !== undefined && value >= 0)) return value;
  const wanted = `the limit of \`${name}\` must be an int of at least 0 known at compile time`;
  report(frame, 'HED2508', max.span, `${wanted}, found \`${printValue(limit)}\``);
  return undefined;
}

/** `frozen X(…)`: what it makes is never trained. */
function evaluateFrozen(frame: Frame, expr: FrozenExpr): StaticValue {
  const value = evaluateExpression(frame, expr.value);
  if (value.kind === 'error') return ERROR;
  if (value.kind === 'instance' && value.instance.path === undefined)
    return { kind: 'instance', instance: { ...value.instance, frozen: true } };
  const found = value.kind === 'instance' ? `\`${value.instance.path}\`, which is made already` : describeKind(value);
  return report(frame, 'HED2322', expr.value.span, `\`frozen\` stands before a new instance, found ${found}`, {
    hint: '`teacher = frozen Model(…)`, then `teacher(x)`',
  });
}

/** A compile-time bool, or undefined after a report. */
export function evaluateCondition(frame: Frame, expr: Expr): boolean | undefined {
  const value = evaluateExpression(frame, expr);
  if (value.kind === 'bool') return value.value;
  if (value.kind !== 'error') {
    const message = `a condition must be a bool known at compile time, found ${describeKind(value)}`;
    report(frame, 'HED2103', expr.span, message, { label: printValue(value), hint: conditionHint(value) });
  }
  return undefined;
}

function conditionHint(value: StaticValue): string | undefined {
  if (value.kind === 'tensor') return '`where(condition, a, b)` chooses element by element';
  return isNumber(value) ? 'compare it, as in `n > 0`' : undefined;
}

/** Turns the outcome of compile-time arithmetic on `operands` into a value, reporting a problem at `span`. */
export function settle(frame: Frame, outcome: Outcome, span: Span, operands: readonly Expr[] = []): StaticValue {
  if ('kind' in outcome) return outcome;
  const secondary = operands.flatMap((operand) => bindingsIn(operand, frame.scope));
  return report(frame, 'HED2104', span, outcome.problem, { hint: outcome.hint, secondary });
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
  const outcome = evaluateBinary(expr.operator, left, right, frame.elaboration.bounds);
  const value = settle(frame, outcome, expr.span, [expr.left, expr.right]);
  if (expr.operator === '%') demandDivisor(frame, value, right, expr.right.span);
  return value;
}

/** The values a `for` runs over; undefined after a report. */
export function evaluateSequence(frame: Frame, over: Expr): readonly StaticValue[] | undefined {
  if (over.kind === 'range') return evaluateRange(frame, over);
  const value = evaluateExpression(frame, over);
  if (value.kind === 'list' || value.kind === 'tuple') return value.elements;
  if (value.kind !== 'error')
    report(frame, 'HED2105', over.span, `\`for\` runs over a range, a list or a tuple, found ${describeKind(value)}`, {
      hint: value.kind === 'integer' ? `count from 0 with \`0..${textOf(over.span)}\`` : undefined,
    });
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
    report(frame, 'HED2106', range.span, `this range has ${to - from} steps; at most ${MAX_RANGE} are unrolled`, {
      secondary: [range.from, range.to].flatMap((end) => bindingsIn(end, frame.scope)),
    });
    return undefined;
  }
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => integer(constant(from + at)));
}

/** Repetitions are unrolled at compile time, so a longer range is taken for a mistake. */
const MAX_RANGE = 100_000;

function evaluateComprehension(frame: Frame, expr: ComprehensionExpr): StaticValue {
  const items = evaluateSequence(frame, expr.over);
  if (!items) return ERROR;
  const elements: StaticValue[] = [];
  for (const [at, item] of items.entries()) {
    if (!takeStep(frame, expr.over.span)) return ERROR;
    const inner = expr.path ? roundFrame(frame, expr.path, at) : innerFrame(frame);
    inner.scope.define({ name: expr.variable.text, value: item, span: expr.variable.span, role: 'constant' });
    const { structure } = frame.elaboration;
    const evaluate = (): StaticValue => {
      const value = evaluateExpression(inner, expr.element);
      return !expr.path || placeElement(inner, value, expr.element.span) ? value : ERROR;
    };
    elements.push(structure.record(describeRound(inner, expr), evaluate, tensorsIn));
  }
  if (elements.some((element) => element.kind === 'error')) return ERROR;
  return settle(frame, sequence('list', elements), expr.span);
}

/**
 * An instance as an element stands where its round does, wherever it is applied; one in a list or a tuple at its place
 * there, `stages.0.1`. False after a report.
 */
function placeElement(round: Frame, value: StaticValue, span: Span): boolean {
  switch (value.kind) {
    case 'instance':
      return value.instance.path !== undefined || placeInstance(round, value.instance, undefined, span);
    case 'list':
    case 'tuple':
      return value.elements.every((element, at) => placeElement(roundFrame(round, [], at), element, span));
    default:
      return true;
  }
}

function roundFrame(frame: Frame, path: Path, at: number): Frame {
  const inner = innerFrame(frame, joinPath(...path.map((name) => name.text), String(at)));
  return { ...inner, round: { path: inner.path, taken: false } };
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
