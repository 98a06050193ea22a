/** Reads the values of options. Knows nothing of what they are for. */
import { InvalidArgumentError } from 'commander';
import type { Setting } from '../compiler/index.ts';
import { TARGET_NAMES, type TargetName } from '../program/program.ts';
import { MOST_THREADS } from '../runtime/devices/threads/options.ts';
import { exists } from './files.ts';
import type { Io } from './io.ts';

/** `k=v`, added to those before. */
export function readSetting(text: string, before: readonly Setting[] = []): Setting[] {
  const [name = '', ...rest] = text.split('=');
  if (rest.length === 0 || name.trim() === '')
    throw new InvalidArgumentError('A setting is a name and a value: --set depth=4');
  return [...before, { name: name.trim(), text: rest.join('=') }];
}

/** One more value of a repeatable option. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** `in.*,param.*`: names and patterns, added to those before. */
export function readPatterns(text: string, before: readonly string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError("Names of inputs and parameters: --grad 'in.*,param.*'");
  return [...before, ...names];
}

/** `wasm,js`, in any order. */
export function readTargets(text: string): TargetName[] {
  const names = new Set(text.split(',').map((name) => name.trim()));
  const known = TARGET_NAMES.filter((target) => names.delete(target));
  if (names.size > 0) {
    const all = `${TARGET_NAMES.slice(0, -1).join(', ')} and ${TARGET_NAMES.at(-1)}`;
    throw new InvalidArgumentError(`Targets are ${all}: --target ${TARGET_NAMES.join(',')}`);
  }
  return known;
}

/** `batch=4`, added to those before; several may stand side by side, `batch=4,time=16`. */
export function readDims(text: string, before: ReadonlyMap<string, number> = new Map()): ReadonlyMap<string, number> {
  const entries = text.split(',').map((part) => {
    const [, name, size] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined || !Number.isSafeInteger(Number(size)))
      throw new InvalidArgumentError('A dimension is a name and a size: --dims batch=4');
    return [name, Number(size)] as const;
  });
  return new Map([...before, ...entries]);
}

/** `0.1307` or `0.485,0.456,0.406`. */
export function readNumbers(text: string): number[] {
  return text.split(',').map((part) => {
    const value = part.trim() === '' ? NaN : Number(part);
    if (!Number.isFinite(value)) throw new InvalidArgumentError('One number, or one for each channel: 0.5,0.5,0.5');
    return value;
  });
}

export function readScales(text: string): number[] {
  const values = readNumbers(text);
  if (values.some((value) => value <= 0)) throw new InvalidArgumentError('A deviation is greater than 0.');
  return values;
}

export function readSeed(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32)
    throw new InvalidArgumentError('A seed is an integer from 0 to 4294967295.');
  return value;
}

export function readCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('A whole number from 1 on is needed.');
  return value;
}

/** `0.5`, at most an hour. */
export function readSeconds(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value <= 3600)) throw new InvalidArgumentError('A number of seconds is needed, 3600 at most.');
  return value;
}

/** As many threads as the runtime takes. */
export function readThreads(text: string): number {
  const value = readCount(text);
  if (value > MOST_THREADS) throw new InvalidArgumentError(`At most ${MOST_THREADS} threads can run a model.`);
  return value;
}

/** A file, and which of its tensors are meant: those whose names begin with `prefix`, without it. */
export interface TensorFile {
  readonly path: string;
  readonly prefix: string;
}

/** `FILE` or `FILE:prefix`, divided at the last colon that leaves the name of an existing file. */
export function readTensorFile(text: string, io: Io): TensorFile {
  let last: TensorFile | undefined;
  for (let at = text.length; at > 0; at = text.lastIndexOf(':', at - 1)) {
    const file = { path: text.slice(0, at), prefix: text.slice(at + 1) };
    if (exists(file.path, io)) return file;
    // Should none exist, the error names the file that was most likely meant.
    if (at < text.length) last ??= file;
  }
  return last ?? { path: text, prefix: '' };
}
