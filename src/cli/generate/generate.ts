/** `heddle generate`: continues texts by a model that generates, and shows them as they grow. */
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { GenerateOptions as GenerationOptions } from '../../runtime/generate/options.ts';
import { EXIT } from '../errors.ts';
import { type Io, withProgress } from '../io.ts';
import { readInputFile } from '../run.ts';
import { type Generator, openGenerator } from './generator.ts';
import { otherInputs } from './inputs.ts';
import { checkOptions, type GenerateOptions } from './options.ts';
import { Pace } from './pace.ts';
import { findSource } from './source.ts';
import { GrowingText } from './texts.ts';
import { openTokenizer, readPrompts } from './tokenizer.ts';
import { IdWriter, JsonWriter, TextWriter, type Writer } from './writers.ts';

/** New tokens of a text, where it is not said how many. */
const TOKENS = 200;

export async function generate(path: string, options: GenerateOptions, io: Io): Promise<number> {
  checkOptions(options);
  const file = options.inputs === undefined ? undefined : await readInputFile(options.inputs, io);
  const source = findSource(path, { ...options, atHand: [...(file?.found.keys() ?? [])] }, io);
  const tokenizer = await openTokenizer(options, source, io);
  const generator = await withProgress(io, `compiling ${path}`, () => openGenerator(source, options, io));
  try {
    const prompts = await readPrompts(options, tokenizer, generator.spec.vocabulary, io);
    const inputs = otherInputs(generator, file, io);
    const texts = prompts.map((prompt) => new GrowingText(prompt, tokenizer, options.stop ?? []));
    const writer = writerFor(texts, options, tokenizer, io);
    const { tokens = TOKENS, temperature, topK, topP, repetitionPenalty, seed } = options;
    const stop = tokenizer?.ends;
    const chosen = { tokens, temperature, topK, topP, repetitionPenalty, seed, stop, inputs };
    const pace = new Pace();
    const isDone = await follow(generator.generate(prompts, present(chosen)), texts, writer, pace, io);
    if (options.verbose || io.stderr.isTTY) io.stderr.write(`${pace.describe(texts)}\n`);
    return isDone ? EXIT.fine : EXIT.interrupted;
  } finally {
    generator.dispose();
  }
}

/** The options that are there. */
function present(options: {
  readonly [name in keyof GenerationOptions]: GenerationOptions[name] | undefined;
}): GenerationOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function writerFor(
  texts: readonly GrowingText[],
  { ids, json, echo = true }: GenerateOptions,
  tokenizer: Tokenizer | undefined,
  { stdout }: Io,
): Writer {
  if (json) return new JsonWriter(texts, stdout, tokenizer !== undefined);
  return ids ? new IdWriter(texts, stdout) : new TextWriter(texts, stdout, echo);
}

/** Hands the tokens on as they are made; answers whether the texts are complete, as the user may have had enough. */
async function follow(
  steps: ReturnType<Generator['generate']>,
  texts: readonly GrowingText[],
  writer: Writer,
  pace: Pace,
  io: Io,
): Promise<boolean> {
  let isStopped = false;
  const release = io.onStop(() => (isStopped = true));
  try {
    writer.begin();
    for await (const { tokens } of steps) {
      const growing = texts.filter(({ ending }) => !ending);
      pace.add(growing.length);
      for (const text of growing) {
        const at = texts.indexOf(text);
        writer.grown(at, text.push(tokens[at]!));
      }
      if (isStopped || texts.every(({ ending }) => ending)) break;
    }
    for (const [at, text] of texts.entries())
      if (!text.ending) writer.grown(at, text.end(isStopped ? 'interrupted' : 'length'));
  } finally {
    release();
    writer.end();
  }
  return !isStopped;
}
