/** What single tokens are to the layout stage. */
import { tokenMatcher } from 'chevrotain';
import type { IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import type { Name } from './ast.ts';
import type { BraceOwners } from './brace-owners.ts';

/** The names that skipped text would have bound; the payload of a `Skipped` token. */
interface SkippedText {
  readonly names: readonly Name[];
}

export function skippedNames(token: IToken): readonly Name[] {
  return (token.payload as SkippedText | undefined)?.names ?? [];
}

/** One token that stands for all text from `first` to `last`. */
export function skippedToken(first: IToken, last: IToken, type: TokenType, names: readonly Name[]): IToken {
  const { endOffset, endLine, endColumn } = last;
  const end = {
    ...(endOffset !== undefined && { endOffset }),
    ...(endLine !== undefined && { endLine }),
    ...(endColumn !== undefined && { endColumn }),
  };
  return { ...retyped(first, type), ...end, payload: { names } satisfies SkippedText };
}

export function retyped(token: IToken, type: TokenType): IToken {
  return token.tokenType === type ? token : { ...token, tokenType: type, tokenTypeIdx: type.tokenTypeIdx! };
}

/** A brace that was forgotten: covers no text, directly behind `before`. */
export function insertedToken(type: TokenType, before: IToken): IToken {
  const end = before.endOffset ?? before.startOffset;
  return { ...retyped(before, type), image: '', startOffset: end + 1, endOffset: end, payload: undefined };
}

const braces: readonly TokenType[] = [t.LeftBrace, t.RightBrace, t.LeftExpertBrace, t.RightExpertBrace];

/** Whether the token stands for a brace that is not in the text. */
export function isInserted(token: IToken): boolean {
  return token.image === '' && braces.includes(token.tokenType);
}

/** Behind a brace, and at the start of a file, nothing is left open. */
export function isBrace(token: IToken | undefined): boolean {
  return token === undefined || token.tokenType === t.LeftBrace || token.tokenType === t.RightBrace;
}

const operandEnds: readonly TokenType[] = [
  t.Identifier,
  t.Integer,
  t.Float,
  t.Text,
  t.True,
  t.False,
  t.None,
  t.Training,
  t.RightParen,
  t.RightBracket,
  t.RightExpertBrace,
  t.Skipped,
  t.SkippedOperand,
];

export function endsOperand(token: IToken): boolean {
  return operandEnds.some((type) => tokenMatcher(token, type));
}

/**
 * For each `if`, which of `{`, `then` and `else` comes first behind its condition: it tells the kinds of `if` apart.
 * Braces that have an owner do not count.
 */
export function ifLandmarks(tokens: readonly IToken[], owners: BraceOwners): ReadonlyMap<number, TokenType> {
  const result = new Map<number, TokenType>();
  let pending: number[] = [];
  let elses = 0;
  for (const [i, { tokenType }] of tokens.entries()) {
    if (tokenType === t.If) {
      pending.push(i);
    } else if (tokenType === t.LeftBrace && !owners.has(i)) {
      for (const index of pending) result.set(index, tokenType);
      [pending, elses] = [[], 0];
    } else if (tokenType === t.Then || (tokenType === t.Else && elses === 0)) {
      const index = pending.pop();
      if (index !== undefined) result.set(index, tokenType);
      if (tokenType === t.Then) elses++;
    } else if (tokenType === t.Else) {
      elses--;
    }
  }
  return result;
}

/** For each token, how many more braces open than close from it to the end of the declaration. */
export function braceBalances(tokens: readonly IToken[], beginsDeclaration: (index: number) => boolean): number[] {
  const result: number[] = [];
  let balance = 0;
  for (let i = tokens.length - 1; i >= 0; i--) {
    const type = tokens[i]!.tokenType;
    if (type === t.LeftBrace) balance++;
    else if (type === t.RightBrace) balance--;
    result[i] = balance;
    if (beginsDeclaration(i)) balance = 0;
  }
  return result;
}
