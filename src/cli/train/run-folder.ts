/**
 * The folder of a run: `config.json`, `log.jsonl`, `curve.svg`, `vocabulary.json` where there is one, `frozen.safetensors`
 * and `cache.safetensors` where they are needed, and `checkpoints`, named by their step, of which the last few are kept,
 * with `best.safetensors`.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseVocabulary, printVocabulary, type Vocabulary } from '../../data/vocabulary.ts';
import { parseSafetensors, type StoredTensor } from '../../program/safetensors.ts';
import { writeSafetensors } from '../../program/safetensors-writer.ts';
import { Failure } from '../errors.ts';
import { systemReason } from '../files.ts';
import type { Io } from '../io.ts';
import type { RunConfig } from './config.ts';
import { parseConfig, printConfig } from './config-file.ts';
import { drawCurve } from './curve.ts';
import { TEMPORARY, writeDurably } from './durable.ts';
import type { LogLine } from './log.ts';

type RunTensors = 'frozen' | 'cache';

const CHECKPOINT = /^(\d{8,})\.safetensors$/;
const BEST = 'best.safetensors';

export class RunFolder {
  /** As the user named it. */
  readonly path: string;
  readonly #root: string;
  /** What `create` found there: undefined where it has not made the folder. */
  #before: 'nothing' | 'an empty folder' | undefined;

  constructor(path: string, io: Pick<Io, 'cwd'>) {
    this.path = path;
    this.#root = resolve(io.cwd, path);
  }

  /** Throws Failure where something is there already; call it before the long work. */
  checkFree(): void {
    if (!existsSync(this.#root)) return;
    if (!statSync(this.#root).isDirectory()) throw new Failure(`${this.path} is there already, and is no folder`);
    if (readdirSync(this.#root).length > 0)
      throw new Failure(`${this.path} is not empty`, {
        hint: existsSync(this.file('config.json'))
          ? `it is a run: go on with it by --resume ${this.path}, or choose another folder`
          : 'choose another folder',
      });
  }

  /** Makes the folder of a new run with all that `fill` puts into it, whole or not at all. Throws Failure. */
  create(
    config: RunConfig,
    vocabulary: Vocabulary | undefined,
    fill: (made: RunFolder) => void = () => undefined,
  ): void {
    this.checkFree();
    const made = new RunFolder(join(dirname(this.#root), `.${basename(this.#root)}.${randomUUID()}${TEMPORARY}`), {
      cwd: '/',
    });
    const before = existsSync(this.#root) ? 'an empty folder' : 'nothing';
    try {
      mkdirSync(made.file('checkpoints'), { recursive: true });
      if (vocabulary) writeDurably(made.file('vocabulary.json'), printVocabulary(vocabulary));
      made.writeConfig(config);
      fill(made);
      renameSync(made.file(), this.#root);
      this.#before = before;
    } catch (error) {
      rmSync(made.file(), { recursive: true, force: true });
      if (error instanceof Failure) throw error;
      throw new Failure(`${this.path} cannot be written: ${systemReason(error)}`);
    }
  }

  /** Undoes `create`, so that the place is free again. Leaves alone what it has not made. */
  discard(): void {
    if (this.#before === undefined) return;
    rmSync(this.#root, { recursive: true, force: true });
    if (this.#before === 'an empty folder') mkdirSync(this.#root);
    this.#before = undefined;
  }

  file(...names: readonly string[]): string {
    return join(this.#root, ...names);
  }

  get isRun(): boolean {
    return existsSync(this.file('config.json'));
  }

  writeConfig(config: RunConfig): void {
    writeDurably(this.file('config.json'), printConfig(config));
  }

  /** Throws Failure where the folder is no run. */
  readConfig(): RunConfig {
    if (!this.isRun)
      throw new Failure(`${this.path} is no run: it has no config.json`, {
        hint: 'a run is made by `heddle train SPEC … -o RUN`',
      });
    return parseConfig(join(this.path, 'config.json'), readFileSync(this.file('config.json'), 'utf8'));
  }

  /** Throws DataError. */
  readVocabulary(): Vocabulary | undefined {
    const file = this.file('vocabulary.json');
    if (!existsSync(file)) return undefined;
    return parseVocabulary(join(this.path, 'vocabulary.json'), readFileSync(file, 'utf8'));
  }

  /** Steps with a checkpoint, ascending. */
  steps(): number[] {
    if (!existsSync(this.file('checkpoints'))) return [];
    return readdirSync(this.file('checkpoints'))
      .flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  checkpoint(step: number): string {
    return this.file('checkpoints', `${String(step).padStart(8, '0')}.safetensors`);
  }

  get best(): string {
    return this.file('checkpoints', BEST);
  }

  /** Writes the checkpoint of a step, then removes all but the last `keep`. */
  saveCheckpoint(step: number, bytes: Uint8Array, keep: number): void {
    writeDurably(this.checkpoint(step), bytes);
    for (const old of this.steps()
      .filter((one) => one < step)
      .slice(0, 1 - keep || undefined))
      rmSync(this.checkpoint(old), { force: true });
  }

  /** The weights of the evaluation with the least loss. */
  saveBest(bytes: Uint8Array): void {
    writeDurably(this.best, bytes);
  }

  drawCurve(lines: readonly LogLine[]): void {
    writeDurably(this.file('curve.svg'), drawCurve(lines, basename(this.#root)));
  }

  /** Removes checkpoints of steps after `step`, and files that a crash left incomplete. */
  tidy(step: number): void {
    for (const later of this.steps().filter((one) => one > step)) rmSync(this.checkpoint(later), { force: true });
    for (const folder of [this.#root, this.file('checkpoints')])
      for (const name of readdirSync(folder))
        if (name.startsWith('.') && name.endsWith(TEMPORARY)) rmSync(join(folder, name), { force: true });
  }

  /** Tensors that belong to the run but to no checkpoint: frozen weights, and what was computed for the data. */
  saveTensors(name: RunTensors, tensors: ReadonlyMap<string, StoredTensor>): void {
    if (tensors.size > 0) writeDurably(this.file(`${name}.safetensors`), writeSafetensors(tensors));
  }

  readTensors(name: RunTensors): ReadonlyMap<string, StoredTensor> {
    const file = this.file(`${name}.safetensors`);
    return existsSync(file) ? parseSafetensors(new Uint8Array(readFileSync(file))).tensors : new Map();
  }

  /** The file of the last checkpoint. Throws Failure where there is none. */
  last(): string {
    const step = this.steps().at(-1);
    if (step === undefined) throw new Failure(`${this.path} has no checkpoint yet`);
    return this.checkpoint(step);
  }
}
