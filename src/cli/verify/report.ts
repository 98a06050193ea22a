/** What a verification has found, as text and as data. */
import type { Deviation } from '../../compiler/inspect/verify/compare.ts';
import { Failure } from '../errors.ts';
import { colorsFor, type Io } from '../io.ts';
import { alignColumns, count, formatNumber } from '../table.ts';
import type { KernelRow, ResultDeviation } from './kernels.ts';
import type { OutputRow } from './whole.ts';

export interface VerificationReport {
  readonly name: string;
  /** `batch = 3`, and the seed. */
  readonly given: string;
  /** What everything is held against. */
  readonly reference: string;
  /** Names of what was compared. */
  readonly candidates: readonly string[];
  /** How the passes changed the program, if they did. */
  readonly passFaults: readonly string[];
  readonly kernels: readonly KernelRow[];
  readonly outputs: readonly OutputRow[];
  /** What was not compared, and why. */
  readonly unchecked: readonly string[];
}

/** The first kernel, or else the first output, in which a candidate differs from the reference. */
export interface Divergence {
  readonly candidate: string;
  readonly row: KernelRow | OutputRow;
  readonly worst: ResultDeviation;
  /** How many more there are. */
  readonly others: number;
}

export function divergences({ candidates, kernels, outputs }: VerificationReport): Divergence[] {
  return candidates.flatMap((candidate) => {
    const wrong = [...kernels, ...outputs].filter((row) => isWrong(row.found.get(candidate)));
    const [row] = wrong;
    return row ? [{ candidate, row, worst: row.found.get(candidate)!, others: wrong.length - 1 }] : [];
  });
}

function isWrong(found: Deviation | undefined): boolean {
  return found !== undefined && found.ratio > 1;
}

export function isFine(report: VerificationReport): boolean {
  return report.passFaults.length === 0 && divergences(report).length === 0;
}

/** What a user is told of all that is wrong; the table is printed before. */
export function failureOf(report: VerificationReport): Failure {
  const found = divergences(report);
  const notes = [...report.passFaults.slice(1), ...found.flatMap(notesOf)];
  const [fault] = report.passFaults;
  return new Failure(fault ?? `${report.name} is computed wrongly on ${found.map((one) => one.candidate).join(', ')}`, {
    notes,
  });
}

function notesOf({ candidate, row, worst, others }: Divergence): string[] {
  const { difference, ratio, found, wanted } = worst;
  const times = Number.isFinite(ratio) ? `, ${formatNumber(Number(ratio.toPrecision(2)))} times what may be` : '';
  const more = others > 0 ? [`${candidate}: ${count(others, 'later result')} differ too`] : [];
  return [
    `${candidate}: the first that differs is ${rowText(row, worst.result)}`,
    `${candidate}: element ${placeText(worst)} is ${formatNumber(found)}, not ${formatNumber(wanted)}: off by ${formatNumber(Number(difference.toPrecision(2)))}${times}`,
    ...more,
  ];
}

/** `kernel 3 of run, mlp.model:12, layers.0: contract, add → f32[3, 64]` */
function rowText(row: KernelRow | OutputRow, result: number): string {
  if (!('number' in row)) {
    const { routine, name, type } = row;
    return routine === ''
      ? `the output ${name}`
      : `the output ${name} of ${routine}, ${type}, though no kernel by itself does`;
  }
  const { number, routine, place, path, ops, types } = row;
  const where = [`kernel ${number} of ${routine}`, place, path].filter((part) => part !== '').join(', ');
  return `${where}: ${ops.join(', ')} → ${types[result]!}`;
}

/** `[0, 3]`, of the element that is farthest. */
function placeText({ at, shape }: ResultDeviation): string {
  const index: number[] = [];
  shape.reduceRight((rest, size) => {
    index.unshift(rest % size);
    return Math.floor(rest / size);
  }, at);
  return `[${index.join(', ')}]`;
}

const HEAD = ['line', 'block', 'ops', '×'] as const;
const WIDTH = 44;

/** A row for each line of the spec and what is computed there, or for each kernel. */
export function reportText(report: VerificationReport, { all = false }: { readonly all?: boolean }, io: Io): string {
  const { bold, dim } = colorsFor(io.stdout, io.env);
  const { name, candidates, reference, kernels, outputs, given, unchecked } = report;
  const rows = all ? kernels.map((row) => [row]) : groups(kernels);
  const cells = rows.map((group) => [
    group[0]!.place,
    sharedPath(group.map(({ path }) => path)),
    cut(group[0]!.ops.join(', ')),
    String(group.length),
    ...candidates.map((candidate) => worstCell(group, candidate)),
  ]);
  const table = (head: readonly string[], body: readonly (readonly string[])[]): string[] => {
    if (body.length === 0) return [];
    const [first = '', ...rest] = alignColumns([head, ...body], ['left']);
    return ['', dim(first), ...rest];
  };
  const wholes = outputs.map((row) => [
    `${row.routine} ${row.name}`.trim(),
    row.type,
    ...candidates.map((candidate) => worstCell([row], candidate)),
  ]);
  const lines = [
    `${bold(name)}: ${candidates.join(', ')} against ${reference}${given === '' ? '' : `, ${given}`}`,
    ...table([...HEAD, ...candidates], cells),
    ...table(['output of the whole', 'type', ...candidates], wholes),
    ...(unchecked.length > 0 ? [''] : []),
    ...unchecked.map((one) => `not compared: ${one}`),
  ];
  return `${lines.join('\n')}\n`;
}

function groups(kernels: readonly KernelRow[]): KernelRow[][] {
  const found = new Map<string, KernelRow[]>();
  for (const row of kernels) {
    // What is shared is listed where it is first needed.
    const key = [row.place, row.ops.toSorted().join(), patternOf(row.path)].join(' ');
    const known = found.get(key);
    if (known) known.push(row);
    else found.set(key, [row]);
  }
  return [...found.values()];
}

/** A path with what tells the layers apart left out. */
function patternOf(path: string): string {
  return path.replace(/\d+/g, '*');
}

function sharedPath(paths: readonly string[]): string {
  return paths.every((path) => path === paths[0]) ? paths[0]! : patternOf(paths[0]!);
}

function cut(text: string): string {
  return text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text;
}

/** The largest difference, and which part it is of what is allowed there: `3.1e-7 12%`. */
function worstCell(rows: readonly (KernelRow | OutputRow)[], candidate: string): string {
  const all = rows.flatMap(({ found }) => found.get(candidate) ?? []);
  if (all.length === 0) return '–';
  const worst = all.reduce((most, one) => (one.ratio > most.ratio ? one : most));
  if (worst.ratio > 1) return `WRONG by ${worst.difference.toPrecision(2)}`;
  return worst.difference === 0 ? 'same' : `${worst.difference.toExponential(1)} ${percent(worst.ratio)}`;
}

function percent(part: number): string {
  return `${Math.max(1, Math.round(100 * part))}%`;
}

/** The same as data. Infinity is null in JSON. */
export function reportJson(report: VerificationReport): object {
  const { name, reference, candidates, kernels, outputs, passFaults, unchecked } = report;
  const found = (row: KernelRow | OutputRow): object => Object.fromEntries(row.found);
  return {
    name,
    reference,
    candidates,
    fine: isFine(report),
    passFaults,
    divergent: divergences(report).map(({ candidate, row, worst }) => ({ candidate, ...row, found: undefined, worst })),
    kernels: kernels.map((row) => ({ ...row, found: found(row) })),
    outputs: outputs.map((row) => ({ ...row, found: found(row) })),
    unchecked,
  };
}
