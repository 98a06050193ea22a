/** Which statement, and which bracket, each place of the token stream belongs to. Used only to talk about errors. */
import { tokenMatcher } from 'chevrotain';
import type { IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { isInserted } from './token-facts.ts';

export interface Regions {
  indexOf(token: IToken): number;
  /** The region of the token before `index`. */
  before(index: number): number;
  /** The region of a text offset. */
  at(offset: number): number;
  /** The innermost bracket open before the token at `index`. */
  openerAt(index: number): IToken | undefined;
}

/** A region is one statement without its bodies, one group of an optimizer, or one parameter or the results of a declaration's header. */
export function regionsOf(tokens: readonly IToken[]): Regions {
  const regionOf: number[] = [];
  const openers: (IToken | undefined)[] = [];
  const indices = new Map<IToken, number>();
  const open: IToken[] = [];
  let region = 0;
  let inHeader = false;
  let inImport = false;
  for (const [i, token] of tokens.entries()) {
    const type = token.tokenType;
    const declares = tokenMatcher(token, t.DeclarationStart);
    // Taken before anything is closed: at the start of a statement it is the bracket left open before it.
    openers.push(open.at(-1));
    if (declares) open.length = 0;
    if (declares || tokenMatcher(token, t.StatementStart)) {
      while (open.length > 0 && open.at(-1)!.tokenType !== t.LeftBrace) open.pop();
      region++;
      inHeader = declares;
      inImport = type === t.ImportKeyword;
    }
    const nextParameter = open.length === 1 && type === t.Comma;
    const nextPart = open.length === 0 && (type === t.LeftParen || type === t.Arrow);
    // Braces that are not in the text separate nothing of an import.
    const divides = !(inImport && isInserted(token));
    if ((type === t.LeftBrace && divides) || (inHeader && (nextParameter || nextPart))) region++;
    if (type === t.LeftBrace) inHeader = false;
    indices.set(token, i);
    regionOf.push(region);
    if (type === t.RightBrace && divides) region++;
    trackBracket(open, token);
  }
  openers.push(open.at(-1));
  return {
    indexOf: (token) => indices.get(token) ?? tokens.length,
    before: (index) => regionOf[index - 1] ?? 0,
    at: (offset) => regionOf[lastStartingBy(tokens, offset)] ?? 0,
    openerAt: (index) => openers[index],
  };
}

const openerOf = new Map([
  [t.RightParen, t.LeftParen],
  [t.RightBracket, t.LeftBracket],
  [t.RightBrace, t.LeftBrace],
  [t.RightExpertBrace, t.LeftExpertBrace],
]);

function trackBracket(open: IToken[], token: IToken): void {
  const type = token.tokenType;
  if (type === t.LeftParen || type === t.LeftBracket || type === t.LeftExpertBrace) open.push(token);
  else if (type === t.LeftBrace) {
    while (open.length > 0 && open.at(-1)!.tokenType !== t.LeftBrace) open.pop();
    open.push(token);
  } else {
    const wanted = openerOf.get(type);
    if (wanted === undefined) return;
    // A closing sign that fits nothing closes nothing; parentheses never reach out of a body.
    for (let i = open.length - 1; i >= 0; i--) {
      if (open[i]!.tokenType === wanted) {
        open.length = i;
        return;
      }
      if (open[i]!.tokenType === t.LeftBrace) return;
    }
  }
}

/** Index of the last token that starts at or before `offset`, or -1. */
function lastStartingBy(tokens: readonly IToken[], offset: number): number {
  let [low, high] = [0, tokens.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle]!.startOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
