/** Splits graph text into tokens and walks over them. Knows the characters of the text form and nothing else of it. */

/** Names may have dots: `layers.0.attn`. A `value` is `%12`. */
export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'value' | 'punctuation' | 'end';
  readonly text: string;
  readonly line: number;
}

/** The text is not a graph. Caught by `parseGraph`, which returns it as data. */
export class GraphSyntaxError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

const TOKEN =
  /(?<blank>[ \t\r\n]+|\/\/[^\n]*)|(?<name>[A-Za-z_]\w*(?:\.\w+)*)|(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?<string>"(?:[^"\\\n]|\\.)*")|%(?<value>\d+)|(?<punctuation><=|[-+*/(){}[\]<>,:=@])/uy;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (let at = 0; at < text.length;) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(text)?.groups;
    if (!groups) throw new GraphSyntaxError(`unexpected ${JSON.stringify(text[at])}`, line);
    at = TOKEN.lastIndex;
    for (const kind of ['name', 'number', 'string', 'value', 'punctuation'] as const) {
      const found = groups[kind];
      if (found !== undefined) tokens.push({ kind, text: found, line });
    }
    line += (groups['blank'] ?? '').split('\n').length - 1;
  }
  tokens.push({ kind: 'end', text: '', line });
  return tokens;
}

/** More nesting than any graph has; it keeps hostile text from exhausting the stack. */
const DEEPEST = 100;

export class Scanner {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  get next(): Token {
    return this.#tokens[this.#at]!;
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  /** True, and the token taken, if the next one is this punctuation or word. */
  accept(text: string): boolean {
    const { kind, text: found } = this.next;
    if (found !== text || (kind !== 'punctuation' && kind !== 'name')) return false;
    this.#at++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected \`${text}\``);
  }

  /** A token of this kind; its text. */
  of(kind: 'name' | 'number' | 'string' | 'value', what: string): string {
    if (this.next.kind !== kind) this.fail(`expected ${what}`);
    return this.take().text;
  }

  /** `item , item … close`, the opening already taken. */
  list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(','));
    this.expect(close);
    return items;
  }

  /** Guards a recursive rule. */
  nested<T>(rule: () => T): T {
    if (++this.#depth > DEEPEST) this.fail('the text is nested too deeply');
    const result = rule();
    this.#depth--;
    return result;
  }

  fail(message: string): never {
    const { kind, text, line } = this.next;
    const found = kind === 'end' ? 'the text ends' : `found \`${kind === 'value' ? '%' : ''}${text}\``;
    throw new GraphSyntaxError(`${message}; ${found}`, line);
  }
}
