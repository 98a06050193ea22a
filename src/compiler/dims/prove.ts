/**
 * Proves that a dimension is never negative, for all symbols at least 0 and within bounds. Sound, not complete: it
 * answers false when it finds no proof within a fixed number of steps.
 *
 * Each step removes one atom by an inequality that holds for every value of the symbols, so that what is left, if it
 * is never negative, shows that the dimension is not. With c the factor of the atom and the dimension c·atom + rest:
 *
 *   symbol x, 0 <= x <= B      linear in x, so the smaller of its values at 0 and B
 *   f = floordiv(p, b), b > 0  b·f <= p <= b·f + b - 1
 *   f - floordiv(q, b)         at least floor((p - q) / b), at most floor((p - q + b - 1) / b), where these are known
 *   f, g = floordiv(q, b / k)  h - k + 1 <= k·f <= h for h = floordiv(p, b / k), which is near g as above
 *   min(l, r), max(l, r)       one of l and r, and at most or at least both
 */
import {
  add,
  constant,
  constantValue,
  divide,
  exactly,
  fromSorted,
  multiply,
  negate,
  ONE,
  scale,
  splitByAtom,
  subtract,
  floorDivInteger,
  type Atom,
  type Dim,
  type PairAtom,
  type Term,
} from './polynomial.ts';

/** An inclusive upper bound per symbol. Symbols without one are unbounded; every symbol is at least 0. */
export type Bounds = ReadonlyMap<string, Dim>;

/** How many inequalities one proof may try. */
const STEPS = 48;

interface Search {
  readonly bounds: Bounds;
  steps: number;
}

/** True when `a >= b` is provable for all symbols at least 0 and within `bounds`; false when it is not provable. */
export function isAtLeast(a: Dim, b: Dim, bounds: Bounds): boolean {
  const difference = subtract(a, b);
  const value = constantValue(difference);
  if (value !== undefined) return value >= 0;
  // A product on the way to a proof may be too large; the dimension itself is not.
  return exactly(() => prove(difference, { bounds, steps: STEPS })) ?? false;
}

function prove(dim: Dim, search: Search): boolean {
  if (isPlain(dim, search)) return true;
  if (search.steps-- <= 0 || dim.terms.every((item) => item.coefficient < 0)) return false;
  const atom = chooseAtom(dim, search.bounds);
  if (!atom) return followsFromBounds(dim, search);
  const parts = splitByAtom(dim, atom.key);
  const sign = signOf(parts.coefficient, search);
  switch (atom.kind) {
    case 'symbol':
      return proveWithSymbol(parts, sign, search.bounds.get(atom.name)!, search);
    case 'floordiv':
      return (
        proveWithTwoQuotients(dim, atom, search) ||
        proveWithFinerQuotient(dim, atom, search) ||
        proveWithQuotient(parts, sign, atom, search)
      );
    case 'min':
    case 'max': {
      if (sign === 0) return false;
      const values = [atom.left, atom.right].map((side) => add(parts.rest, multiply(parts.coefficient, side)));
      // A minimum that counts for, or a maximum that counts against, may be either side.
      const mayBeEither = (atom.kind === 'min') === sign > 0;
      const follows = (value: Dim): boolean => prove(value, search);
      return mayBeEither ? values.every(follows) : values.some(follows);
    }
  }
}

interface Parts {
  readonly coefficient: Dim;
  readonly rest: Dim;
}

function proveWithSymbol(parts: Parts, sign: Sign, bound: Dim, search: Search): boolean {
  const { coefficient, rest } = parts;
  if (sign >= 0 && !prove(rest, search)) return false;
  return sign > 0 || prove(add(rest, multiply(coefficient, bound)), search);
}

function proveWithQuotient(parts: Parts, sign: Sign, atom: PairAtom, search: Search): boolean {
  const { coefficient, rest } = parts;
  const { left: numerator, right: divisor } = atom;
  if (sign === 0 || divisor.terms.length === 0) return false;
  // b·f is at least p - b + 1 and at most p.
  const edge = sign > 0 ? add(subtract(numerator, divisor), ONE) : numerator;
  const { quotient, remainder } = divide(coefficient, divisor);
  const scaled =
    remainder.terms.length === 0
      ? add(rest, multiply(quotient, edge))
      : add(multiply(divisor, rest), multiply(coefficient, edge));
  if (prove(scaled, search)) return true;
  if (sign > 0) return atomIsNonNegative(atom, search) && prove(rest, search);
  const most = largestQuotient(numerator, divisor, search);
  return most !== undefined && prove(add(rest, scale(coefficient, most)), search);
}

/** Two quotients by one constant, one counting for and the other against, whose numerators differ by a constant. */
function proveWithTwoQuotients(dim: Dim, atom: PairAtom, search: Search): boolean {
  const by = constantValue(atom.right);
  const one = dim.terms.find((item) => item.key === atom.key);
  if (by === undefined || by <= 0 || !one) return false;
  for (const other of dim.terms) {
    const [second] = other.factors;
    if (other.factors.length !== 1 || second?.kind !== 'floordiv' || other.coefficient * one.coefficient >= 0) continue;
    const apart = constantValue(subtract(atom.left, second.left));
    if (constantValue(second.right) !== by || apart === undefined) continue;
    // As much of both as they have in common, which is c (f - g) with the sign of the first.
    const common = Math.min(Math.abs(one.coefficient), Math.abs(other.coefficient)) * Math.sign(one.coefficient);
    const least = floorDivInteger(common > 0 ? apart : apart + by - 1, by);
    const pair = subtract(fromSorted([unit(atom)]), fromSorted([unit(second)]));
    if (prove(add(subtract(dim, scale(pair, common)), constant(common * least)), search)) return true;
  }
  return false;
}

