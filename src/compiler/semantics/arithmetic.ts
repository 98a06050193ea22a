/** Operators and functions on compile-time numbers, strings and bools. Tensors are handled elsewhere. */
import {
  add,
  constant,
  constantValue,
  DimensionOverflow,
  equal,
  floorDiv,
  isAtLeast,
  maximum,
  minimum,
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
import { describeKind, integer, NONE, numberOf, printValue, type StaticValue } from './values.ts';

/** A value, or why there is none: a message and perhaps a hint. */
export type Outcome = StaticValue | { readonly problem: string; readonly hint?: string };

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
    if (error instanceof DimensionOverflow) return { problem: `\`${operator}\` gives a number beyond 2^53` };
    throw error;
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
    return { kind: 'list', elements: [...left.elements, ...right.elements] };
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

function isPositive(divisor: Dim, bounds: Bounds): boolean {
  const value = constantValue(divisor);
  // A symbolic divisor is taken to be positive: where it is 0 there is nothing to divide.
  return value === undefined ? isAtLeast(divisor, constant(0), bounds) : value > 0;
}

function divisorProblem(divisor: Dim): Outcome {
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
  if (left.kind === 'string' && right.kind === 'string') return left.text === right.text;
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
      problem: `\`${operator}\` on ${print(left.value)} and ${print(right.value)} depends on the run, so it cannot be decided here`,
    };
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined) return unfit(operator, left, right);
  return bool(gap === 1 ? a < b : a <= b);
}

export function evaluateNegation(value: StaticValue): Outcome {
  if (value.kind === 'integer') return integer(negate(value.value));
  if (value.kind === 'float') return { kind: 'float', value: -value.value };
  return { problem: `\`-\` does not work on ${describeKind(value)}` };
}

type StaticFunction = (values: readonly StaticValue[], bounds: Bounds) => Outcome;

/** `min(a, b)` of compile-time integers, or the reduction's name when the arguments are tensors: the caller decides. */
const functions: Readonly<Record<string, StaticFunction>> = {
  floordiv: ([a, b], bounds) => (bothIntegers(a, b) ? integerDivision(a, b, bounds) : wants('floordiv', 'two ints')),
  isqrt: ([a]) => {
    const value = a && numberOf(a);
    if (a?.kind !== 'integer' || value === undefined || value < 0) return wants('isqrt', 'one int of at least 0');
    let root = Math.floor(Math.sqrt(value));
    while (root * root > value) root--;
    while ((root + 1) * (root + 1) <= value) root++;
    return integer(constant(root));
  },
  len: ([a]) => {
    if (a?.kind === 'list' || a?.kind === 'tuple') return integer(constant(a.elements.length));
    if (a?.kind === 'string') return integer(constant(a.text.length));
    if (a?.kind === 'axes') return integer(constant(a.axes.length));
    return wants('len', 'a list, a tuple, a string or a run of axes');
  },
  min: (values, bounds) => extremum('min', values, bounds),
  max: (values, bounds) => extremum('max', values, bounds),
  int: ([a]) => {
    const value = a && numberOf(a);
    if (a?.kind === 'integer') return a;
    return value !== undefined && Number.isFinite(value)
      ? integer(constant(Math.trunc(value)))
      : wants('int', 'one number');
  },
  float: ([a]) => {
    const value = a && numberOf(a);
    return value === undefined ? wants('float', 'one number known at compile time') : { kind: 'float', value };
  },
  abs: ([a]) => {
    const value = a && numberOf(a);
    if (value === undefined) return wants('abs', 'one number known at compile time');
    return a?.kind === 'integer' ? integer(constant(Math.abs(value))) : { kind: 'float', value: Math.abs(value) };
  },
  given: ([a]) => (a ? bool(a.kind !== NONE.kind) : wants('given', 'one name')),
};

export const staticFunctionNames: readonly string[] = Object.keys(functions);

export function callStaticFunction(name: string, values: readonly StaticValue[], bounds: Bounds): Outcome {
  const call = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!call) throw new Error(`internal: no compile-time function ${name}`);
  return call(values, bounds);
}

function wants(name: string, what: string): Outcome {
  return { problem: `\`${name}\` takes ${what}` };
}

function bothIntegers(a: StaticValue | undefined, b: StaticValue | undefined): boolean {
  return a?.kind === 'integer' && b?.kind === 'integer';
}

function integerDivision(a: StaticValue | undefined, b: StaticValue | undefined, bounds: Bounds): Outcome {
  if (a?.kind !== 'integer' || b?.kind !== 'integer') return wants('floordiv', 'two ints');
  return isPositive(b.value, bounds) ? integer(floorDiv(a.value, b.value, bounds)) : divisorProblem(b.value);
}

function extremum(name: 'min' | 'max', values: readonly StaticValue[], bounds: Bounds): Outcome {
  const items =
    values.length === 1 && (values[0]!.kind === 'list' || values[0]!.kind === 'tuple') ? values[0]!.elements : values;
  if (items.length === 0 || !items.every(isNumber)) return wants(name, 'numbers');
  if (items.every((item) => item.kind === 'integer')) {
    const pick = name === 'min' ? minimum : maximum;
    return integer(items.map((item) => item.value).reduce((best, item) => pick(best, item, bounds)));
  }
  const numbers = items.map(numberOf);
  if (numbers.includes(undefined)) return wants(name, 'numbers known at compile time');
  return { kind: 'float', value: Math[name](...(numbers as number[])) };
}
