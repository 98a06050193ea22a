/**
 * Positions and element indices as JavaScript. All values are integers far below 2^53, so that plain arithmetic is exact.
 * Divisions are kept in constants, because they are dear and often occur again.
 */
import { equal, isAtLeast, splitConstant, subtract, ZERO, type Atom, type Dim, type Term } from '../../dims/dim.ts';
import { groupAccesses, groupKey, splitInvariant, type Positions } from '../access.ts';
import type { Frame } from './frame.ts';
import { call, infix, LEVEL, number, primary, type Text } from './text.ts';

export function positionText(frame: Frame, dim: Dim): Text {
  return sumText(frame, undefined, dim);
}

/** `start + dim`, or `dim` alone. */
function sumText(frame: Frame, start: Text | undefined, dim: Dim): Text {
  const known = frame.position(dim.key);
  if (known !== undefined) return start ? infix(start, '+', primary(known), LEVEL.additive) : primary(known);
  const { invariant, varying } = splitInvariant(dim, frame.varying());
  const fixed = frame.position(invariant.key);
  if (fixed === undefined) return addTerms(frame, start, dim);
  return addTerms(frame, start ? infix(start, '+', primary(fixed), LEVEL.additive) : primary(fixed), varying);
}

/** `start` plus a sum, the constant of the sum last. */
function addTerms(frame: Frame, start: Text | undefined, sum: Dim): Text {
  const first = start ? undefined : sum.terms.find((item) => item.coefficient > 0 && item.factors.length > 0);
  let result = start ?? (first ? termText(frame, first, first.coefficient) : undefined);
  for (const item of sum.terms) {
    if (item === first) continue;
    // Never a negated product: it would be -0 when a factor is 0.
    const magnitude = termText(frame, item, Math.abs(item.coefficient));
    const isNegative = item.coefficient < 0;
    if (!result && !isNegative) result = magnitude;
    else result = infix(result ?? number(0), isNegative ? '-' : '+', magnitude, LEVEL.additive);
  }
  return result ?? number(0);
}

function termText(frame: Frame, item: Term, coefficient: number): Text {
  const factors = item.factors.map((atom) => atomText(frame, atom));
  if (coefficient !== 1 || factors.length === 0) factors.unshift(number(coefficient));
  return factors.reduce((product, factor) => infix(product, '*', factor, LEVEL.multiplicative));
}

function atomText(frame: Frame, atom: Atom): Text {
  if (atom.kind === 'symbol') return primary(frame.variable(atom.name).text);
  const known = frame.position(atom.key);
  if (known !== undefined) return primary(known);
  const [left, right] = [positionText(frame, atom.left), positionText(frame, atom.right)];
  if (atom.kind !== 'floordiv')
    return primary(frame.keepPosition(atom.key, atom.kind, call(`Math.${atom.kind}`, left, right).code));
  const quotient = infix(left, '/', right, LEVEL.multiplicative);
  // Truncation is rounding down where nothing is negative, and an integer division where both are small integers.
  const text = isAtLeast(atom.left, ZERO)
    ? infix({ code: `(${quotient.code})`, level: LEVEL.primary }, '|', number(0), LEVEL.bitOr)
    : call('Math.floor', quotient);
  return primary(frame.keepPosition(atom.key, 'quotient', text.code));
}

/** The place of element `index` of `buffer` in the views. */
export function indexText(frame: Frame, buffer: string, index: Dim): string {
  const { rest } = splitConstant(index);
  const key = groupKey(buffer, rest);
  const offset = subtract(index, rest);
  const start = frame.start(key);
  if (start !== undefined) return addTerms(frame, primary(start), offset).code;
  const { invariant } = splitInvariant(rest, frame.varying());
  const fixed = frame.start(groupKey(buffer, invariant));
  if (fixed !== undefined) return addTerms(frame, primary(fixed), subtract(index, invariant)).code;
  const base = primary(frame.variable(buffer).text);
  const group = frame.group(key);
  if (!group || group.uses < 2 || equal(rest, ZERO)) return sumText(frame, base, index).code;
  return addTerms(frame, primary(keepStart(frame, buffer, rest)), offset).code;
}

/** Writes a constant that holds where element `position` of `buffer` is. */
function keepStart(frame: Frame, buffer: string, position: Dim): string {
  const base = primary(frame.variable(buffer).text);
  const text = sumText(frame, base, position);
  const name = frame.fresh(`${base.code}_at`);
  frame.line(`const ${name} = ${text.code};`);
  frame.keepStart(groupKey(buffer, position), name);
  return name;
}

/** Plans the indices of a list of statements that is not the body of an innermost loop. */
export function planRegion(frame: Frame, positions: Positions): void {
  frame.setGroups(groupAccesses(positions.accesses));
}

/** Computes, before an innermost loop, the parts of its indices that do not change in it. */
export function hoistInvariants(frame: Frame, varying: ReadonlySet<string>, positions: Positions): void {
  for (const { buffer, index } of positions.accesses) {
    const { invariant } = splitInvariant(splitConstant(index).rest, varying);
    if (equal(invariant, ZERO) || frame.start(groupKey(buffer, invariant)) !== undefined) continue;
    keepStart(frame, buffer, invariant);
  }
  for (const dim of positions.values) {
    const { invariant } = splitInvariant(dim, varying);
    if (isSimple(invariant) || frame.position(invariant.key) !== undefined) continue;
    frame.keepPosition(invariant.key, 'fixed', positionText(frame, invariant).code);
  }
}

/** A constant or a single name. */
function isSimple(dim: Dim): boolean {
  const { rest } = splitConstant(dim);
  if (equal(rest, ZERO)) return true;
  const [only] = rest.terms;
  return rest.terms.length === 1 && only!.factors.length === 1 && only!.factors[0]!.kind === 'symbol';
}
