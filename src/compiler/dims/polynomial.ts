/**
 * The representation of symbolic dimensions and their exact arithmetic: sums, products, division of polynomials, and
 * evaluation. Nothing here proves or assumes anything about the values of symbols; `dim.ts` is the face of this
 * folder.
 */

export type Atom =
  | { readonly kind: 'symbol'; readonly name: string; readonly key: string }
  | { readonly kind: 'floordiv' | 'min' | 'max'; readonly left: Dim; readonly right: Dim; readonly key: string };

export type PairAtom = Exclude<Atom, { readonly kind: 'symbol' }>;

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

/** A coefficient left the range in which doubles are exact, or there are more parts or elements than anyone means. */
export class DimensionOverflow extends Error {
  readonly what: 'number' | 'parts' | 'elements';

  constructor(what: DimensionOverflow['what']) {
    super(`a dimension is too large: ${what}`);
    this.what = what;
  }
}

/** Terms of a dimension. Shapes have a few, indices in kernels a few dozen. */
const MAX_TERMS = 1000;
/** Characters of a product of atoms: divisions and minima nest, and each holds those inside it. */
const MAX_KEY = 20_000;

/** What `compute` answers; undefined where a coefficient on the way leaves the range in which doubles are exact. */
export function exactly<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof DimensionOverflow) return undefined;
    throw error;
  }
}

/** Prints its key when it is first asked for: most intermediate dimensions are never looked up. */
class Polynomial implements Dim {
  readonly terms: readonly Term[];
  #key: string | undefined;

  constructor(terms: readonly Term[]) {
    if (terms.length > MAX_TERMS) throw new DimensionOverflow('parts');
    this.terms = terms;
  }

