/** A text as characters or bytes: every stretch of `block` tokens, and the token that follows each of them. */
import type { Dataset } from '../dataset.ts';
import { DataError } from '../files.ts';
import { LABEL_NAMES, TOKEN_NAMES } from '../names.ts';
import { characterTokenizer, distinctCharacters } from '../tokenizers/characters.ts';
import { BYTES, type Vocabulary } from '../vocabulary.ts';

/** The numbers of a text's tokens. `path` names it in errors. Throws DataError for a character that the vocabulary lacks. */
export function encodeText(path: string, bytes: Uint8Array, vocabulary: Vocabulary): Int32Array {
  switch (vocabulary.kind) {
    case 'bytes':
      return Int32Array.from(bytes);
    case 'characters':
      return characterTokenizer(vocabulary.tokens).encode(decodeUtf8(path, bytes), path);
    case 'words':
      throw new DataError(`${path} is read as text, but the vocabulary is one of words`);
  }
}

/** Throws DataError with the first byte that is not UTF-8. */
export function decodeUtf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DataError(`${path} is not a text in UTF-8`, 'with --format bytes, any file is a text of bytes');
  }
}

/** The vocabulary of a text of its own. */
export function vocabularyOf(kind: 'characters' | 'bytes', path: string, bytes: Uint8Array): Vocabulary {
  return kind === 'bytes' ? BYTES : { kind, tokens: distinctCharacters(decodeUtf8(path, bytes)) };
}

/**
 * `ids: i32[block]` and `target: i32[block]`, the same one token on. A window begins at every `stride`-th token. Throws
 * DataError where the text is too short for one.
 */
export function windowDataset(title: string, tokens: Int32Array, block: number, stride: number): Dataset {
  if (tokens.length <= block)
    throw new DataError(`${title} has ${tokens.length} tokens; a block of ${block} needs ${block + 1}`);
  return {
    title,
    size: Math.floor((tokens.length - 1 - block) / stride) + 1,
    fields: [
      { name: 'ids', aliases: TOKEN_NAMES, dtype: 'i32', shape: [block] },
      { name: 'target', aliases: ['label', ...LABEL_NAMES], dtype: 'i32', shape: [block] },
    ],
    write(index, _epoch, slot, into) {
      const start = index * stride;
      into[0]!.set(tokens.subarray(start, start + block), slot * block);
      into[1]!.set(tokens.subarray(start + 1, start + 1 + block), slot * block);
    },
  };
}
