/** How `heddle train` is called. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { REMATERIALIZATIONS } from '../../compiler/index.ts';
import { FORMATS } from '../../data/open.ts';
import { SIMD_VARIANTS } from '../../program/program.ts';
import { AUTO } from '../auto.ts';
import { collect, readCount, readNumbers, readScales, readSeed, readSetting, readThreads } from '../arguments.ts';
import { type CacheRequest, type FieldBinding, TRAIN_TARGETS } from './config.ts';
import type { TrainOptions } from './options.ts';

/** `input=tensor`, added to those before. */
function readBinding(text: string, before: readonly FieldBinding[] = []): FieldBinding[] {
  const [, input, tensor] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (input === undefined || tensor === undefined)
    throw new InvalidArgumentError('An input and a tensor of the data: --bind x=image');
  if (before.some((one) => one.input === input.trim()))
    throw new InvalidArgumentError(`The input ${input.trim()} has a tensor already.`);
  return [...before, { input: input.trim(), tensor: tensor.trim() }];
}

/** `field=RUN` or `field=RUN:output`, added to those before. */
function readCache(text: string, before: readonly CacheRequest[] = []): CacheRequest[] {
  const [, field, run, output] = /^([^=:]+)=(.+?)(?::([\w.]+))?$/.exec(text) ?? [];
  if (field === undefined || run === undefined)
    throw new InvalidArgumentError('A tensor and the run that computes it: --cache teacher_logits=runs/teacher:logits');
  return [...before, { field, run, ...(output !== undefined && { output }) }];
}

function readFraction(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('A share between 0 and 1, for a tenth: 0.1.');
  return value;
}

/** `32` or `24x32`, height first. */
function readSize(text: string): [number, number] {
  const [, height, width = height] = /^(\d+)(?:[x×](\d+))?$/.exec(text.trim()) ?? [];
  if (Number(height) > 0 && Number(width) > 0) return [Number(height), Number(width)];
  throw new InvalidArgumentError('A size in pixels, or height and width: 32 or 24x32.');
}

function readChannels(text: string): 1 | 3 {
  if (text === '1' || text === '3') return Number(text) as 1 | 3;
  throw new InvalidArgumentError('1 for grey, 3 for RGB.');
}

/** Calls `train` with what was said. */
export function addTrain(
  program: Command,
  train: (spec: string | undefined, options: TrainOptions) => Promise<void>,
): void {
  const command = program
    .command('train')
    .description('Train an entry on data; everything about the run is kept in a folder, from which it can go on.')
    .argument('[spec]', 'the spec file')
    .option('-e, --entry <name>', 'the train entry, where the file declares several')
    .option('-s, --set <name=value>', 'a hyperparameter; may be repeated', readSetting)
    .option('-g, --given <input>', 'an optional input to compile with; may be repeated', collect)
    .option('-o, --out <run>', 'the folder of the run, which must not be there yet')
    .option('--resume <run>', 'go on with a run from its last checkpoint; all is as it began');
  addDataOptions(command);
  addPictureOptions(command);
  addTextOptions(command);
  addLoopOptions(command);
  command.addHelpText('after', HELP).action(train);
}

function addDataOptions(command: Command): void {
  command
    .option('-d, --data <path...>', 'what to train on: files or a folder')
    .addOption(new Option('--format <name>', 'what the data are, where their names do not tell').choices(FORMATS))
    .option('--eval-data <path...>', 'what to evaluate on')
    .option('--hold-out <share>', 'the share of the data to evaluate on instead; of a text, its end', readFraction)
    .option('--split-seed <number>', 'which examples are held out (default: 0)', readSeed)
    .option('--bind <input=tensor>', 'which tensor of the data an input takes; may be repeated', readBinding)
    .option(
      '--cache <tensor=run[:output]>',
      'a tensor of the data that another run computes, once for each example; may be repeated',
      readCache,
    )
    .option('--no-shuffle', 'take the examples in their own order')
    .option('--drop-last', 'leave out what fills no batch at the end of an epoch');
}

function addPictureOptions(command: Command): void {
  command
    .option('--size <pixels>', 'pictures: height and width to cut to, 32 or 24x32 (default: as they are)', readSize)
    .option('--decode <pixels>', 'a folder of pictures: the size to decode them to (default: --size)', readSize)
    .option('--channels <count>', 'a folder of pictures: 1 for grey, 3 for RGB (default: 3)', readChannels)
    .option('--mean <numbers>', 'subtracted from pixels on the scale 0 to 1: one number, or one a channel', readNumbers)
    .option('--std <numbers>', 'what pixels are then divided by: one number, or one a channel', readScales)
    .option('--augment <steps>', 'random changes for training, below');
}

function addTextOptions(command: Command): void {
  command
    .option('--block <tokens>', 'characters and bytes: tokens of a window', readCount)
    .option('--length <words>', 'words: the most of an example (default: those of the longest)', readCount)
    .option('--min-count <count>', 'words: how often one must occur to be told apart (default: 1)', readCount)
    .option('--max-words <count>', 'words: the most to tell apart (default: 20000)', readCount)
    .option('--vocabulary <file>', 'the vocabulary.json of another run, in place of one from the data');
}