  get key(): string {
    return (this.#key ??= printTerms(this.terms));
  }
}

function printTerms(terms: readonly Term[]): string {
  if (terms.length === 0) return '0';
  let text = '';
  for (const { coefficient, key } of terms) {
    const size = Math.abs(coefficient);
    const sign = coefficient < 0 ? (text === '' ? '-' : ' - ') : text === '' ? '' : ' + ';
    text += sign + (key === '' ? String(size) : size === 1 ? key : `${size}*${key}`);
  }
  return text;
}

function checked(coefficient: number): number {
  if (!Number.isSafeInteger(coefficient)) throw new DimensionOverflow('number');
  return coefficient;
}

function termOf(coefficient: number, factors: readonly Atom[]): Term {
  let key = '';
  for (const factor of factors) key = key === '' ? factor.key : `${key}*${factor.key}`;
  if (key.length > MAX_KEY) throw new DimensionOverflow('parts');
  return { coefficient: checked(coefficient), factors, key };
}

function scaled(item: Term, coefficient: number): Term {
  return { coefficient: checked(coefficient), factors: item.factors, key: item.key };
}

/**
 * Graded order: higher degree first, then by key. Because `*` comes before what may follow in a name, comparing keys
 * compares the sorted factors one by one; so this is a monomial order, and division terminates.
 */
function compareTerms(a: Term, b: Term): number {
  return b.factors.length - a.factors.length || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** A dimension from terms in any order, possibly with equal factors. */
function fromTerms(terms: Iterable<Term>): Dim {
  const sums = new Map<string, Term>();
  for (const item of terms) {
    const other = sums.get(item.key);
    sums.set(item.key, other ? scaled(item, other.coefficient + item.coefficient) : item);
  }
  return new Polynomial([...sums.values()].filter((item) => item.coefficient !== 0).sort(compareTerms));
}

/** A dimension from some of the terms of one, in order. */
export function fromSorted(terms: readonly Term[]): Dim {
  return new Polynomial(terms);
}

export function constant(value: number): Dim {
  return value === 0 ? ZERO : new Polynomial([{ coefficient: checked(value), factors: [], key: '' }]);
}

export const ZERO: Dim = new Polynomial([]);
export const ONE: Dim = constant(1);

/** `name` is an identifier: letters, digits, `_` and `.`, the first of them no digit, perhaps after a `$`. */
export function symbol(name: string): Dim {
  return atomDim({ kind: 'symbol', name, key: name });
}

export function atomDim(atom: Atom): Dim {
  return new Polynomial([{ coefficient: 1, factors: [atom], key: atom.key }]);
}

export function pairAtom(kind: PairAtom['kind'], left: Dim, right: Dim): PairAtom {
  const key = `${kind}(${left.key}, ${right.key})`;
  if (key.length > MAX_KEY) throw new DimensionOverflow('parts');
  return { kind, left, right, key };
}

export function equal(a: Dim, b: Dim): boolean {
  if (a === b) return true;
  const [left, right] = [a.terms, b.terms];
  if (left.length !== right.length) return false;
  return left.every((item, at) => item.coefficient === right[at]!.coefficient && item.key === right[at]!.key);
}

/** The integer value, or undefined when the dimension depends on a symbol. */
export function constantValue(dim: Dim): number | undefined {
  if (dim.terms.length === 0) return 0;
  const only = dim.terms[0]!;
  return dim.terms.length === 1 && only.factors.length === 0 ? only.coefficient : undefined;
}

export function add(...dims: readonly Dim[]): Dim {
  if (dims.length === 0) return ZERO;
  let sum = dims[0]!;
  for (let at = 1; at < dims.length; at++) sum = merge(sum, dims[at]!, 1);
  return sum;
}

export function subtract(a: Dim, b: Dim): Dim {
  return merge(a, b, -1);
}

export function negate(dim: Dim): Dim {
  return scale(dim, -1);
}

/** `a + sign * b`; both are sorted, so this is one walk along them. */
function merge(a: Dim, b: Dim, sign: 1 | -1): Dim {
  if (b.terms.length === 0) return a;
  if (a.terms.length === 0) return sign === 1 ? b : scale(b, -1);
  const terms: Term[] = [];
  let [i, j] = [0, 0];
  while (i < a.terms.length && j < b.terms.length) {
    const [x, y] = [a.terms[i]!, b.terms[j]!];
    const order = compareTerms(x, y);
    if (order < 0) terms.push(x);
    else if (order > 0) terms.push(sign === 1 ? y : scaled(y, -y.coefficient));
    else {
      const coefficient = x.coefficient + sign * y.coefficient;
      if (coefficient !== 0) terms.push(scaled(x, coefficient));
    }
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  for (; i < a.terms.length; i++) terms.push(a.terms[i]!);
  for (; j < b.terms.length; j++) {
    const y = b.terms[j]!;
    terms.push(sign === 1 ? y : scaled(y, -y.coefficient));
  }
  return new Polynomial(terms);
}

/** `dim` times an integer. */
export function scale(dim: Dim, by: number): Dim {
  if (by === 0) return ZERO;
  if (by === 1) return dim;
  return new Polynomial(dim.terms.map((item) => scaled(item, item.coefficient * by)));
}

/** `dim` divided by an integer that divides every coefficient. */
export function divideExactly(dim: Dim, by: number): Dim {
  return by === 1 ? dim : new Polynomial(dim.terms.map((item) => scaled(item, item.coefficient / by)));
}

export function multiply(...dims: readonly Dim[]): Dim {
  if (dims.length === 0) return ONE;
  let result = dims[0]!;
  for (let at = 1; at < dims.length; at++) result = multiplyTwo(result, dims[at]!);
  return result;
}

function multiplyTwo(a: Dim, b: Dim): Dim {
  const [left, right] = [constantValue(a), constantValue(b)];
  if (left !== undefined) return scale(b, left);
  if (right !== undefined) return scale(a, right);
  if (a.terms.length * b.terms.length > 10 * MAX_TERMS) throw new DimensionOverflow('parts');
  const products: Term[] = [];
  for (const x of a.terms) for (const y of b.terms) products.push(multiplyTerms(x, y));
  return products.length === 1 ? new Polynomial(products) : fromTerms(products);
}

function multiplyTerms(x: Term, y: Term): Term {
  const coefficient = x.coefficient * y.coefficient;
  if (x.factors.length === 0) return scaled(y, coefficient);
  if (y.factors.length === 0) return scaled(x, coefficient);
  const factors = [...x.factors, ...y.factors].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0));
  return termOf(coefficient, factors);
}

export function product(dims: readonly Dim[]): Dim {
  return multiply(...dims);
}

/** `factors` without the members of `divisor`, or undefined when one is missing. */
function cancelFactors(factors: readonly Atom[], divisor: readonly Atom[]): readonly Atom[] | undefined {
  if (divisor.length === 0) return factors;
  const rest = [...factors];
  for (const atom of divisor) {
    const at = rest.findIndex((candidate) => candidate.key === atom.key);
    if (at === -1) return undefined;
    rest.splice(at, 1);
  }
  return rest;
}

/** `floor(x / y)` for safe integers, exact where the double quotient would round up to an integer. */
export function floorDivInteger(x: number, y: number): number {
  const rest = x % y;
  const quotient = (x - rest) / y;
  return rest !== 0 && rest < 0 !== y < 0 ? quotient - 1 : quotient;
}

/** Polynomial division by the leading term of `divisor`: `dividend = quotient * divisor + remainder`, all integer. */
export function divide(dividend: Dim, divisor: Dim): { quotient: Dim; remainder: Dim } {
  const lead = divisor.terms[0]!;
  const tail = fromSorted(divisor.terms.slice(1));
  const whole: Term[] = [];
  const stuck: Term[] = [];
  // Each turn settles the leading monomial for good; what it adds to `pending` has smaller ones.
  for (let pending = dividend; pending.terms.length > 0;) {
    const head = pending.terms[0]!;
    const factors = cancelFactors(head.factors, lead.factors);
    const coefficient = factors ? floorDivInteger(head.coefficient, lead.coefficient) : 0;
    pending = fromSorted(pending.terms.slice(1));
    if (!factors || coefficient === 0) {
      stuck.push(head);
      continue;
    }
    const part = termOf(coefficient, factors);
    whole.push(part);
    const left = head.coefficient - coefficient * lead.coefficient;
    if (left !== 0) stuck.push(scaled(head, left));
    if (tail.terms.length > 0) pending = subtract(pending, multiplyTwo(fromSorted([part]), tail));
  }
  return { quotient: fromTerms(whole), remainder: fromSorted(stuck) };
}

/** The greatest common divisor of all coefficients; 0 of nothing. */
export function content(...dims: readonly Dim[]): number {
  let common = 0;
  for (const dim of dims) for (const item of dim.terms) common = gcd(common, item.coefficient);
  return common;
}

export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
}

