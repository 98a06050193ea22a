/** Which braces belong to a `mixture` or an `optimizer`, found before the layout stage decides about the others. */
import type { IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';

/** A word whose braces are no body. */
export type BraceWord = 'mixture' | 'optimizer';

/** By the index of the `{`; or, where that is missing, by the index of what must stand behind it. */
export type BraceOwners = ReadonlyMap<number, BraceWord>;

/** A word that waits for its `{`, and how many parentheses were open around it. */
interface BraceHead {
  readonly word: BraceWord;
  readonly depth: number;
}

/** Finds the braces of every `mixture(…) as p { t => … }` and `optimizer name(…) { group … }`, in one pass. */
export function braceOwners(tokens: readonly IToken[], beginsDeclaration: (index: number) => boolean): BraceOwners {
  const result = new Map<number, BraceWord>();
  const outer: { heads: BraceHead[]; depth: number }[] = [];
  let heads: BraceHead[] = [];
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (beginsDeclaration(i)) [outer.length, heads, depth] = [0, [], 0];
    const head = heads.at(-1);
    const type = token.tokenType;
    const word = braceWord(tokens, i);
    if (word) {
      heads.push({ word, depth });
    } else if (type === t.LeftBrace) {
      if (head) result.set(i, heads.pop()!.word);
      outer.push({ heads, depth });
      [heads, depth] = [[], 0];
    } else if (type === t.RightBrace) {
      ({ heads, depth } = outer.pop() ?? { heads: [], depth: 0 });
    } else if (type === t.LeftParen || type === t.LeftBracket) {
      depth++;
    } else if (type === t.RightParen || type === t.RightBracket) {
      depth = Math.max(0, depth - 1);
      while (heads.length > 0 && heads.at(-1)!.depth > depth) heads.pop();
    } else if (head?.depth === depth) {
      const begins = beginsContent(head.word, tokens, i);
      if (begins) result.set(i, head.word);
      if (begins || (type !== t.Identifier && type !== t.Dot)) heads.pop();
    }
  }
  return result;
}

function braceWord(tokens: readonly IToken[], index: number): BraceWord | undefined {
  const { tokenType, image } = tokens[index]!;
  if (tokenType === t.Mixture) return 'mixture';
  const next = tokens[index + 1];
  const named = tokenType === t.Identifier && next?.tokenType === t.Identifier && next.image !== 'as';
  return named && image === 'optimizer' ? 'optimizer' : undefined;
}

/** Whether what the braces of the word hold begins here, though no `{` came. */
function beginsContent(word: BraceWord, tokens: readonly IToken[], index: number): boolean {
  const [before, token, next] = [tokens[index - 1], tokens[index]!, tokens[index + 1]];
  if (token.tokenType !== t.Identifier) return false;
  if (word === 'optimizer') return token.image === 'group' && next?.tokenType === t.Text;
  // Behind `as` it is the path of a mixture in the head of a comprehension.
  return next?.tokenType === t.FatArrow && before?.image !== 'as' && before?.tokenType !== t.Dot;
}
