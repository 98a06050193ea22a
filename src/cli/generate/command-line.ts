/** How `heddle generate` is called. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SIMD_VARIANTS } from '../../program/program.ts';
import { collect, readCount, readSeed, readSetting, readThreads } from '../arguments.ts';
import type { GenerateOptions } from './options.ts';
import { GENERATION_TARGETS } from './options.ts';

/** `1,403`, one more list of tokens. */
function readTokens(text: string, before: readonly (readonly number[])[] = []): (readonly number[])[] {
  const tokens = text.split(/[,\s]+/).map((part) => (/^\d+$/.test(part) ? Number(part) : NaN));
  if (!tokens.every(Number.isSafeInteger))
    throw new InvalidArgumentError('Tokens are whole numbers: --prompt-ids 1,403');
  return [...before, tokens];
}

/** A reader of numbers, of which `isAllowed` says which are. */
function numberThat(what: string, isAllowed: (value: number) => boolean): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (Number.isFinite(value) && isAllowed(value)) return value;
    throw new InvalidArgumentError(`It is ${what}.`);
  };
}

const readTemperature = numberThat('a number from 0 on', (value) => value >= 0);
const readTopK = numberThat(
  'a whole number from 0 on',
  (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31,
);
const readTopP = numberThat('a number above 0, at most 1', (value) => value > 0 && value <= 1);
const readPenalty = numberThat('a number above 0', (value) => value > 0);

export type GenerateAction = (path: string, options: GenerateOptions) => Promise<void>;

export function addGenerate(program: Command, action: GenerateAction): void {
  const command = program
    .command('generate')
    .description('Continue texts, token by token, by a model with `generate`.')
    .argument('<spec-or-dir>', 'a spec file, the folder of an artifact, or that of a run of `train`, RUN or RUN:path');
  addTextOptions(command);
  addModelOptions(command);
  command.addHelpText('after', HELP).action(action);
}

function addTextOptions(command: Command): void {
  command
    .option('-p, --prompt <text...>', 'texts to continue; may be repeated')
    .option('--prompt-ids <tokens>', 'a text to continue as token numbers, 1,403; may be repeated', readTokens)
    .option('-n, --tokens <count>', 'tokens to add to each text (default: 200)', readCount)
    .option('--tokenizer <which>', 'chars:FILE, bytes or FILE.json, below (default: the vocabulary of the run)')
    .option(
      '--temperature <number>',
      'what scores are divided by; 0 takes the likeliest token (default: 0)',
      readTemperature,
    )
    .option('--top-k <count>', 'draw from so many of the likeliest tokens; 0 for all (default: 0)', readTopK)
    .option('--top-p <share>', 'draw from the fewest likeliest tokens of this probability (default: 1)', readTopP)
    .option(
      '--repetition-penalty <factor>',
      'make tokens of the text so far less likely, above 1 (default: 1)',
      readPenalty,
    )
    .option('--seed <number>', 'where drawing begins (default: 0)', readSeed)
    .option('--stop <text...>', 'end a text where one of these would follow')
    .option('--no-echo', 'write what is new without the prompts')
    .option('--ids', 'write the numbers of the new tokens')
    .option('--json', 'write everything as JSON at the end');
}

function addModelOptions(command: Command): void {
  command
    .option('-e, --entry <model>', 'the model, where the file declares several')
    .option('-s, --set <name=value>', 'a hyperparameter; may be repeated', readSetting)
    .option('-g, --given <input>', 'an optional input to compile with; may be repeated', collect)
    .option(
      '-w, --weights <file[:prefix]>',
      'a safetensors file with the parameters, or those under a prefix of it; or a run of `train`, RUN:path',
    )
    .option('-r, --rename <map>', 'a JSON file that maps foreign names of weights')
    .option('-i, --inputs <file[:prefix]>', 'a safetensors file with further inputs by name')
    .option('--no-cache', 'compute the whole text again for every token')
    .addOption(
      new Option(
        '--target <name>',
        'what runs it (default: wasm); auto takes what should be fastest here; reference interprets in double precision',
      ).choices(GENERATION_TARGETS),
    )
    .addOption(new Option('--simd <variant>', 'the module of wasm (default: the best there is)').choices(SIMD_VARIANTS))
    .option('--threads <count>', 'threads that run it on wasm, at most 64 (default: 1)', readThreads)
    .option('-v, --verbose', 'tell at the end how fast it was; on a terminal that is always told');
}

const HELP = `
Examples:
  heddle generate runs/text --prompt 'ROMEO:' --temperature 0.8 --top-k 20
  heddle generate specs/llama.model --weights stories260K.safetensors --tokenizer tok512.json --prompt 'Once upon a time'
  heddle generate build/story --tokenizer chars:story.txt --prompt 'The ' 'A ' --tokens 100 --json
  heddle generate build/story --prompt-ids 1,403 --ids

The text appears as it is made. What is drawn is the same for the same seed, on every target; each of several texts is
drawn by itself. A text that grows longer than the model allows goes on from its last tokens, which are computed
again for every new one.

Tokenizers:
  chars:FILE   the characters of a text, each a token, sorted by their code points
  bytes        the bytes of UTF-8
  FILE.json    the vocabulary.json of a run; a JSON text whose characters are the tokens, in their order; or pieces with
               scores, as of llama2.c: {"tokens_latin1_bytes_score": [["he", -1], …]}
Of pieces, <s> stands before every text, so that a prompt may be left out, and a text ends where <s> or </s> would follow.

A run has its spec, hyperparameters, weights and vocabulary; of its entry the model is used that says \`generate\`, or the
one at RUN:path. With --weights RUN:path the vocabulary is that of the run, too.

Without --no-cache the keys and values of the tokens before are kept, so that a token costs little more than itself; what
follows from the spec is described in generation.md. With --ids the texts are a line each. Ctrl-C ends after a token, with 130.`;
