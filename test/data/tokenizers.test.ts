/** Tokenizers: what they make of texts, and how texts come back, token by token. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { DataFiles } from '../../src/data/files.ts';
import { openData } from '../../src/data/open.ts';
import { byteTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { characterTokenizer, distinctCharacters } from '../../src/data/tokenizers/characters.ts';
import { parseTokenizer, tokenizerOf } from '../../src/data/tokenizers/open.ts';
import { pieceTokenizer } from '../../src/data/tokenizers/scored-pieces.ts';
import type { Tokenizer } from '../../src/data/tokenizers/tokenizer.ts';
import { describeReference, referenceRoot } from '../support/reference.ts';

/** The texts that the tokens add one after the other, and what is left at the end. */
function streamed(tokenizer: Tokenizer, ids: Iterable<number>): string[] {
  const stream = tokenizer.decodeStream();
  return [...Array.from(ids, (id) => stream.push(id)), stream.end()];
}

/** Unicode without surrogates that stand alone, which no encoding has. */
const texts = fc.string({ unit: 'binary', maxLength: 40 });

describe('characters', () => {
  const tokenizer = characterTokenizer(distinctCharacters('hello, wörld 😀\n'));

  it('are numbered by their code points', () => {
    expect(distinctCharacters('hello, wörld 😀\n').join('')).toBe('\n ,dehlorwö😀');
    expect(tokenizer.size).toBe(12);
    expect([...tokenizer.encode('hö😀')]).toEqual([5, 10, 11]);
    expect(tokenizer.decode([5, 10, 11])).toBe('hö😀');
    expect(streamed(tokenizer, [5, 10, 11])).toEqual(['h', 'ö', '😀', '']);
  });

  it('names those that the vocabulary lacks', () => {
    expect(() => tokenizer.encode('hello Welt', 'the prompt')).toThrow(
      'the prompt, character 6: "W" is not in the vocabulary of 12 characters; unknown are "W", "t"',
    );
    expect(() => tokenizer.encode('abcfgijkmnp')).toThrow('"j", "k" and 3 more');
    expect(() => tokenizer.encode('z')).toThrow(/12 characters$/);
  });

  it('shows numbers that are none', () => {
    expect(tokenizer.decode([5, 12])).toBe('h\uFFFD');
  });

  it('are those that data for training are read as', async () => {
    const whole = readFileSync(import.meta.filename, 'utf8');
    const data = await openData(
      { paths: [import.meta.filename], format: 'characters', block: 8, seed: 0 },
      new DataFiles('/'),
    );
    if (data.kind !== 'examples') throw new Error('these are examples');
    const ids = new Int32Array(8);
    data.train.write(100, 0, 0, [ids, new Int32Array(8)]);
    const own = tokenizerOf('vocabulary.json', data.vocabulary!);
    expect([...own.encode(whole).subarray(100, 108)]).toEqual([...ids]);
    expect(own.decode(own.encode(whole))).toBe(whole);
  });
});

describe('bytes', () => {
  it('are those of UTF-8, and a character appears when it is complete', () => {
    expect([...byteTokenizer.encode('aé')]).toEqual([0x61, 0xc3, 0xa9]);
    expect(streamed(byteTokenizer, byteTokenizer.encode('a–😀'))).toEqual(['a', '', '', '–', '', '', '', '😀', '']);
  });

  it('that are no UTF-8 become U+FFFD, those of a character that is cut off at the end', () => {
    expect(streamed(byteTokenizer, [0x61, 0xff, 0x62, 0xe2, 0x80])).toEqual(['a', '\uFFFD', 'b', '', '', '\uFFFD']);
    expect(byteTokenizer.decode([256])).toBe('\uFFFD');
  });

  it('give any text back', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(byteTokenizer.decode(byteTokenizer.encode(text))).toBe(text);
        expect(streamed(byteTokenizer, byteTokenizer.encode(text)).join('')).toBe(text);
      }),
    );
  });
});

/** A few pieces whose merges can be followed by hand; the bytes of `–` stand for it. */
const PIECES: readonly (readonly [string, number])[] = [
  ['<unk>', 0],
  ['<s>', 0],
  ['</s>', 0],
  ['<0xE2>', 0],
  ['<0x80>', 0],
  ['<0x93>', 0],
  [' ', -10],
  ['a', -11],
  ['b', -12],
  ['c', -13],
  ['ab', -3],
  ['bc', -2],
  ['abc', -4],
  [' a', -5],
  ['aa', -6],
  ['Ã©', -14],
];

