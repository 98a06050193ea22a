/**
 * Symbolic dimensions: integer polynomials over named symbols and floor-division, minimum and maximum atoms.
 * The same algebra serves shapes (symbols are `dims` of a model) and index arithmetic in kernels (symbols are loop
 * variables too). Values are immutable and canonical: two dimensions are equal polynomials exactly if their `key`s are.
 *
 * `x mod n` has no atom of its own: it is `x - n * floordiv(x, n)`, so that splitting an axis and merging it again
 * cancels by plain polynomial arithmetic.
 */

export type Atom =
  | { readonly kind: 'symbol'; readonly name: string; readonly key: string }
  | { readonly kind: 'floordiv' | 'min' | 'max'; readonly left: Dim; readonly right: Dim; readonly key: string };

/** `coefficient * product of factors`; factors are sorted by key and may repeat (a square is two equal factors). */
export interface Term {
  readonly coefficient: number;
  readonly factors: readonly Atom[];
  readonly key: string;
}

/** A sum of terms, highest degree first; no term has coefficient 0, no two terms have the same factors. */
export interface Dim {
  readonly terms: readonly Term[];
  readonly key: string;
}

/** A coefficient left the range in which doubles are exact. */
export class DimensionOverflow extends Error {
  constructor() {
    super('a dimension is too large to be computed exactly');
  }
}

/** An inclusive upper bound per symbol. Symbols without one are unbounded; every symbol is at least 0. */
export type Bounds = ReadonlyMap<string, Dim>;
const unbounded: Bounds = new Map();

function term(coefficient: number, factors: readonly Atom[]): Term {
  if (!Number.isSafeInteger(coefficient)) throw new DimensionOverflow();
  return { coefficient, factors, key: factors.map((factor) => factor.key).join('*') };
}

/** Graded order: higher degree first, then by key. It is a monomial order, so that division below terminates. */
function compareTerms(a: Term, b: Term): number {
  return b.factors.length - a.factors.length || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

function fromTerms(terms: Iterable<Term>): Dim {
  const sums = new Map<string, Term>();
  for (const item of terms) {
    const other = sums.get(item.key);
    sums.set(item.key, other ? term(other.coefficient + item.coefficient, item.factors) : item);
  }
  const kept = [...sums.values()].filter((item) => item.coefficient !== 0).sort(compareTerms);
  return { terms: kept, key: printTerms(kept) };
}

export function constant(value: number): Dim {
  if (!Number.isSafeInteger(value)) throw new DimensionOverflow();
  return fromTerms([term(value, [])]);
}

export const ZERO: Dim = constant(0);
export const ONE: Dim = constant(1);

export function symbol(name: string): Dim {
  return fromTerms([term(1, [{ kind: 'symbol', name, key: name }])]);
}

function atomDim(atom: Atom): Dim {
  return fromTerms([term(1, [atom])]);
}

export function equal(a: Dim, b: Dim): boolean {
  return a.key === b.key;
}

/** The integer value, or undefined when the dimension depends on a symbol. */
export function constantValue(dim: Dim): number | undefined {
  if (dim.terms.length === 0) return 0;
  const [only] = dim.terms;
  return dim.terms.length === 1 && only!.factors.length === 0 ? only!.coefficient : undefined;
}

export function add(...dims: readonly Dim[]): Dim {
  return fromTerms(dims.flatMap((dim) => dim.terms));
}

export function negate(dim: Dim): Dim {
  return fromTerms(dim.terms.map((item) => term(-item.coefficient, item.factors)));
}

export function subtract(a: Dim, b: Dim): Dim {
  return add(a, negate(b));
}

export function multiply(...dims: readonly Dim[]): Dim {
  return dims.reduce(multiplyTwo, ONE);
}

function multiplyTwo(a: Dim, b: Dim): Dim {
  const products: Term[] = [];
  for (const x of a.terms) {
    for (const y of b.terms) {
      const factors = [...x.factors, ...y.factors].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0));
      products.push(term(x.coefficient * y.coefficient, factors));
    }
  }
  return fromTerms(products);
}

/** `factors` without the members of `divisor`, or undefined when one is missing. */
function cancelFactors(factors: readonly Atom[], divisor: readonly Atom[]): Atom[] | undefined {
  const rest = [...factors];
  for (const atom of divisor) {
    const at = rest.findIndex((candidate) => candidate.key === atom.key);
    if (at === -1) return undefined;
    rest.splice(at, 1);
  }
  return rest;
}

