/** Texts as token numbers, and back. */

export interface Tokenizer {
  /** For messages: `65 characters`. */
  readonly title: string;
  /** Tokens are numbered from 0 up to but not including this. */
  readonly size: number;
  /** Tokens that stand between texts: where one of them is generated, the text is complete. */
  readonly ends: readonly number[];
  /**
   * The tokens of a text from its beginning, among them the one that stands before all texts, where there is one. `title`
   * names the text in errors. Throws DataError for characters that no token stands for.
   */
  encode(text: string, title?: string): Int32Array;
  /** The text of tokens from its beginning; the inverse of `encode`. Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string;
  /** Decodes one token after the other, from the beginning of a text. */
  decodeStream(): TextStream;
}

export interface TextStream {
  /** What the token adds: nothing while the character that it begins is not complete. */
  push(id: number): string;
  /** What is left of a character that was never completed. */
  end(): string;
}

/** What a stream makes of all tokens. */
export function decodeAll(stream: TextStream, ids: Iterable<number>): string {
  let text = '';
  for (const id of ids) text += stream.push(id);
  return text + stream.end();
}

/** Stands for what is no token, and for bytes that are no character. */
export const REPLACEMENT = '\uFFFD';

/** A stream of tokens that are bytes of UTF-8, whole characters or parts of them. */
export function byteStream(bytesOf: (id: number) => Uint8Array): TextStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push: (id) => decoder.decode(bytesOf(id), { stream: true }),
    end: () => decoder.decode(),
  };
}