describe('pieces with scores', () => {
  const of = (pieces: readonly (readonly [string, number])[]): Tokenizer =>
    pieceTokenizer(pieces.map(([bytes, score]) => ({ bytes, score })));
  const tokenizer = of(PIECES);
  const spelled = (text: string): string[] => Array.from(tokenizer.encode(text), (id) => PIECES[id]![0]);

  test.each([
    // bc scores best, then a + bc; no merge with the space is left.
    ['abc', ['<s>', ' ', 'abc']],
    // Of b, a, b, c: bc before ab, so that the first b and a stay by themselves.
    ['babc', ['<s>', ' ', 'b', 'abc']],
    // ab twice, from the left; the space stays.
    ['abab', ['<s>', ' ', 'ab', 'ab']],
    // The space takes the first a before aa is made.
    ['aaa', ['<s>', ' a', 'aa']],
    ['aaaa', ['<s>', ' a', 'aa', 'a']],
    ['é', ['<s>', ' ', 'Ã©']],
    ['–', ['<s>', ' ', '<0xE2>', '<0x80>', '<0x93>']],
    ['x', ['<s>', ' ', '<unk>']],
    // What stands between texts cannot be written.
    ['<s>', ['<s>', ' ', '<unk>', '<unk>', '<unk>']],
    ['', ['<s>']],
  ])('spell %j', (text, wanted) => {
    expect(spelled(text)).toEqual(wanted);
  });

  it('drop the space before a text, and no other', () => {
    expect(tokenizer.decode([1, 13, 14])).toBe('aaa');
    expect(tokenizer.decode([13, 13])).toBe('a a');
    expect(tokenizer.decode([1, 6, 13])).toBe(' a');
    expect(streamed(tokenizer, [1, 13, 2, 1, 13])).toEqual(['', 'a', '', '', 'a', '']);
  });

  it('put characters together from bytes', () => {
    expect(streamed(tokenizer, [7, 3, 4, 5, 15, 3, 7])).toEqual(['a', '', '', '–', 'é', '', '\uFFFDa', '']);
    expect(tokenizer.decode([0, 99])).toBe('\uFFFD\uFFFD');
  });

  it('end where a text begins or ends', () => {
    expect(tokenizer.ends).toEqual([1, 2]);
    expect(of(PIECES.slice(6)).ends).toEqual([]);
  });

  it('without bytes and an unknown piece know what they cannot spell', () => {
    expect(() => of(PIECES.slice(6)).encode('axé', 'the prompt')).toThrow('the prompt: no piece stands for "x"');
  });
});

describe('a file', () => {
  it('is told by what it holds', () => {
    const characters = parseTokenizer('v.json', '{"kind": "characters", "tokens": ["b", "a"]}');
    expect([...characters.encode('ab')]).toEqual([1, 0]);
    expect([...parseTokenizer('v.json', '"\\n ba😀"').encode('a😀 ')]).toEqual([3, 4, 1]);
    expect(parseTokenizer('v.json', '{"kind": "bytes"}').size).toBe(256);
    const pieces = parseTokenizer('v.json', '{"tokens_latin1_bytes_score": [[" ", 0], ["a", -1], [" a", -2]]}');
    expect([...pieces.encode('a a')]).toEqual([2, 2]);
  });

  test.each([
    ['{', 'v.json is no JSON'],
    ['[]', 'v.json is no tokenizer'],
    ['3', 'v.json is no tokenizer'],
    ['"abca"', 'v.json has "a" twice'],
    ['""', 'v.json has no characters'],
    ['{"kind": "letters"}', 'v.json is no vocabulary'],
    ['{"kind": "words", "length": 3, "tokens": ["a"]}', 'v.json is a vocabulary of words'],
    ['{"tokens_latin1_bytes_score": []}', 'v.json has no list of pieces'],
    ['{"tokens_latin1_bytes_score": [["a", 0], ["–", 0]]}', 'v.json, piece 1: expected its bytes'],
    ['{"tokens_latin1_bytes_score": [["a"]]}', 'v.json, piece 0: expected its bytes'],
  ])('of %s is refused', (text, message) => {
    expect(() => parseTokenizer('v.json', text)).toThrow(message);
  });
});

describeReference('the vocabulary of stories260K', 'data/stories260K', () => {
  const folder = join(referenceRoot, 'data/stories260K');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const tokenizer = parseTokenizer('tok512.json', read('tok512.json'));
  const pieces = (JSON.parse(read('tok512.json')) as { tokens_latin1_bytes_score: [string, number][] })
    .tokens_latin1_bytes_score;
  const ids = JSON.parse(read('expected_greedy_token_ids.json')) as number[];
  const story = read('expected_greedy_200.txt');

  it('gives the story of its tokens byte for byte, at once and token by token', () => {
    expect(tokenizer.size).toBe(512);
    expect(tokenizer.decode(ids)).toBe(story);
    expect(tokenizer.decode([1, ...ids])).toBe(story);
    expect(streamed(tokenizer, ids).join('')).toBe(story);
  });

  it('makes the tokens of the story again', () => {
    expect([...tokenizer.encode(story)]).toEqual([1, ...ids]);
  });

  it('gives any text back, in pieces of which no two neighbours are one', () => {
    const known = new Set(pieces.slice(259).map(([bytes]) => bytes));
    const words = fc.array(fc.constantFrom(' ', 'Once', ' upon', 'a', 'time', '–', 'é', '😀', '\n', '<s>', 'the', 'x'));
    fc.assert(
      fc.property(
        fc.oneof(
          texts,
          words.map((list) => list.join('')),
        ),
        (text) => {
          const encoded = [...tokenizer.encode(text)];
          expect(encoded[0]).toBe(1);
          expect(tokenizer.decode(encoded)).toBe(text);
          expect(streamed(tokenizer, encoded).join('')).toBe(text);
          for (const [at, id] of encoded.slice(0, -1).entries())
            expect(known.has(pieces[id]![0] + pieces[encoded[at + 1]!]![0]), `${id} ${encoded[at + 1]}`).toBe(false);
        },
      ),
    );
  });
});