/** A quotient, this one or another, against one by a divisor of its divisor, with numerators that differ by a constant. */
function proveWithFinerQuotient(dim: Dim, atom: PairAtom, search: Search): boolean {
  for (const { factors } of dim.terms) {
    const [other] = factors;
    if (factors.length !== 1 || other?.kind !== 'floordiv') continue;
    const [by, otherBy] = [constantValue(atom.right), constantValue(other.right)];
    if (by === undefined || otherBy === undefined || by === otherBy) continue;
    const [coarse, fine] = by > otherBy ? [atom, other] : [other, atom];
    const [most, least] = [Math.max(by, otherBy), Math.min(by, otherBy)];
    const { coefficient, rest } = splitByAtom(dim, coarse.key);
    const [factor, apart] = [constantValue(coefficient), constantValue(subtract(coarse.left, fine.left))];
    if (least <= 0 || most % least !== 0 || !factor || apart === undefined) continue;
    const times = most / least;
    const edge = factor > 0 ? floorDivInteger(apart, least) - times + 1 : -floorDivInteger(-apart, least);
    const bound = add(fromSorted([unit(fine)]), constant(edge));
    if (prove(add(scale(rest, times), scale(bound, factor)), search)) return true;
  }
  return false;
}

/** The largest value of floordiv(p, b) when p has a constant bound and b is constant. */
function largestQuotient(numerator: Dim, divisor: Dim, search: Search): number | undefined {
  const by = constantValue(divisor);
  if (by === undefined || by <= 0) return undefined;
  const most = constantValue(negate(lowerBound(negate(numerator), search)));
  return most === undefined ? undefined : floorDivInteger(most, by);
}

/** What is left of `dim` when counted symbols take their bounds where they count against it, and 0 elsewhere. */
function lowerBound(dim: Dim, search: Search): Dim {
  let sum = constant(0);
  for (const item of dim.terms) {
    if (item.factors.length === 0) sum = add(sum, fromSorted([item]));
    else if (item.factors.every((atom) => atomIsNonNegative(atom, search))) {
      if (item.coefficient > 0) continue;
      const tops = item.factors.map((atom) => topOf(atom, search) ?? fromSorted([unit(atom)]));
      sum = add(sum, scale(multiply(...tops), item.coefficient));
    } else sum = add(sum, fromSorted([item]));
  }
  return sum;
}

function topOf(atom: Atom, search: Search): Dim | undefined {
  return atom.kind === 'symbol' ? search.bounds.get(atom.name) : undefined;
}

function unit(atom: Atom): Term {
  return { coefficient: 1, factors: [atom], key: atom.key };
}

/**
 * The atom to remove next: divisions, minima and maxima first, then bounded symbols, those of inner loops before those
 * of outer ones that their bounds may mention. Atoms that occur squared stay.
 */
function chooseAtom(dim: Dim, bounds: Bounds): Atom | undefined {
  let symbols: Map<string, Atom> | undefined;
  for (const item of dim.terms) {
    for (const atom of item.factors) {
      if (!isLinearIn(dim, atom)) continue;
      if (atom.kind !== 'symbol') return atom;
      if (bounds.has(atom.name)) (symbols ??= new Map()).set(atom.name, atom);
    }
  }
  if (!symbols) return undefined;
  let last: Atom | undefined;
  for (const name of bounds.keys()) last = symbols.get(name) ?? last;
  return last;
}

function isLinearIn(dim: Dim, atom: Atom): boolean {
  return dim.terms.every((item) => {
    const first = item.factors.findIndex((other) => other.key === atom.key);
    return first === -1 || item.factors[first + 1]?.key !== atom.key;
  });
}

/** 1: never negative; -1: never positive; 0: not known. */
type Sign = -1 | 0 | 1;

function signOf(dim: Dim, search: Search): Sign {
  if (isPlain(dim, search)) return 1;
  return isPlain(negate(dim), search) ? -1 : 0;
}

/** Whether nothing in `dim` counts against it. */
function isPlain(dim: Dim, search: Search): boolean {
  return dim.terms.every(
    (item) => item.coefficient >= 0 && item.factors.every((atom) => atomIsNonNegative(atom, search)),
  );
}

function atomIsNonNegative(atom: Atom, search: Search): boolean {
  switch (atom.kind) {
    case 'symbol':
      return true;
    case 'floordiv':
      return prove(atom.left, search);
    case 'min':
      return prove(atom.left, search) && prove(atom.right, search);
    case 'max':
      return prove(atom.left, search) || prove(atom.right, search);
  }
}

/**
 * A bound is itself at least 0, because its symbol is: inside a loop up to n, n - 1 >= 0. Whether `dim` is a multiple
 * of one such plus something plain.
 */
function followsFromBounds(dim: Dim, search: Search): boolean {
  const missing = -(dim.terms.at(-1)?.coefficient ?? 0);
  if (missing <= 0) return false;
  for (const bound of search.bounds.values()) {
    const last = bound.terms.at(-1);
    if (!last || last.factors.length > 0 || last.coefficient >= 0) continue;
    const times = Math.ceil(missing / -last.coefficient);
    if (isPlain(subtract(dim, scale(bound, times)), search)) return true;
  }
  return false;
}
