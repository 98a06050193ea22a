/** The loop of a training: steps, evaluations and checkpoints in an order that an interruption does not change. */
import { HeddleError } from '../../runtime/errors.ts';
import type { Inputs } from '../../runtime/model.ts';
import type { MultiplyAdds } from '../../runtime/session.ts';
import type { Evaluation, StepResult } from '../../runtime/train/trainer.ts';
import type { Log, LogLine, Metrics, StepLine } from './log.ts';
import { weightNotFinite } from './not-finite.ts';
import type { RunFolder } from './run-folder.ts';
import type { LoopTrainer } from './trainer.ts';

export interface LoopOptions {
  /** Updates. */
  readonly steps: number;
  readonly logEvery: number;
  readonly evaluateEvery: number;
  readonly checkpointEvery: number;
  readonly keep: number;
}

export interface LoopParts {
  readonly trainer: LoopTrainer;
  readonly options: LoopOptions;
  readonly folder: RunFolder;
  readonly log: Log;
  /** The batch of that number, from 0 on. */
  batch(number: number): { readonly inputs: Inputs; readonly examples: number };
  /** Epochs that so many batches are; absent where there are none. */
  readonly epochs?: (batches: number) => number;
  /** Absent where there is nothing to evaluate on. */
  readonly evaluation?: () => Iterable<Inputs>;
  /** Whether the user wants it to end. */
  readonly isStopped: () => boolean;
  readonly watch: Watch;
  /** Milliseconds. */
  readonly now: () => number;
}

/** What is told of a training while it goes on. */
export interface Watch {
  step(line: StepLine, examples: number): void;
  evaluated(line: LogLine, isBest: boolean): void;
  saved(step: number): void;
}

/** Trains until all steps are done or it is stopped; answers whether they are done. Rejects as the trainer does. */
export async function train(parts: LoopParts): Promise<boolean> {
  const { trainer, options, log, isStopped } = parts;
  const before = log.seconds;
  const start = parts.now();
  const seconds = (): number => Math.round(1000 * before + parts.now() - start) / 1000;
  while (trainer.update < options.steps) {
    const { result, examples, work } = await update(parts);
    const step = trainer.update;
    const { loss, metrics, lr } = result;
    const epoch = parts.epochs && { epoch: parts.epochs(trainer.batches) };
    const line: StepLine = { step, ...epoch, loss, metrics, lr, ...work, seconds: seconds() };
    const isLast = step === options.steps;
    if (step % options.logEvery === 0 || isLast) log.add(line);
    parts.watch.step(line, examples);
    if (parts.evaluation && (step % options.evaluateEvery === 0 || isLast)) await evaluate(parts, step, seconds);
    const ends = isLast || isStopped();
    if (ends || step % options.checkpointEvery === 0) await save(parts, step);
    if (ends) return isLast;
    log.flush();
  }
  return true;
}

interface Update {
  /** With the mean loss and metrics of the batches. */
  readonly result: StepResult;
  readonly examples: number;
  readonly work: Pick<StepLine, 'multiplyAdds'>;
}

/** Batches until the parameters have changed. */
async function update(parts: LoopParts): Promise<Update> {
  const results: StepResult[] = [];
  let examples = 0;
  let multiplyAdds: MultiplyAdds | undefined;
  do {
    const batch = parts.batch(parts.trainer.batches);
    results.push(await parts.trainer.step(batch.inputs));
    examples += batch.examples;
    const own = parts.trainer.multiplyAdds;
    if (own)
      multiplyAdds = {
        executed: own.executed + (multiplyAdds?.executed ?? 0),
        dense: own.dense + (multiplyAdds?.dense ?? 0),
      };
  } while (!results.at(-1)!.updated);
  return { result: mean(results), examples, work: multiplyAdds ? { multiplyAdds } : {} };
}

function mean(results: readonly StepResult[]): StepResult {
  const last = results.at(-1)!;
  if (results.length === 1) return last;
  const over = (read: (result: StepResult) => number): number =>
    results.reduce((sum, result) => sum + read(result), 0) / results.length;
  const metrics: Metrics = Object.fromEntries(
    Object.keys(last.metrics).map((name) => [name, over((result) => result.metrics[name]!)]),
  );
  return { ...last, loss: over(({ loss }) => loss), metrics };
}

async function evaluate(
  { trainer, evaluation, log, folder, watch }: LoopParts,
  step: number,
  seconds: () => number,
): Promise<void> {
  const { loss, metrics, examples }: Evaluation = await trainer.evaluate(evaluation!());
  const isBest = loss < log.best;
  const line = { step, evaluation: { loss, metrics, examples }, seconds: seconds() };
  log.add(line);
  if (isBest) folder.saveBest(await trainer.save());
  watch.evaluated(line, isBest);
}

/**
 * What the log tells of a step is on the disk before its checkpoint is. Rejects with HeddleError 'not-finite' where the update
 * left values that no training could go on with, so that the checkpoints before it stay.
 */
async function save({ trainer, options, folder, log, watch }: LoopParts, step: number): Promise<void> {
  log.flush(true);
  if (weightNotFinite(await trainer.weights()) !== undefined)
    throw new HeddleError('not-finite', 'the loss is finite, but not what the update made of the parameters');
  folder.saveCheckpoint(step, await trainer.save(), options.keep);
  folder.drawCurve(log.lines());
  watch.saved(step);
}
