/** Where an expression needs parentheses, and where they make it clearer. */
import type { BinaryOperator, Expr } from '../ast.ts';
import { precedence } from '../operators.ts';

/** How tightly an expression holds together. What has less than its place asks for gets parentheses. */
export const level = {
  conditional: -1,
  pipe: 0,
  range: precedence['..'],
  comparison: precedence['=='],
  sum: precedence['+'],
  product: precedence['*'],
  unary: precedence['unary -'],
  power: precedence['**'],
  operand: precedence['**'] + 1,
} as const;

export function levelOf(e: Expr): number {
  switch (e.kind) {
    case 'if':
      return level.conditional;
    case 'pipe':
      return level.pipe;
    case 'range':
      return level.range;
    case 'binary':
      return precedence[e.operator];
    case 'unary':
      return e.operator === 'not' ? precedence.not : level.unary;
    case 'frozen':
      return level.unary;
    default:
      return level.operand;
  }
}

/** What the left operand of an operator needs. */
export function leftLevel(operator: BinaryOperator, left: Expr): number {
  if (operator === '**') return level.operand;
  const own = precedence[operator];
  if (own === level.comparison) return own + 1;
  return own === level.product && left.kind === 'binary' && isUnclear(left.operator, operator) ? own + 1 : own;
}

/** `(a / b) * c`: which of two products is first should not have to be known. `a * b / c` means the same either way. */
function isUnclear(first: BinaryOperator, second: BinaryOperator): boolean {
  return first !== second && !(first === '*' && second === '/');
}

export function rightLevel(operator: BinaryOperator): number {
  return operator === '**' ? level.unary : precedence[operator] + 1;
}

/** What the operand of `not` needs: a comparison could be taken for being compared after it. */
export function negatedLevel(operand: Expr): number {
  return levelOf(operand) === level.comparison ? level.comparison + 1 : precedence.not;
}
