/** How drawings write shapes: short enough to stand on an edge, in lines, with the whole text in a tooltip. */
import { constant, constantValue, equal, ONE, subtract, type Atom, type Dim, type Term } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import { formatShape, valueOf, type DimValues } from '../quantities.ts';

export interface DrawnShape {
  /** As the language writes it; shapes look alike exactly if these texts are the same. */
  readonly full: string;
  /** The short text, as pieces between which a line may end. */
  readonly pieces: readonly string[];
}

/** `[batch, 64, ⌊height/2⌋]`; the dtype stands before it unless it is f32. */
export function drawnShape({ dtype, shape }: TensorType, dims: DimValues): DrawnShape {
  const prefix = dtype === 'f32' ? '' : dtype;
  const axes = shape.map((dim) => String(valueOf(dim, dims) ?? shortDim(dim)));
  const pieces = axes.map((axis, at) => axis + (at === axes.length - 1 ? ']' : ','));
  return { full: prefix + formatShape(shape, dims), pieces: [`${prefix}[${pieces[0] ?? ']'}`, ...pieces.slice(1)] };
}

/** The shape of each of several values that flow together: `8 × [batch, 64]`. */
export function severalOf(count: number, { full, pieces }: DrawnShape): DrawnShape {
  return { full: `${count} × ${full}`, pieces: [`${count} × ${pieces[0]}`, ...pieces.slice(1)] };
}

/** Characters of a line; a shape that is longer takes two lines, cut where the longer of them is shortest. */
const MAX_LINE = 26;

export function linesOf({ pieces }: DrawnShape): readonly string[] {
  const whole = pieces.join(' ');
  if (whole.length <= MAX_LINE) return [whole];
  const cuts = pieces.slice(1).map((_, at) => [pieces.slice(0, at + 1).join(' '), pieces.slice(at + 1).join(' ')]);
  const longer = (lines: readonly string[]): number => Math.max(...lines.map((line) => line.length));
  return cuts.reduce((best, cut) => (longer(cut) < longer(best) ? cut : best), [whole]);
}

/** `⌊height/2⌋`, `⌈width/4⌉`, `2·batch·time + 1` */
export function shortDim({ terms }: Dim): string {
  if (terms.length === 0) return '0';
  return terms.map((term, at) => signOf(term, at === 0) + shortTerm(term)).join('');
}

function signOf({ coefficient }: Term, isFirst: boolean): string {
  if (isFirst) return coefficient < 0 ? '-' : '';
  return coefficient < 0 ? ' - ' : ' + ';
}

function shortTerm({ coefficient, factors }: Term): string {
  const size = Math.abs(coefficient);
  const names = factors.map(shortAtom);
  return (size === 1 && names.length > 0 ? names : [String(size), ...names]).join('·');
}

function shortAtom(atom: Atom): string {
  switch (atom.kind) {
    case 'symbol':
      return atom.name;
    case 'floordiv':
      return shortQuotient(atom.left, atom.right);
    case 'min':
    case 'max':
      return `${atom.kind}(${shortDim(atom.left)}, ${shortDim(atom.right)})`;
  }
}

/** `floor((x + b - 1) / b)` is `ceil(x / b)`, for an integer b. */
function shortQuotient(left: Dim, right: Dim): string {
  const added = constant(left.terms.find(({ factors }) => factors.length === 0)?.coefficient ?? 0);
  const isCeiling = constantValue(right) !== undefined && equal(added, subtract(right, ONE));
  const quotient = `${operand(isCeiling ? subtract(left, added) : left)}/${operand(right)}`;
  return isCeiling ? `⌈${quotient}⌉` : `⌊${quotient}⌋`;
}

function operand(dim: Dim): string {
  const text = shortDim(dim);
  return dim.terms.length > 1 ? `(${text})` : text;
}