/** Polynomial division by the leading term of `divisor`: `dividend = quotient * divisor + remainder`, all integer. */
function divide(dividend: Dim, divisor: Dim): { quotient: Dim; remainder: Dim } {
  const lead = divisor.terms[0]!;
  let quotient = ZERO;
  let pending = dividend;
  const stuck: Term[] = [];
  while (pending.terms.length > 0) {
    const head = pending.terms[0]!;
    const factors = cancelFactors(head.factors, lead.factors);
    const coefficient = factors ? Math.floor(head.coefficient / lead.coefficient) : 0;
    if (!factors || coefficient === 0) {
      stuck.push(head);
      pending = fromTerms(pending.terms.slice(1));
      continue;
    }
    const part = fromTerms([term(coefficient, factors)]);
    quotient = add(quotient, part);
    pending = subtract(pending, multiply(part, divisor));
    const left = head.coefficient - coefficient * lead.coefficient;
    if (left !== 0) {
      stuck.push(term(left, head.factors));
      pending = fromTerms(pending.terms.filter((item) => item.key !== head.key));
    }
  }
  return { quotient, remainder: fromTerms(stuck) };
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
}

function content(...dims: readonly Dim[]): number {
  return dims.flatMap((dim) => dim.terms).reduce((common, item) => gcd(common, item.coefficient), 0);
}

function divideCoefficients(dim: Dim, by: number): Dim {
  return fromTerms(dim.terms.map((item) => term(item.coefficient / by, item.factors)));
}

/**
 * `floor(a / b)`, for `b > 0`. Whole multiples leave the division; a remainder that `bounds` prove to lie in
 * `[0, b)` vanishes.
 */
export function floorDiv(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  const [numerator, denominator] = [constantValue(a), constantValue(b)];
  if (denominator === 1) return a;
  if (numerator !== undefined && denominator !== undefined && denominator !== 0)
    return constant(Math.floor(numerator / denominator));
  if (b.terms.length === 0) return atomDim(pair('floordiv', a, b));
  const { quotient, remainder } = divide(a, b);
  if (remainder.terms.length === 0) return quotient;
  if (isAtLeast(remainder, ZERO, bounds) && isAtLeast(subtract(b, ONE), remainder, bounds)) return quotient;
  const common = content(remainder, b);
  const [left, right] = [divideCoefficients(remainder, common), divideCoefficients(b, common)];
  if (common > 1) return add(quotient, floorDiv(left, right, bounds));
  return add(quotient, atomDim(pair('floordiv', left, right)));
}

/** `a - b * floor(a / b)`, for `b > 0`. */
export function modulo(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  return subtract(a, multiply(b, floorDiv(a, b, bounds)));
}

export function minimum(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  if (isAtLeast(b, a, bounds)) return a;
  if (isAtLeast(a, b, bounds)) return b;
  return atomDim(a.key < b.key ? pair('min', a, b) : pair('min', b, a));
}

export function maximum(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  if (isAtLeast(a, b, bounds)) return a;
  if (isAtLeast(b, a, bounds)) return b;
  return atomDim(a.key < b.key ? pair('max', a, b) : pair('max', b, a));
}

function pair(kind: 'floordiv' | 'min' | 'max', left: Dim, right: Dim): Atom {
  return { kind, left, right, key: `${kind}(${left.key}, ${right.key})` };
}

/** True when `a >= b` is provable for all symbols at least 0 and within `bounds`; false when it is not provable. */
export function isAtLeast(a: Dim, b: Dim, bounds: Bounds = unbounded): boolean {
  return isProvablyNonNegative(subtract(a, b), bounds);
}

function isProvablyNonNegative(dim: Dim, bounds: Bounds): boolean {
  if (dim.terms.every((item) => item.coefficient >= 0 && item.factors.every((atom) => atomIsNonNegative(atom, bounds))))
    return true;
  const lower = lowerBound(dim, bounds);
  return (
    lower !== undefined &&
    lower.terms.every((item) => item.coefficient >= 0 && item.factors.every((atom) => atomIsNonNegative(atom, bounds)))
  );
}

function atomIsNonNegative(atom: Atom, bounds: Bounds): boolean {
  switch (atom.kind) {
    case 'symbol':
      return true;
    case 'floordiv':
      return isProvablyNonNegative(atom.left, bounds) && isProvablyNonNegative(atom.right, bounds);
    case 'min':
      return isProvablyNonNegative(atom.left, bounds) && isProvablyNonNegative(atom.right, bounds);
    case 'max':
      return isProvablyNonNegative(atom.left, bounds) || isProvablyNonNegative(atom.right, bounds);
  }
}

