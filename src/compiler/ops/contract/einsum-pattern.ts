/**
 * Reads an einsum pattern and fits it to operand types. Knows the notation and the sizes, not how a product is made.
 * Without spaces inside its terms a pattern has one letter an axis (`bij,bjk->bik`); as soon as one term has several
 * words, words name axes in all of them (`batch i, o i -> batch o`).
 */
import { closest } from '../../base/suggest.ts';
import { equal, print, type Dim } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import { isOne, printType } from '../../ir/types.ts';
import { MAX_PATTERN, type Mismatch } from '../rules.ts';

interface Label {
  readonly name: string;
  /** Offset in the pattern. */
  readonly at: number;
}

interface Term {
  readonly labels: readonly Label[];
  readonly at: number;
}

interface Pattern {
  readonly operands: readonly Term[];
  /** Absent without an arrow. */
  readonly result?: Term;
}

export const ELLIPSIS = '...';

/** Each operand's and the result's labels, one for each axis; the axes of an ellipsis are `...0`, from the last on. */
export interface EinsumPlan {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
  readonly sizes: ReadonlyMap<string, Dim>;
}

type Failure = { readonly error: Mismatch };

function failure(message: string, at: number, details: Partial<Mismatch> = {}): Failure {
  return { error: { message, attribute: 'pattern', at, ...details } };
}

function parseTerm(text: string, at: number, isWordy: boolean): Term | Failure {
  const labels: Label[] = [];
  for (const match of text.matchAll(isWordy ? /\.\.\.|[A-Za-z_]\w*|\S/gu : /\.\.\.|\S/gu)) {
    const name = match[0];
    const offset = at + match.index;
    if (name !== ELLIPSIS && !/^[A-Za-z_]\w*$/.test(name)) return failure(`\`${name}\` names no axis`, offset);
    if (name === ELLIPSIS && labels.some((label) => label.name === ELLIPSIS))
      return failure('a term has one ellipsis at most', offset);
    labels.push({ name, at: offset });
  }
  return { labels, at };
}

function isWordy(term: string): boolean {
  return /\S\s+\S/.test(term.replace(ELLIPSIS, '').trim());
}

function parseEinsum(pattern: string): Pattern | Failure {
  if (pattern.length > MAX_PATTERN) return failure(`a pattern has at most ${MAX_PATTERN} characters`, 0);
  const arrow = pattern.indexOf('->');
  const left = arrow === -1 ? pattern : pattern.slice(0, arrow);
  const right = arrow === -1 ? undefined : pattern.slice(arrow + 2);
  const texts = left.split(',');
  const wordy = [...texts, right ?? ''].some(isWordy);
  const operands: Term[] = [];
  let at = 0;
  for (const text of texts) {
    const term = parseTerm(text, at, wordy);
    if ('error' in term) return term;
    operands.push(term);
    at += text.length + 1;
  }
  if (right === undefined) return { operands };
  const result = parseTerm(right, arrow + 2, wordy);
  return 'error' in result ? result : { operands, result };
}

/** The labels of an operand's axes, the ellipsis replaced by as many as the rank leaves. */
function spread({ labels, at }: Term, type: TensorType, operand: number): readonly Label[] | Failure {
  const ellipsis = labels.findIndex((label) => label.name === ELLIPSIS);
  const named = labels.length - (ellipsis === -1 ? 0 : 1);
  const covered = type.shape.length - named;
  if (ellipsis === -1 ? covered !== 0 : covered < 0) {
    const least = ellipsis === -1 ? '' : 'at least ';
    return failure(`the term names ${least}${count(named)}, but the operand is ${printType(type)}`, at, {
      operand,
      hint: 'in a pattern without spaces each letter is an axis; words need a space between them',
    });
  }
  if (ellipsis === -1) return labels;
  return labels.toSpliced(ellipsis, 1, ...ellipsisLabels(covered, labels[ellipsis]!.at));
}

