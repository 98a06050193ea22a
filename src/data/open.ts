/** From paths and options to data sets: recognises formats, holds out a part, prepares it as the training part is. */
import { join } from 'node:path';
import { type Augmentation, parseAugmentation } from './augment.ts';
import { type Dataset, subset } from './dataset.ts';
import { split } from './draws.ts';
import { DataError, type DataFiles } from './files.ts';
import { pictureDataset, type Pictures } from './pictures.ts';
import { CIFAR10_RECORD, readCifar10 } from './readers/cifar10.ts';
import { readIdx } from './readers/idx.ts';
import { readImageFolder } from './readers/image-folder.ts';
import { labelledDataset, type LabelledText, readLabelled } from './readers/labelled.ts';
import type { Part } from './readers/part.ts';
import { isSequence, readSequence, type Sequence } from './readers/sequence.ts';
import { parseTensors, type StoredTensors, tensorDataset } from './readers/tensors.ts';
import { encodeText, vocabularyOf, windowDataset } from './readers/text.ts';
import { type Vocabulary, wordVocabulary } from './vocabulary.ts';

export const FORMATS = ['idx', 'cifar10', 'images', 'characters', 'bytes', 'words', 'tensors'] as const;
export type Format = (typeof FORMATS)[number];

/** What is read and how. All of it is JSON, so that a run can be resumed from what was written down. */
export interface DataOptions {
  readonly paths: readonly string[];
  readonly format?: Format;
  /** Data to evaluate on, in the same format. */
  readonly evaluation?: readonly string[];
  /** The share of the examples that is evaluated on instead; of a text, its end. */
  readonly holdOut?: number;
  /** Which examples are held out; another number gives others. */
  readonly splitSeed?: number;
  /** Tokens of a window of text. */
  readonly block?: number;
  /** Words of a sentence; without it, those of the longest. */
  readonly length?: number;
  readonly minCount?: number;
  readonly maxWords?: number;
  /** In place of one that is made from the training part. */
  readonly vocabulary?: Vocabulary;
  /** Height and width of pictures as the model takes them. */
  readonly size?: readonly [height: number, width: number];
  /** Height and width to which pictures of a folder are decoded; `size` unless told. */
  readonly decode?: readonly [height: number, width: number];
  readonly channels?: 1 | 3;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly augment?: string;
  /** Of the augmentation. */
  readonly seed: number;
  /** Of names of stored tensors; it is removed. */
  readonly prefix?: string;
}

/** Examples to train on, and to evaluate on. */
export interface Examples {
  readonly kind: 'examples';
  readonly train: Dataset;
  /** The training part without random changes. */
  readonly plain: Dataset;
  readonly evaluation?: Dataset;
  readonly vocabulary?: Vocabulary;
}

/** A stored sequence of batches. */
export interface Replay {
  readonly kind: 'sequence';
  readonly sequence: Sequence;
}

/** Opens what the options name. Rejects with DataError. */
export async function openData(options: DataOptions, files: DataFiles): Promise<Examples | Replay> {
  const format = options.format ?? (await recognise(options.paths, files));
  checkOptions(format, options);
  switch (format) {
    case 'idx':
      return openPictures((paths, part) => readIdx(paths, part, files), options);
    case 'cifar10':
      return openPictures((paths, part) => readCifar10(paths, part, files), options);
    case 'images':
      return openPictures(folderReader(options, files), options);
    case 'characters':
    case 'bytes':
      return openText(format, options, files);
    case 'words':
      return openWords(options, files);
    case 'tensors':
      return openTensors(options, files);
  }
}

