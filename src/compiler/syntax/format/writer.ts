/**
 * Goes through a file's tokens in step with its syntax tree and hands them out as documents. So no token is lost, and
 * comments, which the tree does not hold, come out before the token that they stand before.
 */
import type { IToken } from 'chevrotain';
import * as t from '../../../../grammar/tokens.ts';
import type { Span } from '../../base/source.ts';
import { comment, group, hardLine, ifBroken, indent, softLine } from './doc.ts';
import type { Doc, Group } from './doc.ts';

/** A comment of the text that has not come out yet. */
export interface PendingComment {
  readonly text: string;
  /** It stands behind a token on that token's line. */
  readonly trailing: boolean;
  readonly startLine: number;
}

export class Writer {
  readonly #tokens: readonly IToken[];
  /** The comments before each token, and behind the last one. */
  readonly #gaps: readonly (readonly PendingComment[])[];
  readonly #closers: ReadonlyMap<number, number>;
  readonly #starts: ReadonlyMap<number, number>;
  readonly #ends: ReadonlyMap<number, number>;
  #at = 0;
  /** Comments of tokens that were left out or have come out before them. */
  #carried: PendingComment[] = [];
  #gapTaken = false;
  /** How many tokens have come out, and before which of them comments did. */
  #emitted = 0;
  #lastComment = -1;
  #brokenGroups = 0;

  constructor(tokens: readonly IToken[], comments: readonly IToken[]) {
    this.#tokens = tokens;
    this.#gaps = gapsOf(tokens, comments);
    this.#closers = closersOf(tokens);
    this.#starts = new Map(tokens.map((token, i) => [token.startOffset, i]));
    this.#ends = new Map(tokens.map((token, i) => [(token.endOffset ?? token.startOffset) + 1, i]));
  }

  // Looking around.

