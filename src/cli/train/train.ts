/** `heddle train`: trains an entry on data, and keeps everything about it in the folder of a run. */
import type { Examples, Replay } from '../../data/open.ts';
import { vocabularySize } from '../../data/vocabulary.ts';
import { HeddleError } from '../../runtime/errors.ts';
import type { Inputs } from '../../runtime/model.ts';
import { EXIT, printNote } from '../errors.ts';
import { type Io, withProgress } from '../io.ts';
import { count } from '../table.ts';
import { elaborateForward } from './elaborate.ts';
import { isEvaluation, Log, type LogLine } from './log.ts';
import { train as runLoop } from './loop.ts';
import { explainNotFinite } from './not-finite.ts';
import { checkOptions, type TrainOptions } from './options.ts';
import { replayFile } from './replay.ts';
import { namesAtHand } from './session.ts';
import { begin, goOn, type OpenRun } from './start.ts';
import { storedWeights } from './trainer.ts';
import { describeEvaluation, describeMetrics, formatTime, short, watchOn } from './watch.ts';
import { namedAsGiven } from './weights.ts';
import { writeDurably } from './durable.ts';

export async function train(spec: string | undefined, options: TrainOptions, io: Io): Promise<number> {
  checkOptions(spec, options);
  const { resume } = options;
  const run = await withProgress(io, 'starting', (update) =>
    resume === undefined ? begin(spec!, options, update, io) : goOn(resume, options, update, io),
  );
  try {
    describeStart(run, io);
    const isDone = await follow(run, io);
    const lines = new Log(run.folder.file('log.jsonl'), run.trainer.update).lines();
    if (isDone && run.data.kind === 'sequence') await writeReplay(run, lines, io);
    describeEnd(run, lines, isDone, io);
    return isDone ? EXIT.fine : EXIT.interrupted;
  } catch (error) {
    if (run.trainer.update === 0) run.folder.discard();
    throw error;
  } finally {
    run.trainer.dispose();
  }
}

/** Trains until the end or until the user has enough; answers whether it is the end. */
async function follow(run: OpenRun, io: Io): Promise<boolean> {
  const { folder, config, trainer, feed } = run;
  const now = (): number => performance.now();
  const watch = watchOn(io, config.steps, now);
  let isStopped = false;
  let last: Attempt = { step: trainer.update, inputs: {} };
  const release = io.onStop(() => {
    isStopped = true;
    watch.close();
    printNote('ending after this step; once more ends at once', io);
  });
  const batch: typeof feed.batch = (number) => {
    const read = feed.batch(number);
    last = { step: trainer.update + 1, inputs: read.inputs };
    return read;
  };
  const log = new Log(folder.file('log.jsonl'), trainer.update);
  const parts = { ...feed, trainer, options: config, folder, log, batch, isStopped: () => isStopped, watch, now };
  try {
    return await runLoop(parts);
  } catch (error) {
    log.flush();
    if (!(error instanceof HeddleError) || error.code !== 'not-finite') throw error;
    watch.close();
    throw await explain(run, last, error.message, io);
  } finally {
    watch.close();
    release();
  }
}

/** The last batch, and the step that it belongs to. */
interface Attempt {
  readonly step: number;
  readonly inputs: Inputs;
}

async function explain(
  { config, data, trainer, frozen }: OpenRun,
  attempt: Attempt,
  message: string,
  io: Io,
): Promise<Error> {
  const { graph } = elaborateForward(config, namesAtHand(data, config), io);
  const described = describeData(data);
  return explainNotFinite({ ...attempt, graph, trainer, frozen, seed: config.seed, message, data: described });
}

/** The losses, and the parameters under the names that they were given with. */
async function writeReplay({ folder, config, trainer }: OpenRun, lines: readonly LogLine[], io: Io): Promise<void> {
  const named = await namedAsGiven(await storedWeights(trainer), config.weights, config.rename, io);
  const losses = lines.flatMap((line) => (isEvaluation(line) ? [] : [line.loss]));
  writeDurably(folder.file('replay.safetensors'), replayFile(losses, named));
}

function describeStart({ folder, config, data, trainer }: OpenRun, io: Io): void {
  const processor = [`${config.target}${trainer.simd ? ` (${trainer.simd})` : ''}`, count(trainer.threads, 'thread')];
  const engine = config.target === 'webgpu' ? [config.target] : processor;
  const facts = [`${trainer.name} on ${describeData(data)}`, [...engine, `seed ${config.seed}`].join(', ')];
  const where = trainer.update > 0 ? `${folder.path}, from step ${trainer.update}` : folder.path;
  io.stderr.write(`${facts.join('; ')}; to ${where}\n`);
}

function describeData(data: Examples | Replay): string {
  if (data.kind === 'sequence')
    return `${count(data.sequence.batches.length, 'stored batch').replace(/batchs$/, 'batches')} of ${data.sequence.title}`;
  const { train, evaluation, vocabulary } = data;
  const parts = [count(train.size, 'example')];
  if (train.classes) parts.push(`${train.classes.length} classes`);
  if (vocabulary)
    parts.push(`a vocabulary of ${vocabularySize(vocabulary).toLocaleString('en-US')} ${vocabulary.kind}`);
  if (evaluation) parts.push(`${count(evaluation.size, 'example')} to evaluate on`);
  return parts.join(', ');
}

function describeEnd({ folder, config, trainer }: OpenRun, lines: readonly LogLine[], isDone: boolean, io: Io): void {
  const steps = lines.filter((line) => !isEvaluation(line));
  const last = steps.at(-1);
  const best = lines
    .filter(isEvaluation)
    .reduce<LogLine | undefined>(
      (least, line) => (!least || (isEvaluation(least) && line.evaluation.loss < least.evaluation.loss) ? line : least),
      undefined,
    );
  const text = [
    `${isDone ? 'trained' : 'interrupted at'} ${trainer.update} of ${count(config.steps, 'step')} in ${formatTime(last?.seconds ?? 0)}`,
    ...(last && !isEvaluation(last) ? [[`loss ${short(last.loss)}`, ...describeMetrics(last.metrics)].join(', ')] : []),
    ...(best ? [`best at ${describeEvaluation(best)}`] : []),
    isDone
      ? `everything is in ${folder.path}: curve.svg, log.jsonl, checkpoints`
      : `go on with: heddle train --resume ${folder.path}`,
  ];
  io.stdout.write(`${text.join('\n')}\n`);
}
