/** What stands on lines of its own: statements, declarations, groups of an optimizer, and the comments between them. */
import { blankLine, comment, hardLine, indent, line, space } from './doc.ts';
import type { Doc } from './doc.ts';
import type { Writer } from './writer.ts';

export interface Entry {
  readonly doc: () => Doc;
  /** Set off from its neighbours by a blank line. */
  readonly apart?: boolean;
}

/** One below the other, with the comments before and behind them. Of the blank lines between them one stays. */
export function entries(w: Writer, list: readonly Entry[]): Doc {
  const column: Doc[] = [];
  let bottom = 0;
  const put = (doc: Doc, top: number, apart: boolean): void => {
    if (column.length > 0) column.push(apart || top > bottom + 1 ? blankLine : hardLine);
    column.push(doc);
  };
  const putComments = (apart: boolean): boolean => {
    bottom = w.lineBefore;
    column.push(...(column.length > 0 ? [w.trailingComment()] : []));
    const comments = w.pull();
    for (const [i, { text, startLine }] of comments.entries()) {
      put(comment(text, false), startLine, apart && i === 0);
      bottom = startLine;
    }
    return comments.length > 0;
  };
  let last: Entry | undefined;
  for (const entry of list) {
    // The comments above an entry that is set off belong to it.
    const apart = last !== undefined && (last.apart === true || entry.apart === true);
    const commented = putComments(apart);
    const top = w.line;
    put(entry.doc(), top, apart && !commented);
    last = entry;
  }
  putComments(false);
  return column;
}

/**
 * Entries in braces, on lines of their own if the group around is broken, which it always is unless there is only one
 * entry, written on the line of the `{`, that `mayStay` there.
 */
export function braced(w: Writer, list: readonly Entry[], breakUp: () => void, mayStay = false): Doc {
  const open = [space, w.punctuation('{'), w.trailingComment()];
  if (list.length === 0 && !w.hasComments) return [open, w.take('}')];
  if (!mayStay || list.length > 1 || w.startsLine) breakUp();
  return [open, indent([line, entries(w, list)]), line, w.take('}')];
}
