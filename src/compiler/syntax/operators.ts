/** From operators and operands in the order written to a tree, by precedence. Knows nothing of concrete syntax. */
import { diagnostic } from '../base/diagnostic.ts';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import { spanning } from '../base/source.ts';
import type { Span } from '../base/source.ts';
import type { BinaryOperator, Expr, UnaryOperator } from './ast.ts';

export type Part =
  | { readonly kind: 'operand'; readonly value: Expr }
  | { readonly kind: 'operator'; readonly text: BinaryOperator | '..'; readonly span: Span }
  | { readonly kind: 'prefix'; readonly text: UnaryOperator | 'frozen'; readonly span: Span };

/**
 * How tightly each operator binds. `not` binds more loosely than a comparison, so that `not a == b` negates the whole
 * comparison, as in Python.
 */
export const precedence = {
  '..': 1,
  or: 2,
  and: 3,
  not: 4,
  '==': 5,
  '!=': 5,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '/': 7,
  '%': 7,
  '@': 7,
  'unary +': 8,
  'unary -': 8,
  'unary frozen': 8,
  '**': 9,
} as const satisfies Record<BinaryOperator | '..' | 'not' | 'unary +' | 'unary -' | 'unary frozen', number>;

const comparison = precedence['=='];

type Operator = Exclude<Part, { kind: 'operand' }>;

/**
 * The operator-precedence method with two stacks: no recursion, so a chain of any length is safe. `parts` alternate as
 * the grammar prescribes; an operand missing at the end (after recovery) becomes an error node.
 */
export function combine(parts: readonly Part[], sink: DiagnosticSink): Expr {
  const operands: Expr[] = [];
  const operators: Operator[] = [];
  const reduce = (): void => {
    const operator = operators.pop()!;
    if (operator.kind === 'prefix') {
      operands.push(unary(operator, operands.pop()!));
    } else {
      const right = operands.pop()!;
      operands.push(binary(operator, operands.pop()!, right));
    }
  };
  let last: Part | undefined;
  for (const part of parts) {
    if (part.kind === 'operand') {
      operands.push(part.value);
    } else {
      while (part.kind === 'operator' && operators.length > 0 && yields(operators.at(-1)!, part, sink)) reduce();
      operators.push(part);
    }
    last = part;
  }
  if (last !== undefined && last.kind !== 'operand') {
    const span = { ...last.span, start: last.span.end };
    operands.push({ kind: 'error', span });
  }
  while (operators.length > 0) reduce();
  return operands[0]!;
}

/** Whether `left`, on the stack, is to be applied before `right`. */
function yields(left: Operator, right: Extract<Part, { kind: 'operator' }>, sink: DiagnosticSink): boolean {
  const [a, b] = [strength(left), precedence[right.text]];
  if (a !== b) return a > b;
  if (right.text === '**') return false;
  if (b === comparison || right.text === '..') reportChain(left, right, sink);
  return true;
}

function strength(operator: Operator): number {
  if (operator.kind === 'operator') return precedence[operator.text];
  return operator.text === 'not' ? precedence.not : precedence[`unary ${operator.text}`];
}

function reportChain(left: Operator, right: Extract<Part, { kind: 'operator' }>, sink: DiagnosticSink): void {
  const hint = right.text === '..' ? undefined : `join two comparisons: \`a ${left.text} b and b ${right.text} c\``;
  const message = right.text === '..' ? 'a range has two ends' : 'comparisons cannot be chained';
  sink.report(
    diagnostic('HED1011', right.span, message, {
      secondary: [{ span: left.span, text: right.text === '..' ? 'the range' : 'the first comparison' }],
      hint,
    }),
  );
}

function unary(operator: Extract<Part, { kind: 'prefix' }>, operand: Expr): Expr {
  const span = spanning(operator.span, operand.span);
  if (operator.text === 'frozen') return { kind: 'frozen', value: operand, span };
  return { kind: 'unary', operator: operator.text, operand, span };
}

function binary(operator: Extract<Part, { kind: 'operator' }>, left: Expr, right: Expr): Expr {
  const span = spanning(left.span, right.span);
  if (operator.text === '..') return { kind: 'range', from: left, to: right, span };
  return { kind: 'binary', operator: operator.text, operatorSpan: operator.span, left, right, span };
}

export function isBinaryOperator(text: string): text is BinaryOperator | '..' {
  return Object.hasOwn(precedence, text) && text !== 'not' && !text.startsWith('unary');
}

export function isPrefixOperator(text: string): text is UnaryOperator | 'frozen' {
  return text === '-' || text === '+' || text === 'not' || text === 'frozen';
}
