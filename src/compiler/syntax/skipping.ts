/** Text that the layout stage reports and leaves out, and where it ends. */
import type { TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import type { LayoutState } from './layout-state.ts';
import { tokenSpan } from './lex.ts';
import { endsOperand } from './token-facts.ts';
import {
  bodyWords,
  declarationWords,
  keywordTypes,
  misspeltDeclaration,
  misspeltStatement,
  unsupportedDeclarations,
  unsupportedStatements,
} from './words.ts';

/** A declaration that is not implemented yet. */
export function skipDeclaration(state: LayoutState): void {
  state.report('HED1010', undefined, `\`${state.current.image}\` declarations are not supported yet`);
  state.skip(endOfSkipped(state), [state.nameAt(1)]);
}

/**
 * A line that begins no statement. Where it is clear what was meant, `begin` goes on with that; otherwise the line is
 * left out.
 */
export function skipUnknownStatement(state: LayoutState, begin: (state: LayoutState, type: TokenType) => void): void {
  const word = state.current.image;
  const named = state.is(1, t.Identifier);
  const meant = misspeltStatement(word, named);
  if (unsupportedStatements.has(word)) {
    state.report('HED1010', undefined, `\`${word}\` statements are not supported yet`);
  } else if (meant !== undefined) {
    state.report('HED1004', undefined, `\`${word}\` begins no statement`, { hint: `did you mean \`${meant}\`?` });
    return begin(state, keywordTypes.get(meant)!);
  } else if (named && state.is(2, t.Equal)) {
    // `let x = …`: the word is dropped and the assignment read.
    state.report('HED1004', undefined, `\`${word}\` begins no statement`, {
      hint: `an assignment needs no keyword: \`${state.nameAt(1).text} = …\``,
    });
    state.at++;
    return begin(state, t.Target);
  } else {
    reportUnknown(state, named);
  }
  if (state.awaiting !== 'nothing') state.openBody();
  state.awaiting = 'nothing';
  state.skip(endOfSkipped(state), named ? [state.nameAt(1)] : []);
}

function reportUnknown(state: LayoutState, named: boolean): void {
  const word = state.current.image;
  if (named) {
    const words = [...bodyWords].map((known) => `\`${known}\``).join(', ');
    state.report('HED1004', undefined, `\`${word}\` begins no statement`, {
      hint: `a statement begins with ${words}, \`if\`, \`for\` or \`return\`, or is \`name = …\``,
    });
  } else if (state.is(1, t.BinaryOperator) && state.is(2, t.Equal)) {
    const operator = state.tokens[state.at + 1]!.image;
    state.report('HED1005', undefined, `there is no \`${operator}=\`: a value is never changed`, {
      hint: `give the new value the name: \`${word} = ${word} ${operator} …\``,
    });
  } else {
    state.report('HED1005', undefined, 'an expression alone is not a statement', {
      hint: 'give its value a name: `y = …`',
    });
  }
}

/** Text outside of any declaration, up to the next one. */
export function skipStray(state: LayoutState, message: string): void {
  const { previous } = state;
  state.report('HED1012', undefined, message, {
    ...(previous?.tokenType === t.RightBrace && {
      secondary: [{ span: tokenSpan(state.source, previous), text: 'the declaration before ended here' }],
    }),
    ...(state.current.tokenType !== t.RightBrace && {
      hint: 'statements stand in the body of a `block`, `fn` or `model`',
    }),
  });
  const { tokens, at: from } = state;
  let to = from + 1;
  while (to < tokens.length && !beginsDeclarationLine(state, to)) to++;
  state.closeEverything();
  state.awaiting = 'nothing';
  state.skip(to, []);
}

/** Whether the token at `index` begins a declaration at the left margin. */
function beginsDeclarationLine({ tokens }: LayoutState, index: number): boolean {
  const token = tokens[index]!;
  if (token.tokenType === t.Import) return true;
  if (token.startColumn !== 1 || tokens[index + 1]?.tokenType !== t.Identifier) return false;
  const word = token.image;
  if (declarationWords.has(word) || unsupportedDeclarations.has(word)) return true;
  return word === 'const' || misspeltDeclaration(word) !== undefined;
}

/** Where something that is left out ends: behind its braces, or before the next line that begins something. */
function endOfSkipped(state: LayoutState): number {
  const { tokens } = state;
  const open: TokenType[] = [];
  for (let to = state.at + 1; to < tokens.length; to++) {
    const type = tokens[to]!.tokenType;
    if (beginsDeclarationLine(state, to)) return to;
    if (type === t.LeftBrace || type === t.LeftParen || type === t.LeftBracket) {
      open.push(type);
    } else if (type === t.RightBrace) {
      while (open.length > 0 && open.at(-1) !== t.LeftBrace) open.pop();
      if (open.pop() === undefined) return to;
      if (open.length === 0 && tokens[to + 1]?.tokenType !== t.Else) return to + 1;
    } else if (type === t.RightParen || type === t.RightBracket) {
      if (open.length > 0 && open.at(-1) !== t.LeftBrace) open.pop();
    } else if (open.length === 0 && beginsStatementLine(state, to)) {
      return to;
    }
  }
  return tokens.length;
}

/** Whether the token at `index`, outside of brackets, begins a statement with its line. */
function beginsStatementLine({ tokens }: LayoutState, index: number): boolean {
  const token = tokens[index]!;
  const before = tokens[index - 1]!;
  if (before.endLine === token.startLine) return false;
  const type = token.tokenType;
  if (type === t.Return || type === t.For || type === t.If) return true;
  if (type !== t.Identifier) return false;
  const next = tokens[index + 1]?.tokenType;
  return endsOperand(before) || next === t.Equal || (bodyWords.has(token.image) && next === t.Identifier);
}

/** `mixture(…) as path { … }`, as far as it is there, becomes one operand. */
export function skipMixture(state: LayoutState): void {
  state.report('HED1010', undefined, '`mixture` is not supported yet');
  const { tokens } = state;
  let to = state.at + 1;
  const skipBrackets = (open: TokenType, close: TokenType): void => {
    if (tokens[to]?.tokenType !== open) return;
    for (let depth = 0; to < tokens.length; to++) {
      const type = tokens[to]!.tokenType;
      if (type === open) depth++;
      if (type === close) depth--;
      if (depth === 0) break;
    }
    to = Math.min(to + 1, tokens.length);
  };
  skipBrackets(t.LeftParen, t.RightParen);
  if (tokens[to]?.image === 'as') {
    to++;
    while (tokens[to]?.tokenType === t.Identifier || tokens[to]?.tokenType === t.Dot) to++;
    skipBrackets(t.LeftBrace, t.RightBrace);
  }
  state.skip(to, [], t.SkippedOperand);
}
