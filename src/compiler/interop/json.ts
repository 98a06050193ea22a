/**
 * JSON with positions: for files that people write, where an error must point at its place and the order of keys
 * matters. Knows nothing of what the files mean.
 */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';

export interface JsonMember {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: Json;
}

export type Json =
  | { readonly kind: 'object'; readonly span: Span; readonly members: readonly JsonMember[] }
  | { readonly kind: 'array'; readonly span: Span; readonly items: readonly Json[] }
  | { readonly kind: 'string'; readonly span: Span; readonly value: string }
  | { readonly kind: 'number'; readonly span: Span; readonly value: number }
  | { readonly kind: 'boolean'; readonly span: Span; readonly value: boolean }
  | { readonly kind: 'null'; readonly span: Span };

/** Files of this kind nest a few levels; deeper ones would only exhaust the stack. */
const MAX_DEPTH = 100;

/** Undefined after reporting HED3006. Members keep their order; equal keys in one object are an error. */
export function parseJson(source: Source, sink: DiagnosticSink): Json | undefined {
  try {
    return new JsonParser(source).parse();
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    sink.report(diagnostic('HED3006', error.span, error.message));
    return undefined;
  }
}

/** Leaves the parser's recursion; never leaves this file. */
class JsonError extends Error {
  readonly span: Span;

  constructor(span: Span, message: string) {
    super(message);
    this.span = span;
  }
}

const TOKEN = /[{}[\],:]|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+/.source;

class JsonParser {
  readonly #source: Source;
  readonly #pattern = new RegExp(TOKEN, 'y');
  #start = 0;
  #end = 0;
  /** The token at hand; empty at the end of the text. */
  #token = '';

  constructor(source: Source) {
    this.#source = source;
    this.#advance();
  }

  parse(): Json {
    const value = this.#value(0);
    if (this.#token !== '') this.#fail('nothing may follow the value');
    return value;
  }

  #span(start = this.#start, end = this.#end): Span {
    return { source: this.#source, start, end };
  }

  #fail(message: string, span = this.#span()): never {
    throw new JsonError(span, message);
  }

  #advance(): void {
    const { text } = this.#source;
    const space = /[ \t\r\n]*/y;
    space.lastIndex = this.#end;
    space.exec(text);
    this.#start = space.lastIndex;
    this.#pattern.lastIndex = this.#start;
    this.#token = this.#pattern.exec(text)?.[0] ?? '';
    this.#end = this.#start + this.#token.length;
    if (this.#token === '' && this.#start < text.length) {
      this.#end = this.#start + 1;
      this.#fail(text[this.#start] === '"' ? 'this string is not closed' : 'this is not JSON');
    }
  }

  /** Whether the token was `sign`, which is then passed. */
  #accept(sign: string): boolean {
    if (this.#token !== sign) return false;
    this.#advance();
    return true;
  }

  #expect(sign: string, where: string): void {
    if (!this.#accept(sign)) this.#fail(`\`${sign}\` is expected ${where}`);
  }

  #value(depth: number): Json {
    const [token, start, span] = [this.#token, this.#start, this.#span()];
    if (depth > MAX_DEPTH) this.#fail('the values are nested too deeply');
    if (token.startsWith('"')) {
      const value = this.#text();
      this.#advance();
      return { kind: 'string', span, value };
    }
    if (/^[-\d]/.test(token)) {
      this.#advance();
      return { kind: 'number', span, value: Number(token) };
    }
    switch (token) {
      case '{':
        return this.#object(start, depth);
      case '[':
        return this.#array(start, depth);
      case 'true':
      case 'false':
        this.#advance();
        return { kind: 'boolean', span, value: token === 'true' };
      case 'null':
        this.#advance();
        return { kind: 'null', span };
      default:
        return this.#fail(token === '' ? 'the text ends where a value is expected' : 'a value is expected here');
    }
  }

  /** The string at hand, without quotes and escapes. */
  #text(): string {
    try {
      return String(JSON.parse(this.#token));
    } catch {
      return this.#fail('this string holds a control character or an unknown escape');
    }
  }

  #object(start: number, depth: number): Json {
    this.#advance();
    const members: JsonMember[] = [];
    while (this.#token !== '}') {
      if (members.length > 0) this.#expect(',', 'between the members of an object');
      const keySpan = this.#span();
      if (!this.#token.startsWith('"')) this.#fail('a key in double quotes is expected here');
      const key = this.#text();
      if (members.some((member) => member.key === key)) this.#fail(`the key ${JSON.stringify(key)} stands here twice`);
      this.#advance();
      this.#expect(':', 'after a key');
      members.push({ key, keySpan, value: this.#value(depth + 1) });
    }
    const span = this.#span(start, this.#end);
    this.#advance();
    return { kind: 'object', span, members };
  }

  #array(start: number, depth: number): Json {
    this.#advance();
    const items: Json[] = [];
    while (this.#token !== ']') {
      if (items.length > 0) this.#expect(',', 'between the items of a list');
      items.push(this.#value(depth + 1));
    }
    const span = this.#span(start, this.#end);
    this.#advance();
    return { kind: 'array', span, items };
  }
}
