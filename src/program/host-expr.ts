/** Evaluates the numbers of the host that change from update to update, in f64. */
import { scheduledRate } from './schedules.ts';
import type { HostExpr } from './training.ts';

/** The value at an update, counted from 1 on. Throws RangeError for a schedule that is not what it should be. */
export function evaluateHost(expr: HostExpr, update: number): number {
  if (typeof expr === 'number') return expr;
  if (expr === 'update') return update;
  if ('schedule' in expr) return scheduledRate(expr.schedule, update - 1);
  const [operator] = expr;
  if (operator === 'sqrt') return Math.sqrt(evaluateHost(expr[1], update));
  const a = evaluateHost(expr[1], update);
  const b = evaluateHost(expr[2], update);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '**':
      return a ** b;
  }
}
