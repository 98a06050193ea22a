/** Tells files that are no text, a picture or an archive, before anyone looks for a grammar in them. */
import { diagnostic } from '../base/diagnostic.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';

/** Control characters that no text holds, and the sign for bytes that were not UTF-8. */
// oxlint-disable-next-line no-control-regex
const strange = /[\0-\x08\x0E-\x1F\x7F\uFFFD]/g;

/** A few may have come into a text by accident. */
const share = 1 / 20;

/** The one diagnostic about a source that is no text. */
export function notText({ path, text }: Source): Diagnostic | undefined {
  const holdsNul = text.includes('\0');
  if (!holdsNul && (text.match(strange)?.length ?? 0) <= share * text.length) return undefined;
  return diagnostic('HED1020', undefined, `${path}: this is not a text file`, {
    hint: 'a spec is written in plain text, encoded as UTF-8',
  });
}
