/** `require`: decided where it can be, else left for every run to check. */
import { multiply, ONE, subtract, type Dim } from '../dims/dim.ts';
import type { BinaryExpr, BinaryOperator, ComparisonOperator, Expr, RequireStatement } from '../syntax/ast.ts';
import { evaluateBinary } from './arithmetic.ts';
import { evaluateCondition, evaluateExpression } from './expressions.ts';
import { demand, report, type Frame } from './frame.ts';
import { interpolate } from './interpolate.ts';
import { bindingsIn } from './origins.ts';

/** False when the requirement is not met or makes no sense: what follows relies on it. */
export function checkRequirement(frame: Frame, { condition, message }: RequireStatement): boolean {
  const text = message ? interpolate(frame, message.text) : 'this requirement is not met';
  const holds = isRequired(frame, condition, text);
  if (holds === false)
    report(frame, 'HED2506', condition.span, text, { secondary: bindingsIn(condition, frame.scope) });
  return holds === true;
}

/** True also where a run has to check it; undefined after a report. */
function isRequired(frame: Frame, condition: Expr, message: string): boolean | undefined {
  if (condition.kind !== 'binary') return evaluateCondition(frame, condition);
  if (condition.operator === 'and') {
    const left = isRequired(frame, condition.left, message);
    return left === true ? isRequired(frame, condition.right, message) : left;
  }
  const conditions = dimConditions(frame, condition);
  if (!conditions) return evaluateCondition(frame, condition);
  for (const atLeastZero of conditions) demand(frame, atLeastZero, message, condition.span);
  return true;
}

/** For `a` compared with `b`: what must not be negative, from `a - b` and `b - a`. */
const COMPARISONS: { readonly [operator in ComparisonOperator]: (over: Dim, under: Dim) => readonly Dim[] } = {
  '==': (over, under) => [over, under],
  '!=': (over) => [subtract(multiply(over, over), ONE)],
  '<': (_, under) => [subtract(under, ONE)],
  '<=': (_, under) => [under],
  '>': (over) => [subtract(over, ONE)],
  '>=': (over) => [over],
};

/** What must not be negative for a comparison of sizes to hold that only a run can decide; undefined for any other. */
function dimConditions(frame: Frame, { operator, left, right }: BinaryExpr): readonly Dim[] | undefined {
  if (!isComparison(operator)) return undefined;
  const [a, b] = [evaluateExpression(frame, left), evaluateExpression(frame, right)];
  if (a.kind !== 'integer' || b.kind !== 'integer') return undefined;
  if ('kind' in evaluateBinary(operator, a, b, frame.elaboration.bounds)) return undefined;
  return COMPARISONS[operator](subtract(a.value, b.value), subtract(b.value, a.value));
}

function isComparison(operator: BinaryOperator): operator is ComparisonOperator {
  return Object.hasOwn(COMPARISONS, operator);
}
