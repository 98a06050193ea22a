/**
 * A vocabulary of pieces with scores, as SentencePiece's byte-pair encoding makes it (Kudo and Richardson 2018,
 * https://arxiv.org/abs/1808.06226) and Llama 2 and its small relatives use it: the best-scored neighbours are merged until
 * none are left. A text begins with a space of its own, and characters without a piece are spelled in bytes.
 */
import { DataError } from '../files.ts';
import { byteStream, decodeAll, REPLACEMENT, type TextStream, type Tokenizer } from './tokenizer.ts';

export interface Piece {
  /** Bytes of UTF-8, a character of code 0 to 255 for each; `<0x0A>` stands for a single byte. */
  readonly bytes: string;
  readonly score: number;
}

/** What pieces are for that stand for no text. */
interface Special {
  /** Stands before every text. */
  readonly begin?: number;
  readonly end?: number;
  readonly unknown?: number;
}

const NOTHING = new Uint8Array(0);
const UNKNOWN = new TextEncoder().encode(REPLACEMENT);
const SPACE = 0x20;

/** The byte that `<0x0A>` stands for. */
function byteOf({ bytes }: Piece): number | undefined {
  const [, digits] = /^<0x([0-9A-Fa-f]{2})>$/.exec(bytes) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** A token for each of the pieces, in their order; `<s>`, `</s>` and `<unk>` among them are no text. */
export function pieceTokenizer(pieces: readonly Piece[]): Tokenizer {
  const special = specialsOf(pieces);
  const decoded = pieces.map((piece, id) => decodedPiece(piece, id, special));
  const spell = speller(pieces, special);
  const decodeStream = (): TextStream => streamOf(decoded, special);
  const { begin, end } = special;
  return {
    title: `${pieces.length} pieces`,
    size: pieces.length,
    ends: [begin, end].filter((id) => id !== undefined),
    encode(text, title = 'the text') {
      const ids = text === '' ? [] : spell(` ${text}`, title);
      return Int32Array.from(begin === undefined ? ids : [begin, ...ids]);
    },
    decode: (ids) => decodeAll(decodeStream(), ids),
    decodeStream,
  };
}

function specialsOf(pieces: readonly Piece[]): Special {
  const found = (name: string): number | undefined => {
    const id = pieces.findIndex(({ bytes }) => bytes.trim() === name);
    return id < 0 ? undefined : id;
  };
  const [begin, end, unknown] = [found('<s>'), found('</s>'), found('<unk>')];
  return {
    ...(begin !== undefined && { begin }),
    ...(end !== undefined && { end }),
    ...(unknown !== undefined && { unknown }),
  };
}

function decodedPiece(piece: Piece, id: number, { begin, end, unknown }: Special): Uint8Array {
  if (id === begin || id === end) return NOTHING;
  if (id === unknown) return UNKNOWN;
  const byte = byteOf(piece);
  return byte === undefined ? fromByteString(piece.bytes) : Uint8Array.of(byte);
}

/** The space before a text, which `encode` put there, is no part of it. */
function streamOf(decoded: readonly Uint8Array[], { begin }: Special): TextStream {
  let isFirst = true;
  return byteStream((id) => {
    const bytes = decoded[id] ?? UNKNOWN;
    const isAfterBegin = isFirst;
    isFirst = id === begin || (isFirst && bytes.length === 0);
    return isAfterBegin && bytes[0] === SPACE ? bytes.subarray(1) : bytes;
  });
}

/** Spells texts by pieces. Throws DataError for a character without a piece where there are none for bytes either. */
function speller(pieces: readonly Piece[], special: Special): (text: string, title: string) => number[] {
  const reserved = new Set<number>(Object.values(special));
  const bytes = new Map<number, number>();
  const numbers = new Map<string, number>();
  /** Those that stand for text, which alone are merged. */
  const texts = pieces.map((piece, id) => {
    const byte = byteOf(piece);
    if (byte !== undefined) bytes.set(byte, id);
    if (byte !== undefined || reserved.has(id)) return undefined;
    if (!numbers.has(piece.bytes)) numbers.set(piece.bytes, id);
    return piece.bytes;
  });
  const single = (character: string, title: string): number[] => {
    const encoded = new TextEncoder().encode(character);
    const whole = numbers.get(toByteString(encoded));
    if (whole !== undefined) return [whole];
    return Array.from(encoded, (byte) => {
      const id = bytes.get(byte) ?? special.unknown;
      if (id === undefined) throw new DataError(`${title}: no piece stands for ${JSON.stringify(character)}`);
      return id;
    });
  };
  const merged = (left: number, right: number): number | undefined => {
    const [first, second] = [texts[left], texts[right]];
    return first === undefined || second === undefined ? undefined : numbers.get(first + second);
  };
  return (text, title) => {
    const ids = Array.from(text).flatMap((character) => single(character, title));
    return mergeAll(ids, merged, (id) => pieces[id]!.score);
  };
}

/** Merges the neighbours that score best until none can be merged; of those that score the same, the first. */
function mergeAll(
  ids: number[],
  merged: (left: number, right: number) => number | undefined,
  scoreOf: (id: number) => number,
): number[] {
  const joined = (at: number): number | undefined =>
    at >= 0 && at + 1 < ids.length ? merged(ids[at]!, ids[at + 1]!) : undefined;
  /** What each token and the next one merge to. */
  const found = ids.map((_, at) => joined(at));
  for (;;) {
    let [best, score] = [-1, -Infinity];
    for (const [at, id] of found.entries())
      if (id !== undefined && scoreOf(id) > score) [best, score] = [at, scoreOf(id)];
    if (best < 0) return ids;
    ids.splice(best, 2, found[best]!);
    found.splice(best, 1);
    found[best] = joined(best);
    if (best > 0) found[best - 1] = joined(best - 1);
  }
}

function fromByteString(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function toByteString(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