/** By the names of files and the first bytes. Rejects with DataError. */
async function recognise(paths: readonly string[], files: DataFiles): Promise<Format> {
  const [path = ''] = paths;
  if (files.isFolder(path)) {
    const names = files.names(path);
    if (names.some((name) => /idx\d.*ubyte/.test(name))) return 'idx';
    if (names.some((name) => /^(?:data|test)_batch.*\.bin$/.test(name))) return 'cifar10';
    if (names.some((name) => files.isFolder(join(path, name)))) return 'images';
    throw new DataError(`${path} holds neither IDX nor CIFAR-10 files, nor folders of pictures`, FORMAT_HINT);
  }
  if (/\.safetensors$/i.test(path)) return 'tensors';
  if (/\.(?:tsv|neg|pos)$/i.test(path)) return 'words';
  const bytes = await files.unpacked(path);
  if (/idx\d/.test(path) || (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8)) return 'idx';
  if (/\.bin$/i.test(path) && bytes.length % CIFAR10_RECORD === 0) return 'cifar10';
  if (/\.(?:txt|text|md)$/i.test(path)) return paths.length > 1 ? 'words' : 'characters';
  throw new DataError(`the format of ${path} cannot be told from its name`, FORMAT_HINT);
}

const FORMAT_HINT = `say what it is: --format ${FORMATS.join('|')}`;

/** Which options mean something for which formats. */
const ONLY: readonly {
  readonly option: keyof DataOptions;
  readonly flag: string;
  readonly formats: readonly Format[];
}[] = [
  { option: 'block', flag: '--block', formats: ['characters', 'bytes'] },
  { option: 'length', flag: '--length', formats: ['words'] },
  { option: 'minCount', flag: '--min-count', formats: ['words'] },
  { option: 'maxWords', flag: '--max-words', formats: ['words'] },
  { option: 'vocabulary', flag: '--vocabulary', formats: ['words', 'characters'] },
  { option: 'size', flag: '--size', formats: ['idx', 'cifar10', 'images'] },
  { option: 'decode', flag: '--decode', formats: ['images'] },
  { option: 'channels', flag: '--channels', formats: ['images'] },
  { option: 'mean', flag: '--mean', formats: ['idx', 'cifar10', 'images'] },
  { option: 'std', flag: '--std', formats: ['idx', 'cifar10', 'images'] },
  { option: 'augment', flag: '--augment', formats: ['idx', 'cifar10', 'images'] },
];

function checkOptions(format: Format, options: DataOptions): void {
  if (options.evaluation && options.holdOut !== undefined)
    throw new DataError('--hold-out takes a part of the training data, but there is --eval-data too', 'choose one');
  const wrong = ONLY.find(({ option, formats }) => options[option] !== undefined && !formats.includes(format));
  if (wrong)
    throw new DataError(
      `${wrong.flag} is for ${wrong.formats.join(', ')}, but ${options.paths.join(', ')} is read as ${format}`,
    );
}

type PictureReader = (paths: readonly string[], part: Part, classes?: readonly string[]) => Promise<Pictures>;

async function openPictures(read: PictureReader, options: DataOptions): Promise<Examples> {
  const augmentation: Augmentation | undefined =
    options.augment === undefined ? undefined : parseAugmentation(options.augment);
  const source = await read(options.paths, 'train');
  const settings = { size: options.size, mean: options.mean, std: options.std, seed: options.seed };
  const plain = pictureDataset(source, settings);
  const train = augmentation ? pictureDataset(source, { ...settings, augmentation }) : plain;
  if (options.evaluation) {
    const evaluation = pictureDataset(await read(options.evaluation, 'evaluation', source.classes), settings);
    return { kind: 'examples', train, plain, evaluation };
  }
  return { kind: 'examples', ...held(train, plain, options) };
}

function folderReader(options: DataOptions, files: DataFiles): PictureReader {
  const size = options.decode ?? options.size;
  if (!size)
    throw new DataError(
      'pictures of a folder have sizes of their own',
      'say how large the model takes them: --size 32',
    );
  return ([folder = ''], _part, classes) =>
    readImageFolder(folder, { size, channels: options.channels ?? 3, classes }, files);
}

/** The parts to train and to evaluate on, where a part is held out. */
function held(train: Dataset, plain: Dataset, { holdOut, splitSeed = 0 }: DataOptions): Omit<Examples, 'kind'> {
  if (holdOut === undefined) return { train, plain };
  const parts = split(plain.size, holdOut, splitSeed);
  if (parts.held.length === 0 || parts.train.length === 0)
    throw new DataError(`--hold-out ${holdOut} of ${plain.size} examples leaves one part empty`);
  return {
    train: subset(train, parts.train),
    plain: subset(plain, parts.train),
    evaluation: subset(plain, parts.held),
  };
}

