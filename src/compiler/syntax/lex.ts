/**
 * Text to tokens. Reports what is wrong with single characters and literals, and hands on tokens that are good enough
 * to parse, so that one wrong character costs one diagnostic.
 */
import type { IToken } from 'chevrotain';
import {
  Dot,
  ForeignWord,
  Identifier,
  Integer,
  lexer,
  MalformedNumber,
  SingleQuotedText,
  UnterminatedText,
} from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { Diagnostic, DiagnosticSink } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';

export interface Lexed {
  readonly tokens: readonly IToken[];
  /** Every `//` and `///` comment, in order. */
  readonly comments: readonly IToken[];
  /** Offsets at which something was reported here, ascending. */
  readonly mistakes: readonly number[];
  /** Those of them after which the expression around says something else than what was meant, ascending. */
  readonly gaps: readonly number[];
}

export function tokenSpan(source: Source, token: IToken): Span {
  return { source, start: token.startOffset, end: (token.endOffset ?? token.startOffset) + 1 };
}

export function lex(source: Source, sink: DiagnosticSink): Lexed {
  const result = lexer.tokenize(source.text);
  const words = result.tokens.flatMap((token, at, all) => segmentsOf(token, all[at - 1]));
  const found: Diagnostic[] = [
    ...result.errors.map((error) => strangeCharacters(source, error.offset, error.length)),
    ...(result.groups['mistakes'] ?? []).map((token) => hashComment(tokenSpan(source, token))),
    ...words.flatMap((token) => malformedLiteral(source, token) ?? []),
  ];
  const start = (item: Diagnostic): number => item.primary?.span.start ?? 0;
  found.sort((a, b) => start(a) - start(b));
  for (const item of found) sink.report(item);
  const open = words.filter((token) => token.tokenType === UnterminatedText);
  // A `;` ends a statement rather than being a part of it.
  const lost = result.errors.filter(({ offset, length }) => !/^;+$/.test(source.text.slice(offset, offset + length)));
  return {
    tokens: namesFromForeignWords(words, source, sink),
    comments: result.groups['comments'] ?? [],
    mistakes: found.map(start),
    gaps: [...open.map((token) => token.startOffset), ...lost.map(({ offset }) => offset)].sort((a, b) => a - b),
  };
}

/** Behind a dot or `as`, `0.1` is no fraction but two segments of a path: `net.0.1`. */
function segmentsOf(token: IToken, before: IToken | undefined): readonly IToken[] {
  if ((before?.tokenType !== Dot && before?.image !== 'as') || !/^\d+(?:\.\d+)+$/.test(token.image)) return [token];
  return [...token.image.matchAll(/\d+|\./g)].map(({ 0: image, index }) => {
    const tokenType = image === '.' ? Dot : Integer;
    const [startOffset, startColumn] = [token.startOffset + index, token.startColumn! + index];
    const last = image.length - 1;
    const place = { startOffset, endOffset: startOffset + last, startColumn, endColumn: startColumn + last };
    return { ...token, ...place, image, tokenType, tokenTypeIdx: tokenType.tokenTypeIdx! };
  });
}

/** A word with foreign letters is reported once and is a name from then on: whatever follows from it is consistent. */
function namesFromForeignWords(tokens: readonly IToken[], source: Source, sink: DiagnosticSink): readonly IToken[] {
  const told = new Set<string>();
  return tokens.map((token) => {
    if (token.tokenType !== ForeignWord) return token;
    if (!told.has(token.image)) {
      const message = `\`${clip(token.image)}\` cannot be a name`;
      sink.report(
        diagnostic('HED1001', tokenSpan(source, token), message, {
          hint: 'names are ASCII letters, digits and `_`',
        }),
      );
    }
    told.add(token.image);
    return { ...token, tokenType: Identifier, tokenTypeIdx: Identifier.tokenTypeIdx! };
  });
}

/** What people write out of habit from other languages. */
const habits: Readonly<Record<string, string>> = {
  ';': 'statements need no `;`',
  '&': 'the logical operator is `and`',
  '&&': 'the logical operator is `and`',
  '!': 'the logical operator is `not`',
  '^': 'a power is written `**`',
  "'": 'strings stand in double quotes',
  '`': 'strings stand in double quotes',
};

function strangeCharacters(source: Source, start: number, length: number): Diagnostic {
  const text = source.text.slice(start, start + length);
  const shown = Array.from(text).length > 20 ? `${Array.from(text).slice(0, 20).join('')}…` : text;
  const message = `unexpected ${Array.from(text).length === 1 ? 'character' : 'characters'} ${quote(shown)}`;
  return diagnostic('HED1001', { source, start, end: start + length }, message, { hint: habits[text] });
}

/** In backquotes, or as escapes where the characters cannot be seen. */
function quote(text: string): string {
  return /[\p{C}\p{Z}`]/u.test(text) ? JSON.stringify(text) : `\`${text}\``;
}

function hashComment(span: Span): Diagnostic {
  return diagnostic('HED1001', { ...span, end: span.start + 1 }, 'unexpected character `#`', {
    hint: 'a comment begins with `//`',
  });
}

function malformedLiteral(source: Source, token: IToken): Diagnostic | undefined {
  const span = tokenSpan(source, token);
  switch (token.tokenType) {
    case MalformedNumber:
      return diagnostic('HED1007', span, `\`${clip(token.image)}\` is not a number`, {
        hint: /^\d+[A-Za-z_]/.test(token.image) ? 'a name cannot begin with a digit' : undefined,
      });
    case UnterminatedText:
      return diagnostic('HED1008', span, 'the string is not closed', {
        label: 'it ends at the end of the line',
        hint: 'close it with `"`; write a line break in a string as `\\n`',
      });
    case SingleQuotedText:
      return diagnostic('HED1008', span, 'strings stand in double quotes', {
        hint: `write "${clip(token.image.slice(1, -1))}"`,
      });
    default:
      return undefined;
  }
}

/** Text of a token, short enough for a sentence. */
export function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
