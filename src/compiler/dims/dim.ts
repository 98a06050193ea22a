/**
 * Symbolic dimensions: integer polynomials over named symbols and floor-division, minimum and maximum atoms.
 * The same algebra serves shapes (symbols are `dims` of a model) and index arithmetic in kernels (symbols are loop
 * variables too). Values are immutable and canonical: two dimensions are equal polynomials exactly if their `key`s are.
 *
 * `x mod n` has no atom of its own: it is `x - n * floordiv(x, n)`, so that splitting an axis and merging it again
 * cancels by plain polynomial arithmetic.
 *
 * This file is the face of the folder: what needs only exact arithmetic is in `polynomial.ts`, proofs in `prove.ts`.
 */
import {
  add,
  atomDim,
  constant,
  constantValue,
  content,
  dependsOn,
  divide,
  divideExactly,
  equal,
  floorDivInteger,
  fromSorted,
  gcd,
  multiply,
  ONE,
  pairAtom,
  splitByAtom,
  subtract,
  ZERO,
  type Atom,
  type Dim,
  type PairAtom,
  type Term,
} from './polynomial.ts';
import { isAtLeast as proveAtLeast, type Bounds } from './prove.ts';

export {
  add,
  constant,
  constantValue,
  dependsOn,
  DimensionOverflow,
  equal,
  evaluate,
  exactly,
  multiply,
  negate,
  ONE,
  print,
  product,
  scale,
  subtract,
  symbol,
  symbolsOf,
  ZERO,
  type Atom,
  type Dim,
  type Term,
} from './polynomial.ts';
export type { Bounds } from './prove.ts';

const unbounded: Bounds = new Map();

/** True when `a >= b` is provable for all symbols at least 0 and within `bounds`; false when it is not provable. */
export function isAtLeast(a: Dim, b: Dim, bounds: Bounds = unbounded): boolean {
  return proveAtLeast(a, b, bounds);
}

/**
 * `floor(a / b)`, for `b > 0`. Whole multiples leave the division; a remainder that `bounds` prove to lie in
 * `[0, b)` vanishes, common factors cancel, and divisions of divisions become one.
 */
export function floorDiv(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  const [numerator, denominator] = [constantValue(a), constantValue(b)];
  if (denominator === 0) return atomDim(pairAtom('floordiv', a, b));
  if (denominator === 1) return a;
  if (numerator !== undefined && denominator !== undefined) return constant(floorDivInteger(numerator, denominator));
  const { quotient, remainder } = divide(a, b);
  if (remainder.terms.length === 0 || isWithin(remainder, b, bounds)) return quotient;
  const lowered = countDown(a, b, remainder);
  if (lowered && isWithin(lowered.remainder, b, bounds)) return add(quotient, lowered.quotient);
  return add(quotient, reducedQuotient(remainder, b, bounds));
}

/**
 * Division leaves no negative coefficients, so `(7 - x) / 8` has become `-x + (7 + 7 x) / 8`. Another quotient and
 * remainder with the terms that count down as they were, of which a proof can tell more.
 */
function countDown(a: Dim, b: Dim, remainder: Dim): { quotient: Dim; remainder: Dim } | undefined {
  if (constantValue(b) === undefined) return undefined;
  const down = a.terms.filter((item) => item.coefficient < 0 && item.factors.length > 0);
  const quotient = fromSorted(down.map((item) => ({ ...item, coefficient: 1 })));
  return down.length === 0 ? undefined : { quotient, remainder: subtract(remainder, multiply(b, quotient)) };
}

/** Whether `0 <= x < limit` is provable. */
function isWithin(x: Dim, limit: Dim, bounds: Bounds): boolean {
  return proveAtLeast(x, ZERO, bounds) && proveAtLeast(subtract(limit, ONE), x, bounds);
}

/** `floor(a / b)` where no whole multiple of b can be split off a. */
function reducedQuotient(a: Dim, b: Dim, bounds: Bounds): Dim {
  const nested = flattenDivision(a, b);
  if (nested) return floorDiv(nested.left, nested.right, bounds);
  const cancelled = cancelContent(a, b, bounds) ?? cancelAtom(a, b, bounds);
  return cancelled ? floorDiv(cancelled.left, cancelled.right, bounds) : atomDim(pairAtom('floordiv', a, b));
}

interface Fraction {
  readonly left: Dim;
  readonly right: Dim;
}

/** `floor((floor(x / y) + r) / b) = floor((x + r y) / (b y))`, for an integer r. */
function flattenDivision(a: Dim, b: Dim): Fraction | undefined {
  const head = a.terms[0]!;
  const atom = head.factors[0];
  if (head.coefficient !== 1 || head.factors.length !== 1 || atom?.kind !== 'floordiv') return undefined;
  const rest = fromSorted(a.terms.slice(1));
  if (constantValue(rest) === undefined) return undefined;
  return { left: add(atom.left, multiply(rest, atom.right)), right: multiply(b, atom.right) };
}

/** `floor((g r + s) / (g c)) = floor(r / c)` for an integer g and `0 <= s < g`. */
function cancelContent(a: Dim, b: Dim, bounds: Bounds): Fraction | undefined {
  const common = content(b);
  if (common === 1) return undefined;
  const divisors = new Set<number>();
  for (const item of a.terms) if (item.factors.length > 0) divisors.add(gcd(common, item.coefficient));
  for (const g of [...divisors].sort((x, y) => y - x)) {
    if (g === 1) continue;
    const whole: Term[] = [];
    const part: Term[] = [];
    for (const item of a.terms) {
      const multiple = floorDivInteger(item.coefficient, g) * g;
      // Only a constant is split: `3 x` would leave more, not less.
      const kept = item.factors.length === 0 ? multiple : item.coefficient === multiple ? multiple : 0;
      if (kept !== 0) whole.push({ ...item, coefficient: kept });
      if (kept !== item.coefficient) part.push({ ...item, coefficient: item.coefficient - kept });
    }
    if (whole.length === 0 || !isWithin(fromSorted(part), constant(g), bounds)) continue;
    return { left: divideExactly(fromSorted(whole), g), right: divideExactly(b, g) };
  }
  return undefined;
}

