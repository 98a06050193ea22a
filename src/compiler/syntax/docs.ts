/** Which comments document a declaration: the `///` lines directly above it. */
import type { IToken } from 'chevrotain';
import type { Source } from '../base/source.ts';

/** A lookup from the offset at which a declaration begins to the text of its doc comment, `''` without one. */
export function docLookup(source: Source, comments: readonly IToken[]): (offset: number) => string {
  // A block of doc lines is found by the offset of the first character behind it that is not white space.
  const blocks = new Map<number, string>();
  let lines: string[] = [];
  let lastLine = 0;
  comments.forEach((comment, i) => {
    const line = comment.startLine ?? 0;
    const isDoc = comment.image.startsWith('///') && standsAlone(source, comment);
    if (!isDoc || line !== lastLine + 1) lines = [];
    if (!isDoc) return;
    lines.push(comment.image.slice(3).replace(/^ /, '').trimEnd());
    lastLine = line;
    const next = comments[i + 1];
    if (next?.startLine === line + 1 && next.image.startsWith('///')) return;
    const gap = /^[^\S\n]*\n[^\S\n]*/.exec(source.text.slice(comment.startOffset + comment.image.length, undefined));
    if (gap) blocks.set(comment.startOffset + comment.image.length + gap[0].length, lines.join('\n'));
  });
  return (offset) => blocks.get(offset) ?? '';
}

/** Whether nothing but white space is before the comment on its line. */
function standsAlone(source: Source, comment: IToken): boolean {
  const lineStart = source.text.lastIndexOf('\n', comment.startOffset - 1) + 1;
  return source.text.slice(lineStart, comment.startOffset).trim() === '';
}
