/** Operators on compile-time numbers, strings and bools. Tensors are handled elsewhere. */
import { closest } from '../base/suggest.ts';
import {
  add,
  constant,
  constantValue,
  DimensionOverflow,
  equal,
  floorDiv,
  isAtLeast,
  modulo,
  multiply,
  negate,
  ONE,
  print,
  subtract,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import type { BinaryOperator } from '../syntax/ast.ts';
import {
  describeKind,
  integer,
  MAX_ELEMENTS,
  sequence as sequenceOf,
  numberOf,
  printValue,
  type StaticValue,
} from './values.ts';

/** A value, or why there is none: a message and perhaps a hint. */
export type Outcome = StaticValue | { readonly problem: string; readonly hint?: string };

/** A list or tuple, unless it would hold more than anyone means. */
export function sequence(kind: 'list' | 'tuple', elements: readonly StaticValue[]): Outcome {
  return (
    sequenceOf(kind, elements) ?? {
      problem: `this ${kind} has more than ${MAX_ELEMENTS} elements`,
      hint: 'large constants are parameters: they come with the weights',
    }
  );
}

type TextValue = Extract<StaticValue, { readonly kind: 'string' }>;

const bool = (value: boolean): StaticValue => ({ kind: 'bool', value });

export function isNumber(value: StaticValue): boolean {
  return value.kind === 'integer' || value.kind === 'float';
}

export function evaluateBinary(
  operator: BinaryOperator,
  left: StaticValue,
  right: StaticValue,
  bounds: Bounds,
): Outcome {
  try {
    switch (operator) {
      case '==':
      case '!=': {
        const same = compareEqual(left, right, bounds);
        if (typeof same !== 'boolean') return same;
        return bool(operator === '==' ? same : !same);
      }
      case '<':
        return compareOrder(left, right, 1, bounds, operator);
      case '<=':
        return compareOrder(left, right, 0, bounds, operator);
      case '>':
        return compareOrder(right, left, 1, bounds, operator);
      case '>=':
        return compareOrder(right, left, 0, bounds, operator);
      case 'and':
      case 'or':
        if (left.kind !== 'bool' || right.kind !== 'bool') return unfit(operator, left, right);
        return bool(operator === 'and' ? left.value && right.value : left.value || right.value);
      case '@':
        return unfit(operator, left, right);
      default:
        return arithmetic(operator, left, right, bounds);
    }
  } catch (error) {
    if (error instanceof RangeError || !(error instanceof DimensionOverflow)) throw error;
    const what = error.what === 'number' ? 'a number beyond 2^53' : 'a size of more parts than can be computed with';
    return { problem: `\`${operator}\` gives ${what}` };
  }
}

function unfit(operator: string, left: StaticValue, right: StaticValue): Outcome {
  return { problem: `\`${operator}\` does not work on ${describeKind(left)} and ${describeKind(right)}` };
}

function arithmetic(
  operator: '+' | '-' | '*' | '/' | '%' | '**',
  left: StaticValue,
  right: StaticValue,
  bounds: Bounds,
): Outcome {
  if (operator === '+' && left.kind === 'list' && right.kind === 'list')
    return sequence('list', [...left.elements, ...right.elements]);
  if (left.kind === 'integer' && right.kind === 'integer')
    return integerArithmetic(operator, left.value, right.value, bounds);
  if (!isNumber(left) || !isNumber(right)) return unfit(operator, left, right);
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined)
    return {
      problem: `\`${operator}\` with a float needs numbers known at compile time, found \`${printValue(a === undefined ? left : right)}\``,
    };
  return { kind: 'float', value: floatArithmetic(operator, a, b) };
}

function floatArithmetic(operator: '+' | '-' | '*' | '/' | '%' | '**', a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a - b * Math.floor(a / b);
    case '**':
      return a ** b;
  }
}

function integerArithmetic(operator: '+' | '-' | '*' | '/' | '%' | '**', a: Dim, b: Dim, bounds: Bounds): Outcome {
  switch (operator) {
    case '+':
      return integer(add(a, b));
    case '-':
      return integer(subtract(a, b));
    case '*':
      return integer(multiply(a, b));
    case '/': {
      if (!isPositive(b, bounds)) return divisorProblem(b);
      const quotient = floorDiv(a, b, bounds);
      if (equal(multiply(quotient, b), a)) return integer(quotient);
      return {
        problem: `${operandText(a)} / ${operandText(b)} is not a whole number`,
        hint: '`floordiv(a, b)` rounds down',
      };
    }
    case '%':
      return isPositive(b, bounds) ? integer(modulo(a, b, bounds)) : divisorProblem(b);
    case '**':
      return power(a, b);
  }
}