/** `floor((x r + s) / (x c)) = floor(r / c)` for an atom x, which is positive as x c is, and `0 <= s < x`. */
function cancelAtom(a: Dim, b: Dim, bounds: Bounds): Fraction | undefined {
  for (const atom of b.terms[0]!.factors) {
    // The sign of an atom is certain only for a symbol.
    if (atom.kind !== 'symbol') continue;
    const divisor = splitByAtom(b, atom.key);
    if (divisor.rest.terms.length > 0) continue;
    const parts = splitByAtom(a, atom.key);
    if (parts.coefficient.terms.length === 0) continue;
    if (parts.rest.terms.length === 0 || isWithin(parts.rest, atomDim(atom), bounds))
      return { left: parts.coefficient, right: divisor.coefficient };
  }
  return undefined;
}

/** `a - b * floor(a / b)`, for `b > 0`. */
export function modulo(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  return subtract(a, multiply(b, floorDiv(a, b, bounds)));
}

export function minimum(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  if (proveAtLeast(b, a, bounds)) return a;
  if (proveAtLeast(a, b, bounds)) return b;
  return atomDim(a.key < b.key ? pairAtom('min', a, b) : pairAtom('min', b, a));
}

export function maximum(a: Dim, b: Dim, bounds: Bounds = unbounded): Dim {
  if (proveAtLeast(a, b, bounds)) return a;
  if (proveAtLeast(b, a, bounds)) return b;
  return atomDim(a.key < b.key ? pairAtom('max', a, b) : pairAtom('max', b, a));
}

/**
 * Replaces symbols; those that `replace` answers with undefined stay. Divisions, minima and maxima whose parts change
 * are simplified again, by `bounds`; others stay as they are. The same dimension comes back if nothing changed.
 */
export function substitute(dim: Dim, replace: (name: string) => Dim | undefined, bounds: Bounds = unbounded): Dim {
  const kept: Term[] = [];
  let changed: Dim | undefined;
  for (const item of dim.terms) {
    const value = substituteTerm(item, replace, bounds);
    if (!value) kept.push(item);
    else changed = changed ? add(changed, value) : value;
  }
  return changed ? add(fromSorted(kept), changed) : dim;
}

/** The value of a term, or undefined if it is the same. */
function substituteTerm(item: Term, replace: (name: string) => Dim | undefined, bounds: Bounds): Dim | undefined {
  let changed = false;
  const factors = item.factors.map((atom) => {
    const value = substituteAtom(atom, replace, bounds);
    changed ||= value !== undefined;
    return value ?? atomDim(atom);
  });
  return changed ? multiply(constant(item.coefficient), ...factors) : undefined;
}

function substituteAtom(atom: Atom, replace: (name: string) => Dim | undefined, bounds: Bounds): Dim | undefined {
  if (atom.kind === 'symbol') return replace(atom.name);
  const left = substitute(atom.left, replace, bounds);
  const right = substitute(atom.right, replace, bounds);
  return left === atom.left && right === atom.right ? undefined : rebuild(atom.kind, left, right, bounds);
}

function rebuild(kind: PairAtom['kind'], left: Dim, right: Dim, bounds: Bounds): Dim {
  switch (kind) {
    case 'floordiv':
      return floorDiv(left, right, bounds);
    case 'min':
      return minimum(left, right, bounds);
    case 'max':
      return maximum(left, right, bounds);
  }
}

/** The dimension with every division, minimum and maximum in it simplified by `bounds`. */
export function simplifyWithin(dim: Dim, bounds: Bounds): Dim {
  const isPlain = (item: Term): boolean => item.factors.every((atom) => atom.kind === 'symbol');
  const plain = dim.terms.filter(isPlain);
  if (plain.length === dim.terms.length) return dim;
  let sum = fromSorted(plain);
  for (const item of dim.terms) {
    if (isPlain(item)) continue;
    const factors = item.factors.map((atom) =>
      atom.kind === 'symbol'
        ? atomDim(atom)
        : rebuild(atom.kind, simplifyWithin(atom.left, bounds), simplifyWithin(atom.right, bounds), bounds),
    );
    sum = add(sum, multiply(constant(item.coefficient), ...factors));
  }
  return equal(sum, dim) ? dim : sum;
}

/**
 * Splits `dim = coefficient * name + rest` where neither part mentions `name`; undefined when `dim` is not affine in it.
 */
export function affineIn(dim: Dim, name: string): { coefficient: Dim; rest: Dim } | undefined {
  const parts = splitByAtom(dim, name);
  return dependsOn(parts.coefficient, name) || dependsOn(parts.rest, name) ? undefined : parts;
}

/** Splits off the constant term: `dim = rest + offset`. */
export function splitConstant(dim: Dim): { rest: Dim; offset: number } {
  const last = dim.terms.at(-1);
  if (!last || last.factors.length > 0) return { rest: dim, offset: 0 };
  return { rest: fromSorted(dim.terms.slice(0, -1)), offset: last.coefficient };
}
