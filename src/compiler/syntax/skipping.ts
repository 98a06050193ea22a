/** Text that the layout stage reports and leaves out, and where it ends. */
import type { TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { closest } from '../base/suggest.ts';
import type { LayoutState } from './layout-state.ts';
import { tokenSpan } from './lex.ts';
import { endsOperand, isBrace } from './token-facts.ts';
import {
  beginsDeclarationLine,
  bodyWords,
  declarationWords,
  declaresFunctionElsewhere,
  keywordTypes,
  misspeltStatement,
} from './words.ts';

/**
 * A statement inside of a `mixture` or an `optimizer`. Where a `}` is missing later it is written here, and the
 * statement stays to be read; otherwise it is left out, with all up to the `}` that is there.
 */
export function skipMisplaced(state: LayoutState): boolean {
  while (state.owner === 'mixture' || state.owner === 'optimizer') {
    if (state.braceBalance > 0) state.closeOwned(`\`${state.current.image}\``);
    else return leaveOut(state, state.owner);
  }
  return false;
}

function leaveOut(state: LayoutState, owner: 'mixture' | 'optimizer'): true {
  const word = state.current.image;
  state.closeGroups();
  if (owner === 'optimizer' && closest(word, ['group']) !== undefined && state.is(1, t.Text)) {
    state.report('HED1004', `\`${word}\` begins no group`, { hint: 'did you mean `group`?' });
    state.emit(t.GroupKeyword);
    return true;
  }
  const [message, hint, type] =
    owner === 'optimizer'
      ? ['the braces of an optimizer hold nothing but groups', 'write `group "pattern" (setting: …)`', t.Skipped]
      : [
          'the braces of a `mixture` hold one value',
          'put the statements into a block: `{ t => t |> Expert() }`',
          t.SkippedOperand,
        ];
  state.report('HED1012', message, { hint });
  let to = state.at + 1;
  for (let depth = 0; to < state.tokens.length && !beginsDeclarationLine(state.tokens, to); to++) {
    const { tokenType } = state.tokens[to]!;
    if (tokenType === t.LeftBrace) depth++;
    else if (tokenType === t.RightBrace && --depth < 0) break;
  }
  state.skip(to, [], type);
  return true;
}

/**
 * A line that begins no statement. Where it is clear what was meant, `begin` goes on with that; otherwise the line is
 * left out.
 */
export function skipUnknownStatement(state: LayoutState, begin: (state: LayoutState, type: TokenType) => void): void {
  const word = state.current.image;
  const named = state.is(0, t.Identifier) && state.is(1, t.Identifier);
  const meant = misspeltStatement(state.tokens, state.at);
  if (state.closed === 'if' && state.is(1, t.LeftBrace, t.If) && closest(word, ['else']) !== undefined) {
    state.report('HED1004', `\`${word}\` begins no statement`, { hint: 'did you mean `else`?' });
    state.emit(t.Else);
    state.awaiting = 'else';
    return;
  }
  if (meant !== undefined) {
    state.report('HED1004', `\`${word}\` begins no statement`, { hint: `did you mean \`${meant}\`?` });
    return begin(state, keywordTypes.get(meant)!);
  } else if (named && state.is(2, t.Equal)) {
    // `let x = …`: the word is dropped and the assignment read.
    state.report('HED1004', `\`${word}\` begins no statement`, {
      hint: `an assignment needs no keyword: \`${state.nameAt(1).text} = …\``,
    });
    state.at++;
    return begin(state, t.Target);
  } else {
    reportUnknown(state, named);
  }
  if (state.awaiting) state.insertBrace();
  state.skip(endOfSkipped(state), named ? [state.nameAt(1)] : []);
}

function reportUnknown(state: LayoutState, named: boolean): void {
  const word = state.current.image;
  if (named && declarationWords.has(word)) {
    state.report('HED1012', `a \`${word}\` cannot be declared inside of a body`, {
      hint: 'declare it at the top level of the file',
    });
  } else if (word === 'group' && state.is(1, t.Text)) {
    state.report('HED1012', 'a `group` can only stand in the braces of an `optimizer`');
  } else if (named) {
    const words = [...bodyWords].map((known) => `\`${known}\``).join(', ');
    state.report('HED1004', `\`${word}\` begins no statement`, {
      hint: `a statement begins with ${words}, \`if\`, \`for\` or \`return\`, or is \`name = …\``,
    });
  } else if (state.is(1, t.BinaryOperator) && state.is(2, t.Equal)) {
    const operator = state.tokens[state.at + 1]!.image;
    state.report('HED1005', `there is no \`${operator}=\`: a value is never changed`, {
      hint: `give the new value the name: \`${word} = ${word} ${operator} …\``,
    });
  } else if (assignsOnLine(state)) {
    state.report('HED1005', 'only a name can be assigned to: a value is never changed', {
      hint: 'compute a new value and give it a name: `y = …`',
    });
  } else {
    state.report('HED1005', 'an expression alone is not a statement', {
      hint: 'give its value a name: `y = …`',
    });
  }
}

function assignsOnLine({ tokens, at, current }: LayoutState): boolean {
  for (let i = at + 1; tokens[i]?.startLine === current.startLine; i++) {
    if (tokens[i]!.tokenType === t.Equal) return true;
  }
  return false;
}

/** Text outside of any declaration, up to the next one. */
export function skipStray(state: LayoutState, message: string): void {
  const { previous } = state;
  state.report('HED1012', message, {
    ...(previous?.tokenType === t.RightBrace && {
      secondary: [{ span: tokenSpan(state.source, previous), text: 'the declaration before ended here' }],
    }),
    hint: strayHint(state),
  });
  const { tokens, at: from } = state;
  let to = from + 1;
  while (to < tokens.length && !beginsDeclarationLine(tokens, to)) to++;
  state.leave();
  state.skip(to, []);
}

function strayHint(state: LayoutState): string | undefined {
  const { current, previous } = state;
  if (current.tokenType === t.RightBrace) return undefined;
  if (current.image === 'from') return 'an import is written `import { name } from "path"`';
  const target = state.is(1, t.Equal) ? current : state.is(2, t.Equal) ? state.tokens[state.at + 1] : undefined;
  if (target?.tokenType === t.Identifier && previous?.tokenType !== t.RightBrace) {
    return `a constant of the file is written \`const ${target.image} = …\``;
  }
  return 'a file holds `import`, `block`, `fn`, `model`, `train` and `const`; statements stand in a body';
}

/** Where something that is left out ends: behind its braces, or before the next line that begins something. */
function endOfSkipped(state: LayoutState): number {
  const { tokens } = state;
  const open: TokenType[] = [];
  for (let to = state.at + 1; to < tokens.length; to++) {
    const type = tokens[to]!.tokenType;
    if (beginsDeclarationLine(tokens, to)) return to;
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

/** Whether a function begins here as another language writes it, so that not only its first word is wrong. */
export function isForeignFunction(state: LayoutState): boolean {
  if (!state.is(0, t.Identifier) || !declaresFunctionElsewhere(state.current.image)) return false;
  if (!state.is(1, t.Identifier) || !state.is(2, t.LeftParen)) return false;
  if (!state.onNewLine && !isBrace(state.previous)) return false;
  return !(state.atFileLevel && opensBody(state)) || !allTyped(state);
}

/** Whether every parameter in the parentheses ahead is `name: …`. */
function allTyped(state: LayoutState): boolean {
  const end = endOfHeader(state) - 1;
  let depth = 0;
  for (let to = state.at + 2; to < end; to++) {
    const { tokenType } = state.tokens[to]!;
    if (tokenType === t.LeftParen || tokenType === t.LeftBracket) depth++;
    else if (tokenType === t.RightParen || tokenType === t.RightBracket) depth--;
    const begins = depth === 1 && (tokenType === t.LeftParen || tokenType === t.Comma);
    if (begins && state.tokens[to + 1]?.tokenType === t.Identifier) {
      const next = state.tokens[to + 2]?.tokenType;
      if (next !== t.Colon && next !== t.Question) return false;
    }
  }
  return true;
}

function endOfHeader(state: LayoutState): number {
  return behindBrackets(state, state.at + 2, t.LeftParen, t.RightParen);
}

/** Whether the header ahead ends with a `{`, on its line or at the start of the next. */
function opensBody(state: LayoutState): boolean {
  const { tokens } = state;
  const from = endOfHeader(state);
  for (let to = from; to < tokens.length; to++) {
    const token = tokens[to]!;
    if (token.tokenType === t.LeftBrace) return true;
    if (token.tokenType === t.Colon || token.startLine !== tokens[from - 1]!.endLine) return false;
  }
  return false;
}

/** Leaves out such a function as a whole: to the end of its braces, or as far as its lines are indented. */
export function skipForeignFunction(state: LayoutState): void {
  const { image } = state.current;
  const { text } = state.nameAt(1);
  const place = state.atFileLevel ? '' : ', at the top level of the file';
  state.closeGroups();
  if (state.atFileLevel) state.closeBraces(`\`${image}\``);
  else if (state.awaiting) state.insertBrace();
  state.report('HED1004', `\`${image}\` begins no ${state.atFileLevel ? 'declaration' : 'statement'}`, {
    hint: `a function is written \`fn ${text}(x: f32[..s]) -> f32[..s] { … }\`${place}`,
  });
  state.skip(opensBody(state) ? endOfSkipped(state) : endOfIndented(state, endOfHeader(state)), [state.nameAt(1)]);
}

/** The first token from `from` on that begins a line no further to the right than the current one, or closes a body. */
function endOfIndented({ tokens, current }: LayoutState, from: number): number {
  let depth = 0;
  for (let to = from; to < tokens.length; to++) {
    const { tokenType, startLine, startColumn } = tokens[to]!;
    if (tokens[to - 1]!.endLine !== startLine && (startColumn ?? 1) <= (current.startColumn ?? 1)) return to;
    if (tokenType === t.LeftBrace) depth++;
    else if (tokenType === t.RightBrace && --depth < 0) return to;
  }
  return tokens.length;
}

/** An `import` in a body. */
export function skipImport(state: LayoutState): void {
  state.report('HED1012', 'an `import` cannot stand inside of a body', {
    hint: 'imports stand at the top of the file',
  });
  const { tokens, at } = state;
  const behind = behindBrackets(state, at + 1, t.LeftBrace, t.RightBrace);
  let to = behind;
  if (tokens[to]?.image === 'from') to++;
  if (tokens[to]?.tokenType === t.Text) to++;
  const names = Array.from({ length: behind - at }, (_, offset) => offset).filter((offset) =>
    state.is(offset, t.Identifier),
  );
  state.skip(
    to,
    names.map((offset) => state.nameAt(offset)),
  );
}

/** An `else` whose `if` is not there. */
export function skipElse(state: LayoutState): void {
  state.report('HED1002', '`else` without an `if` before it');
  state.skip(endOfSkipped(state), []);
}

/** Braces where no body can stand; or, where the file has one too many of them, only that one. */
export function skipBraces(state: LayoutState): void {
  state.report('HED1002', 'unexpected `{`: no body can begin here');
  const type = state.fresh ? t.Skipped : t.SkippedOperand;
  const surplus = state.braceBalance > 0;
  state.skip(surplus ? state.at + 1 : behindBrackets(state, state.at, t.LeftBrace, t.RightBrace), [], type);
}

/** Behind the bracket that closes the one at `index`, if one opens there; or where a declaration begins. */
function behindBrackets(state: LayoutState, index: number, open: TokenType, close: TokenType): number {
  const { tokens } = state;
  if (tokens[index]?.tokenType !== open) return index;
  let depth = 0;
  for (let to = index; to < tokens.length; to++) {
    const type = tokens[to]!.tokenType;
    if (type === open) depth++;
    else if (type === close) depth--;
    if (depth === 0) return to + 1;
    if (to > index && beginsDeclarationLine(tokens, to)) return to;
  }
  return tokens.length;
}
