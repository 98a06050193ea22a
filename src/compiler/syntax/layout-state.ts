/** Where the layout stage is in the token stream, what is open there, and what it has put out. */
import { tokenMatcher } from 'chevrotain';
import type { IToken, TokenType } from 'chevrotain';
import type { Failure } from '../../../grammar/expressions.ts';
import * as t from '../../../grammar/tokens.ts';
import type { Code } from '../base/catalog.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { DiagnosticDetails, DiagnosticSink } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import type { Name } from './ast.ts';
import { braceOwners } from './brace-owners.ts';
import type { BraceOwners, BraceWord } from './brace-owners.ts';
import { tokenSpan } from './lex.ts';
import {
  braceBalances,
  endsOperand,
  ifLandmarks,
  insertedToken,
  isBrace,
  isInserted,
  retyped,
  skippedToken,
} from './token-facts.ts';
import { beginsDeclarationLine } from './words.ts';

/** Who opened, or is about to open, a brace. Only behind an `if`'s may an `else` follow. */
export type Owner = 'declaration' | 'if' | 'else' | 'for' | 'import' | BraceWord;

/** An open bracket; without an owner it is one of an expression or a header. */
interface Bracket {
  readonly owner: Owner | undefined;
  readonly opener: IToken;
  /** The column of the first token on the opener's line. */
  readonly indent: number;
  /** Who still waits for a `{` behind a `mixture`. */
  readonly resume: Owner | undefined;
}

const contents: Readonly<Record<Owner, string>> = {
  declaration: 'the body',
  if: 'the body',
  else: 'the body',
  for: 'the body',
  import: 'the imported names',
  mixture: 'the experts',
  optimizer: 'the groups',
};

export class LayoutState {
  readonly tokens: readonly IToken[];
  readonly source: Source;
  readonly out: IToken[] = [];
  /** Offsets at which something was reported. */
  readonly mistakes: number[] = [];
  /** Braces written here that were missing, to be reported with the parser's failures. */
  readonly failures: Failure[] = [];
  /** Index of the current token. */
  at = 0;
  /** Who waits for a `{` here. */
  awaiting: Owner | undefined;
  /** Whose `}` came last, until something else comes. */
  closed: Owner | undefined;
  /** Between an assignment's first name and its `=`. */
  inTargets = false;
  /** Between an `optimizer` and its `{`. */
  inOptimizer = false;
  /** The column at which the current declaration begins. */
  margin = 1;
  readonly #sink: DiagnosticSink;
  readonly #brackets: Bracket[] = [];
  readonly #landmarks: ReadonlyMap<number, TokenType>;
  readonly #balances: readonly number[];
  readonly #owners: BraceOwners;
  #openBraces = 0;
  #indent = 1;
  /** A brace whose `}` stands in another column: probably the one that is not closed. */
  #suspect: IToken | undefined;

  constructor(tokens: readonly IToken[], source: Source, sink: DiagnosticSink) {
    this.tokens = tokens;
    this.source = source;
    this.#sink = sink;
    const beginsDeclaration = (index: number): boolean => beginsDeclarationLine(tokens, index);
    this.#owners = braceOwners(tokens, beginsDeclaration);
    this.#landmarks = ifLandmarks(tokens, this.#owners);
    this.#balances = braceBalances(tokens, beginsDeclaration);
  }

  // Looking around.

  get current(): IToken {
    return this.tokens[this.at]!;
  }

  /** The last token put out. */
  get previous(): IToken | undefined {
    return this.out.at(-1);
  }

  /** Whether the token `offset` places ahead is of one of the types. */
  is(offset: number, ...types: TokenType[]): boolean {
    const token = this.tokens[this.at + offset];
    return token !== undefined && types.some((type) => tokenMatcher(token, type));
  }

  /** Which of `{`, `then` and `else` comes first behind the condition of the current `if`. */
  get landmark(): TokenType | undefined {
    return this.#landmarks.get(this.at);
  }

  /** How many braces of the declaration are not closed (or, below zero, not opened) in the end. */
  get braceBalance(): number {
    return this.#openBraces + (this.#balances[this.at] ?? 0);
  }

