/** The values of numbers and strings. */
import type { IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { Expr, StringLiteral } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { clip, tokenSpan } from './lex.ts';

export function numberLiteral(context: BuildContext, token: IToken): Expr {
  const span = tokenSpan(context.source, token);
  const value = Number(token.image);
  if (token.tokenType === t.Integer) {
    if (!Number.isSafeInteger(value)) {
      context.sink.report(
        diagnostic('HED1016', span, `\`${clip(token.image)}\` is too large for an integer`, {
          notes: [`the largest is ${Number.MAX_SAFE_INTEGER}`],
        }),
      );
      return { kind: 'error', span };
    }
    return { kind: 'integer', value, span };
  }
  if (!Number.isFinite(value)) {
    context.sink.report(diagnostic('HED1016', span, `\`${clip(token.image)}\` is too large for a float`));
    return { kind: 'error', span };
  }
  return { kind: 'float', value, span };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

/** Without quotes, escapes replaced. An escape that does not exist is reported and stands for its character. */
export function textLiteral(context: BuildContext, token: IToken): StringLiteral {
  const span = tokenSpan(context.source, token);
  const closed = token.tokenType !== t.UnterminatedText;
  const inner = token.image.slice(1, closed ? -1 : undefined);
  if (token.tokenType === t.SingleQuotedText) return { kind: 'string', text: inner, span };
  const text = inner.replace(/\\([^]?)/gu, (written, character: string, at: number) => {
    const meant = Object.hasOwn(escapes, character) ? escapes[character] : undefined;
    if (meant === undefined && closed) {
      const start = span.start + 1 + at;
      const place = { ...span, start, end: start + written.length };
      context.sink.report(
        diagnostic('HED1008', place, `\`${written}\` is no escape`, {
          hint: 'the escapes are `\\n`, `\\t`, `\\"` and `\\\\`',
        }),
      );
    }
    return meant ?? character;
  });
  return { kind: 'string', text, span };
}