function count(axes: number): string {
  return axes === 1 ? '1 axis' : `${axes} axes`;
}

function ellipsisLabels(covered: number, at: number): Label[] {
  return Array.from({ length: covered }, (_, axis) => ({ name: `${ELLIPSIS}${covered - 1 - axis}`, at }));
}

/** One size for each label: within an operand all alike, between operands alike or the number 1. */
function unify(operands: readonly (readonly Label[])[], types: readonly TensorType[]): Map<string, Dim> | Failure {
  const sizes = new Map<string, Dim>();
  for (const [operand, labels] of operands.entries()) {
    const { shape } = types[operand]!;
    for (const [axis, { name, at }] of labels.entries()) {
      const size = shape[axis]!;
      const earlier = labels.findIndex((label) => label.name === name);
      const known = sizes.get(name) ?? size;
      const clash = equal(shape[earlier]!, size) ? known : shape[earlier]!;
      if (!equal(clash, size) && (earlier !== axis || !(isOne(known) || isOne(size)))) {
        const axisName = name.startsWith(ELLIPSIS) ? 'an axis of the ellipsis' : `axis \`${name}\``;
        const notes = [`the operands are ${types.map(printType).join(' and ')}`];
        return failure(`${axisName} is ${print(clash)} and ${print(size)}`, at, { notes, operand });
      }
      if (!sizes.has(name) || isOne(known)) sizes.set(name, size);
    }
  }
  return sizes;
}

/** Without an arrow: the ellipsis, then every label that occurs once, by name, as in NumPy. */
function implicitResult(labels: readonly Label[], ellipsis: readonly Label[]): readonly Label[] {
  const occurrences = (name: string): number => labels.filter((label) => label.name === name).length;
  const single = labels.filter((label) => !label.name.startsWith(ELLIPSIS) && occurrences(label.name) === 1);
  return [...ellipsis, ...single.toSorted((a, b) => (a.name < b.name ? -1 : 1))];
}

function explicitResult(
  term: Term,
  known: ReadonlyMap<string, Dim>,
  ellipsis: readonly Label[],
): readonly Label[] | Failure {
  const labels = term.labels.flatMap((label) => (label.name === ELLIPSIS ? ellipsis : [label]));
  for (const [axis, { name, at }] of labels.entries()) {
    if (!known.has(name)) {
      const similar = closest(name, known.keys());
      const hint = similar === undefined ? {} : { hint: `did you mean \`${similar}\`?` };
      return failure(`axis \`${name}\` of the result is in no operand`, at, hint);
    }
    if (labels.findIndex((label) => label.name === name) !== axis)
      return failure(`axis \`${name}\` is twice in the result`, at);
  }
  return labels;
}

/** The pattern fitted to the operands' types. */
export function planEinsum(text: string, types: readonly TensorType[]): EinsumPlan | Failure {
  const pattern = parseEinsum(text);
  if ('error' in pattern) return pattern;
  if (pattern.operands.length !== types.length) {
    const terms = pattern.operands.length === 1 ? '1 term' : `${pattern.operands.length} terms`;
    return failure(`the pattern has ${terms} for ${types.length} operand${types.length === 1 ? '' : 's'}`, 0);
  }
  const operands: (readonly Label[])[] = [];
  for (const [operand, term] of pattern.operands.entries()) {
    const labels = spread(term, types[operand]!, operand);
    if ('error' in labels) return labels;
    operands.push(labels);
  }
  const sizes = unify(operands, types);
  if ('error' in sizes) return sizes;
  const covered = [...sizes.keys()].filter((name) => name.startsWith(ELLIPSIS)).length;
  const ellipsis = ellipsisLabels(covered, 0);
  const result = pattern.result
    ? explicitResult(pattern.result, sizes, ellipsis)
    : implicitResult(operands.flat(), ellipsis);
  if ('error' in result) return result;
  const names = (labels: readonly Label[]): string[] => labels.map((label) => label.name);
  return { operands: operands.map(names), result: names(result), sizes };
}
