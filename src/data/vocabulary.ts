/** The tokens that a model counts, kept beside what was trained with them. */
import { DataError } from './files.ts';

export type Vocabulary =
  | { readonly kind: 'characters'; readonly tokens: readonly string[] }
  /** 256 tokens, the values of a byte. */
  | { readonly kind: 'bytes' }
  /** The first two tokens stand for padding and for every other word. */
  | { readonly kind: 'words'; readonly tokens: readonly string[]; readonly length: number };

export const BYTES: Vocabulary = { kind: 'bytes' };

const SPECIAL = ['<pad>', '<unk>'] as const;
const [PADDING, UNKNOWN] = [0, 1] as const;

export function vocabularySize(vocabulary: Vocabulary): number {
  return vocabulary.kind === 'bytes' ? 256 : vocabulary.tokens.length;
}

/**
 * Words and signs of an English sentence in lower case, with contractions apart (`is n't`), as Kim 2014
 * (https://arxiv.org/abs/1408.5882) prepares sentences.
 */
export function tokenize(text: string): string[] {
  return text
    .replace(/[^A-Za-z0-9(),!?'`]/g, ' ')
    .replace(/('s|'ve|n't|'re|'d|'ll)/g, ' $1')
    .replace(/([,!()?])/g, ' $1 ')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

export interface WordLimits {
  /** How often a word must occur. */
  readonly minCount: number;
  /** The most words, the two special ones included. */
  readonly maxWords: number;
}

/** The most frequent words first; among equals, in alphabetical order. */
export function wordVocabulary(
  sentences: Iterable<readonly string[]>,
  { minCount, maxWords }: WordLimits,
  length: number,
): Vocabulary {
  const counts = new Map<string, number>();
  for (const words of sentences) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const frequent = [...counts].filter(([, count]) => count >= minCount);
  frequent.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const tokens = [...SPECIAL, ...frequent.map(([word]) => word)].slice(0, Math.max(2, maxWords));
  return { kind: 'words', tokens, length };
}

/** The numbers of tokens. */
export function numbersOf(tokens: readonly string[]): ReadonlyMap<string, number> {
  return new Map(tokens.map((token, number) => [token, number]));
}

/** The numbers of words, as many as `into` takes, and padding behind them. */
export function encodeWords(words: readonly string[], numbers: ReadonlyMap<string, number>, into: Int32Array): void {
  into.fill(PADDING);
  const length = Math.min(words.length, into.length);
  for (let at = 0; at < length; at++) into[at] = numbers.get(words[at]!) ?? UNKNOWN;
}

/** Reads what `printVocabulary` wrote. `path` names the file in errors. Throws DataError. */
export function parseVocabulary(path: string, text: string): Vocabulary {
  const wrong = (found: string): DataError =>
    new DataError(`${path} is no vocabulary: expected "kind" and "tokens", found ${found}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  const { kind, tokens, length } = (typeof value === 'object' ? (value ?? {}) : {}) as { [name: string]: unknown };
  if (kind === 'bytes') return BYTES;
  if (!Array.isArray(tokens) || !tokens.every((token) => typeof token === 'string')) throw wrong('no list of tokens');
  if (kind === 'characters') return { kind, tokens };
  if (kind === 'words' && Number.isSafeInteger(length)) return { kind, tokens, length: length as number };
  throw wrong(`the kind ${JSON.stringify(kind)}`);
}

/** A JSON text with a token on each line. */
export function printVocabulary(vocabulary: Vocabulary): string {
  if (vocabulary.kind === 'bytes') return '{ "kind": "bytes" }\n';
  const { kind, tokens } = vocabulary;
  const length = vocabulary.kind === 'words' ? `\n  "length": ${vocabulary.length},` : '';
  const lines = tokens.map((token) => `    ${JSON.stringify(token)}`).join(',\n');
  return `{\n  "kind": "${kind}",${length}\n  "tokens": [\n${lines}\n  ]\n}\n`;
}

/** Whether the same numbers stand for the same tokens; sentences may be cut at other lengths. */
export function sameVocabulary(a: Vocabulary, b: Vocabulary): boolean {
  if (a.kind === 'bytes' || b.kind === 'bytes') return a.kind === b.kind;
  const isSame = a.kind === b.kind && a.tokens.length === b.tokens.length;
  return isSame && a.tokens.every((token, number) => token === b.tokens[number]);
}
