/**
 * Positions as i32 stack code. Arithmetic wraps, which is harmless for sums and products: the final position is in
 * range. Divisions, minima and maxima are kept in locals, because they are dear and often occur again.
 */
import {
  add,
  constant,
  constantValue,
  isAtLeast,
  multiply,
  ZERO,
  type Atom,
  type Dim,
  type Term,
} from '../../dims/dim.ts';
import { splitInvariant } from '../access.ts';
import type { Frame } from './frame.ts';

/** Pushes the value of `dim`. */
export function emitPosition(frame: Frame, dim: Dim): void {
  const value = constantValue(dim);
  const known = frame.position(dim.key);
  if (value !== undefined) frame.code.emit('i32.const', value);
  else if (known !== undefined) frame.code.emit('local.get', known);
  else emitSum(frame, dim);
}

/** Pushes `dim` and keeps it for later uses, unless it is simple. */
function emitKeptPosition(frame: Frame, dim: Dim): void {
  emitPosition(frame, dim);
  keep(frame, dim);
}

/** Keeps the value on the stack as that of `dim`. */
function keep(frame: Frame, dim: Dim): void {
  if (isSimple(dim) || frame.position(dim.key) !== undefined) return;
  const local = frame.kept('i32');
  frame.code.emit('local.tee', local);
  frame.keepPosition(dim.key, local);
}

/** A constant, or a multiple of a value that is in a local anyway. */
export function isSimple(dim: Dim): boolean {
  const [only] = dim.terms;
  if (!only) return true;
  const [factor, ...others] = only.factors;
  return dim.terms.length === 1 && others.length === 0 && (factor === undefined || factor.kind === 'symbol');
}

/** Pushes `4 * dim`, and keeps it unless it is simple. */
export function emitBytes(frame: Frame, dim: Dim): void {
  const scaled = multiply(constant(4), dim);
  if (constantValue(scaled) !== undefined || frame.position(scaled.key) !== undefined || dim.terms.length === 1)
    return emitKeptPosition(frame, scaled);
  emitPosition(frame, dim);
  frame.code.emit('i32.const', 2);
  frame.code.emit('i32.shl');
  keep(frame, scaled);
}

function emitSum(frame: Frame, dim: Dim): void {
  const { invariant, varying } = splitInvariant(dim, frame.varying());
  const known = isSimple(invariant) ? undefined : frame.position(invariant.key);
  if (known !== undefined) {
    frame.code.emit('local.get', known);
    emitTerms(frame, varying.terms, true);
    return;
  }
  // A positive term first saves a subtraction from zero.
  const first = dim.terms.find((item) => item.coefficient > 0);
  emitTerms(frame, first ? [first, ...dim.terms.filter((item) => item !== first)] : dim.terms, false);
}

/** Adds `terms` to the value on the stack, or pushes their sum when there is none. */
function emitTerms(frame: Frame, terms: readonly Term[], onStack: boolean): void {
  const { code } = frame;
  let started = onStack;
  for (const item of terms) {
    const subtracts = started && item.coefficient < 0;
    emitTerm(frame, item, subtracts ? -item.coefficient : item.coefficient);
    if (started) code.emit(subtracts ? 'i32.sub' : 'i32.add');
    started = true;
  }
}

function emitTerm(frame: Frame, item: Term, coefficient: number): void {
  const { code } = frame;
  if (item.factors.length === 0) return code.emit('i32.const', coefficient);
  item.factors.forEach((atom, at) => {
    emitAtom(frame, atom);
    if (at > 0) code.emit('i32.mul');
  });
  if (coefficient === 1) return;
  const shift = Math.log2(coefficient);
  code.emit('i32.const', Number.isInteger(shift) ? shift : coefficient);
  code.emit(Number.isInteger(shift) ? 'i32.shl' : 'i32.mul');
}

/** Pushes the value of one factor of a term. */
export function emitAtom(frame: Frame, atom: Atom): void {
  const { code } = frame;
  if (atom.kind === 'symbol') return code.emit('local.get', frame.local(atom.name));
  const known = frame.position(atom.key);
  if (known !== undefined) return code.emit('local.get', known);
  if (atom.kind === 'floordiv') emitFloorDivision(frame, atom.left, atom.right);
  else emitExtremum(frame, atom.kind, atom.left, atom.right);
  const local = frame.kept('i32');
  code.emit('local.tee', local);
  frame.keepPosition(atom.key, local);
}

/** Rounds towards minus infinity; the divisor is positive. */
function emitFloorDivision(frame: Frame, left: Dim, right: Dim): void {
  const { code } = frame;
  const divisor = constantValue(right);
  const shift = divisor === undefined ? NaN : Math.log2(divisor);
  emitPosition(frame, left);
  if (Number.isInteger(shift)) {
    code.emit('i32.const', shift);
    return code.emit('i32.shr_s');
  }
  emitPosition(frame, right);
  if (isAtLeast(left, ZERO)) return code.emit('i32.div_u');
  // The quotient that truncates is one too large exactly when its remainder is negative.
  frame.within('statement', () => {
    const [numerator, denominator] = [frame.temporary('i32'), frame.temporary('i32')];
    code.emit('local.set', denominator);
    code.emit('local.tee', numerator);
    code.emit('local.get', denominator);
    code.emit('i32.div_s');
    code.emit('local.get', numerator);
    code.emit('local.get', denominator);
    code.emit('i32.rem_s');
    code.emit('i32.const', 31);
    code.emit('i32.shr_s');
    code.emit('i32.add');
  });
}

function emitExtremum(frame: Frame, kind: 'min' | 'max', left: Dim, right: Dim): void {
  emitPosition(frame, left);
  emitPosition(frame, right);
  emitIntegerExtremum(frame, kind === 'min' ? 'i32.lt_s' : 'i32.gt_s');
}

/** Replaces two i32 by the one that `first` holds for. */
export function emitIntegerExtremum(frame: Frame, first: 'i32.lt_s' | 'i32.lt_u' | 'i32.gt_s' | 'i32.gt_u'): void {
  const { code } = frame;
  frame.within('statement', () => {
    const [a, b] = [frame.temporary('i32'), frame.temporary('i32')];
    code.emit('local.set', b);
    code.emit('local.tee', a);
    code.emit('local.get', b);
    code.emit('local.get', a);
    code.emit('local.get', b);
    code.emit(first);
    code.emit('select');
  });
}

/** The sum of `dim` and a constant. */
export function plus(dim: Dim, offset: number): Dim {
  return add(dim, constant(offset));
}
