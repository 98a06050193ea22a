/** Every character (code point) of a vocabulary is a token. */
import { DataError } from '../files.ts';
import { decodeAll, REPLACEMENT, type TextStream, type Tokenizer } from './tokenizer.ts';

/** Of many unknown characters, as many are named. */
const MOST_NAMED = 8;

/** The distinct characters of a text, in the order of their code points. */
export function distinctCharacters(text: string): string[] {
  return [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
}

/** A token for each of the characters, in their order. */
export function characterTokenizer(characters: readonly string[]): Tokenizer {
  const numbers = new Map(characters.map((character, number) => [character, number]));
  const size = characters.length;
  const decodeStream = (): TextStream => ({ push: (id) => characters[id] ?? REPLACEMENT, end: () => '' });
  return {
    title: `${size} characters`,
    size,
    ends: [],
    encode(text, title = 'the text') {
      const ids = new Int32Array(text.length);
      let length = 0;
      for (const character of text) {
        const number = numbers.get(character);
        if (number === undefined) throw unknownCharacters(title, text, numbers);
        ids[length++] = number;
      }
      return ids.subarray(0, length);
    },
    decode: (ids) => decodeAll(decodeStream(), ids),
    decodeStream,
  };
}

function unknownCharacters(title: string, text: string, numbers: ReadonlyMap<string, number>): DataError {
  const all = Array.from(text);
  const first = all.findIndex((character) => !numbers.has(character));
  const unknown = [...new Set(all.filter((character) => !numbers.has(character)))];
  const named = unknown.slice(0, MOST_NAMED).map((character) => JSON.stringify(character));
  const more = unknown.length > MOST_NAMED ? ` and ${unknown.length - MOST_NAMED} more` : '';
  const others = unknown.length > 1 ? `; unknown are ${named.join(', ')}${more}` : '';
  return new DataError(
    `${title}, character ${first}: ${named[0]} is not in the vocabulary of ${numbers.size} characters${others}`,
  );
}