/** Replaces each bounded symbol that occurs with a negative coefficient by its upper bound; undefined if none is. */
function lowerBound(dim: Dim, bounds: Bounds): Dim | undefined {
  let changed = false;
  const parts = dim.terms.map((item) => {
    if (item.coefficient >= 0) return fromTerms([item]);
    const factors = item.factors.map((atom) => {
      const bound = atomUpperBound(atom, bounds);
      changed ||= bound !== undefined;
      return bound ?? atomDim(atom);
    });
    return multiply(constant(item.coefficient), ...factors);
  });
  return changed ? add(...parts) : undefined;
}

function atomUpperBound(atom: Atom, bounds: Bounds): Dim | undefined {
  switch (atom.kind) {
    case 'symbol':
      return bounds.get(atom.name);
    case 'floordiv': {
      // floor(x / n) <= floor(max x / n) for x, n >= 0.
      if (!atomIsNonNegative(atom, bounds)) return undefined;
      const top = upperBound(atom.left, bounds);
      return top && floorDiv(top, atom.right, bounds);
    }
    case 'min':
      return atom.left;
    case 'max':
      return undefined;
  }
}

function upperBound(dim: Dim, bounds: Bounds): Dim | undefined {
  const lower = lowerBound(negate(dim), bounds);
  return lower && negate(lower);
}

/** The names of all symbols, in order of first appearance. */
export function symbolsOf(dim: Dim): string[] {
  const names = new Set<string>();
  const visit = (part: Dim): void => {
    for (const item of part.terms) {
      for (const atom of item.factors) {
        if (atom.kind === 'symbol') names.add(atom.name);
        else [atom.left, atom.right].forEach(visit);
      }
    }
  };
  visit(dim);
  return [...names];
}

/** Replaces symbols; those that `replace` answers with undefined stay. */
export function substitute(dim: Dim, replace: (name: string) => Dim | undefined, bounds: Bounds = unbounded): Dim {
  const atomValue = (atom: Atom): Dim => {
    switch (atom.kind) {
      case 'symbol':
        return replace(atom.name) ?? atomDim(atom);
      case 'floordiv':
        return floorDiv(substitute(atom.left, replace, bounds), substitute(atom.right, replace, bounds), bounds);
      case 'min':
        return minimum(substitute(atom.left, replace, bounds), substitute(atom.right, replace, bounds), bounds);
      case 'max':
        return maximum(substitute(atom.left, replace, bounds), substitute(atom.right, replace, bounds), bounds);
    }
  };
  return add(...dim.terms.map((item) => multiply(constant(item.coefficient), ...item.factors.map(atomValue))));
}

/** The value at concrete symbols. Throws RangeError on an unbound symbol or a division by zero. */
export function evaluate(dim: Dim, symbols: ReadonlyMap<string, number>): number {
  const value = constantValue(
    substitute(dim, (name) => (symbols.has(name) ? constant(symbols.get(name)!) : undefined)),
  );
  if (value === undefined) throw new RangeError(`dimension ${dim.key} has no value here`);
  return value;
}

/**
 * Splits `dim = coefficient * name + rest` where neither part mentions `name`; undefined when `dim` is not affine in it.
 */
export function affineIn(dim: Dim, name: string): { coefficient: Dim; rest: Dim } | undefined {
  const slope: Term[] = [];
  const rest: Term[] = [];
  for (const item of dim.terms) {
    const at = item.factors.findIndex((atom) => atom.kind === 'symbol' && atom.name === name);
    if (at === -1) rest.push(item);
    else slope.push(term(item.coefficient, item.factors.toSpliced(at, 1)));
  }
  const parts = { coefficient: fromTerms(slope), rest: fromTerms(rest) };
  const mentions = (part: Dim): boolean => symbolsOf(part).includes(name);
  return mentions(parts.coefficient) || mentions(parts.rest) ? undefined : parts;
}

/** Splits off the constant term: `dim = rest + offset`. */
export function splitConstant(dim: Dim): { rest: Dim; offset: number } {
  const last = dim.terms.at(-1);
  if (!last || last.factors.length > 0) return { rest: dim, offset: 0 };
  return { rest: fromTerms(dim.terms.slice(0, -1)), offset: last.coefficient };
}

export function product(dims: readonly Dim[]): Dim {
  return multiply(...dims);
}

export function print(dim: Dim): string {
  return dim.key;
}

function printTerms(terms: readonly Term[]): string {
  if (terms.length === 0) return '0';
  return terms
    .map((item, at) => {
      const size = Math.abs(item.coefficient);
      const factors = item.factors.map((atom) => atom.key).join('*');
      const body = factors === '' ? String(size) : size === 1 ? factors : `${size}*${factors}`;
      const sign = item.coefficient < 0 ? (at === 0 ? '-' : ' - ') : at === 0 ? '' : ' + ';
      return sign + body;
    })
    .join('');
}
