/** The tokenizer that `heddle generate` is given or finds, and the prompts in its numbers. */
import { DataFiles } from '../../data/files.ts';
import { decodeUtf8 } from '../../data/readers/text.ts';
import { byteTokenizer } from '../../data/tokenizers/bytes.ts';
import { characterTokenizer, distinctCharacters } from '../../data/tokenizers/characters.ts';
import { parseTokenizer } from '../../data/tokenizers/open.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { Failure, printNote, UsageError } from '../errors.ts';
import { exists, readText } from '../files.ts';
import type { Io } from '../io.ts';
import { orFailure } from '../train/session.ts';
import type { GenerateOptions } from './options.ts';
import { type Source, tokenizerOfRun } from './source.ts';

/** Undefined where numbers are all that is wanted. Rejects with Failure and UsageError. */
export async function openTokenizer(options: GenerateOptions, source: Source, io: Io): Promise<Tokenizer | undefined> {
  const { tokenizer, ids, promptIds } = options;
  if (ids && promptIds) return undefined;
  const found = tokenizer === undefined ? await tokenizerOfRun(source, io) : await readTokenizer(tokenizer, io);
  if (found || (promptIds && options.json)) return found;
  throw new UsageError(
    'what texts are made of is not told',
    'with --tokenizer chars:FILE, bytes or FILE.json; or numbers alone, with --prompt-ids and --ids',
  );
}

/** `chars:FILE`, `bytes` or a JSON file. */
async function readTokenizer(which: string, io: Io): Promise<Tokenizer> {
  if (which === 'bytes') return byteTokenizer;
  const [, file] = /^chars:(.+)$/.exec(which) ?? [];
  return orFailure(async () => {
    if (file !== undefined) {
      const bytes = await new DataFiles(io.cwd).unpacked(file);
      return characterTokenizer(distinctCharacters(decodeUtf8(file, bytes)));
    }
    if (!exists(which, io) && !which.endsWith('.json'))
      throw new UsageError(`there is no tokenizer ${which}`, 'there are chars:FILE, bytes and FILE.json');
    return parseTokenizer(which, await readText(which, io));
  });
}

/** The prompts as tokens of a model with `vocabulary` of them. Throws Failure and UsageError. */
export async function readPrompts(
  { prompt, promptIds }: GenerateOptions,
  tokenizer: Tokenizer | undefined,
  vocabulary: number,
  io: Io,
): Promise<readonly Int32Array[]> {
  if (tokenizer) checkVocabulary(tokenizer, vocabulary, io);
  if (promptIds) return promptIds.map((ids, at) => checkedIds(ids, nameOf(at, promptIds.length), vocabulary));
  const texts = prompt ?? [''];
  return Promise.all(
    texts.map(async (text, at) => {
      const title = nameOf(at, texts.length);
      const ids = await orFailure(() => tokenizer!.encode(text, title));
      if (ids.length > 0) return ids;
      throw new UsageError(
        prompt ? `${title} is empty` : 'there is no text to continue',
        `of ${tokenizer!.title}, none stands before all texts: give one to begin with, --prompt`,
      );
    }),
  );
}

function nameOf(at: number, all: number): string {
  return all === 1 ? 'the prompt' : `prompt ${at + 1}`;
}

function checkVocabulary({ size, title }: Tokenizer, vocabulary: number, io: Io): void {
  if (size > vocabulary)
    throw new Failure(`the tokenizer has ${title}, but the model only ${vocabulary} tokens`, {
      hint: 'it must be the one that the model was trained with',
    });
  if (size < vocabulary)
    printNote(`the tokenizer has ${title}, but the model ${vocabulary} tokens: the others are shown as \uFFFD`, io);
}

function checkedIds(ids: readonly number[], title: string, vocabulary: number): Int32Array {
  const wrong = ids.find((id) => id >= vocabulary);
  if (wrong === undefined) return Int32Array.from(ids);
  throw new Failure(`${title} has the token ${wrong}, but the model's are 0 to ${vocabulary - 1}`);
}