function addLoopOptions(command: Command): void {
  command
    .option('-n, --steps <count>', 'updates of the parameters', readCount)
    .option('-b, --batch <count>', 'examples of a batch', readCount)
    .option('--seed <number>', 'where initial values, order, augmentation and dropout begin (default: 0)', readSeed)
    .option(
      '-w, --weights <[path=]file[:prefix]>',
      'weights to begin with, of a file or a run, below; may be repeated',
      collect,
    )
    .option('-r, --rename <map>', 'a JSON file that maps foreign names of weights')
    .option('--log-every <steps>', 'steps from line to line of the log (default: 1)', readCount)
    .option('--eval-every <steps>', 'steps from evaluation to evaluation (default: a twentieth of all)', readCount)
    .option('--checkpoint-every <steps>', 'steps from checkpoint to checkpoint (default: a tenth of all)', readCount)
    .option('--keep <count>', 'checkpoints to keep, beside the best one (default: 2)', readCount)
    .addOption(
      new Option('--target <name>', 'what runs it (default: wasm); auto: what should be fastest here').choices([
        ...TRAIN_TARGETS,
        AUTO,
      ]),
    )
    .addOption(new Option('--simd <variant>', 'the module of wasm (default: the best there is)').choices(SIMD_VARIANTS))
    .addOption(
      new Option('--remat <what>', 'compute the insides of numbered blocks again instead of keeping them').choices(
        REMATERIALIZATIONS,
      ),
    )
    .option('--threads <count>', 'threads that run it on wasm, at most 64 (default: 1)', readThreads);
}

const HELP = `
Examples:
  heddle train specs/vit.model --entry TrainViT --data data/mnist --eval-data data/mnist --mean 0.1307 --std 0.3081 \\
    --batch 64 --steps 4000 -o runs/digits
  heddle train specs/gpt.model --entry TrainCharGPT --data shakespeare.txt --block 32 --hold-out 0.1 --batch 16 \\
    --steps 5000 -o runs/text
  heddle train --resume runs/text
  heddle train specs/bert.model --entry TrainBertClassifier --data rt-polarity.neg rt-polarity.pos --length 40 \\
    --hold-out 0.1 --batch 50 --steps 1000 -o runs/teacher
  heddle train specs/text_cnn.model --entry DistillTextCNNFromLogits --data rt-polarity.neg rt-polarity.pos --length 40 \\
    --hold-out 0.1 --cache teacher_logits=runs/teacher:logits --batch 50 --steps 1000 -o runs/student
  heddle compile specs/text_cnn.model --entry TextCNN --weights runs/student:student -o build/student

Data, recognised by their names or told by --format; the tensors that they give are in brackets:
  idx         MNIST's files, or the folder of them, packed or not (image, label)
  cifar10     CIFAR-10's binary files, or the folder of them (image, label)
  images      a folder with a folder of pictures for each class (image, label)
  characters  a text: each window of --block tokens, and the tokens that follow (ids, target)
  bytes       the same of any file (ids, target)
  words       lines of a label, a tab and a text; or a file for each class (ids, label)
  tensors     safetensors whose first axis counts examples; or a stored sequence of batches, s0.x s1.x … or in.s1.x …,
              which is replayed in order; FILE:prefix takes the tensors under a prefix
A folder of idx or cifar10 has a part for training and one for evaluation. An input takes the tensor of its name; image,
ids, label and target are known by other common names too (img, x, y, idx, target …). Bind others by --bind.

Augmentation, as in --augment resized-crop=0.08:1,flip,rotate=15,jitter=0.4:
  crop=P             anywhere in the picture with a frame of P zeros
  resized-crop=A:B   a part of the area from A to B, and of a ratio from 3/4 to 4/3 or :C:D, resized (default: 0.08:1)
  flip=P             mirrored with probability P (default: 0.5)
  rotate=D           turned by up to D degrees either way
  jitter=B:C:S       brightness, contrast and saturation changed by factors from 1 - B to 1 + B, and so on; or one for all

Weights: FILE or FILE:prefix, or RUN or RUN:path for the last checkpoint of a run and in it what is under the path of an
instance. PATH=FILE puts them under the path of an instance of the entry, as in --weights teacher=runs/teacher:net.
What is given no weights is drawn from its initializer; a frozen instance must be given some.

A cached tensor is an output of the entry of another run, or the result of an instance by its path, computed with that
run's last weights for every example before training begins: --cache teacher_logits=runs/teacher:logits. It is that of the
example without augmentation.

The folder of a run has config.json, log.jsonl with a line for each logged step and each evaluation, curve.svg,
vocabulary.json where there is one, checkpoints with the last ones and best.safetensors, and for a replayed sequence
replay.safetensors with out.losses and out.final.NAME. A run that was killed loses what came after its last checkpoint;
resumed, it computes the same bits as if it had not been killed. Ctrl-C writes a checkpoint and ends with 130.`;