async function openText(format: 'characters' | 'bytes', options: DataOptions, files: DataFiles): Promise<Examples> {
  const { block, holdOut } = options;
  const path = onlyPath(options.paths);
  if (block === undefined)
    throw new DataError(`how many tokens of ${path} a window has is not told`, 'for 32: --block 32');
  const bytes = await files.unpacked(path);
  const vocabulary = options.vocabulary ?? vocabularyOf(format, path, bytes);
  const tokens = encodeText(path, bytes, vocabulary);
  const end = Math.round((1 - (holdOut ?? 0)) * tokens.length);
  const train = windowDataset(path, tokens.subarray(0, end), block, 1);
  const examples = { kind: 'examples' as const, train, plain: train, vocabulary };
  if (holdOut !== undefined)
    return { ...examples, evaluation: windowDataset(`the end of ${path}`, tokens.subarray(end), block, block) };
  if (!options.evaluation) return examples;
  const other = onlyPath(options.evaluation);
  const evaluated = encodeText(other, await files.unpacked(other), vocabulary);
  return { ...examples, evaluation: windowDataset(other, evaluated, block, block) };
}

function onlyPath(paths: readonly string[]): string {
  const [path = ''] = paths;
  if (paths.length > 1) throw new DataError(`a text is one file, not ${paths.length}: ${paths.join(', ')}`);
  return path;
}

/** Words that are seen once tell little; 20000 is more than most small corpora have. */
const WORD_LIMITS = { minCount: 1, maxWords: 20000 } as const;

async function openWords(options: DataOptions, files: DataFiles): Promise<Examples> {
  const text = await readLabelled(options.paths, undefined, files);
  const parts =
    options.holdOut === undefined ? undefined : split(text.words.length, options.holdOut, options.splitSeed ?? 0);
  const vocabulary = options.vocabulary ?? wordsOf(text, parts?.train, options);
  if (vocabulary.kind !== 'words')
    throw new DataError(`${text.title} is read as words, but the vocabulary is one of ${vocabulary.kind}`);
  const length = options.length ?? vocabulary.length;
  const own = { ...vocabulary, length };
  const plain = labelledDataset(text, own.tokens, length);
  const examples = { kind: 'examples' as const, vocabulary: own };
  if (!options.evaluation) return { ...examples, ...held(plain, plain, options) };
  const other = await readLabelled(options.evaluation, text.classes, files);
  return { ...examples, train: plain, plain, evaluation: labelledDataset(other, own.tokens, length) };
}

/** Of the training part alone: what is held out is new to the model, words included. */
function wordsOf(text: LabelledText, chosen: Int32Array | undefined, options: DataOptions): Vocabulary {
  const sentences = chosen ? Array.from(chosen, (at) => text.words[at]!) : text.words;
  const limits = {
    minCount: options.minCount ?? WORD_LIMITS.minCount,
    maxWords: options.maxWords ?? WORD_LIMITS.maxWords,
  };
  const longest = text.words.reduce((most, words) => Math.max(most, words.length), 1);
  return wordVocabulary(sentences, limits, options.length ?? longest);
}

async function openTensors(options: DataOptions, files: DataFiles): Promise<Examples | Replay> {
  const { prefix = '' } = options;
  const read = async (path: string): Promise<StoredTensors> => {
    const all = parseTensors(path, await files.bytes(path));
    const chosen = [...all].filter(([name]) => name.startsWith(prefix));
    if (chosen.length > 0 || prefix === '')
      return new Map(chosen.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    throw new DataError(`no tensor of ${path} has a name that begins with \`${prefix}\``);
  };
  const path = onlyPath(options.paths);
  const tensors = await read(path);
  if (isSequence(tensors.keys())) {
    if (options.evaluation || options.holdOut !== undefined)
      throw new DataError(`${path} is a sequence of batches, which is replayed without evaluation`);
    return { kind: 'sequence', sequence: readSequence(path, tensors) };
  }
  const plain = tensorDataset(path, tensors);
  if (!options.evaluation) return { kind: 'examples', ...held(plain, plain, options) };
  const other = onlyPath(options.evaluation);
  return { kind: 'examples', train: plain, plain, evaluation: tensorDataset(other, await read(other)) };
}