  /** What the innermost open bracket is. */
  get place(): 'file' | 'group' | 'names' | 'body' | BraceWord {
    const bracket = this.#brackets.at(-1);
    if (!bracket) return 'file';
    switch (bracket.owner) {
      case undefined:
        return 'group';
      case 'import':
        return 'names';
      case 'mixture':
      case 'optimizer':
        return bracket.owner;
      default:
        return 'body';
    }
  }

  /** Whose braces the current token is in, parentheses left aside. */
  get owner(): Owner | undefined {
    return this.#brackets.findLast((bracket) => bracket.owner)?.owner;
  }

  /** Whose `{` the current token is; or, where that is missing, who wants it before the current token. */
  get braceWord(): BraceWord | undefined {
    // Its name may be missing.
    if (this.is(0, t.LeftBrace) && this.previous?.tokenType === t.OptimizerKeyword) return 'optimizer';
    const word = this.#owners.get(this.at);
    return word === 'optimizer' && !this.inOptimizer ? undefined : word;
  }

  /** Whether no brace is open. */
  get atFileLevel(): boolean {
    return this.#openBraces === 0;
  }

  /** Whether the current token is the first of its line. */
  get onNewLine(): boolean {
    const before = this.tokens[this.at - 1];
    return before === undefined || before.endLine !== this.current.startLine;
  }

  /** Whether the current token stands no further to the right than the line on which the innermost bracket opened. */
  get outdented(): boolean {
    return (this.current.startColumn ?? 1) <= (this.#brackets.at(-1)?.indent ?? this.margin);
  }

  /** Whether whatever came before is complete, so that a name cannot belong to it. */
  get fresh(): boolean {
    const { previous, place } = this;
    return (
      (place === 'body' || place === 'file' || place === 'optimizer') && (isBrace(previous) || endsOperand(previous!))
    );
  }

  /** Whether `name =` or `name, name =` stands here. */
  get assigns(): boolean {
    let offset = 0;
    while (this.is(offset, t.Identifier) && this.is(offset + 1, t.Comma)) offset += 2;
    return this.is(offset, t.Identifier) && this.is(offset + 1, t.Equal);
  }

  nameAt(offset: number): Name {
    const token = this.tokens[this.at + offset]!;
    return { text: token.image, span: tokenSpan(this.source, token) };
  }

  // Brackets.

  open(owner: Owner | undefined, opener = this.current): void {
    const resume = owner === 'mixture' ? this.awaiting : undefined;
    this.#brackets.push({ owner, opener, indent: this.#indentHere(), resume });
    if (owner) this.#openBraces++;
  }

  /** Parentheses and square brackets never reach over a brace or into the next statement. */
  closeGroups(): void {
    while (this.place === 'group') this.#brackets.pop();
  }

  /** Closes the innermost bracket, with the current token. */
  close(): Owner | undefined {
    const bracket = this.#brackets.pop();
    if (!bracket?.owner) return undefined;
    this.#openBraces--;
    this.awaiting = bracket.resume;
    const closer = this.tokens[this.at];
    if (closer && this.onNewLine && (closer.startColumn ?? 1) < bracket.indent) this.#suspect ??= bracket.opener;
    return bracket.owner;
  }

  /** Whether the current `}` is one too many and stands where none can be meant. */
  get isStrayBrace(): boolean {
    if (this.braceBalance >= 0) return false;
    const body = this.#brackets.findLast((bracket) => bracket.owner);
    if (!body || body.opener.startLine === this.current.startLine) return false;
    return !this.onNewLine || this.current.startColumn !== body.indent;
  }

  /** Leaves everything that is open or expected. */
  leave(): void {
    this.#brackets.length = 0;
    this.#openBraces = 0;
    this.#suspect = undefined;
    this.awaiting = undefined;
    this.inTargets = false;
  }

  /** Writes the braces that are missing where a declaration begins or the file ends. */
  closeBraces(found: string): void {
    if (this.awaiting) this.insertBody();
    const open = this.#brackets.filter((bracket) => bracket.owner);
    const innermost = open.at(-1);
    // Not counted as a mistake: with the braces written the parser has nothing to stumble over.
    if (innermost) this.#tellUnclosed(innermost, this.#suspect, found);
    for (const { owner } of open.toReversed()) this.out.push(insertedToken(closerOf(owner), this.previous!));
    this.leave();
  }

  /** Writes the `}` that is missing where a statement begins. */
  closeOwned(found: string): void {
    this.closeGroups();
    const bracket = this.#brackets.at(-1);
    if (!bracket?.owner) return;
    // Where its `{` was written too, that was told.
    if (!isInserted(bracket.opener)) this.mistakes.push(this.#tellUnclosed(bracket, undefined, found));
    this.out.push(insertedToken(closerOf(bracket.owner), this.previous!));
    this.#brackets.pop();
    this.#openBraces--;
    this.awaiting = bracket.resume;
    this.closed = bracket.owner;
  }

  #tellUnclosed({ owner, opener }: Bracket, suspect: IToken | undefined, found: string): number {
    const { end } = tokenSpan(this.source, this.previous!);
    const place = { source: this.source, start: end, end };
    const content = contents[owner ?? 'declaration'];
    this.#sink.report(
      diagnostic('HED1003', place, `expected \`}\` to close ${content}, found ${found}`, {
        secondary: [{ span: tokenSpan(this.source, suspect ?? opener), text: 'opened here' }],
      }),
    );
    return end;
  }