  /** Whether the next token is the given one. */
  is(text: string): boolean {
    return this.#tokens[this.#at]?.image === text;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** Whether the next token begins a line of the source. */
  get startsLine(): boolean {
    return this.line > this.lineBefore;
  }

  /** The line of the next token. */
  get line(): number {
    return this.#tokens[this.#at]?.startLine ?? Infinity;
  }

  /** The line on which the last token ended. */
  get lineBefore(): number {
    return this.#tokens[this.#at - 1]?.endLine ?? 0;
  }

  /** How many pairs of parentheses the span begins and ends with. */
  parentheses({ start, end }: Span): number {
    let [from, to] = [this.#starts.get(start) ?? 0, this.#ends.get(end) ?? 0];
    let count = 0;
    while (this.#tokens[from]?.tokenType === t.LeftParen && this.#closers.get(from) === to) {
      [from, to] = [from + 1, to - 1];
      count++;
    }
    return count;
  }

  /** Whether a comment comes next, perhaps behind parentheses, which may be left out. */
  get isCommented(): boolean {
    let at = this.#at;
    while (this.#tokens[at]?.tokenType === t.LeftParen && this.#gaps[at + 1]?.length === 0) at++;
    return this.hasComments || this.#tokens[at]?.tokenType === t.LeftParen;
  }

  /** Whether a comment stands between the content of brackets that open with the next token and their end. */
  isCommentedBehind(content: Span): boolean {
    const last = (this.#ends.get(content.end) ?? 0) - this.parentheses(content);
    const closer = this.#closers.get(this.#at) ?? last;
    return this.#gaps.slice(last + 1, closer + 1).some((gap) => gap.length > 0);
  }

  // Tokens.

  /** The next token, with the comments before it. */
  take(text?: string): Doc {
    return [this.pull().map(docOf), this.#next(text)];
  }

  /** The next token; the comments before it come behind it. */
  punctuation(text: string): Doc {
    this.#carry();
    return this.#next(text);
  }

  /** A token that is not in the text. */
  add(text: string): Doc {
    this.#emitted++;
    return text;
  }

  /** Leaves the next token out. */
  skip(text: string, count = 1): void {
    for (let i = 0; i < count; i++) {
      this.#carry();
      this.#expect(text);
      this.#advance();
    }
  }

  /** A comma before a closing bracket, which only a broken list has. */
  lastComma(): Doc {
    if (this.is(',')) this.skip(',');
    this.#emitted++;
    return ifBroken(',');
  }

  #next(text?: string): string {
    const token = this.#expect(text);
    this.#advance();
    this.#emitted++;
    return token.image;
  }

  #expect(text: string | undefined): IToken {
    const token = this.#tokens[this.#at];
    if (!token || (text !== undefined && token.image !== text)) {
      throw new Error(`the formatter expects \`${text}\` at \`${token?.image}\`, line ${token?.startLine}`);
    }
    return token;
  }

  #advance(): void {
    this.#at++;
    this.#gapTaken = false;
  }

  // Comments.

  #carry(): void {
    if (!this.#gapTaken) this.#carried.push(...(this.#gaps[this.#at] ?? []));
    this.#gapTaken = true;
  }

  /** The comments before the next token, which is to come out without them. */
  pull(): readonly PendingComment[] {
    this.#carry();
    const comments = this.#carried;
    this.#carried = [];
    if (comments.length > 0) this.#lastComment = this.#emitted;
    return comments;
  }

  /** Whether there are comments before the next token. */
  get hasComments(): boolean {
    this.#carry();
    return this.#carried.length > 0;
  }

  /** The first of them, if it stands behind the last token. */
  trailingComment(): Doc {
    const first = this.hasComments && this.#carried[0]?.trailing ? this.#carried.shift() : undefined;
    if (!first) return [];
    this.#lastComment = this.#emitted;
    return docOf(first);
  }

  /** The comments before a closing bracket, as lines of what it closes. */
  #beforeCloser(): Doc {
    return this.pull().map((item, i) => (item.trailing && i === 0 ? docOf(item) : [hardLine, docOf(item)]));
  }

  // Groups.

  /** Broken where there is a comment or another broken group inside, or where `build` asks for it. */
  group(build: (breakUp: () => void) => Doc, before = false): Group {
    const [first, brokenBefore] = [this.#emitted, this.#brokenGroups];
    const content = build(() => this.#brokenGroups++);
    const broken = this.#lastComment > first || this.#brokenGroups > brokenBefore;
    if (broken) this.#brokenGroups++;
    return group(content, broken, before);
  }

  /** What brackets hold, on lines of its own where it does not fit on one. */
  bracketed(open: Doc, content: () => Doc, close: () => Doc, edge: Doc = softLine): Doc {
    return [open, indent([edge, content(), this.#beforeCloser()]), edge, close()];
  }

  /** Brackets without content. */
  emptyBrackets(open: Doc, close: () => Doc): Doc {
    if (!this.hasComments) return [open, close()];
    return [open, indent(this.#beforeCloser()), softLine, close()];
  }
}

export function docOf({ text, trailing }: PendingComment): Doc {
  return comment(text, trailing);
}

function gapsOf(tokens: readonly IToken[], comments: readonly IToken[]): PendingComment[][] {
  let next = 0;
  return [...tokens, undefined].map((token, i) => {
    const gap: PendingComment[] = [];
    for (; next < comments.length; next++) {
      const { image, startLine, startOffset } = comments[next]!;
      if (token && startOffset > token.startOffset) break;
      const trailing = gap.length === 0 && tokens[i - 1]?.endLine === startLine;
      gap.push({ text: image.trimEnd(), trailing, startLine: startLine ?? 0 });
    }
    return gap;
  });
}

/** For each opening parenthesis, where it is closed. */
function closersOf(tokens: readonly IToken[]): Map<number, number> {
  const result = new Map<number, number>();
  const open: number[] = [];
  for (const [i, { tokenType }] of tokens.entries()) {
    if (tokenType === t.LeftParen) open.push(i);
    else if (tokenType === t.RightParen) result.set(open.pop() ?? 0, i);
  }
  return result;
}
