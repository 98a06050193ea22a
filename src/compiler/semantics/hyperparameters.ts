/** Hyperparameter types: turning a given value into the declared type, and `--set` texts into values. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import type { Expr, ValueType } from '../syntax/ast.ts';
import { constantValue } from '../dims/dim.ts';
import { evaluateExpression, lookupName } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { describeKind, ERROR, NONE, numberOf, printValue, type StaticValue } from './values.ts';

/** `value` as `type`, or the error value after a report at `span`. `what` names the hyperparameter. */
export function coerce(
  frame: Frame,
  value: StaticValue,
  type: ValueType,
  span: Span,
  what: string,
  declared: Span,
  hint?: string,
): StaticValue {
  if (value.kind === 'error') return ERROR;
  const fitted = fit(value, type);
  if (fitted) return fitted;
  const similar = type.kind === 'literals' && value.kind === 'string' ? closest(value.text, type.values) : undefined;
  return report(frame, 'HED2401', span, `${what} must be ${printValueType(type)}, found \`${printValue(value)}\``, {
    label: describeKind(value),
    secondary:
      declared.source === span.source && declared.start === span.start
        ? []
        : [{ span: declared, text: 'declared here' }],
    hint: similar ? `did you mean "${similar}"?` : hint,
  });
}

function fit(value: StaticValue, type: ValueType): StaticValue | undefined {
  switch (type.kind) {
    case 'primitive':
      return fitPrimitive(value, type.name);
    case 'literals':
      return value.kind === 'string' && type.values.includes(value.text)
        ? { kind: 'string', text: value.text, choices: type.values }
        : undefined;
    case 'tuple':
      return fitTuple(value, type.elements);
    case 'list': {
      if (value.kind !== 'list' && value.kind !== 'tuple') {
        const single = fit(value, type.element);
        return single && { kind: 'list', elements: [single] };
      }
      const elements = value.elements.map((element) => fit(element, type.element));
      return elements.includes(undefined) ? undefined : { kind: 'list', elements: elements as StaticValue[] };
    }
    case 'optional':
      return value.kind === 'none' ? NONE : fit(value, type.inner);
  }
}

function fitPrimitive(value: StaticValue, name: (ValueType & { kind: 'primitive' })['name']): StaticValue | undefined {
  switch (name) {
    case 'int':
      return value.kind === 'integer' ? value : undefined;
    case 'float': {
      if (value.kind === 'float') return value;
      const number = numberOf(value);
      return number === undefined ? undefined : { kind: 'float', value: number };
    }
    case 'string':
      // Others may come to the same place.
      return value.kind === 'string' ? { kind: 'string', text: value.text } : undefined;
    case 'bool':
    case 'dtype':
      return value.kind === name ? value : undefined;
    case 'block':
      return value.kind === 'block' || value.kind === 'model' ? value : undefined;
    case 'fn':
      return value.kind === 'function' || value.kind === 'op' ? value : undefined;
  }
}

/** A single value stands for a tuple of equal ones: `image=28` is `(28, 28)`. */
function fitTuple(value: StaticValue, types: readonly ValueType[]): StaticValue | undefined {
  const given = value.kind === 'tuple' || value.kind === 'list' ? value.elements : types.map(() => value);
  if (given.length !== types.length) return undefined;
  const elements = given.map((element, at) => fit(element, types[at]!));
  return elements.includes(undefined) ? undefined : { kind: 'tuple', elements: elements as StaticValue[] };
}

function printValueType(type: ValueType): string {
  switch (type.kind) {
    case 'primitive':
      return type.name;
    case 'literals':
      return type.values.map((value) => JSON.stringify(value)).join(' | ');
    case 'tuple':
      return `(${type.elements.map(printValueType).join(', ')})`;
    case 'list':
      return `[${printValueType(type.element)}]`;
    case 'optional':
      return `${printValueType(type.inner)}?`;
  }
}

/** A setting from outside: `expr` came from the text after `k=`. Bare words may be strings or names of blocks. */
export function evaluateSetting(frame: Frame, expr: Expr, type: ValueType, what: string, declared: Span): StaticValue {
  const value = settingValue(frame, expr, type);
  const given = coerce(frame, value, type, expr.span, what, declared);
  if (given.kind === 'integer' && constantValue(given.value) === undefined) return ERROR;
  return given;
}

/** Whether values of the type have names in the file, so that a bare word is one of them. */
function isNamed(type: ValueType): boolean {
  if (type.kind === 'optional') return isNamed(type.inner);
  return type.kind === 'primitive' && (type.name === 'block' || type.name === 'fn' || type.name === 'dtype');
}

function settingValue(frame: Frame, expr: Expr, type: ValueType): StaticValue {
  if (expr.kind === 'name') {
    if (isNamed(type)) return evaluateExpression(frame, expr);
    return lookupName(frame, expr.text)?.kind === 'dtype'
      ? evaluateExpression(frame, expr)
      : { kind: 'string', text: expr.text };
  }
  if (expr.kind === 'tuple' || expr.kind === 'list') {
    const element = type.kind === 'list' ? type.element : undefined;
    const elements = expr.elements.map((one, at) =>
      settingValue(frame, one, element ?? (type.kind === 'tuple' ? (type.elements[at] ?? type) : type)),
    );
    return elements.some((one) => one.kind === 'error') ? ERROR : { kind: expr.kind, elements };
  }
  return evaluateExpression(frame, expr);
}
