/** Where the layout stage is in the token stream, what is open there, and what it has put out. */
import { tokenMatcher } from 'chevrotain';
import type { IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import type { Code } from '../base/catalog.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { DiagnosticDetails, DiagnosticSink } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';
import type { Name } from './ast.ts';
import { clip, tokenSpan } from './lex.ts';
import { endsOperand, insertedBrace, isBrace, nextLandmarks, retyped, skippedToken } from './token-facts.ts';

/** An open bracket: of an expression or header, of a body, or of an import's names. */
interface Bracket {
  readonly kind: 'group' | 'body' | 'names';
  readonly opener: IToken;
  /** The column of the first token on the opener's line. */
  readonly indent: number;
}

export class LayoutState {
  readonly tokens: readonly IToken[];
  readonly source: Source;
  readonly out: IToken[] = [];
  /** Offsets at which something was reported. */
  readonly mistakes: number[] = [];
  /** Index of the current token. */
  at = 0;
  /** What a `{` would open here: a declaration's body, or that of an `if`, `else` or `for`. */
  awaiting: 'nothing' | 'declaration' | 'statement' = 'nothing';
  /** Between an assignment's first name and its `=`. */
  inTargets = false;
  /** Behind the names of an import. */
  afterNames = false;
  readonly #sink: DiagnosticSink;
  readonly #brackets: Bracket[] = [];
  readonly #landmarks: readonly (TokenType | undefined)[];
  #openBodies = 0;
  #indent = 1;
  /** A brace whose `}` stands in another column: probably the one that is not closed. */
  #suspect: IToken | undefined;

  constructor(tokens: readonly IToken[], source: Source, sink: DiagnosticSink) {
    this.tokens = tokens;
    this.source = source;
    this.#sink = sink;
    this.#landmarks = nextLandmarks(tokens);
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

  /** Which of `{`, `then` and `else` comes first behind the current token. */
  get landmark(): TokenType | undefined {
    return this.#landmarks[this.at];
  }

  get place(): Bracket['kind'] | 'file' {
    return this.#brackets.at(-1)?.kind ?? 'file';
  }

  /** Whether no body is open. */
  get atFileLevel(): boolean {
    return this.#openBodies === 0;
  }

  /** Whether the current token is the first of its line. */
  get onNewLine(): boolean {
    const before = this.tokens[this.at - 1];
    return before === undefined || before.endLine !== this.current.startLine;
  }

  /** Whether whatever came before is complete, so that a name cannot belong to it. */
  get fresh(): boolean {
    const { previous, place } = this;
    return (place === 'body' || place === 'file') && (isBrace(previous) || endsOperand(previous!));
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

  open(kind: Bracket['kind']): void {
    if (this.onNewLine) this.#indent = this.current.startColumn ?? 1;
    this.#brackets.push({ kind, opener: this.current, indent: this.#indent });
    if (kind === 'body') this.#openBodies++;
  }

  /** Parentheses and square brackets never reach over a brace or into the next statement. */
  closeGroups(): void {
    while (this.place === 'group') this.#brackets.pop();
  }

  close(): Bracket['kind'] | undefined {
    const bracket = this.#brackets.pop();
    if (bracket?.kind === 'body') {
      this.#openBodies--;
      const column = this.current.startColumn ?? 1;
      if (this.onNewLine && column < bracket.indent) this.#suspect ??= bracket.opener;
    }
    return bracket?.kind;
  }

  closeEverything(): void {
    this.#brackets.length = 0;
    this.#openBodies = 0;
    this.#suspect = undefined;
  }

  /** Writes the `}` of every open body, where a declaration begins or the file ends; reports the lack once. */
  closeBodies(found: string): void {
    const bodies = this.#brackets.filter((bracket) => bracket.kind === 'body');
    const opener = this.#suspect ?? bodies.at(-1)?.opener;
    const { previous } = this;
    if (bodies.length > 0 && opener && previous) {
      // Not counted as a mistake: with the brace written the parser has nothing to stumble over.
      const secondary = [{ span: tokenSpan(this.source, opener), text: 'opened here' }];
      const message = `expected \`}\` to close the body, found ${found}`;
      this.#sink.report(diagnostic('HED1003', this.#behind(previous), message, { secondary }));
      for (let i = 0; i < bodies.length; i++) this.out.push(insertedBrace(t.RightBrace, previous));
    }
    this.closeEverything();
  }

  /** Writes the `{` that was forgotten before the current token. */
  openBody(): void {
    const previous = this.previous!;
    const found = `\`${clip(this.current.image)}\``;
    this.report('HED1003', this.#behind(previous), `expected \`{\` to open the body, found ${found}`);
    this.out.push(insertedBrace(t.LeftBrace, previous));
    this.open('body');
  }

  #behind(token: IToken): Span {
    const { end } = tokenSpan(this.source, token);
    return { source: this.source, start: end, end };
  }

  // Putting out.

  emit(type: TokenType = this.current.tokenType): void {
    if (this.onNewLine) this.#indent = this.current.startColumn ?? 1;
    this.out.push(retyped(this.current, type));
    this.at++;
  }

  /** Puts out one token for all text up to the token at `to`. */
  skip(to: number, names: readonly Name[], type: TokenType = t.Skipped): void {
    this.out.push(skippedToken(this.current, this.tokens[to - 1]!, type, names));
    this.inTargets = false;
    this.at = to;
  }

  /** Reports something about the current token, or at `span`. */
  report(code: Code, span: Span | undefined, message: string, details: DiagnosticDetails = {}): void {
    const place = span ?? tokenSpan(this.source, this.current);
    // An empty place behind a token belongs to that token's statement.
    this.mistakes.push(place.end === place.start ? Math.max(place.start - 1, 0) : place.start);
    this.#sink.report(diagnostic(code, place, message, details));
  }
}
