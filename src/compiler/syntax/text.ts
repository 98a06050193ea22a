/** Tells files that are no text, a picture or an archive, before anyone looks for a grammar in them. */
import { diagnostic } from '../base/diagnostic.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';

/** Control characters that no text holds, and the sign for bytes that were not UTF-8. */
// oxlint-disable-next-line no-control-regex
const strange = /[\0-\x08\x0E-\x1F\x7F\uFFFD]/g;

/** A few may have come into a text by accident. */
const share = 1 / 20;

/** Far more than a person writes; a file of data was meant to be read otherwise. */
const MAX_CHARACTERS = 2_000_000;
const MAX_TOKENS = 200_000;

const tooLongHint = 'large tables are parameters: they come with the weights';

/** The one diagnostic about a source too long to be worth reading. */
export function tooLong({ path, text }: Source): Diagnostic | undefined {
  if (text.length <= MAX_CHARACTERS) return undefined;
  const message = `${path} has ${text.length} characters; at most ${MAX_CHARACTERS} are read`;
  return diagnostic('HED1022', undefined, message, { hint: tooLongHint });
}

/** The same for words and signs, `place` being that of one by its number. */
export function tooMany(count: number, place: (at: number) => Span): Diagnostic | undefined {
  if (count <= MAX_TOKENS) return undefined;
  const message = `this file has ${count} words and signs; at most ${MAX_TOKENS} are read`;
  return diagnostic('HED1022', place(MAX_TOKENS), message, { hint: tooLongHint });
}

/** The one diagnostic about a source that is no text. */
export function notText({ path, text }: Source): Diagnostic | undefined {
  const holdsNul = text.includes('\0');
  if (!holdsNul && (text.match(strange)?.length ?? 0) <= share * text.length) return undefined;
  return diagnostic('HED1020', undefined, `${path}: this is not a text file`, {
    hint: 'a spec is written in plain text, encoded as UTF-8',
  });
}
