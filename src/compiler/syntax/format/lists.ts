/** Lists: between brackets, in rows, or plain. */
import type { Span } from '../../base/source.ts';
import { fill, indent, join, line, softLine } from './doc.ts';
import type { Doc, Group } from './doc.ts';
import type { Writer } from './writer.ts';

export interface Item {
  readonly span: Span;
  readonly doc: () => Doc;
  /** Its brackets may stand for the list's own where it is the only one. */
  readonly bracketed?: boolean;
}

interface Style {
  /** Spaces inside of the brackets. */
  readonly spaced?: boolean;
  /** A list of one has a comma behind it. */
  readonly tuple?: boolean;
  /** Broken before any list that follows on its line. */
  readonly before?: boolean;
}

/**
 * `(a, b)` on one line if it fits. Otherwise its items stand in the rows in which they were written, or in one row;
 * a row that does not fit goes on in the next line.
 */
export function bracketList(w: Writer, open: string, items: readonly Item[], close: string, style: Style = {}): Doc {
  const [only] = items;
  if (only?.bracketed && items.length === 1 && !style.tuple && !w.isCommentedBehind(only.span)) {
    const content = [w.punctuation(open), only.doc()];
    if (w.is(',')) w.skip(',');
    return [...content, w.take(close)];
  }
  return w.group(() => {
    const opened = w.punctuation(open);
    if (items.length === 0) return w.emptyBrackets(opened, () => w.take(close));
    const comma = (): Doc => (style.tuple && items.length === 1 ? w.punctuation(',') : w.lastComma());
    const content = (): Doc => [rows(w, items), comma()];
    return w.bracketed(opened, content, () => w.take(close), style.spaced ? line : softLine);
  }, style.before);
}

function rows(w: Writer, items: readonly Item[]): Doc {
  const result: Group[][] = [];
  for (const [i, item] of items.entries()) {
    if (i === 0 || w.startsLine || w.isCommented) result.push([]);
    result.at(-1)!.push(w.group(() => [item.doc(), i < items.length - 1 ? w.punctuation(',') : []]));
  }
  return join(result.map(fill), line);
}

/** `a, b` without brackets: on further lines where it does not fit on one. */
export function plainList(w: Writer, items: readonly (() => Doc)[], separator = ','): Doc {
  return w.group(() => {
    const [first, ...others] = items;
    if (!first) return [];
    return [first(), indent(others.map((item) => [w.punctuation(separator), line, item()]))];
  });
}

/** `a.b` */
export function dotted(w: Writer, names: readonly unknown[]): Doc {
  return names.map((_, i) => [i === 0 ? [] : w.take('.'), w.take()]);
}
