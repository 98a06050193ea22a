/** The functions on compile-time values, each once. Those on tensors are ops. */
import { constant, floorDiv, isAtLeast, maximum, minimum, ZERO, type Bounds } from '../dims/dim.ts';
import { divisorProblem, isNumber, isPositive, type Outcome } from './arithmetic.ts';
import { fractionOf, MAX_DECIMALS, shareOf } from './decimal.ts';
import { integer, numberOf, type StaticValue } from './values.ts';

interface StaticFunction {
  readonly name: string;
  /** As the language reference shows a call: `floordiv(a, b)`. */
  readonly call: string;
  readonly doc: string;
  /** How many arguments it takes; absent: one or more. */
  readonly count?: number;
  /** Undefined for arguments of the wrong kind; `wants` says of which kind they have to be. */
  apply(values: readonly StaticValue[], bounds: Bounds): Outcome | undefined;
  readonly wants: string;
}

export const staticFunctions: readonly StaticFunction[] = [
  {
    name: 'floordiv',
    call: 'floordiv(a, b)',
    doc: 'The quotient of two ints, rounded down; either may be symbolic. b is above 0.',
    count: 2,
    wants: 'two ints',
    apply: ([a, b], bounds) => {
      if (a?.kind !== 'integer' || b?.kind !== 'integer') return undefined;
      return isPositive(b.value, bounds) ? integer(floorDiv(a.value, b.value, bounds)) : divisorProblem(b.value);
    },
  },
  {
    name: 'scaled',
    call: 'scaled(n, f)',
    doc:
      `An int times a number, rounded down; both are at least 0, n may be symbolic, and f has at most ${MAX_DECIMALS} ` +
      'decimals. It counts as the decimal that is written, so 0.7 of 10 is 7.',
    count: 2,
    wants: `an int and a number, both at least 0, the number with at most ${MAX_DECIMALS} decimals`,
    apply: ([n, f], bounds) => {
      const value = f && numberOf(f);
      const fraction = value === undefined ? undefined : fractionOf(value);
      if (n?.kind !== 'integer' || !fraction || !isAtLeast(n.value, ZERO, bounds)) return undefined;
      return integer(shareOf(n.value, fraction, 1, bounds));
    },
  },
  {
    name: 'isqrt',
    call: 'isqrt(n)',
    doc: 'The square root of an int of at least 0, rounded down.',
    count: 1,
    wants: 'one int of at least 0',
    apply: ([n]) => {
      const value = n && numberOf(n);
      return n?.kind === 'integer' && value !== undefined && value >= 0
        ? integer(constant(integerRoot(value)))
        : undefined;
    },
  },
  {
    name: 'len',
    call: 'len(a)',
    doc: 'The number of elements of a list or a tuple, of characters of a string, or of axes of a run `..a`.',
    count: 1,
    wants: 'a list, a tuple, a string or a run of axes',
    apply: ([a]) => {
      const length = a && lengthOf(a);
      return length === undefined ? undefined : integer(constant(length));
    },
  },
  {
    name: 'min',
    call: 'min(a, b, …)',
    doc: 'The least of some numbers, or of those in a list. Ints may be symbolic. Of a tensor it is the reduction.',
    wants: 'numbers known at compile time',
    apply: (values, bounds) => extremum('min', values, bounds),
  },
  {
    name: 'max',
    call: 'max(a, b, …)',
    doc: 'The greatest of some numbers, or of those in a list. Ints may be symbolic. Of a tensor it is the reduction.',
    wants: 'numbers known at compile time',
    apply: (values, bounds) => extremum('max', values, bounds),
  },
  {
    name: 'int',
    call: 'int(a)',
    doc: 'A number as an int, rounded towards 0.',
    count: 1,
    wants: 'one number',
    apply: ([a]) => {
      const value = a && numberOf(a);
      if (a?.kind === 'integer') return a;
      return value !== undefined && Number.isFinite(value) ? integer(constant(Math.trunc(value))) : undefined;
    },
  },
  {
    name: 'float',
    call: 'float(a)',
    doc: 'A number as a float.',
    count: 1,
    wants: 'one number known at compile time',
    apply: ([a]) => {
      const value = a && numberOf(a);
      return value === undefined ? undefined : { kind: 'float', value };
    },
  },
  {
    name: 'abs',
    call: 'abs(a)',
    doc: 'The magnitude of a number: an int of an int. Of a tensor it is the op.',
    count: 1,
    wants: 'one number known at compile time',
    apply: ([a]) => {
      const value = a && numberOf(a);
      if (value === undefined) return undefined;
      return a?.kind === 'integer' ? integer(constant(Math.abs(value))) : { kind: 'float', value: Math.abs(value) };
    },
  },
  {
    name: 'given',
    call: 'given(x)',
    doc: 'Whether an optional tensor, or a value that may be `none`, is there.',
    count: 1,
    wants: 'one name',
    apply: ([a]) => a && { kind: 'bool', value: a.kind !== 'none' },
  },
];

export const staticFunctionNames: readonly string[] = staticFunctions.map(({ name }) => name);

export function callStaticFunction(name: string, values: readonly StaticValue[], bounds: Bounds): Outcome {
  const found = staticFunctions.find((one) => one.name === name);
  if (!found) throw new Error(`internal: no compile-time function ${name}`);
  const { count = values.length, wants } = found;
  const result = values.length === count ? found.apply(values, bounds) : undefined;
  return result ?? { problem: `\`${name}\` takes ${wants}` };
}

function integerRoot(value: number): number {
  let root = Math.floor(Math.sqrt(value));
  while (root * root > value) root--;
  while ((root + 1) * (root + 1) <= value) root++;
  return root;
}

function lengthOf(value: StaticValue): number | undefined {
  switch (value.kind) {
    case 'list':
    case 'tuple':
      return value.elements.length;
    case 'string':
      return value.text.length;
    case 'axes':
      return value.axes.length;
    default:
      return undefined;
  }
}

function extremum(name: 'min' | 'max', values: readonly StaticValue[], bounds: Bounds): Outcome | undefined {
  const [first] = values;
  const items = values.length === 1 && (first?.kind === 'list' || first?.kind === 'tuple') ? first.elements : values;
  if (items.length === 0 || !items.every(isNumber)) return undefined;
  if (items.every((item) => item.kind === 'integer')) {
    const pick = name === 'min' ? minimum : maximum;
    return integer(items.map((item) => item.value).reduce((best, item) => pick(best, item, bounds)));
  }
  const numbers = items.map(numberOf);
  if (numbers.includes(undefined)) return undefined;
  return { kind: 'float', value: Math[name](...(numbers as number[])) };
}
