/** Tokenizers from what describes them: the vocabulary of a run, and files. */
import { DataError } from '../files.ts';
import { parseVocabulary, type Vocabulary } from '../vocabulary.ts';
import { byteTokenizer } from './bytes.ts';
import { characterTokenizer } from './characters.ts';
import { type Piece, pieceTokenizer } from './scored-pieces.ts';
import type { Tokenizer } from './tokenizer.ts';

/** The tokenizer of a vocabulary. `path` names it in errors. Throws DataError for one of words, which forgets what stood between them. */
export function tokenizerOf(path: string, vocabulary: Vocabulary): Tokenizer {
  switch (vocabulary.kind) {
    case 'characters':
      return characterTokenizer(vocabulary.tokens);
    case 'bytes':
      return byteTokenizer;
    case 'words':
      throw new DataError(`${path} is a vocabulary of words: texts cannot be put together from them again`);
  }
}

/**
 * Reads a tokenizer from JSON: the `vocabulary.json` of a run; a text whose characters are the tokens, in their order; or
 * pieces with scores, `{"tokens_latin1_bytes_score": [["he", -1], …]}`. `path` names the file in errors. Throws DataError.
 */
export function parseTokenizer(path: string, text: string): Tokenizer {
  const value = parseJson(path, text);
  if (typeof value === 'string') return characterTokenizer(distinct(path, Array.from(value)));
  if (typeof value === 'object' && value !== null) {
    if ('tokens_latin1_bytes_score' in value) return pieceTokenizer(readPieces(path, value.tokens_latin1_bytes_score));
    if ('kind' in value) return tokenizerOf(path, parseVocabulary(path, text));
  }
  throw new DataError(
    `${path} is no tokenizer: expected the vocabulary.json of a run, a text of characters, or "tokens_latin1_bytes_score"`,
  );
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`,
      'for the characters of a text: chars:FILE',
    );
  }
}

function distinct(path: string, characters: readonly string[]): readonly string[] {
  const twice = characters.find((character, at) => characters.indexOf(character) < at);
  if (characters.length > 0 && twice === undefined) return characters;
  throw new DataError(twice === undefined ? `${path} has no characters` : `${path} has ${JSON.stringify(twice)} twice`);
}

function readPieces(path: string, value: unknown): Piece[] {
  if (!Array.isArray(value) || value.length === 0) throw new DataError(`${path} has no list of pieces`);
  return value.map((item: unknown, id) => {
    const [bytes, score] = Array.isArray(item) ? (item as unknown[]) : [];
    if (typeof bytes === 'string' && isBytes(bytes) && Number.isFinite(score)) return { bytes, score: score as number };
    throw new DataError(
      `${path}, piece ${id}: expected its bytes as text and its score, found ${JSON.stringify(item)}`,
    );
  });
}

/** Whether each character stands for a byte. */
function isBytes(text: string): boolean {
  return Array.from(text).every((character) => character.codePointAt(0)! < 256);
}