  /** Writes the `{` of a `mixture` or an `optimizer` before what it holds. */
  openOwned(owner: BraceWord): void {
    const brace = insertedToken(owner === 'mixture' ? t.LeftExpertBrace : t.LeftBrace, this.previous!);
    const rule = owner === 'mixture' ? 'experts' : 'groups';
    this.out.push(brace);
    this.failures.push({ rule, second: false, wanted: brace.tokenType.name, found: brace });
    this.open(owner, brace);
    this.awaiting = undefined;
  }

  /** Writes the `{` that was forgotten before the current token; a whole body, where no `}` is left for it. */
  insertBrace(): void {
    if (this.awaiting !== 'declaration' && this.braceBalance >= 0) return this.insertBody();
    this.#insertAwaited();
    this.open(this.awaiting, this.previous);
    this.awaiting = undefined;
  }

  /** Writes the `{` before the names of an import. */
  openNames(): void {
    const brace = insertedToken(t.LeftBrace, this.previous!);
    this.#writeNamesBrace(brace);
    this.open('import', brace);
  }

  /** Writes the `}` behind the names of an import. */
  closeNames(): void {
    this.#writeNamesBrace(insertedToken(t.RightBrace, this.previous!));
    this.closed = this.close();
  }

  #writeNamesBrace(brace: IToken): void {
    this.out.push(brace);
    this.failures.push({ rule: 'importedNames', second: false, wanted: brace.tokenType.name, found: brace });
  }

  /** Writes `{ }` where a whole body is missing. */
  insertBody(): void {
    this.closeGroups();
    this.#insertAwaited();
    this.out.push(insertedToken(t.RightBrace, this.previous!));
    this.closed = this.awaiting;
    this.awaiting = undefined;
  }

  #insertAwaited(): void {
    const brace = insertedToken(t.LeftBrace, this.previous!);
    this.out.push(brace);
    this.failures.push({ rule: 'body', second: false, wanted: t.LeftBrace.name, found: brace });
  }

  // Putting out.

  emit(type: TokenType = this.current.tokenType): void {
    this.#indentHere();
    this.closed = undefined;
    this.out.push(retyped(this.current, type));
    this.at++;
  }

  #indentHere(): number {
    if (this.onNewLine) this.#indent = this.current.startColumn ?? 1;
    return this.#indent;
  }

  /** Puts out one token for all text up to the token at `to`. */
  skip(to: number, names: readonly Name[], type: TokenType = t.Skipped): void {
    this.out.push(skippedToken(this.current, this.tokens[to - 1]!, type, names));
    this.inTargets = false;
    this.closed = undefined;
    this.at = to;
  }

  /** Reports something about the current token. */
  report(code: Code, message: string, details: DiagnosticDetails = {}): void {
    const span = tokenSpan(this.source, this.current);
    this.mistakes.push(span.start);
    this.#sink.report(diagnostic(code, span, message, details));
  }
}

function closerOf(owner: Owner | undefined): TokenType {
  return owner === 'mixture' ? t.RightExpertBrace : t.RightBrace;
}