/** The part of `dim` whose terms have the factor `atom`, divided by it once, and the other part. */
export function splitByAtom(dim: Dim, key: string): { readonly coefficient: Dim; readonly rest: Dim } {
  const slope: Term[] = [];
  const rest: Term[] = [];
  for (const item of dim.terms) {
    const at = item.factors.findIndex((atom) => atom.key === key);
    if (at === -1) rest.push(item);
    else slope.push(termOf(item.coefficient, item.factors.toSpliced(at, 1)));
  }
  return { coefficient: fromTerms(slope), rest: fromSorted(rest) };
}

/** Whether `name` occurs anywhere in `dim`, inside divisions too. */
export function dependsOn(dim: Dim, name: string): boolean {
  return dim.terms.some((item) =>
    item.factors.some((atom) =>
      atom.kind === 'symbol' ? atom.name === name : dependsOn(atom.left, name) || dependsOn(atom.right, name),
    ),
  );
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

/** The value at concrete symbols. Throws RangeError on an unbound symbol or a division by zero. */
export function evaluate(dim: Dim, symbols: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const item of dim.terms) {
    let part = item.coefficient;
    for (const atom of item.factors) part = checked(part * evaluateAtom(atom, symbols));
    sum = checked(sum + part);
  }
  return sum;
}

function evaluateAtom(atom: Atom, symbols: ReadonlyMap<string, number>): number {
  if (atom.kind === 'symbol') {
    const value = symbols.get(atom.name);
    if (value === undefined) throw new RangeError(`dimension ${atom.name} has no value here`);
    return value;
  }
  const [left, right] = [evaluate(atom.left, symbols), evaluate(atom.right, symbols)];
  switch (atom.kind) {
    case 'floordiv':
      if (right === 0) throw new RangeError(`division by zero in ${atom.key}`);
      return floorDivInteger(left, right);
    case 'min':
      return Math.min(left, right);
    case 'max':
      return Math.max(left, right);
  }
}

export function print(dim: Dim): string {
  return dim.key;
}