/** A dimension as the operand of `/` or `**`: a sum in parentheses. */
function operandText(dim: Dim): string {
  return dim.terms.length > 1 ? `(${print(dim)})` : print(dim);
}

export function isPositive(divisor: Dim, bounds: Bounds): boolean {
  const value = constantValue(divisor);
  // A symbolic divisor is taken to be positive: where it is 0 there is nothing to divide.
  return value === undefined ? isAtLeast(divisor, constant(0), bounds) : value > 0;
}

export function divisorProblem(divisor: Dim): Outcome {
  return { problem: `the divisor must be positive, found ${print(divisor)}` };
}

function power(base: Dim, exponent: Dim): Outcome {
  const times = constantValue(exponent);
  if (times === undefined) return { problem: `the exponent must be known at compile time, found ${print(exponent)}` };
  if (times >= 0 && times <= 64)
    return integer(
      Array.from({ length: times }, () => base).reduce((product, factor) => multiply(product, factor), ONE),
    );
  const value = constantValue(base);
  if (value === undefined) return { problem: `${operandText(base)} cannot be raised to ${times}` };
  return { kind: 'float', value: value ** times };
}

function compareEqual(left: StaticValue, right: StaticValue, bounds: Bounds): boolean | Outcome {
  if (left.kind === 'integer' && right.kind === 'integer') {
    if (equal(left.value, right.value)) return true;
    const difference = constantValue(subtract(left.value, right.value));
    if (difference !== undefined) return false;
    if (
      isAtLeast(subtract(left.value, ONE), right.value, bounds) ||
      isAtLeast(subtract(right.value, ONE), left.value, bounds)
    )
      return false;
    return undecided(left.value, right.value);
  }
  if (isNumber(left) && isNumber(right)) return numberOf(left) === numberOf(right);
  if (left.kind === 'string' && right.kind === 'string')
    return strayChoice(left, right) ?? strayChoice(right, left) ?? left.text === right.text;
  if (left.kind === 'bool' && right.kind === 'bool') return left.value === right.value;
  if (left.kind === 'dtype' && right.kind === 'dtype') return left.dtype === right.dtype;
  if (left.kind === 'none' || right.kind === 'none') return left.kind === right.kind;
  if ((left.kind === 'tuple' || left.kind === 'list') && left.kind === right.kind) {
    if (left.elements.length !== right.elements.length) return false;
    for (const [at, element] of left.elements.entries()) {
      const same = compareEqual(element, right.elements[at]!, bounds);
      if (same !== true) return same;
    }
    return true;
  }
  return unfit('==', left, right);
}

/** Comparing a choice with what it never is, as nobody would on purpose. */
function strayChoice({ choices }: TextValue, { text, choices: others }: TextValue): Outcome | undefined {
  if (!choices || others || choices.includes(text)) return undefined;
  const similar = closest(text, choices);
  const listed = choices.map((choice) => JSON.stringify(choice)).join(' | ');
  return {
    problem: `${JSON.stringify(text)} is compared with a choice of ${listed}, so they are never equal`,
    ...(similar !== undefined && { hint: `did you mean "${similar}"?` }),
  };
}

function undecided(left: Dim, right: Dim): Outcome {
  return {
    problem: `whether ${print(left)} and ${print(right)} are equal depends on the run, so it cannot be decided here`,
  };
}

/** `right - left >= gap`. */
function compareOrder(left: StaticValue, right: StaticValue, gap: 0 | 1, bounds: Bounds, operator: string): Outcome {
  if (left.kind === 'integer' && right.kind === 'integer') {
    if (isAtLeast(subtract(right.value, constant(gap)), left.value, bounds)) return bool(true);
    if (isAtLeast(left.value, add(right.value, constant(1 - gap)), bounds)) return bool(false);
    return {
      problem: `whether ${comparison(operator, left.value, right.value)} depends on the run, so it cannot be decided here`,
    };
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined) return unfit(operator, left, right);
  return bool(gap === 1 ? a < b : a <= b);
}

/** As it was written: `a > b` is decided as `b < a`. */
function comparison(operator: string, left: Dim, right: Dim): string {
  const [first, second] = operator.startsWith('>') ? [right, left] : [left, right];
  return `${print(first)} ${operator} ${print(second)}`;
}

export function evaluateNegation(value: StaticValue): Outcome {
  if (value.kind === 'integer') return integer(negate(value.value));
  if (value.kind === 'float') return { kind: 'float', value: -value.value };
  return { problem: `\`-\` does not work on ${describeKind(value)}` };
}
