/** The log of a run, a line of JSON for each logged step and each evaluation. */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { systemReason } from '../files.ts';
import type { MultiplyAdds } from '../../runtime/session.ts';
import { writeDurably } from './durable.ts';

export interface Metrics {
  readonly [name: string]: number;
}

/** An update: the loss and the metrics are those of its batches, before the update. */
export interface StepLine {
  readonly step: number;
  /** Epochs of data seen, a fraction. Absent for a replayed sequence. */
  readonly epoch?: number;
  readonly loss: number;
  readonly metrics: Metrics;
  /** Of each parameter group. */
  readonly lr: readonly number[];
  /** Of the experts, in the batches of the update, forward and backward; absent where there are none. */
  readonly multiplyAdds?: MultiplyAdds;
  /** Time that was spent on the run, interruptions left out. */
  readonly seconds: number;
}

/** An evaluation after a step. */
export interface EvaluationLine {
  readonly step: number;
  readonly evaluation: { readonly loss: number; readonly metrics: Metrics; readonly examples: number };
  readonly seconds: number;
}

export type LogLine = StepLine | EvaluationLine;

export function isEvaluation(line: LogLine): line is EvaluationLine {
  return 'evaluation' in line;
}

/** What JSON has no numbers for. They are just what one looks for in a log. */
const WRITTEN_OUT: readonly string[] = ['NaN', 'Infinity', '-Infinity'];

/** The lines of a log. An incomplete last one, which a crash may leave, is no line. Throws Failure. */
export function readLog(path: string): LogLine[] {
  if (!existsSync(path)) return [];
  const texts = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return texts.map((text, at) => {
    const line = parseLine(text);
    if (line) return line;
    throw new Failure(`${path}, line ${at + 1} is no line of a log`, {
      hint: 'without the file the run goes on too, from its last checkpoint; a new log begins there',
    });
  });
}

function parseLine(text: string): LogLine | undefined {
  let line: unknown;
  try {
    line = JSON.parse(text, (_, value: unknown) =>
      typeof value === 'string' && WRITTEN_OUT.includes(value) ? Number(value) : value,
    );
  } catch {
    return undefined;
  }
  const isLine =
    typeof line === 'object' && line !== null && 'step' in line && ('loss' in line || 'evaluation' in line);
  return isLine ? (line as LogLine) : undefined;
}

function printLine(line: LogLine): string {
  return JSON.stringify(line, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

export class Log {
  readonly #path: string;
  readonly #file: bigint | undefined;
  #pending = '';
  #best = Infinity;
  #seconds = 0;

  /** Continues a log after `step`: what was logged for later steps is removed. */
  constructor(path: string, step: number) {
    this.#path = path;
    const lines = readLog(path).filter((line) => line.step <= step);
    for (const line of lines) this.#note(line);
    writeDurably(path, lines.map((line) => `${printLine(line)}\n`).join(''));
    this.#file = fileAt(path);
  }

  /** The least loss of an evaluation so far. */
  get best(): number {
    return this.#best;
  }

  /** Those of the last line. */
  get seconds(): number {
    return this.#seconds;
  }

  add(line: LogLine): void {
    this.#note(line);
    this.#pending += `${printLine(line)}\n`;
  }

  /** Lines are not kept: a training goes on for long. */
  #note(line: LogLine): void {
    this.#seconds = line.seconds;
    if (isEvaluation(line) && line.evaluation.loss < this.#best) this.#best = line.evaluation.loss;
  }

  /** All lines, from the file. */
  lines(): LogLine[] {
    this.flush();
    return readLog(this.#path);
  }

  /**
   * Writes what was added. With `sync` it is on the disk afterwards. Throws Failure, also where the file is another one than
   * at the beginning: then somebody else has gone on with the run.
   */
  flush(sync = false): void {
    if (fileAt(this.#path) !== this.#file)
      throw new Failure(`${this.#path} was replaced: another process goes on with this run, or has moved it`);
    try {
      if (this.#pending !== '') appendFileSync(this.#path, this.#pending);
      this.#pending = '';
      if (sync) syncFile(this.#path);
    } catch (error) {
      throw new Failure(`${this.#path} cannot be written: ${systemReason(error)}`);
    }
  }
}

/** What tells the file from another one that takes its place; undefined where there is none. */
function fileAt(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
