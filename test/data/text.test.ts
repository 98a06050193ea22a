/** Texts: windows of tokens, and labelled sentences with their vocabulary. */
import { describe, expect, it } from 'vitest';
import { DataFiles } from '../../src/data/files.ts';
import { openData } from '../../src/data/open.ts';
import {
  parseVocabulary,
  printVocabulary,
  tokenize,
  type Vocabulary,
  vocabularySize,
} from '../../src/data/vocabulary.ts';
import { describeReference, referenceRoot } from '../support/reference.ts';
import { dataFolder, example } from './support.ts';

const folder = dataFolder();

describe('a text as tokens', () => {
  folder.write('abc.txt', 'cabbage–é');

  it('counts its characters, sorted, and gives each window with what follows', async () => {
    const { train, vocabulary } = await folder.examples({ paths: ['abc.txt'], block: 3 });
    expect(vocabulary).toEqual({ kind: 'characters', tokens: ['a', 'b', 'c', 'e', 'g', 'é', '–'] });
    expect(train.size).toBe(6);
    expect(example(train, 0)).toEqual([
      [2, 0, 1],
      [0, 1, 1],
    ]);
    expect(example(train, 5)).toEqual([
      [4, 3, 6],
      [3, 6, 5],
    ]);
  });

  it('reads bytes', async () => {
    const { train, vocabulary } = await folder.examples({ paths: ['abc.txt'], format: 'bytes', block: 2 });
    expect(vocabularySize(vocabulary!)).toBe(256);
    expect(example(train, train.size - 1)).toEqual([
      [0x93, 0xc3],
      [0xc3, 0xa9],
    ]);
  });

  it('holds out its end, in windows side by side', async () => {
    const { train, evaluation } = await folder.examples({ paths: ['abc.txt'], block: 1, holdOut: 0.45 });
    expect([train.size, evaluation!.size]).toEqual([4, 3]);
    expect(example(train, 3)).toEqual([[1], [0]]);
    expect(example(evaluation!, 0)).toEqual([[4], [3]]);
    expect(example(evaluation!, 2)).toEqual([[6], [5]]);
  });

  it('says what it cannot do', async () => {
    await expect(folder.open({ paths: ['abc.txt'] })).rejects.toThrow('how many tokens of abc.txt a window has');
    await expect(folder.open({ paths: ['abc.txt'], block: 9 })).rejects.toThrow('has 9 tokens; a block of 9 needs 10');
    const vocabulary: Vocabulary = { kind: 'characters', tokens: ['a', 'b', 'c'] };
    const strange = folder.open({ paths: ['abc.txt'], block: 2, vocabulary });
    await expect(strange).rejects.toThrow('abc.txt, character 5: "g" is not in the vocabulary of 3 characters');
    folder.write('latin.txt', [0x61, 0xe9, 0x62]);
    await expect(folder.open({ paths: ['latin.txt'], block: 1 })).rejects.toThrow('latin.txt is not a text in UTF-8');
  });
});

