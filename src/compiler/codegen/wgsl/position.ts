/**
 * Positions and element indices as WGSL, in i32: a buffer holds far fewer elements than 2³¹. Divisions are kept in
 * constants, because they are dear and often occur again.
 */
import { constant, constantValue, floorDiv, isAtLeast, ZERO, type Atom, type Dim, type Term } from '../../dims/dim.ts';
import type { Lanes } from '../../kernel/ir.ts';
import type { Frame } from './frame.ts';
import { call, infix, integer, LEVEL, prefix, primary, type Text } from './text.ts';

export function positionText(frame: Frame, dim: Dim): Text {
  const known = frame.position(dim.key);
  if (known !== undefined) return primary(known);
  // What is added comes before what is subtracted, the constant last.
  const isConstant = (item: Term): boolean => item.factors.length === 0;
  const rank = (item: Term): number => (isConstant(item) ? 2 : item.coefficient < 0 ? 1 : 0);
  const terms = dim.terms.toSorted((a, b) => rank(a) - rank(b));
  const sum = terms.reduce<Text | undefined>((left, item) => {
    if (!left) return isConstant(item) ? integer(item.coefficient) : signed(frame, item);
    const right = termText(frame, item, Math.abs(item.coefficient));
    return infix(left, item.coefficient < 0 ? '-' : '+', right, LEVEL.additive);
  }, undefined);
  return sum ?? integer(0);
}

function signed(frame: Frame, item: Term): Text {
  const size = termText(frame, item, Math.abs(item.coefficient));
  return item.coefficient < 0 ? prefix('-', { ...size, code: `(${size.code})`, level: LEVEL.primary }) : size;
}

function termText(frame: Frame, item: Term, coefficient: number): Text {
  const factors = item.factors.map((atom) => atomText(frame, atom));
  if (coefficient !== 1 || factors.length === 0) factors.push(integer(coefficient));
  return factors.reduce((product, factor) => infix(product, '*', factor, LEVEL.multiplicative));
}

function atomText(frame: Frame, atom: Atom): Text {
  if (atom.kind === 'symbol') return primary(frame.variable(atom.name));
  const known = frame.position(atom.key);
  if (known !== undefined) return primary(known);
  const [left, right] = [positionText(frame, atom.left), positionText(frame, atom.right)];
  if (atom.kind !== 'floordiv')
    return primary(frame.keepPosition(atom.key, atom.kind, call(atom.kind, left, right).code));
  return primary(frame.keepPosition(atom.key, 'quotient', quotientText(frame, atom, left, right).code));
}

/** A division truncates, which is rounding down where nothing is negative. */
function quotientText(frame: Frame, { left, right }: Exclude<Atom, { kind: 'symbol' }>, a: Text, b: Text): Text {
  const isPlain = isAtLeast(left, ZERO) && (constantValue(right) ?? 1) > 0;
  return isPlain ? infix(a, '/', b, LEVEL.multiplicative) : call(frame.helper('floor_quotient'), a, b);
}

/**
 * Where `lanes` elements of `buffer` from `index` on are in the variable of its binding: one index where that has vectors
 * or there is but one element.
 */
export function indexTexts(frame: Frame, buffer: string, index: Dim, lanes: Lanes): string[] {
  const { base, lanes: held } = frame.buffer(buffer);
  const position = positionText(frame, held === 1 ? index : floorDiv(index, constant(held)));
  const first = base === undefined ? position : infix(primary(base), '+', position, LEVEL.additive);
  if (lanes === held) return [first.code];
  const { code } = frame.named(first);
  return Array.from({ length: lanes }, (_, lane) => (lane === 0 ? code : `${code} + ${lane}i`));
}
