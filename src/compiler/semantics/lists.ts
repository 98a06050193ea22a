/** `sum` and `mean` of a list, as of the values that blocks handed up: added up in their order. */
import type { Span } from '../base/source.ts';
import { constant } from '../dims/dim.ts';
import type { BinaryOperator } from '../syntax/ast.ts';
import { evaluateBinary } from './arithmetic.ts';
import { settle } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { applyBinary } from './tensors.ts';
import { describeKind, ERROR, integer, type StaticValue } from './values.ts';

export type ListFunction = 'sum' | 'mean';

export function isListFunction(name: string): name is ListFunction {
  return name === 'sum' || name === 'mean';
}

export function combineList(
  frame: Frame,
  name: ListFunction,
  elements: readonly StaticValue[],
  span: Span,
): StaticValue {
  const odd = elements.find((one) => one.kind !== 'tensor' && one.kind !== 'integer' && one.kind !== 'float');
  if (odd?.kind === 'error') return ERROR;
  if (odd)
    return report(
      frame,
      'HED2309',
      span,
      `\`${name}\` of a list takes tensors and numbers, found ${describeKind(odd)}`,
    );
  if (elements.length === 0 && name === 'mean') return report(frame, 'HED2309', span, 'an empty list has no mean');
  const [first = integer(constant(0)), ...rest] = elements;
  const total = rest.reduce((sum, element) => combine(frame, '+', sum, element, span), first);
  return name === 'sum' ? total : combine(frame, '/', total, { kind: 'float', value: elements.length }, span);
}

function combine(
  frame: Frame,
  operator: BinaryOperator,
  left: StaticValue,
  right: StaticValue,
  span: Span,
): StaticValue {
  if (left.kind === 'error' || right.kind === 'error') return ERROR;
  if (left.kind === 'tensor' || right.kind === 'tensor')
    return applyBinary(frame, operator, { value: left, span }, { value: right, span }, span);
  return settle(frame, evaluateBinary(operator, left, right, frame.elaboration.bounds), span);
}