describe('labelled text', () => {
  it('takes sentences apart as Kim does', () => {
    expect(tokenize("It's GOOD, isn't it? (We'll see…) 100%")).toEqual(
      "it 's good , is n't it ? ( we 'll see ) 100".split(' '),
    );
  });

  folder.write('data.tsv', 'pos\tgood good film\nneg\tbad film\n\npos\tgood\tplot\n');

  it('reads label and text, most frequent words first', async () => {
    const { train, vocabulary } = await folder.examples({ paths: ['data.tsv'] });
    expect(vocabulary).toEqual({ kind: 'words', length: 3, tokens: ['<pad>', '<unk>', 'good', 'film', 'bad', 'plot'] });
    expect(train.classes).toEqual(['neg', 'pos']);
    expect([0, 1, 2].map((index) => example(train, index))).toEqual([
      [[2, 2, 3], [1]],
      [[4, 3, 0], [0]],
      [[2, 5, 0], [1]],
    ]);
  });

  it('cuts sentences and forgets rare words', async () => {
    const limited = await folder.examples({ paths: ['data.tsv'], length: 2, minCount: 2 });
    expect([0, 1, 2].map((index) => example(limited.train, index)[0])).toEqual([
      [2, 2],
      [1, 3],
      [2, 1],
    ]);
    const small = await folder.examples({ paths: ['data.tsv'], maxWords: 3 });
    expect(small.vocabulary).toMatchObject({ tokens: ['<pad>', '<unk>', 'good'] });
  });

  it('keeps labels that are numbers', async () => {
    folder.write('numbers.tsv', '2\tb\n0\ta\n');
    const { train } = await folder.examples({ paths: ['numbers.tsv'] });
    expect(train.classes).toEqual(['0', '1', '2']);
    expect(example(train, 0)[1]).toEqual([2]);
  });

  it('takes a class from each file, in latin-1 where they are no UTF-8', async () => {
    folder.write('r.neg', [0x62, 0x61, 0x64, 0xe9, 0x0a]);
    folder.write('r.pos', 'fine\n');
    const { train, vocabulary } = await folder.examples({ paths: ['r.pos', 'r.neg'] });
    expect(train.classes).toEqual(['neg', 'pos']);
    expect(vocabulary).toMatchObject({ tokens: ['<pad>', '<unk>', 'bad', 'fine'] });
    expect([example(train, 0)[1], example(train, 1)[1]]).toEqual([[1], [0]]);
  });

  it('makes the vocabulary of the training part alone', async () => {
    const lines = Array.from({ length: 20 }, (_, at) => `${at % 2}\tword${at}`);
    folder.write('many.tsv', lines.join('\n'));
    const { train, evaluation, vocabulary } = await folder.examples({ paths: ['many.tsv'], holdOut: 0.25 });
    expect([train.size, evaluation!.size, vocabularySize(vocabulary!)]).toEqual([15, 5, 17]);
    for (let index = 0; index < 5; index++) expect(example(evaluation!, index)[0]).toEqual([1]);
  });

  it('says which line is wrong, and which labels are new', async () => {
    folder.write('bad.tsv', '0\ta\nno tab here\n');
    await expect(folder.open({ paths: ['bad.tsv'] })).rejects.toThrow(
      'bad.tsv, line 2: expected a label, a tab and a text',
    );
    folder.write('new.tsv', 'other\ta\n');
    const opened = folder.open({ paths: ['data.tsv'], evaluation: ['new.tsv'] });
    await expect(opened).rejects.toThrow('new.tsv has the label other, which the training data do not have: neg, pos');
  });

  it('prints a vocabulary that reads the same', () => {
    const all: Vocabulary[] = [
      { kind: 'bytes' },
      { kind: 'characters', tokens: ['\n', '"', 'é'] },
      { kind: 'words', length: 7, tokens: ['<pad>', '<unk>', "n't"] },
    ];
    for (const vocabulary of all) expect(parseVocabulary('v', printVocabulary(vocabulary))).toEqual(vocabulary);
    for (const text of ['', '[]', '{"kind":"letters","tokens":[]}', '{"kind":"words","tokens":["a"]}', 'null'])
      expect(() => parseVocabulary('v.json', text)).toThrow('v.json is no vocabulary');
  });
});

describeReference('the texts of the models', 'data', () => {
  it('reads tiny Shakespeare and rt-polarity', async () => {
    const files = new DataFiles(`${referenceRoot}/data/text`);
    const play = await openData({ paths: ['tinyshakespeare.txt'], block: 32, holdOut: 0.1, seed: 0 }, files);
    const polarity = await openData({ paths: ['rt-polarity.neg', 'rt-polarity.pos'], holdOut: 0.1, seed: 0 }, files);
    if (play.kind !== 'examples' || polarity.kind !== 'examples') throw new Error('these are examples');
    expect(vocabularySize(play.vocabulary!)).toBe(65);
    expect(play.train.size).toBe(1003855 - 32);
    expect([polarity.train.size, polarity.evaluation!.size]).toEqual([9596, 1066]);
    expect(polarity.train.classes).toEqual(['neg', 'pos']);
  });
});
